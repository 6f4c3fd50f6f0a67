//! The polls of the configuration that the agent last ran with: what is open of one that is there no more is told as over,
//! since nobody would ever tell it.

use std::{collections::HashSet, sync::Arc, time::SystemTime};

use rusqlite::params;
use serde_json::Value;

use super::{
    alerts,
    rules::{
        Action, Alert, Calm, Device, Segments, Watch,
        episode::{Conditions, Round},
        sdr,
        snmp::{self, Asked},
    },
};
use crate::{
    config::ScheduledPoll,
    job::Topic,
    publish::{
        Message,
        contract::{self, Teller},
    },
    state::Disk,
};

pub(crate) const TABLE: &str = "CREATE TABLE polls (
    poller TEXT PRIMARY KEY,
    node TEXT,
    host TEXT NOT NULL,
    user TEXT,
    metric TEXT,
    tell_cleared INTEGER NOT NULL
) STRICT, WITHOUT ROWID;";

/// One poll of the configuration, as far as its alerts are concerned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Known {
    poller: String,
    node: Option<String>,
    host: String,
    user: Option<String>,
    metric: Option<String>,
    tell_cleared: bool,
}

impl From<&ScheduledPoll> for Known {
    fn from(poll: &ScheduledPoll) -> Self {
        let text = |key| poll.value.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            poller: poll.work_item_id.clone(),
            node: poll.node.as_ref().map(ToString::to_string),
            host: poll.target.host.clone(),
            user: text("user"),
            metric: match &poll.topic {
                Topic::Metric(name) => Some(name.clone()),
                _ => None,
            },
            tell_cleared: poll.watch.calm.tell_value_cleared,
        }
    }
}

/// What a configuration says that its state depends on.
#[derive(Debug)]
pub(crate) struct Configured {
    /// All polls, those that rest, too.
    pub(crate) polls: Vec<Known>,
    /// Last word of their routing keys.
    pub(crate) graph_id: String,
    pub(crate) segments: Arc<Segments>,
    pub(crate) at: SystemTime,
}

/// Remembers these polls, and ends what those have left open that are not among them any more. `now` is by a steady clock.
pub(crate) fn configured(disk: &Disk, configured: &Configured, now: i64) -> rusqlite::Result<Vec<Message>> {
    let before = all(disk)?;
    let ids: HashSet<&str> = configured.polls.iter().map(|poll| poll.poller.as_str()).collect();
    let mut messages = Vec::new();
    for gone in before.iter().filter(|known| !ids.contains(known.poller.as_str())) {
        let teller = Teller {
            id: &gone.poller,
            node: gone.node.as_deref(),
            graph_id: &configured.graph_id,
            at: configured.at,
        };
        for alert in gone.retire(disk, now)? {
            messages.extend(contract::alert(&teller, alert));
        }
    }
    let before: HashSet<&Known> = before.iter().collect();
    for poll in configured.polls.iter().filter(|poll| !before.contains(poll)) {
        disk.prepare(
            "INSERT OR REPLACE INTO polls (poller, node, host, user, metric, tell_cleared)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            poll.poller,
            poll.node,
            poll.host,
            poll.user,
            poll.metric,
            poll.tell_cleared
        ])?;
    }
    Ok(messages)
}

fn all(disk: &Disk) -> rusqlite::Result<Vec<Known>> {
    disk.prepare("SELECT poller, node, host, user, metric, tell_cleared FROM polls")?
        .query_map([], |row| {
            Ok(Known {
                poller: row.get(0)?,
                node: row.get(1)?,
                host: row.get(2)?,
                user: row.get(3)?,
                metric: row.get(4)?,
                tell_cleared: row.get(5)?,
            })
        })?
        .collect()
}

impl Known {
    /// Forgets the poll; what of its episodes has to be told as over.
    fn retire(&self, disk: &Disk, now: i64) -> rusqlite::Result<Vec<Alert>> {
        let (host, user) = (Value::from(self.host.as_str()), Value::from(self.user.as_deref()));
        let device = Device { host: &host, user: &user };
        let calm = Calm { tell_value_cleared: self.tell_cleared, ..Calm::default() };
        let watch = Watch { calm: Arc::new(calm), ..Watch::default() };
        let id = str::to_owned;
        let nothing = Value::Array(Vec::new());
        let mut alerts = Vec::new();
        // As if its device were there and said nothing any more.
        for action in [Action::Sdr, Action::Snmp] {
            let mut conditions = Conditions::read(alerts::kept(disk, &self.poller, action)?.as_deref());
            let round = Round::new(&mut conditions, &watch.calm, now, false, &id);
            alerts.extend(match (action, &self.metric) {
                (Action::Sdr, _) => sdr::watch(&nothing, watch.rules(), device, round),
                (_, None) => snmp::watch(&nothing, Asked::Oids, &watch, device, round),
                (_, Some(metric)) => snmp::watch(&nothing, Asked::Metric(metric), &watch, device, round),
            });
        }
        for table in ["conditions", "access", "polls"] {
            disk.prepare(&format!("DELETE FROM {table} WHERE poller = ?1"))?.execute([&self.poller])?;
        }
        disk.known().forget();
        if !alerts.is_empty() {
            tracing::info!(
                poller = self.poller,
                episodes = alerts.len(),
                "ended: it is not configured any more"
            );
        }
        Ok(alerts)
    }
}
