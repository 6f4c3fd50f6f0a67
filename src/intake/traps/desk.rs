use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::SystemTime,
};

use futures_util::future::join_all;
use rackpoll_model::{Fault, FaultKind, Notification};
use rackpoll_snmp::names::Names;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::{
    gate::Gate,
    rounds::{Arrived, Informs, Rounds, Taken},
    senders::Sender,
};
use crate::{
    config::ScheduledPoll,
    dispatch::Dispatcher,
    job::Outcome,
    publish::contract::{self, TrapEvent},
    state::State,
};

/// Where notifications raise polls, and are told with what those found.
pub(super) struct Desk {
    clerk: Arc<Clerk>,
    informs: Informs,
    rounds: TaskTracker,
}

struct Clerk {
    gate: Arc<Gate>,
    dispatcher: Dispatcher,
    state: State,
    graph_id: String,
    names: Arc<Names>,
    rounds: Mutex<Rounds>,
}

/// What a poll found, ready to be told: its `value` for the event, and whether the device has answered.
struct Found {
    value: Value,
    is_good: bool,
}

impl Desk {
    pub(super) fn new(
        gate: Arc<Gate>,
        dispatcher: &Dispatcher,
        state: &State,
        graph_id: &str,
        names: &Arc<Names>,
    ) -> Self {
        let clerk = Clerk {
            gate,
            dispatcher: dispatcher.clone(),
            state: state.clone(),
            graph_id: graph_id.to_owned(),
            names: Arc::clone(names),
            rounds: Mutex::default(),
        };
        Self { clerk: Arc::new(clerk), informs: Informs::default(), rounds: TaskTracker::new() }
    }

    /// Takes a notification over.
    pub(super) fn take(&mut self, notification: Notification, at: SystemTime) {
        let gate = &self.clerk.gate;
        if !self.informs.is_first(&notification, at) {
            gate.counters.repeated.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // It was there a moment ago; its name may have got another address since.
        let Some((_, devices)) = gate.senders.find(notification.source.ip(), notification.agent) else {
            return;
        };
        for device in devices.iter().copied() {
            let taken = self.clerk.rounds().take(device, notification.clone(), at);
            match taken {
                Taken::Begins(arrived) => {
                    let clerk = Arc::clone(&self.clerk);
                    self.rounds.spawn(async move { clerk.serve(device, arrived).await });
                }
                Taken::Waits { dropped } => gate.counters.gives_up(dropped),
            }
        }
    }

    /// Returns when everything that was taken is told. Polls end by then because the dispatcher stops.
    pub(super) async fn finish(self) {
        self.rounds.close();
        self.rounds.wait().await;
    }
}

impl Clerk {
    fn rounds(&self) -> std::sync::MutexGuard<'_, Rounds> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Round after round, until nothing waits any more.
    async fn serve(&self, device: usize, arrived: Arrived) {
        let mut round = vec![arrived];
        loop {
            if let Some(sender) = self.gate.senders.devices.get(device) {
                self.round(sender, round).await;
            }
            match self.rounds().next(device) {
                Some(next) => round = next,
                None => return,
            }
        }
    }

    /// Runs what these notifications raise, each poll once, and tells each of them with what its own found.
    async fn round(&self, sender: &Sender, round: Vec<Arrived>) {
        let raised: Vec<Vec<usize>> =
            round.iter().map(|arrived| sender.raised_by(&arrived.notification.oid)).collect();
        let places: BTreeSet<usize> = raised.iter().flatten().copied().collect();
        let since = round.iter().map(|arrived| arrived.at).max().unwrap_or(SystemTime::UNIX_EPOCH);
        let polls = places.iter().filter_map(|place| Some((*place, &sender.polls.get(*place)?.poll)));
        let found: BTreeMap<usize, Found> =
            join_all(polls.map(async |(place, poll)| (place, self.poll(poll, since).await)))
                .await
                .into_iter()
                .collect();
        for (arrived, raised) in round.into_iter().zip(raised) {
            let found: Vec<&Found> = raised.iter().filter_map(|place| found.get(place)).collect();
            let event = TrapEvent {
                device: sender.name.as_str(),
                node: sender.node.as_ref().map(crate::config::Name::as_str),
                host: &sender.host,
                graph_id: &self.graph_id,
                notification: &arrived.notification,
                received_at: arrived.at,
                count: arrived.count,
                is_verified: found.iter().any(|found| found.is_good),
                polls: found.iter().map(|found| found.value.clone()).collect(),
                names: &self.names,
                at: SystemTime::now(),
            };
            for message in contract::trap(&event) {
                self.state.publish(message).await;
            }
            self.gate.counters.events.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Polls the device as of `since` or later. The outcome goes the way of all outcomes, before its event.
    async fn poll(&self, poll: &ScheduledPoll, since: SystemTime) -> Found {
        let mut outcome = self.ask(poll).await;
        // It met one of the same kind that was under way when the trap came, and says nothing of what the trap says. That one's
        // own job has its result; this one asks again.
        if outcome.as_ref().is_some_and(|outcome| outcome.started_at < since) {
            outcome = self.ask(poll).await;
        }
        let Some(outcome) = outcome else {
            let fault = Fault::new(FaultKind::ShuttingDown, "the agent is stopping; the poll was given up");
            return Found { value: contract::trap_poll(&poll.work_item_id, Err(&fault)), is_good: false };
        };
        let value = contract::trap_poll(&poll.work_item_id, outcome.reading.as_ref().map(|_| &outcome));
        let is_good = outcome.reading.is_ok();
        self.state.record(outcome).await;
        Found { value, is_good }
    }

    async fn ask(&self, poll: &ScheduledPoll) -> Option<Outcome> {
        let mut job = poll.job(&self.graph_id, SystemTime::now(), 0);
        let (divert, diverted) = oneshot::channel();
        job.subject.divert = Some(divert);
        self.gate.counters.polls.fetch_add(1, Ordering::Relaxed);
        self.dispatcher.submit(job).await;
        // Without an outcome the agent stops.
        diverted.await.ok().map(|outcome| *outcome)
    }
}
