use serde_json::Value;

use super::{good::Good, time::javascript};
use crate::job::{Outcome, Topic};

/// Under which id a result is remembered (contract.md, section 4).
pub fn cache_id(outcome: &Outcome) -> String {
    match (&outcome.subject.work_item_id, &outcome.subject.topic) {
        (Some(id), _) => id.clone(),
        (None, Topic::Ipmi(command)) => format!("unknown.ipmi.{command}"),
        (None, Topic::Snmp) => "unknown.snmp".to_owned(),
        (None, Topic::Metric(name)) => format!("unknown.metric.{name}"),
    }
}

/// A result as the poller cache gives it out: without `workItemId` and any secret, and with its time.
pub fn cache_entry(good: &Good<'_>) -> String {
    let time = Value::String(javascript(good.outcome.finished_at)).to_string();
    let mut text = String::new();
    // The subject's value has no clear secret; the cache has no encrypted one either.
    good.write(&["workItemId", "password", "community"], Some(("timestamp", &time)), &mut text);
    text
}
