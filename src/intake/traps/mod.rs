//! Traps and informs: what devices say unasked. Each one that is taken raises the polls that can tell whether it is true,
//! and is published with what they found (docs/traps.md).

mod bucket;
mod desk;
mod gate;
mod rounds;
mod senders;
mod told;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use rackpoll_model::Notification;
use rackpoll_snmp::traps::{ListenError, Listener, LocalEngine};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{config::Config, dispatch::Dispatcher, state::State};
use desk::Desk;
use gate::Gate;
use told::Told;

/// Notifications that were taken and not looked at yet; more are dropped as too many.
const ARRIVALS: usize = 1_000;
/// How often the addresses of devices that are known by name are looked up.
const RESOLVE: Duration = Duration::from_secs(300);
/// How often it is told what was dropped.
const TELL: Duration = Duration::from_secs(60);

/// The listeners, and what they bring.
pub struct TrapService {
    listeners: Vec<Listener>,
    arrivals: mpsc::Receiver<(Notification, SystemTime)>,
    gate: Arc<Gate>,
    desk: Desk,
    told: Told,
}

impl TrapService {
    /// Listens as the configuration says; `None` where it says nothing. Results of the raised polls go out under `graph_id`.
    ///
    /// # Errors
    /// What keeps it from listening, and what to do about it.
    pub async fn start(
        config: &Config,
        state: &State,
        dispatcher: &Dispatcher,
        graph_id: &str,
    ) -> Result<Option<Self>, String> {
        let Some(traps) = &config.traps else { return Ok(None) };
        let gate = Arc::new(Gate::new(traps, config));
        let engine = state.engine();
        let local = LocalEngine::new(&engine.id, engine.boots).map_err(|error| error.to_string())?;
        let (arrived, arrivals) = mpsc::channel(ARRIVALS);
        let mut listeners = Vec::with_capacity(traps.listen.len());
        for address in &traps.listen {
            let (judge, taker, arrived) = (Arc::clone(&gate), Arc::clone(&gate), arrived.clone());
            let listener = Listener::start(
                *address,
                &local,
                &traps.users,
                Box::new(move |envelope| judge.takes(envelope, Instant::now())),
                Box::new(move |notification| {
                    if arrived.try_send((notification, SystemTime::now())).is_err() {
                        taker.counters.gives_up(1);
                    }
                }),
            )
            .await
            .map_err(explain)?;
            listeners.push(listener);
        }
        let addresses: Vec<String> = listeners.iter().map(|one| one.address().to_string()).collect();
        let id: String = engine.id.iter().map(|byte| format!("{byte:02x}")).collect();
        tracing::info!(
            on = addresses.join(", "),
            engine_id = format!("0x{id}"),
            engine_boots = engine.boots,
            "listening for traps"
        );
        let desk = Desk::new(Arc::clone(&gate), dispatcher, state, graph_id, &config.names);
        Ok(Some(Self { listeners, arrivals, gate, desk, told: Told::default() }))
    }

    /// Takes what comes until the agent stops, and then nothing more; what was taken is told before it returns, with polls
    /// or without. The dispatcher has to stop meanwhile, and the state file is needed to the end.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tell = tokio::time::interval(TELL);
        tell.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let gate = Arc::clone(&self.gate);
        let resolving = async move {
            loop {
                gate.senders.resolve().await;
                tokio::time::sleep(RESOLVE).await;
            }
        };
        tokio::pin!(resolving);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some((notification, at)) = self.arrivals.recv() => self.desk.take(notification, at),
                _ = tell.tick() => self.told.tell(&self.gate.counters, &self.listeners),
                () = &mut resolving => {}
            }
        }
        self.arrivals.close();
        while let Some((notification, at)) = self.arrivals.recv().await {
            self.desk.take(notification, at);
        }
        self.told.tell(&self.gate.counters, &self.listeners);
        drop(self.listeners);
        self.desk.finish().await;
    }
}

/// What to do about it.
fn explain(error: ListenError) -> String {
    let what = format!("traps: {error}");
    let ListenError::Bind { address, source } = &error else { return what };
    match source.kind() {
        std::io::ErrorKind::PermissionDenied if address.port() < 1024 => format!(
            "{what}; ports below 1024 need the capability CAP_NET_BIND_SERVICE: unmark its lines in rackpoll.service, or \
             listen on a higher port and redirect to it: nft add rule ip nat prerouting udp dport {} redirect to :1162",
            address.port()
        ),
        std::io::ErrorKind::AddrInUse => {
            format!(
                "{what}; another program listens there, maybe snmptrapd: stop it, or set another `listen` in [traps]"
            )
        }
        std::io::ErrorKind::AddrNotAvailable => {
            format!("{what}; this machine has no such address: set another `listen` in [traps]")
        }
        _ => what,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_port_that_cannot_be_had_is_told_with_what_to_do() {
        let told = |port: u16, kind: ErrorKind| {
            explain(ListenError::Bind { address: ([0, 0, 0, 0], port).into(), source: Error::from(kind) })
        };
        for (port, kind, fix) in [
            (162, ErrorKind::PermissionDenied, "CAP_NET_BIND_SERVICE"),
            (162, ErrorKind::PermissionDenied, "udp dport 162 redirect"),
            (162, ErrorKind::AddrInUse, "snmptrapd"),
            (1162, ErrorKind::AddrNotAvailable, "has no such address"),
        ] {
            let told = told(port, kind);
            assert!(
                told.starts_with(&format!("traps: cannot listen on 0.0.0.0:{port}")) && told.contains(fix),
                "{told}"
            );
        }
        assert!(!told(1162, ErrorKind::PermissionDenied).contains("CAP_NET_BIND_SERVICE"), "that is not it");
    }
}
