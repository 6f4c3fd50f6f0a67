//! `sdr.updated`: a threshold sensor that is not ok, a discrete sensor's asserted states.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    Severity,
    alert::{Action, Alert, Device},
    episode::{Episode, Round, Saw},
    last_verdict,
    set::Rules,
    severity::Verdict,
};

/// What takes the place of a status or a reading where the sensor cannot be read: with `ok`, the statuses of contract.md,
/// section 5, that are no condition.
const UNREADABLE: [&str; 7] =
    ["Not Available", "ns", "No Reading", "na", "Disabled", "disabled", "Not Readable"];

/// Looks at all sensors of one poll. A sensor that cannot be read says nothing: neither that it is in a condition nor that
/// it has left one. Rules, where there are any that match a sensor, say how bad it is.
pub(crate) fn watch<'r>(
    sensors: &Value,
    rules: impl Iterator<Item = &'r Rules> + Clone,
    device: Device<'_>,
    mut round: Round<'_>,
) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let mut unreadable = Vec::new();
    let sensors = named(sensors.as_array().map(Vec::as_slice).unwrap_or_default());
    for (name, sensor) in &sensors {
        if is_unreadable(sensor) {
            unreadable.push(name);
            continue;
        }
        match text(sensor, "sdrType") {
            "Threshold" => {
                let holds = is_condition(text(sensor, "status"));
                if holds || !round.is_idle() {
                    let verdict = verdict(holds, sensor, rules.clone());
                    see(&mut round, name, verdict, &mut alerts, |holds| data(device, sensor, None, holds));
                }
            }
            "Discrete" => {
                let states = sensor.get("statesAsserted").and_then(Value::as_array).map(Vec::as_slice);
                let states = states.unwrap_or_default();
                // Rules look at the sensor, and so say the same of all its states.
                let verdict = verdict(!states.is_empty(), sensor, rules.clone());
                for state in states.iter().filter_map(Value::as_str) {
                    see(&mut round, &format!("{name}|{state}"), verdict, &mut alerts, |holds| {
                        data(device, sensor, Some(state), holds)
                    });
                }
            }
            _ => {}
        }
    }
    // What was not mentioned: states that are asserted no more, sensors that are gone.
    let is_unknown = |key: &str| {
        let is_of = |name: &&String| {
            key.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('|'))
        };
        unreadable.iter().any(is_of)
    };
    for (key, episode, severity) in round.finish(is_unknown) {
        let (sensor, state) = of_key(&key, &sensors);
        alerts.push(alert(severity, data(device, &sensor, state, false), episode));
    }
    alerts
}

fn see(
    round: &mut Round<'_>,
    key: &str,
    verdict: Option<Severity>,
    alerts: &mut Vec<Alert>,
    data: impl FnOnce(bool) -> Value,
) {
    let saw = Saw {
        holds: verdict.is_some(),
        severity: verdict.unwrap_or(Severity::Information),
        value: None,
        lasts: None,
    };
    if let Some((episode, severity)) = round.see(key, &saw) {
        alerts.push(alert(severity, data(saw.holds), episode));
    }
}

fn alert(severity: Severity, data: Value, episode: Episode) -> Alert {
    Alert { action: Action::Sdr, severity, data, episode }
}

/// How bad the sensor is, where it is in a condition that no rule ignores.
fn verdict<'r>(
    holds: bool,
    sensor: &Map<String, Value>,
    rules: impl Iterator<Item = &'r Rules>,
) -> Option<Severity> {
    if !holds {
        return None;
    }
    match last_verdict(rules, sensor) {
        None => Some(Severity::Information),
        Some(Verdict::Alert(severity)) => Some(severity),
        Some(Verdict::Ignore) => None,
    }
}

fn data(device: Device<'_>, reading: &Map<String, Value>, state: Option<&str>, holds: bool) -> Value {
    let mut reading = reading.clone();
    if let Some(state) = state {
        reading.insert("stateAsserted".to_owned(), state.into());
    }
    // Not by `json!`, which copies what it is given.
    let mut data = Map::with_capacity(4);
    data.insert("host".to_owned(), device.host.clone());
    data.insert("user".to_owned(), device.user.clone());
    data.insert("reading".to_owned(), Value::Object(reading));
    data.insert("inCondition".to_owned(), holds.into());
    Value::Object(data)
}

fn is_unreadable(sensor: &Map<String, Value>) -> bool {
    UNREADABLE.contains(&text(sensor, "status")) || UNREADABLE.contains(&text(sensor, "sensorReading"))
}

fn is_condition(status: &str) -> bool {
    !matches!(status, "" | "ok")
}

fn text<'a>(sensor: &'a Map<String, Value>, key: &str) -> &'a str {
    sensor.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Every sensor with its exact name: entity and id, which ends in its number. Boards of one make behind several
/// controllers may say the same of theirs; these are counted.
fn named(sensors: &[Value]) -> Vec<(String, &Map<String, Value>)> {
    let mut seen: HashMap<(&str, &str), u32> = HashMap::with_capacity(sensors.len());
    let name = |sensor| {
        let (entity, id) = (text(sensor, "entityId"), text(sensor, "sensorId"));
        let times = seen.entry((entity, id)).and_modify(|times| *times += 1).or_insert(1);
        let name = if *times == 1 { format!("{entity}|{id}") } else { format!("{entity}|{id}#{times}") };
        (name, sensor)
    };
    sensors.iter().filter_map(Value::as_object).map(name).collect()
}

/// The sensor as it reads now, or, where it is gone, what its key says of it; and the state that the key names.
fn of_key<'k>(
    key: &'k str,
    sensors: &[(String, &Map<String, Value>)],
) -> (Map<String, Value>, Option<&'k str>) {
    let present = |name: &str| {
        let found = sensors.iter().find(|(known, _)| known == name);
        found.map(|(_, sensor)| Map::clone(sensor))
    };
    if let Some(sensor) = present(key) {
        return (sensor, None);
    }
    let (name, state) = match key.rsplit_once('|') {
        Some((name, state)) if name.contains('|') => (name, Some(state)),
        _ => (key, None),
    };
    let gone = || {
        let (entity, id) = name.split_once('|').unwrap_or(("", name));
        Map::from_iter([("sensorId".to_owned(), id.into()), ("entityId".to_owned(), entity.into())])
    };
    (present(name).unwrap_or_else(gone), state)
}

#[cfg(test)]
mod tests;
