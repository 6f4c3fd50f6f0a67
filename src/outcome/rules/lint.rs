//! What looks wrong in rules that can be read: rules that can never match, that never have a say, that look at keys which
//! no result has.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    criterion::Criterion, did_you_mean, entry::EntryRule, pattern::is_expression, set::Rules,
    severity::Verdict, value::ValueRule,
};

/// What rules look at, as far as it is known before there is a result.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// SEL entries of `selEntries`.
    Sel,
    /// Sensors.
    Sdr,
    /// What lies below these oids.
    Oids(&'a [String]),
    /// Values of SNMP agents, whatever is asked of them.
    Snmp,
    /// A metric's dotted keys.
    Metric(&'a str),
    /// Results that no rule looks at.
    Nothing,
}

/// One rule that deserves a second look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintFinding {
    /// The rule, as it was written.
    pub rule: String,
    /// What is the matter with it.
    pub what: String,
}

/// Keys of `selEntries` (contract.md, section 3), and ours.
const SEL_KEYS: [&str; 19] = [
    "SEL Record ID",
    "Record Type",
    "Timestamp",
    "Generator ID",
    "EvM Revision",
    "Sensor Type",
    "Sensor Number",
    "Event Type",
    "Event Direction",
    "Event Data",
    "Description",
    "Event Type Code",
    "Sensor Type Code",
    "Sensor Name",
    "Trigger Reading",
    "Trigger Threshold",
    "triggerReadingValue",
    "triggerThresholdValue",
    "unit",
];

/// Keys of a sensor (contract.md, section 3).
const SDR_KEYS: [&str; 31] = [
    "sensorId",
    "entityId",
    "entryIdName",
    "sdrType",
    "sensorType",
    "sensorReading",
    "sensorReadingUnits",
    "nominalReading",
    "normalMinimum",
    "normalMaximum",
    "statesAsserted",
    "status",
    "lowerNonRecoverable",
    "lowerCritical",
    "lowerNonCritical",
    "upperNonCritical",
    "upperCritical",
    "upperNonRecoverable",
    "positiveHysteresis",
    "negativeHysteresis",
    "minimumSensorRange",
    "maximumSensorRange",
    "eventMessageControl",
    "readableThresholds",
    "settableThresholds",
    "thresholdReadMask",
    "assertionsEnabled",
    "deassertionsEnabled",
    "value",
    "unit",
    "eventEnable",
];

/// Looks at every rule.
pub fn lint(rules: &Rules, sight: Sight<'_>) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    for rule in rules.entries.all() {
        let tell = |what: String| LintFinding { rule: rule.written().to_string(), what };
        findings.extend(entry_key(rule, sight).map(tell));
        let contradiction = rule.fields().iter().find_map(|(key, criterion)| {
            contradiction(criterion).map(|what| format!("`{key}` can never match: {what}"))
        });
        findings.extend(contradiction.map(tell));
    }
    findings.extend(overruled(rules.entries.all()));
    for rule in rules.values.all() {
        let tell = |what: String| LintFinding { rule: print(rule), what };
        findings.extend(value_key(rule, sight).map(tell));
        findings.extend(contradiction(rule.criterion()).map(|what| tell(format!("can never match: {what}"))));
    }
    findings.extend(silenced(rules.values.all()));
    findings
}

fn print(rule: &ValueRule) -> String {
    let (key, written) = rule.written();
    Value::Object(Map::from_iter([(key.to_owned(), written.clone())])).to_string()
}

fn contradiction(criterion: &Criterion) -> Option<String> {
    let (one, two) = criterion.contradiction()?;
    Some(format!("no value meets both `{one}` and `{two}`"))
}

fn entry_key(rule: &EntryRule, sight: Sight<'_>) -> Option<String> {
    let (known, what): (&[&str], _) = match sight {
        Sight::Sel => (&SEL_KEYS, "SEL entry"),
        Sight::Sdr => (&SDR_KEYS, "sensor"),
        Sight::Nothing => return Some("no rule looks at the results of this poller".to_owned()),
        Sight::Oids(_) | Sight::Metric(_) | Sight::Snmp => return None,
    };
    let (key, _) = rule.fields().iter().find(|(key, _)| !known.contains(&key.as_str()))?;
    let near = did_you_mean(key, known.iter().copied());
    let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Some(format!("no {what} has a key `{key}`{hint}"))
}

fn value_key(rule: &ValueRule, sight: Sight<'_>) -> Option<String> {
    let (key, _) = rule.written();
    let is_oid = key.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match sight {
        _ if is_expression(key) => None,
        Sight::Oids(_) if !is_oid => Some(format!("`{key}` is no oid in numbers, and no result has it")),
        Sight::Oids(asked) => {
            let plain = key.trim_start_matches('.');
            let below = |root: &String| {
                let root = root.trim_start_matches('.');
                plain.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let is_number =
                |root: &&String| root.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit());
            // An oid that is asked by its name may be anywhere.
            let all_numbers = asked.iter().filter(is_number).count() == asked.len();
            (all_numbers && !asked.iter().any(below))
                .then(|| format!("`{key}` is below no oid that is asked"))
        }
        Sight::Metric(_) if is_oid => Some(format!("`{key}` is an oid, and a metric has dotted names")),
        Sight::Metric(metric) => {
            let words = metric_words(metric)?;
            let last = key.rsplit('.').next().unwrap_or_default();
            let near = did_you_mean(last, words.iter().copied());
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            (!words.contains(&last)).then(|| format!("no key of `{metric}` ends in `{last}`{hint}"))
        }
        Sight::Sel | Sight::Sdr | Sight::Snmp | Sight::Nothing => None,
    }
}

/// The last words of a metric's keys (contract.md, section 6), where they are all known.
fn metric_words(metric: &str) -> Option<&'static [&'static str]> {
    Some(match metric {
        "snmp-interface-state" => &["state", "speed", "mtu", "adminState", "linkError"],
        "snmp-interface-bandwidth-utilization" => &["inputUtilization", "outputUtilization", "unit"],
        "snmp-txrx-counters" => &rackpoll_model::INTERFACE_COUNTERS,
        "snmp-processor-load" => &["load", "loadAverage5sec", "loadAverage1min", "loadAverage5min"],
        _ => return None,
    })
}

/// Rules for entries whose say never counts, because a later rule matches whenever they do.
fn overruled(rules: &[EntryRule]) -> Vec<LintFinding> {
    let mut later: HashMap<String, (usize, Verdict)> = HashMap::new();
    let mut findings = Vec::new();
    for (index, rule) in rules.iter().enumerate().rev() {
        let fields = rule.written().as_object().map(field_texts).unwrap_or_default();
        let whole = fields.join(",");
        let weaker = fields.iter().map(String::as_str).chain([whole.as_str(), ""]);
        let found = weaker.filter_map(|fields| later.get(fields)).min_by_key(|(index, _)| *index);
        if let Some((by, _)) = found.filter(|(_, verdict)| *verdict != rule.verdict()) {
            let what = format!("its action never counts: rule {} matches whenever it does", by + 1);
            findings.push(LintFinding { rule: rule.written().to_string(), what });
        } else if found.is_some() && later.contains_key(&whole) {
            let what = "it is there twice".to_owned();
            findings.push(LintFinding { rule: rule.written().to_string(), what });
        }
        later.insert(whole, (index, rule.verdict()));
    }
    findings.reverse();
    findings
}

fn field_texts(fields: &Map<String, Value>) -> Vec<String> {
    let mut texts: Vec<String> =
        fields.iter().map(|(key, value)| format!("{}:{value}", Value::from(key.as_str()))).collect();
    texts.sort_unstable();
    texts
}

/// Rules for values that a rule without conditions ignores altogether, and doubles.
fn silenced(rules: &[ValueRule]) -> Vec<LintFinding> {
    let key = |rule: &ValueRule| rule.written().0.trim_start_matches('.').to_owned();
    let ignored: HashMap<String, ()> = rules
        .iter()
        .filter(|rule| rule.verdict() == Verdict::Ignore && rule.matched() == &Value::Object(Map::new()))
        .map(|rule| (key(rule), ()))
        .collect();
    let mut seen: HashMap<(String, String), ()> = HashMap::new();
    let mut findings = Vec::new();
    for rule in rules {
        let what = if rule.verdict() != Verdict::Ignore && ignored.contains_key(&key(rule)) {
            "it never has a say: another rule ignores this key altogether"
        } else if seen.insert((key(rule), rule.matched().to_string()), ()).is_some() {
            "it is there twice"
        } else {
            continue;
        };
        findings.push(LintFinding { rule: print(rule), what: what.to_owned() });
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::outcome::rules::{Budget, Compiler, RuleKind};

    fn told(rules: &Value, sight: Sight<'_>) -> Vec<String> {
        let kind = match sight {
            Sight::Oids(_) | Sight::Metric(_) | Sight::Snmp => RuleKind::Values,
            _ => RuleKind::Entries,
        };
        let mut compiler = Compiler::default();
        let rules = Rules::read(kind, rules, "alerts", &mut compiler, Budget::of_configuration()).unwrap();
        lint(&rules, sight).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn what_deserves_a_second_look_is_told_and_nothing_else() {
        let oids = ["1.3.6.1.2.1.2.2".to_owned(), ".1.3.6.1.2.1.1".to_owned()];
        let oids = Sight::Oids(&oids);
        let table: [(Value, Sight<'_>, &[&str]); 19] = [
            (json!([{ "Sensor Type": "Fan", "action": "critical" }]), Sight::Sel, &[]),
            (
                json!([{ "sensorType": "Fan" }]),
                Sight::Sel,
                &["no SEL entry has a key `sensorType`; did you mean `Sensor Type`?"],
            ),
            (json!([{ "status": "/Critical/", "value": { "min": 1 } }]), Sight::Sdr, &[]),
            (
                json!([{ "Status": "x" }]),
                Sight::Sdr,
                &["no sensor has a key `Status`; did you mean `status`?"],
            ),
            (
                json!([{ "value": { "min": 5, "max": 4 } }]),
                Sight::Sdr,
                &["`value` can never match: no value meets both `min` and `max`"],
            ),
            (json!([{ "x": "y" }]), Sight::Nothing, &["no rule looks at the results of this poller"]),
            (
                json!([{ "unit": "a", "value": "b", "action": "critical" }, { "unit": "a" }]),
                Sight::Sdr,
                &["its action never counts: rule 2 matches whenever it does"],
            ),
            (json!([{ "unit": "a" }, { "unit": "a", "value": "b", "action": "critical" }]), Sight::Sdr, &[]),
            (json!([{ "unit": "a" }, { "unit": "a" }]), Sight::Sdr, &["it is there twice"]),
            (
                json!([{ "unit": "a", "action": "warning" }, {}]),
                Sight::Sdr,
                &["its action never counts: rule 2 matches whenever it does"],
            ),
            (json!([{ ".1.3.6.1.2.1.2.2.1.8.1": "2", "/8$/": "2" }]), oids, &[]),
            (
                json!([{ "1.3.6.1.2.1.22.1": "2" }]),
                oids,
                &["`1.3.6.1.2.1.22.1` is below no oid that is asked"],
            ),
            (json!([{ "sysName": "2" }]), oids, &["`sysName` is no oid in numbers, and no result has it"]),
            (
                json!([{ ".1.3.6.1.2.1.1.1": { "min": 3, "lessThan": 3 } }]),
                oids,
                &["can never match: no value meets both `min` and `lessThan`"],
            ),
            (json!([{ "eth0.InErrors": { "greaterThan": 1 } }]), Sight::Metric("snmp-txrx-counters"), &[]),
            (
                json!([{ "eth0.inErrors": { "greaterThan": 1 } }]),
                Sight::Metric("snmp-txrx-counters"),
                &["no key of `snmp-txrx-counters` ends in `inErrors`; did you mean `InErrors`?"],
            ),
            (
                json!([{ ".1.3": "x" }]),
                Sight::Metric("snmp-txrx-counters"),
                &["`.1.3` is an oid, and a metric has dotted names"],
            ),
            (
                json!([{ "eth0.state": "up" }, { "eth0.state": { "severity": "ignore" } }]),
                Sight::Metric("snmp-interface-state"),
                &["it never has a say: another rule ignores this key altogether"],
            ),
            (
                json!([{ "a.load": "up" }, { "a.load": "up" }]),
                Sight::Metric("snmp-processor-load"),
                &["it is there twice"],
            ),
        ];
        for (rules, sight, expected) in table {
            assert_eq!(told(&rules, sight), expected, "{rules}");
        }
    }
}
