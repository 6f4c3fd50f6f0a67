use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;

fn read(kind: RuleKind, rules: &Value, budget: Budget) -> Result<Rules, Vec<String>> {
    Rules::read(kind, rules, "alerts", &mut Compiler::default(), budget)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

#[test]
fn wrong_rules_are_refused_with_place_and_reason() {
    use RuleKind::{Entries, Values};
    for (kind, rules, fault) in [
        (Entries, json!({ "a": "b" }), "`alerts`: rules are a list of objects, not an object"),
        (Entries, json!("x"), "`alerts`: rules are a list of objects, not a text"),
        (Entries, json!([7]), "`alerts[0]`: a rule is an object, not a number"),
        (Entries, json!([{}, { "action": "bad" }]), "`alerts[1].action`: has to be one of information"),
        (Entries, json!([{ "action": 1 }]), "`alerts[0].action`: has to be one of"),
        (Entries, json!([{ "Sensor Type": 7 }]), "`alerts[0][\"Sensor Type\"]`: needs a text"),
        (Entries, json!([{ "x": { "greaterThen": 1 } }]), "did you mean `greaterThan`?"),
        (Entries, json!([{ "x": {} }]), "`alerts[0].x`: has no validation rule"),
        (Entries, json!([{ "x": "/(/" }]), "`alerts[0].x`: no regular expression: unclosed group"),
        (Values, json!(true), "`alerts`: SNMP rules are a list of objects keyed by oid, not true or false"),
        (Values, json!(["x"]), "`alerts[0]`: an SNMP rule is an object keyed by oid, not a text"),
        (Values, json!([{ ".1": 7 }]), "`alerts[0][\".1\"]`: needs a text"),
        (Values, json!([{ ".1": { "severity": "bad" } }]), "`alerts[0][\".1\"].severity`: has to be one of"),
        (Values, json!([{ ".1": { "desc": 1, "min": 1 } }]), "`alerts[0][\".1\"].desc`: has to be a text"),
        (
            Values,
            json!([{ ".1": { "minn": 1 } }]),
            "`alerts[0][\".1\"].minn`: there is no such validation rule",
        ),
        (Values, json!([{ ".1": { "min": 1, "for": 0 } }]), "needs 1 to 10000 polls, or a length of time"),
        (Values, json!([{ ".1": { "min": 1, "for": "60d" } }]), "up to 30 days"),
        (Values, json!([{ ".1": { "min": 1, "hysteresis": -1 } }]), "a number that is not negative"),
        (Values, json!([{ ".1": { "equals": 1, "hysteresis": 1 } }]), "needs greaterThan, lessThan"),
        (Values, json!([{ "": "x" }]), "an oid or key has 1 to 1024 bytes"),
        (Values, json!([{ "/(/": "x" }]), "no regular expression"),
        (Values, json!({ ".1": {} }), "`alerts[\".1\"]`: has no validation rule"),
    ] {
        let faults = read(kind, &rules, Budget::of_command()).unwrap_err();
        assert!(faults.iter().any(|told| told.contains(fault)), "{rules}: {faults:?}");
    }
}

#[test]
fn good_rules_are_read() {
    use RuleKind::{Entries, Values};
    for (kind, rules, count) in [
        (Entries, json!(null), 0),
        (Entries, json!([]), 0),
        (Entries, json!([{ "Event Type Code": "01", "action": "critical" }]), 1),
        (Entries, json!([{ "value": { "greaterThan": 40 }, "action": "ignore" }, {}]), 2),
        (Values, json!([{ ".1": "x", "/2$/": "/y/" }, { "3": { "min": 1, "for": "30s", "desc": "d" } }]), 3),
        (Values, json!({ ".1": "x" }), 1),
        (Values, json!([{ ".1": { "severity": "ignore" } }]), 1),
    ] {
        assert_eq!(read(kind, &rules, Budget::of_command()).unwrap().len(), count, "{rules}");
    }
}

#[test]
fn hostile_rules_are_refused_soon() {
    let mut deep = json!("x");
    for _ in 0..100 {
        deep = json!({ "greaterThan": deep });
    }
    let large = "(a{1,100}){1,100}";
    let start = Instant::now();
    for (kind, rules, fault) in [
        (RuleKind::Entries, json!([{ "x": deep }]), "needs a number, not an object"),
        (RuleKind::Values, json!([{ "x": deep }]), "needs a number, not an object"),
        (RuleKind::Entries, json!(vec![json!({ "a": "b" }); 2_001]), "more than 2000 rules"),
        (
            RuleKind::Entries,
            json!([{ "a": format!("/{large}{large}{large}/") }]),
            "compiled it would be larger",
        ),
        (
            RuleKind::Entries,
            Value::Array((0..300).map(|n| json!({ "a": format!("/x{n}(ab){{1,200}}/") })).collect()),
            "more than 256 regular expressions",
        ),
        (RuleKind::Entries, json!(vec![json!(7); 100_000]), "`alerts[31]`"),
        (RuleKind::Values, json!(vec![json!({ "x": "/(/" }); 5_000]), "no regular expression"),
    ] {
        let faults = read(kind, &rules, Budget::of_command()).unwrap_err();
        assert!(faults.len() <= MOST_FAULTS, "{}", faults.len());
        assert!(faults.iter().any(|told| told.contains(fault)), "{fault}: {faults:?}");
        assert!(faults.iter().all(|told| told.len() < 600), "{faults:?}");
    }
    // A guard against exponential time, not a measurement.
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}
