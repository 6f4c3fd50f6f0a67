//! `sel.updated`: a SEL entry that is new and matches a rule.

use serde_json::{Value, json};

use super::{
    alert::{Action, Alert, Device},
    entry_verdict,
    episode::{Episode, Stage},
    set::Rules,
    severity::Verdict,
};

/// An alert for each of these new entries that a rule matches. `id` makes an episode's id from its entry's record id.
pub(crate) fn watch<'r>(
    entries: &[Value],
    rules: impl Iterator<Item = &'r Rules> + Clone,
    device: Device<'_>,
    id: impl Fn(&str) -> String,
) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for entry in entries.iter().filter_map(Value::as_object) {
        let Some((Verdict::Alert(severity), matches)) = entry_verdict(rules.clone(), entry) else { continue };
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
    use super::*;
    use crate::outcome::rules::{Budget, Compiler, RuleKind};

    fn told(written: &Value, entries: &[Value]) -> Vec<(String, Value)> {
        let mut compiler = Compiler::default();
        let rules =
            Rules::read(RuleKind::Entries, written, "alerts", &mut compiler, Budget::of_configuration())
                .unwrap();
        let (host, user) = (json!("h"), json!("u"));
        watch(entries, std::iter::once(&rules), Device { host: &host, user: &user }, |record| {
            record.to_owned()
        })
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
}
