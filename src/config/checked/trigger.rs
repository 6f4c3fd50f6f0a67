//! `[[trigger]]`: events of the bus that start polls.

use std::{sync::Arc, time::Duration};

use super::{Name, ScheduledPoll};
use crate::{
    config::{
        fault::Findings,
        raw::{Table, shorten},
    },
    intake::{KeyPattern, REST},
};

/// From often to once a day.
const RESTS: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);
/// Longest field, bytes.
const LONGEST_FIELD: usize = 256;

/// What an event starts.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Which events, by their routing key on `on.events`.
    pub key: KeyPattern,
    /// Which polls, paused ones too.
    pub polls: Vec<Arc<ScheduledPoll>>,
    /// The dotted field of the event that names the device; all devices where there is none.
    pub device_field: Option<String>,
    /// How long it rests for each device.
    pub at_most_every: Duration,
}

pub(super) fn check(
    tables: Vec<Table>,
    polls: &[Arc<ScheduledPoll>],
    pollers: &[Name],
    findings: &mut Findings,
) -> Vec<Trigger> {
    tables.into_iter().filter_map(|table| one(table, polls, pollers, findings)).collect()
}

fn one(
    mut table: Table,
    polls: &[Arc<ScheduledPoll>],
    pollers: &[Name],
    findings: &mut Findings,
) -> Option<Trigger> {
    for key in ["key", "pollers"] {
        if !table.has(key) {
            findings.fault(&table.place, format!("[[trigger]] needs `{key}`"));
        }
    }
    let key = table.text("key", findings).and_then(|(place, text)| {
        let key = KeyPattern::parse(&text);
        if key.is_none() {
            let what = format!("`key` has to be a pattern of routing keys, not {:?}", shorten(&text));
            findings.fault_with_hint(&place, what, "write \"graph.finished.#\"");
        }
        key
    });
    let mut started = Vec::new();
    for (place, text) in table.texts("pollers", findings).unwrap_or_default() {
        if !pollers.iter().any(|id| id.as_str() == text) {
            let what = format!("there is no poller {:?}", shorten(&text));
            findings.unknown_word(&place, what, &text, pollers.iter().map(Name::as_str));
        }
        started.extend(polls.iter().filter(|poll| poll.poller.as_str() == text).map(Arc::clone));
    }
    let device_field = table.text("device-field", findings).and_then(|(place, field)| {
        let is_good = !field.is_empty() && field.len() <= LONGEST_FIELD;
        if !is_good {
            findings.fault(&place, format!("`device-field` has 1 to {LONGEST_FIELD} bytes"));
        }
        is_good.then_some(field)
    });
    let at_most_every = table.duration("at-most-every", RESTS, findings).unwrap_or(REST);
    table.refuse_rest("[[trigger]]", findings);
    Some(Trigger { key: key?, polls: started, device_field, at_most_every })
}
