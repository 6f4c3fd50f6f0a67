//! A job: one poll that somebody wants. It knows no broker, no socket and no clock of its own.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rackpoll_io::{CipherSuite, Ipmi15Authentication, Workaround};
use rackpoll_model::{Blame, Fault, PollRequest, Reading, Secret, SnmpCredential};
use rackpoll_snmp::names::Names;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};

use crate::{intake::Wait, outcome::rules::Watch};

/// One poll that a schedule or a command wants.
#[derive(Debug)]
pub struct Job {
    /// What is asked of the device.
    pub request: PollRequest,
    /// Where the device is.
    pub target: Target,
    /// With what to log in.
    pub credential: Credential,
    /// How long the poll may take from its start, login included.
    pub timeout: Duration,
    /// Commands go before ticks.
    pub priority: Priority,
    /// For a command that is polled until its result is as it should be.
    pub wait: Option<Box<Wait>>,
    /// Whom the result is for and under which keys it goes out.
    pub subject: Subject,
}

/// Whom a result or a failure is for: everything about it that does not come from the device. A command that is
/// refused has a subject and never becomes a job.
#[derive(Debug)]
pub struct Subject {
    /// First words of the result's routing key.
    pub topic: Topic,
    /// The poller; results without one are cached under `unknown.…`.
    pub work_item_id: Option<String>,
    /// RackHD's node.
    pub node: Option<String>,
    /// The graph (UUID), last word of the routing key.
    pub graph_id: String,
    /// The command's `value` without any secret, echoed in result and failure; for a scheduled poll what RackHD would have sent.
    pub value: Map<String, Value>,
    /// When the poll was due, or when the command came in.
    pub scheduled_at: SystemTime,
    /// Scheduled runs missed since the last result.
    pub skipped: u64,
    /// Where the result also goes, where somebody asked for it.
    pub reply: Option<ReplyTo>,
    /// Told once the outcome is in the outbox; dropped without a word where it never will be.
    pub recorded: Option<oneshot::Sender<()>>,
    /// What is looked for in the result.
    pub watch: Arc<Watch>,
    /// Where the outcome goes in place of the state file: to a command that waits for another one.
    pub divert: Option<oneshot::Sender<Box<Outcome>>>,
    /// For a scheduled run: handed back when it is over.
    pub ticket: Option<Ticket>,
    /// With these names and words instead of numbers, where that was asked for.
    pub names: Option<Arc<Names>>,
}

/// A scheduled run that is out. [`finish`](Self::finish) it with the reading; dropping it says that the poll never ran:
/// its time counts as skipped, and the poller goes on.
#[derive(Debug)]
pub struct Ticket {
    index: usize,
    told: u64,
    ended: Option<mpsc::UnboundedSender<RunEnded>>,
}

/// How a scheduled run ended, for the timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunEnded {
    /// The timetable's number of the poller.
    pub index: usize,
    /// Skipped runs that this run's result tells of.
    pub told: u64,
    /// How.
    pub ending: Ending,
}

/// The three ends of a scheduled run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// There is a reading.
    Good,
    /// The network, the device, the credentials or the request are to blame: the poller backs off.
    Failed,
    /// The agent itself is to blame, or nobody ever said.
    NeverRan,
}

impl Ticket {
    /// The ticket of a run that tells of `told` skipped ones.
    pub fn new(index: usize, told: u64, ended: mpsc::UnboundedSender<RunEnded>) -> Self {
        Self { index, told, ended: Some(ended) }
    }

    /// The run is over.
    pub fn finish<T>(mut self, reading: &Result<T, Fault>) {
        self.end(match reading {
            Ok(_) => Ending::Good,
            Err(fault) if fault.kind.blame() == Blame::Agent => Ending::NeverRan,
            Err(_) => Ending::Failed,
        });
    }

    fn end(&mut self, ending: Ending) {
        if let Some(ended) = self.ended.take() {
            // Without a timetable there is nobody to tell.
            let _ = ended.send(RunEnded { index: self.index, told: self.told, ending });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end(Ending::NeverRan);
    }
}

/// Which family of routing keys a result belongs to (contract.md, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Topic {
    /// `ipmi.command.<command>.result|failed.<graphId>`; the word as it came, which may be no known command.
    Ipmi(String),
    /// `snmp.command.result|failed.<graphId>`
    Snmp,
    /// `metric.<name>.result|failed.<graphId>`
    Metric(String),
}

/// A device's place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// As written (address, name, `host:port`, `[v6]:port`), for results and messages.
    pub host: String,
    /// Address or name without the port.
    pub name: String,
    /// UDP port: as written, else 623 for IPMI and 161 for SNMP.
    pub port: u16,
}

/// With what to log in. Two credentials are the same when user and secret are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// IPMI user and password.
    Ipmi {
        /// User name, at most 16 bytes.
        user: String,
        /// Password, at most 20 bytes.
        password: Secret,
        /// How the BMC is logged in to, where that is not the usual way.
        access: Access,
    },
    /// A community of SNMPv1 or v2c, or a user of SNMPv3.
    Snmp(SnmpCredential),
}

/// How a BMC is logged in to. By default: no key of the BMC's own, IPMI 2.0 with cipher suite 17 or 3, and no habits to
/// live with. Whatever encrypts nothing is used only where it is named here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Access {
    /// The BMC's own key, K_G.
    pub k_g: Option<Secret>,
    /// The cipher suites that are allowed; none: 17 and 3.
    pub cipher_suites: Vec<CipherSuite>,
    /// The IPMI 1.5 sessions that are allowed, for BMCs that know nothing newer.
    pub ipmi_15: Vec<Ipmi15Authentication>,
    /// Habits of the BMC.
    pub workarounds: Vec<Workaround>,
}

/// Commands go before ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// A schedule's tick.
    Schedule,
    /// Somebody waits for it.
    Command,
}

/// Where an answer goes: the caller's own queue or response topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplyTo {
    /// Queue name (AMQP, on the default exchange) or response topic (MQTT).
    pub address: String,
    /// Goes back out as it came in.
    pub correlation: Option<Vec<u8>>,
}

/// How a poll, or a command that was refused, went: what becomes result, failure, cache entry and alerts.
#[derive(Debug)]
pub struct Outcome {
    /// Whom it is for.
    pub subject: Subject,
    /// Where the device is, as far as the command said.
    pub target: Option<Target>,
    /// The address that was polled, where there was one.
    pub peer: Option<SocketAddr>,
    /// When the poll began.
    pub started_at: SystemTime,
    /// When it ended.
    pub finished_at: SystemTime,
    /// How many times the poll was begun: 1 where nothing went wrong, 0 where it was refused.
    pub attempts: u32,
    /// The reading, shared by all jobs that were merged into the poll.
    pub reading: Result<Arc<Reading>, Fault>,
}
