//! `sel.updated`: a SEL entry that is new and matches a rule.

use serde_json::{Value, json};

use super::{
    alert::{Action, Alert, Device},
    entry::EntryRule,
    episode::{Episode, Stage},
    severity::Verdict,
    watch::Watch,
};

/// Rules that an alert names as those that its entry matches; the last of them.
const MOST_MATCHES: usize = 64;

/// An alert for each of these new entries that a rule matches: the last that does has the say. `id` makes an episode's id
/// from its entry's record id.
pub(crate) fn watch(
    entries: &[Value],
    watch: &Watch,
    device: Device<'_>,
    id: impl Fn(&str) -> String,
) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for entry in entries.iter().filter_map(Value::as_object) {
        let lists = watch.rules().enumerate();
        let all = lists.flat_map(|(list, rules)| rules.entries.matching(entry).map(move |rule| (list, rule)));
        let matching: Vec<(usize, &EntryRule)> = all.collect();
        let Some((list, last)) = matching.last() else { continue };
        let Verdict::Alert(severity) = last.verdict() else { continue };
        if watch.elsewhere.has(*list, "") {
            continue;
        }
        let first = matching.len().saturating_sub(MOST_MATCHES);
        let matches: Vec<Value> =
            matching.iter().skip(first).map(|(_, rule)| rule.written().clone()).collect();
        let record = ["SEL Record ID", "logId"].iter().find_map(|key| entry.get(*key)?.as_str());
        let data = json!({
            "user": device.user,
            "host": device.host,
            "alert": { "matches": matches, "reading": entry },
        });
        let id = id(record.unwrap_or_default());
        // An entry has no end: it happened.
        let episode = Episode { id, state: Stage::Open, count: 1, flapping: false };
        alerts.push(Alert { action: Action::Sel, severity, data, episode });
    }
    alerts
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rackpoll_model::{EventSensor, Unit, event::UnitType};

    use super::*;
    use crate::outcome::rules::{Budget, Compiler, Elsewhere, RuleKind, Rules, Seen};

    fn told(written: &Value, entries: &[Value]) -> Vec<(String, Value)> {
        let mut compiler = Compiler::default();
        let rules =
            Rules::read(RuleKind::Entries, written, "alerts", &mut compiler, Budget::of_configuration())
                .unwrap();
        let (host, user) = (json!("h"), json!("u"));
        let rules = Watch { rules: vec![Arc::new(rules)], ..Watch::default() };
        watch(entries, &rules, Device { host: &host, user: &user }, str::to_owned)
            .into_iter()
            .map(|alert| {
                assert_eq!((alert.episode.state, alert.episode.count), (Stage::Open, 1));
                assert_eq!((&alert.data["host"], &alert.data["user"]), (&host, &user));
                assert_eq!(alert.data["alert"]["reading"]["SEL Record ID"], alert.episode.id);
                (format!("{} {}", alert.episode.id, alert.severity), alert.data["alert"]["matches"].clone())
            })
            .collect()
    }

    fn entry(record: &str, kind: &str, description: &str) -> Value {
        json!({ "SEL Record ID": record, "Sensor Type": kind, "Description": description, "Event Type Code": "01" })
    }

    #[test]
    fn all_fields_have_to_match_and_the_last_rule_that_does_has_the_say() {
        let rules = json!([
            { "Event Type Code": "01", "action": "critical" },
            { "Sensor Type": "Fan", "Description": "/low/i", "action": "warning" },
            { "Description": "/quiet/" },
            { "Sensor Type": "Noise", "action": "ignore" },
        ]);
        let entries = [
            entry("0001", "Fan", "Lower Critical going LOW"),
            entry("0002", "Fan", "Upper"),
            entry("0003", "Fan", "quiet"),
            entry("0004", "Noise", "quiet"),
        ];
        let code = json!({ "Event Type Code": "01" });
        assert_eq!(
            told(&rules, &entries),
            [
                ("0001 warning".to_owned(), json!([code, { "Sensor Type": "Fan", "Description": "/low/i" }])),
                ("0002 critical".to_owned(), json!([code])),
                ("0003 information".to_owned(), json!([code, { "Description": "/quiet/" }])),
            ]
        );
    }

    #[test]
    fn without_a_rule_that_matches_there_is_no_alert() {
        let entries = [entry("0001", "Fan", "x"), json!(7)];
        assert_eq!(told(&json!([]), &entries), []);
        assert_eq!(told(&json!([{ "No Such Key": "/.*/" }, { "Sensor Type": "fan" }]), &entries), []);
        assert_eq!(told(&json!([{ "action": "warning" }]), &entries).len(), 1);
    }

    #[test]
    fn an_entry_is_told_by_the_command_where_its_own_rule_has_the_say_or_no_schedule_looks() {
        let rules = |written: Value| {
            let mut compiler = Compiler::default();
            let budget = Budget::of_configuration();
            Arc::new(Rules::read(RuleKind::Entries, &written, "alerts", &mut compiler, budget).unwrap())
        };
        let of_device = rules(json!([{ "Sensor Type": "Fan", "action": "critical" }]));
        let of_command = rules(json!([{ "Description": "/own/", "action": "warning" }]));
        let entries = [entry("0001", "Fan", "x"), entry("0002", "Fan", "own"), entry("0003", "Drive", "own")];
        let device = Device { host: &Value::Null, user: &Value::Null };
        for (seen, told) in [
            (vec![], &["0001 critical", "0002 warning", "0003 warning"][..]),
            (vec![Seen::All], &["0002 warning", "0003 warning"]),
        ] {
            let all = Watch {
                rules: vec![Arc::clone(&of_device), Arc::clone(&of_command)],
                elsewhere: Elsewhere { lists: 1, seen },
                ..Watch::default()
            };
            let alerts = watch(&entries, &all, device, str::to_owned);
            let words = alerts.iter().map(|alert| format!("{} {}", alert.episode.id, alert.severity));
            assert_eq!(words.collect::<Vec<_>>(), told);
        }
    }

    #[test]
    fn an_alert_names_the_last_rules_only_where_there_are_many() {
        let many: Vec<Value> =
            (0..1_000).map(|number| json!({ "Sensor Type": "Fan", "n": { "notIn": [number] } })).collect();
        let mut fan = entry("0001", "Fan", "x");
        fan["n"] = json!(-1);
        let told = told(&Value::Array(many.clone()), &[fan]);
        assert_eq!(told[0].1, json!(many[1_000 - MOST_MATCHES..]));
    }

    /// An entry of a fan as it is published, with what its sensor's record says or without.
    fn fan(reading: Option<f64>) -> Value {
        let raw = [0x1a, 0, 2, 0, 0, 0, 0x69, 0x20, 0, 4, 0x04, 0x11, 0x01, 0x52, 0x06, 0x08];
        let mut entry = rackpoll_ipmi::sel::decode(raw);
        entry.sensor = reading.map(|value| EventSensor {
            name: Some("Fan 2".into()),
            unit: Some(Unit { percentage: false, base: UnitType(18), modifier: None, rate: None }),
            trigger_reading: Some(value),
            trigger_threshold: Some(600.0),
        });
        Value::Object(crate::publish::contract::sel_entry(&entry, None))
    }

    #[test]
    fn rules_may_ask_about_the_reading_where_it_is_known_and_alerts_have_it() {
        let low = json!({ "Sensor Name": "/^Fan/", "triggerReadingValue": { "lessThan": 500 } });
        let mut rule = low.clone();
        rule["action"] = json!("critical");
        let rules = json!([{ "Sensor Type": "Fan" }, rule]);
        let verdict = |reading| told(&rules, &[fan(reading)]);
        let any = json!({ "Sensor Type": "Fan" });
        assert_eq!(verdict(Some(450.0)), [("001a critical".to_owned(), json!([any, low]))]);
        assert_eq!(verdict(Some(550.0)), [("001a information".to_owned(), json!([any]))]);
        assert_eq!(verdict(None), [("001a information".to_owned(), json!([any]))]);
        assert_eq!(told(&json!([{ "Trigger Reading": "450.000RPM" }]), &[fan(Some(450.0))]).len(), 1);
    }
}
