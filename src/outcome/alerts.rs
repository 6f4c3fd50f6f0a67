//! Alerts of one outcome: what the state file knows goes into the rules, and what they say of the state goes back, all in
//! the outcome's transaction. A crash before its commit makes the same alerts again at the next poll, with the same ids.

use std::collections::BTreeMap;

use rackpoll_model::{IpmiCommand, Reading};
use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::{
    power,
    rules::{
        self, Action, Alert, Device,
        episode::{Conditions, Round},
        sel_log::News,
        snmp::Asked,
    },
    unix_millis,
};
use crate::{
    job::{Outcome, Topic},
    publish::contract,
    state::Disk,
};

/// Conditions that are open, on their way or still counted; a poller without any has no row.
pub(crate) const TABLE: &str = "CREATE TABLE conditions (
    poller TEXT NOT NULL,
    action TEXT NOT NULL,
    conditions TEXT NOT NULL,
    PRIMARY KEY (poller, action)
) STRICT, WITHOUT ROWID;";

/// A good outcome that is being recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recorded<'a> {
    pub(crate) outcome: &'a Outcome,
    /// Its number.
    pub(crate) sequence: u64,
    /// When it ended, by a steady clock.
    pub(crate) now: i64,
}

/// The alerts of a good outcome. `said` is its reading as it goes out, and `news` what is new in it where it is of a SEL.
pub(crate) fn of(
    disk: &Disk,
    recorded: &Recorded<'_>,
    reading: &Reading,
    said: &Value,
    news: Option<&News>,
) -> rusqlite::Result<Vec<Alert>> {
    let Recorded { outcome, sequence, now } = *recorded;
    let quiet = outcome.subject.watch.is_quiet(unix_millis(outcome.finished_at));
    let look = Look { disk, outcome, said, sequence, now, quiet };
    if let Some(current) = rules::chassis::power_of(reading) {
        return look.power(current);
    }
    match &outcome.subject.topic {
        Topic::Ipmi(word) if word == IpmiCommand::Sdr.as_str() => look.sdr(),
        Topic::Ipmi(_) => Ok(news.map_or_else(Vec::new, |news| look.sel(news))),
        Topic::Snmp => look.snmp(Asked::Oids),
        Topic::Metric(name) => {
            let mut alerts = look.snmp(Asked::Metric(name))?;
            if name == rules::pdu::METRIC {
                alerts.extend(look.pdu()?);
            }
            Ok(alerts)
        }
    }
}

struct Look<'a> {
    disk: &'a Disk,
    outcome: &'a Outcome,
    said: &'a Value,
    sequence: u64,
    now: i64,
    /// In a maintenance window.
    quiet: bool,
}

impl Look<'_> {
    fn power(&self, current: bool) -> rusqlite::Result<Vec<Alert>> {
        let key = power::key(self.outcome);
        if self.quiet && power::last(self.disk, &key)?.is_some() {
            // What is switched during maintenance is told when that is over, if it is not switched back.
            return Ok(Vec::new());
        }
        let last = power::replace(self.disk, &key, current)?;
        let id = || self.id(Action::ChassisPower, "");
        Ok(rules::chassis::power_changed(last, current, id).into_iter().collect())
    }

    fn sdr(&self) -> rusqlite::Result<Vec<Alert>> {
        let watch = &self.outcome.subject.watch;
        self.with_conditions(Action::Sdr, |round| {
            rules::sdr::watch(self.said, watch.rules(), self.device(), round)
        })
    }

    fn sel(&self, news: &News) -> Vec<Alert> {
        let watch = &self.outcome.subject.watch;
        if self.quiet {
            return Vec::new();
        }
        let mut alerts = news.alerts(self.device(), |action, word| self.id(action, word));
        if news.is_history {
            return alerts;
        }
        // `selEntries` says only what is new, `sel` other entries before it.
        let entries = self.said.as_array().map(Vec::as_slice).unwrap_or_default();
        let old = entries.len().saturating_sub(news.entries);
        let new = entries.get(old..).unwrap_or_default();
        let id = |record: &str| self.id(Action::Sel, record);
        alerts.extend(rules::sel::watch(new, watch, self.device(), id));
        alerts
    }

    fn snmp(&self, asked: Asked<'_>) -> rusqlite::Result<Vec<Alert>> {
        let watch = &self.outcome.subject.watch;
        self.with_conditions(Action::Snmp, |round| {
            rules::snmp::watch(self.said, asked, watch, self.device(), round)
        })
    }

    fn pdu(&self) -> rusqlite::Result<Option<Alert>> {
        let poller = power::key(self.outcome);
        let kept = kept(self.disk, &poller, Action::PduPower)?;
        let last: BTreeMap<String, Value> =
            kept.as_deref().and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_default();
        let current = rules::pdu::outlets(self.said);
        let id = || self.id(Action::PduPower, "");
        let (alert, next) = rules::pdu::watch(&last, current, self.device(), id);
        if alert.is_some() && self.quiet {
            // As with the chassis: told when maintenance is over.
            return Ok(None);
        }
        if next != last {
            self.keep(&poller, Action::PduPower, serde_json::to_string(&next).ok())?;
        }
        Ok(alert)
    }

    fn device(&self) -> Device<'_> {
        let value = |key| self.outcome.subject.value.get(key).unwrap_or(&Value::Null);
        Device { host: value("host"), user: value("user") }
    }

    /// The id of an episode that begins now: nobody has told it before this outcome's transaction is on disk.
    fn id(&self, action: Action, key: &str) -> String {
        let poller = contract::cache_id(self.outcome);
        let (action, sequence) = (action.as_str(), self.sequence);
        if key.is_empty() {
            format!("{action}:{poller}:{sequence}")
        } else {
            format!("{action}:{poller}:{key}:{sequence}")
        }
    }

    fn with_conditions(
        &self,
        action: Action,
        watch: impl FnOnce(Round<'_>) -> Vec<Alert>,
    ) -> rusqlite::Result<Vec<Alert>> {
        let poller = power::key(self.outcome);
        let kept = kept(self.disk, &poller, action)?;
        let subject = &self.outcome.subject;
        let mut conditions = Conditions::read(kept.as_deref());
        let id = |key: &str| self.id(action, key);
        let alerts = watch(Round::new(&mut conditions, &subject.watch.calm, self.now, self.quiet, &id));
        if conditions.are_cut() {
            let action = action.as_str();
            tracing::warn!(
                poller,
                action,
                "more conditions hold at once than are kept; the rest is not told"
            );
        }
        let keep = conditions.written();
        if keep != kept {
            self.keep(&poller, action, keep)?;
        }
        Ok(alerts)
    }

    fn keep(&self, poller: &str, action: Action, conditions: Option<String>) -> rusqlite::Result<()> {
        let is_calm = conditions.is_none();
        match conditions {
            Some(conditions) => self
                .disk
                .prepare(
                    "INSERT INTO conditions (poller, action, conditions) VALUES (?1, ?2, ?3)
                     ON CONFLICT (poller, action) DO UPDATE SET conditions = ?3",
                )?
                .execute(params![poller, action.as_str(), conditions])?,
            None => self
                .disk
                .prepare("DELETE FROM conditions WHERE poller = ?1 AND action = ?2")?
                .execute([poller, action.as_str()])?,
        };
        set_calm(self.disk, poller, action, is_calm);
        Ok(())
    }
}

/// What was kept of a poller's conditions of this kind.
pub(crate) fn kept(disk: &Disk, poller: &str, action: Action) -> rusqlite::Result<Option<String>> {
    if disk.known().calm.get(poller).is_some_and(|kinds| kinds.contains(&action)) {
        return Ok(None);
    }
    let kept = disk
        .prepare("SELECT conditions FROM conditions WHERE poller = ?1 AND action = ?2")?
        .query_row([poller, action.as_str()], |row| row.get(0))
        .optional()?;
    if kept.is_none() {
        set_calm(disk, poller, action, true);
    }
    Ok(kept)
}

/// There are no conditions of this kind, or there are.
fn set_calm(disk: &Disk, poller: &str, action: Action, calm: bool) {
    let mut known = disk.known();
    match known.calm.get_mut(poller) {
        Some(kinds) => {
            kinds.retain(|kind| *kind != action);
            kinds.extend(calm.then_some(action));
        }
        None if calm => drop(known.calm.insert(poller.to_owned(), vec![action])),
        None => {}
    }
}
