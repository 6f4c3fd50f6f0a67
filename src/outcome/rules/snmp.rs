//! `snmp.updated`: an oid's value or a metric that is new or has changed and matches a rule.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    Severity,
    alert::{Action, Alert, Device},
    episode::{Round, Saw},
    number::Measured,
    pattern::text_of,
    severity::Verdict,
    value::ValueRule,
    watch::Watch,
};

/// Longest value that is remembered as it is; of longer ones the beginning and the length tell a change.
const LONGEST: usize = 256;
/// Deepest nesting of a metric result.
const DEEPEST: usize = 16;

/// What was asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// Oids: the result is a list of walks.
    Oids,
    /// This metric.
    Metric(&'a str),
}

/// Looks at all values of one poll.
pub(crate) fn watch(
    result: &Value,
    asked: Asked<'_>,
    watch: &Watch,
    device: Device<'_>,
    mut round: Round<'_>,
) -> Vec<Alert> {
    let tell_cleared = watch.calm.tell_value_cleared;
    let mut alerts = Vec::new();
    let mut found = Vec::new();
    let mut see = |key: &str, value: &Value| {
        let measured = Measured::new(value);
        let is_ignored = look(key, &measured, watch, &round, &mut found);
        for Found { rule, severity, .. } in found.drain(..) {
            let condition = condition_of(key, rule.mark());
            let holds = !is_ignored && rule.holds(&measured, round.is_open(&condition));
            let remembered = remembered(value);
            let saw = Saw { holds, severity, value: Some(&remembered), lasts: rule.lasts() };
            if let Some((episode, severity)) = round.see(&condition, &saw)
                && (holds || tell_cleared)
            {
                let data = data(device, asked, key, value, Some(rule));
                alerts.push(Alert { action: Action::Snmp, severity, data, episode });
            }
        }
    };
    let mut broken = Vec::new();
    match asked {
        Asked::Oids => {
            for walk in result.as_array().map(Vec::as_slice).unwrap_or_default() {
                let values = walk.get("values").and_then(Value::as_object);
                for (oid, value) in values.into_iter().flatten() {
                    see(oid, value);
                }
                if walk.get("error").is_some() {
                    // In numbers and, where it was asked for so, by its name.
                    let text = |key| walk.get(key).and_then(Value::as_str);
                    broken.extend(text("oid").into_iter().chain(text("name")).map(str::to_owned));
                    broken.extend(text("source").into_iter().flat_map(|at| [with_dot(at), at.to_owned()]));
                }
            }
        }
        Asked::Metric(_) => flatten(result, &mut String::new(), DEEPEST, &mut see),
    }
    // A walk that broke off says nothing about what it did not reach.
    let is_below = |key: &str, source: &String| {
        key.strip_prefix(source.as_str()).is_some_and(|rest| rest.starts_with(['.', '|']))
    };
    let unknown = |key: &str| broken.iter().any(|source| is_below(key, source));
    for (condition, episode, severity) in round.finish(unknown) {
        if tell_cleared {
            let key = condition.rsplit_once('|').map_or(condition.as_str(), |(key, _)| key);
            let data = data(device, asked, key, &Value::Null, None::<&ValueRule>);
            alerts.push(Alert {
                action: Action::Snmp,
                severity: severity.max(Severity::Information),
                data,
                episode,
            });
        }
    }
    alerts
}

/// A rule that has to be asked about a value.
struct Found<'r> {
    /// Which list, and where in it.
    place: (usize, usize),
    rule: &'r ValueRule,
    severity: Severity,
}

/// Finds the rules that hold for a value, and those whose condition is known from earlier polls. Of the same rule, written
/// more than once, the last counts: a device's stands in for its tag's. Returns whether a rule says to ignore the value.
fn look<'r>(
    key: &str,
    measured: &Measured<'_>,
    watch: &'r Watch,
    round: &Round<'_>,
    found: &mut Vec<Found<'r>>,
) -> bool {
    let mut is_ignored = false;
    for (list, rules) in watch.rules().enumerate() {
        rules.values.holding(key, measured, |index, rule| match rule.verdict() {
            Verdict::Alert(severity) => found.push(Found { place: (list, index), rule, severity }),
            Verdict::Ignore => is_ignored = true,
        });
    }
    if is_ignored {
        found.clear();
    }
    if !round.is_idle() {
        let beginning = condition_of(key, "");
        for mark in round.known(&beginning) {
            for (list, rules) in watch.rules().enumerate() {
                let marked = rules.values.of(key).filter(|(_, rule)| rule.mark() == mark);
                found.extend(marked.filter_map(|(index, rule)| match rule.verdict() {
                    Verdict::Alert(severity) => Some(Found { place: (list, index), rule, severity }),
                    Verdict::Ignore => None,
                }));
            }
        }
    }
    found.retain(|found| !watch.elsewhere.has(found.place.0, key));
    if found.len() > 1 {
        found.sort_unstable_by_key(|found| found.place);
        let last: HashMap<&str, (usize, usize)> =
            found.iter().map(|found| (found.rule.mark(), found.place)).collect();
        found.dedup_by_key(|found| found.place);
        found.retain(|found| last.get(found.rule.mark()) == Some(&found.place));
    }
    is_ignored
}

/// The key of a condition: what is looked at, and the rule's mark.
fn condition_of(key: &str, mark: &str) -> String {
    format!("{key}|{mark}")
}

fn data(device: Device<'_>, asked: Asked<'_>, key: &str, value: &Value, rule: Option<&ValueRule>) -> Value {
    let mut data = Map::new();
    data.insert("host".to_owned(), device.host.clone());
    data.insert("oid".to_owned(), key.into());
    data.insert("value".to_owned(), value.clone());
    if let Some(rule) = rule {
        data.insert("matched".to_owned(), rule.matched().clone());
        if let Some(description) = rule.description() {
            data.insert("description".to_owned(), description.into());
        }
    }
    if let Asked::Metric(name) = asked {
        data.insert("metric".to_owned(), name.into());
    }
    Value::Object(data)
}

fn with_dot(oid: &str) -> String {
    if oid.starts_with('.') { oid.to_owned() } else { format!(".{oid}") }
}

fn remembered(value: &Value) -> String {
    let mut text = text_of(value).map_or_else(|| value.to_string(), std::borrow::Cow::into_owned);
    if text.len() > LONGEST {
        let length = text.len();
        let mark = super::value::mark("", value);
        text.truncate((0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
        text.push_str(&format!("… {length} {mark}"));
    }
    text
}

/// Calls `see` with every scalar and its dotted key: `Ethernet1.InErrors`.
pub(crate) fn flatten(value: &Value, key: &mut String, depth: usize, see: &mut impl FnMut(&str, &Value)) {
    let mut below = |word: &str, value: &Value| {
        let before = key.len();
        if before > 0 {
            key.push('.');
        }
        key.push_str(word);
        flatten(value, key, depth.saturating_sub(1), see);
        key.truncate(before);
    };
    match value {
        _ if depth == 0 => {}
        Value::Object(map) => map.iter().for_each(|(word, value)| below(word, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| below(&index.to_string(), value));
        }
        scalar => see(key, scalar),
    }
}

#[cfg(test)]
mod tests;
