//! `snmp.updated`: an oid's value or a metric that is new or has changed and matches a rule.

use serde_json::{Map, Value};

use super::{
    Severity,
    alert::{Action, Alert, Device},
    episode::{Round, Saw},
    number::Measured,
    pattern::text_of,
    set::Rules,
    severity::Verdict,
    value::ValueRule,
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
pub(crate) fn watch<'r>(
    result: &Value,
    asked: Asked<'_>,
    rules: impl Iterator<Item = &'r Rules> + Clone,
    device: Device<'_>,
    tell_cleared: bool,
    mut round: Round<'_>,
) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let mut concerning: Vec<&ValueRule> = Vec::new();
    let mut see = |key: &str, value: &Value| {
        concerning.clear();
        concerning.extend(rules.clone().flat_map(|rules| rules.values.of(key)));
        if concerning.is_empty() {
            return;
        }
        let measured = Measured::new(value);
        let is_known = round.may_know(key);
        let is_ignoring =
            |rule: &&ValueRule| rule.verdict() == Verdict::Ignore && rule.holds(&measured, false);
        let ignored = concerning.iter().any(is_ignoring);
        for rule in &concerning {
            let Verdict::Alert(severity) = rule.verdict() else { continue };
            if !is_known && (ignored || !rule.holds(&measured, false)) {
                continue;
            }
            let condition = format!("{key}|{}", rule.mark());
            let holds = !ignored && rule.holds(&measured, round.is_open(&condition));
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
    let unknown = |key: &str| broken.iter().any(|source| key.starts_with(source.as_str()));
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
