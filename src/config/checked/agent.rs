use std::{path::PathBuf, time::Duration};

use ipnet::IpNet;
use rackpoll_io::Pace;
use uuid::Uuid;

use super::{Name, networks, optional_name};
use crate::config::{
    fault::Findings,
    raw::{Table, shorten},
    secret::{self, Surroundings},
};

/// What the agent is and may do.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Goes out in `_poll.agent` and as `on/status/<agent>`; the machine's name where none is configured.
    pub name: Name,
    /// Agents of one zone share one command queue.
    pub zone: Name,
    /// Where the state file is.
    pub state_dir: PathBuf,
    /// The graph id of scheduled polls; made once and kept in the state file where none is configured.
    pub graph_id: Option<Uuid>,
    /// Commands of other graphs are refused; all are served where this is `None`.
    pub serves_graphs: Option<Vec<Uuid>>,
    /// Commands for hosts elsewhere are refused; all are served where this is `None`.
    pub serves: Option<Vec<IpNet>>,
    /// Most devices that are polled at the same time.
    pub max_in_flight: usize,
    /// Results that are remembered for each poller.
    pub cache_entries: usize,
    /// Most messages that the outbox holds.
    pub outbox_messages: u64,
    /// Most bytes of messages that the outbox holds.
    pub outbox_bytes: u64,
    /// How long a poll may take, login included, where its poller says nothing.
    pub timeout: Duration,
    /// How often a heartbeat goes out, where one does.
    pub heartbeat: Option<Duration>,
    /// How many commands one BMC has to bear, schedules and the bus together.
    pub pace: Pace,
}

/// RackHD's.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A poll that takes longer than this is not a poll any more.
pub(super) const TIMEOUTS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(3_600);

/// All sensors of a slow BMC take some ten seconds when its repository is read for the first time.
const TIMEOUT: Duration = Duration::from_secs(30);

/// As many devices as answer slowly at the same time in a fleet of 10,000; each costs some KB while it is polled.
const MAX_IN_FLIGHT: i64 = 2_000;

/// A BMC works on one command for some 10 ms. Ten times as many in a burst: reading the sensor repository of a large
/// server for the first time takes that many.
const BMC_COMMANDS: i64 = 100;

/// RackHD's.
const CACHE_ENTRIES: i64 = 10;

/// Nine thousand results a second for almost two minutes, fifty for five hours.
const OUTBOX_MESSAGES: i64 = 1_000_000;
const OUTBOX_MEGABYTES: i64 = 2_048;

pub(super) fn check(mut table: Table, surroundings: &Surroundings<'_>, findings: &mut Findings) -> Agent {
    let name = optional_name(&mut table, "name", findings).map(|(_, name)| name);
    let zone = optional_name(&mut table, "zone", findings).map(|(_, name)| name);
    let state_dir = table.text("state-dir", findings).map(|(place, path)| secret::beside(&place, &path));
    let own_graph_id = table.text("graph-id", findings).and_then(|(place, text)| {
        let id = graph_id(&text);
        if id.is_none() {
            findings.fault(&place, format!("`graph-id` has to be a UUID, not {:?}", shorten(&text)));
        }
        id
    });
    let serves_graphs = table.texts("serves-graphs", findings).map(|texts| {
        let mut ids = Vec::with_capacity(texts.len());
        for (place, text) in texts {
            match graph_id(&text) {
                Some(id) => ids.push(id),
                None => {
                    findings.fault(&place, format!("`serves-graphs` holds UUIDs, not {:?}", shorten(&text)));
                }
            }
        }
        ids
    });
    let serves = networks(&mut table, "serves", findings);
    let max_in_flight = table.whole("max-in-flight", 1..=100_000, findings).unwrap_or(MAX_IN_FLIGHT);
    let cache_entries = table.whole("cache-entries", 1..=1_000, findings).unwrap_or(CACHE_ENTRIES);
    let outbox_messages =
        table.whole("outbox-messages", 1..=1_000_000_000, findings).unwrap_or(OUTBOX_MESSAGES);
    let outbox_megabytes =
        table.whole("outbox-megabytes", 1..=1_000_000, findings).unwrap_or(OUTBOX_MEGABYTES);
    let timeout = table.duration("timeout", TIMEOUTS, findings).unwrap_or(TIMEOUT);
    let heartbeat = table
        .duration("heartbeat", Duration::ZERO..=Duration::from_secs(3_600), findings)
        .unwrap_or(HEARTBEAT);
    let per_second = table.whole("bmc-commands-per-second", 1..=10_000, findings).unwrap_or(BMC_COMMANDS);
    let per_second = u32::try_from(per_second).unwrap_or(1);
    table.refuse_rest("[agent]", findings);
    Agent {
        name: name.unwrap_or_else(|| name_of(&surroundings.host_name)),
        zone: zone.unwrap_or_else(|| Name::made_from("default")),
        state_dir: state_dir.unwrap_or_else(|| state_dir_of(surroundings)),
        graph_id: own_graph_id,
        serves_graphs,
        serves,
        max_in_flight: usize::try_from(max_in_flight).unwrap_or(1),
        outbox_messages: outbox_messages.unsigned_abs(),
        outbox_bytes: outbox_megabytes.unsigned_abs().saturating_mul(1 << 20),
        cache_entries: usize::try_from(cache_entries).unwrap_or(1),
        timeout,
        // Faster than each second it would be noise.
        heartbeat: (!heartbeat.is_zero()).then(|| heartbeat.max(Duration::from_secs(1))),
        pace: Pace { burst: per_second.saturating_mul(10), per_second },
    }
}

/// A graph id as it stands in routing keys: a UUID with its hyphens.
pub fn graph_id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36)
}

/// systemd's `StateDirectory=` names one or more folders.
fn state_dir_of(surroundings: &Surroundings<'_>) -> PathBuf {
    let first = (surroundings.variable)("STATE_DIRECTORY").and_then(|folders| {
        let folders = folders.into_string().ok()?;
        folders.split(':').next().filter(|folder| !folder.is_empty()).map(PathBuf::from)
    });
    first.unwrap_or_else(|| PathBuf::from("/var/lib/rackpoll"))
}

/// The machine's name without its domain.
fn name_of(host_name: &str) -> Name {
    Name::made_from(host_name.split('.').next().filter(|first| !first.is_empty()).unwrap_or("rackpoll"))
}
