//! Plays stored results to rules, as if they came in now: what would have been told, when, and why.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::{
    Alert, Device, Watch, chassis,
    episode::{Conditions, Round},
    pdu, sdr, sel,
    snmp::{self, Asked},
};

/// What was remembered of each poller so far.
#[derive(Debug, Default)]
pub struct Replay {
    /// As the agent keeps them, so that a replay takes what the agent takes.
    conditions: HashMap<(String, &'static str), String>,
    power: HashMap<String, bool>,
    outlets: HashMap<String, BTreeMap<String, Value>>,
    results: u64,
}

impl Replay {
    /// The alerts of one result's `value`, which came from this poller at this moment (Unix milliseconds). SEL entries
    /// are taken to be new: a stored result has them once.
    pub fn result(
        &mut self,
        poller: &str,
        value: &Map<String, Value>,
        watch: &Watch,
        now: i64,
    ) -> Vec<Alert> {
        self.results += 1;
        let results = self.results;
        let null = Value::Null;
        let field = |key: &str| value.get(key).unwrap_or(&null);
        let device = Device { host: field("host"), user: field("user") };
        let quiet = watch.is_quiet(now);
        let id = |key: &str| format!("{poller}:{key}:{results}");
        if let Some(power) =
            value.get("power").or_else(|| value.get("chassis")?.get("power")).and_then(Value::as_bool)
        {
            if quiet && self.power.contains_key(poller) {
                // As in the agent: told when maintenance is over.
                return Vec::new();
            }
            let last = self.power.insert(poller.to_owned(), power);
            return chassis::power_changed(last, power, || id("power")).into_iter().collect();
        }
        if let Some(sensors) = value.get("sdr") {
            return self.with_conditions(poller, "sdr", |conditions| {
                let round = Round::new(conditions, &watch.calm, now, quiet, &id);
                sdr::watch(sensors, watch.rules(), device, round)
            });
        }
        if let Some(entries) = value.get("selEntries").and_then(Value::as_array) {
            return if quiet { Vec::new() } else { sel::watch(entries, watch, device, id) };
        }
        let Some(result) = value.get("result") else { return Vec::new() };
        let metric = value.get("config").and_then(|config| config.get("metric")).and_then(Value::as_str);
        let asked = metric.map_or(Asked::Oids, Asked::Metric);
        let mut alerts = self.with_conditions(poller, "snmp", |conditions| {
            let round = Round::new(conditions, &watch.calm, now, quiet, &id);
            snmp::watch(result, asked, watch, device, round)
        });
        if metric == Some(pdu::METRIC) {
            let last = self.outlets.entry(poller.to_owned()).or_default();
            let (alert, next) = pdu::watch(last, pdu::outlets(result), device, || id("pdu"));
            if alert.is_none() || !quiet {
                *last = next;
                alerts.extend(alert);
            }
        }
        alerts
    }

    fn with_conditions(
        &mut self,
        poller: &str,
        action: &'static str,
        watch: impl FnOnce(&mut Conditions) -> Vec<Alert>,
    ) -> Vec<Alert> {
        let place = (poller.to_owned(), action);
        let mut conditions = Conditions::read(self.conditions.get(&place).map(String::as_str));
        let alerts = watch(&mut conditions);
        match conditions.written() {
            Some(written) => self.conditions.insert(place, written),
            None => self.conditions.remove(&place),
        };
        alerts
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stored_results_make_the_alerts_that_they_made() {
        let mut replay = Replay::default();
        let watch = Watch::default();
        let mut told = Vec::new();
        for value in [
            json!({ "power": true }),
            json!({ "chassis": { "power": false } }),
            json!({ "sdr": [{ "sdrType": "Threshold", "status": "Upper Critical", "sensorId": "T", "entityId": "1" }] }),
            json!({ "sdr": [{ "sdrType": "Threshold", "status": "ok", "sensorId": "T", "entityId": "1" }] }),
            json!({ "result": [], "config": { "oids": [".1"] } }),
            json!({ "uid": "Off" }),
        ] {
            let alerts = replay.result("p", value.as_object().unwrap(), &watch, 0);
            let words = alerts.iter().map(|alert| (alert.action.as_str(), alert.episode.state.as_str()));
            told.extend(words);
        }
        assert_eq!(
            told,
            [("chassispower.updated", "open"), ("sdr.updated", "open"), ("sdr.updated", "clear")]
        );
    }
}
