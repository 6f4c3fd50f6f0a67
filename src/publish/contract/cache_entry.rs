use serde_json::Value;

use super::{poll::Accounting, poll::poll_value, result::with_reading, time::javascript};
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

/// A result as the poller cache gives it out: without `workItemId` and any secret, and with its time. `said` is the
/// reading for this poller.
pub fn cache_entry(outcome: &Outcome, said: &Value, accounting: Accounting<'_>) -> String {
    let mut value = with_reading(outcome, said);
    // The subject's value has no clear secret; the cache has no encrypted one either.
    for gone in ["workItemId", "password", "community"] {
        value.shift_remove(gone);
    }
    value.insert("_poll".to_owned(), poll_value(outcome, accounting));
    value.insert("timestamp".to_owned(), Value::String(javascript(outcome.finished_at)));
    Value::Object(value).to_string()
}
