//! MQTT 5 (contract.md, section 10): the outbox goes out in order with QoS 1 and each message stays in it until its
//! PUBACK; commands come in and are acknowledged once their outcome is stored; requests are answered from memory.

mod commands;
mod connection;
mod packet;
mod requests;
mod session;
pub mod topic;
mod window;

use std::{fmt, sync::Arc};

use rackpoll_model::Secret;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio_util::sync::CancellationToken;

pub use super::outlet::{Outlet, Pending};

use super::{Intake, backoff::Backoff};
use connection::{Connection, Role};
use session::{End, Inbound, Session};

/// Which broker, and who we are there.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names or addresses without brackets, and TCP ports: the nodes of one broker, tried in turn. Never empty.
    pub hosts: Vec<(String, u16)>,
    /// `mqtts`.
    pub tls: Option<Tls>,
    /// The agent's own certificate, where the broker wants one (`mqtts` only).
    pub identity: Option<Identity>,
    /// User name, where the broker wants one.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<Secret>,
    /// First level of all topics, `on` by default.
    pub prefix: String,
    /// The agent's name: part of the client id, and last level of the status topic. No two agents of a broker share it.
    pub agent: String,
    /// Largest packet that the broker takes, where that is known beforehand; else CONNACK tells.
    pub largest_packet: usize,
    /// Patterns of the events that triggers want, as AMQP writes them.
    pub event_keys: Vec<String>,
}

/// Whom to trust for `mqtts`.
#[derive(Debug, Clone)]
pub enum Tls {
    /// The operating system's certificate authorities.
    System,
    /// These, and no others.
    Authorities(Vec<CertificateDer<'static>>),
}

/// A certificate of the agent's own.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, and those between it and the authority.
    pub certificates: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: Arc<PrivateKeyDer<'static>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl Settings {
    /// A broker without TLS and without users.
    pub fn new(
        host: impl Into<String>,
        port: u16,
        prefix: impl Into<String>,
        agent: impl Into<String>,
    ) -> Self {
        Self {
            hosts: vec![(host.into(), port)],
            tls: None,
            identity: None,
            user: None,
            password: None,
            prefix: prefix.into(),
            agent: agent.into(),
            largest_packet: usize::MAX,
            event_keys: Vec::new(),
        }
    }

    /// Where the try of this number goes.
    fn host(&self, attempt: usize) -> Result<(&str, u16), String> {
        let turn = attempt.checked_rem(self.hosts.len()).unwrap_or(0);
        let (host, port) = self.hosts.get(turn).ok_or("no host is given")?;
        Ok((host, *port))
    }

    /// `ipmi.command.*.*` and `run.snmp.command.*`. A level stands for one word, so results do not match.
    fn command_filters(&self) -> [String; 2] {
        let prefix = &self.prefix;
        [format!("{prefix}/task/ipmi/command/+/+"), format!("{prefix}/task/run/snmp/command/+")]
    }

    /// The events that triggers want. MQTT's `#` stands at the end only, so what is behind another one is left to the
    /// trigger's own look at the key.
    fn event_filters(&self) -> Vec<String> {
        let filter = |key: &String| {
            let mut filter = format!("{}/events", self.prefix);
            for word in key.split('.') {
                filter.push('/');
                filter.push_str(if word == "*" { "+" } else { word });
                if word == "#" {
                    break;
                }
            }
            filter
        };
        self.event_keys.iter().map(filter).collect()
    }

    fn request_filters(&self) -> [String; 3] {
        let prefix = &self.prefix;
        [
            format!("{prefix}/task/methods/requestPollerCache"),
            format!("{prefix}/configuration/methods/get"),
            format!("{prefix}/configuration/methods/set"),
        ]
    }

    /// Topic and body of the agent's status, which is retained.
    fn status(&self, state: &str) -> (String, String) {
        let topic = format!("{}/status/{}", self.prefix, self.agent);
        (topic, json!({ "agent": self.agent, "state": state }).to_string())
    }
}

/// Serves the bus until `stop`: connects, and connects again for ever, with back-off. After `stop` the outbox may
/// flow for 0.7 s more; what is then left stays on disk.
pub async fn run<O: Outlet>(settings: &Settings, outlet: &O, intake: &Intake, stop: &CancellationToken) {
    tokio::join!(serve(settings, outlet, intake, stop), requests::run(settings, intake, stop));
}

async fn serve<O: Outlet>(settings: &Settings, outlet: &O, intake: &Intake, stop: &CancellationToken) {
    let mut backoff = Backoff::default();
    let mut inbound = Inbound::default();
    for attempt in 0.. {
        let end = match Connection::new(settings, Role::Main, attempt, session::CHANNEL) {
            Ok(connection) => {
                let session = Session::new(settings, outlet, intake, &mut inbound, connection);
                Box::pin(session.run(stop)).await
            }
            Err(reason) => End::Broken { reason, proven: false },
        };
        let End::Broken { reason, proven } = end else { return };
        if proven {
            backoff.reset();
        }
        let wait = backoff.wait();
        let broker = settings.host(attempt).map_or("", |(host, _)| host);
        tracing::warn!(broker, %reason, again_in = ?wait, "MQTT connection lost; results wait on disk");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}
