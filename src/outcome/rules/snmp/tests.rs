use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::outcome::rules::{Budget, Calm, Compiler, Elsewhere, RuleKind, Rules, Seen, episode::Conditions};

/// What each poll tells: stage, severity, oid, value, and what it matched.
fn play_with(written: &Value, tell_cleared: bool, asked: Asked<'_>, polls: &[Value]) -> Vec<Vec<String>> {
    let mut compiler = Compiler::default();
    let budget = Budget::of_configuration();
    let rules = Rules::read(RuleKind::Values, written, "alerts", &mut compiler, budget).unwrap();
    let calm = Arc::new(Calm { tell_value_cleared: tell_cleared, ..Calm::default() });
    let rules = Watch { rules: vec![Arc::new(rules)], calm, ..Watch::default() };
    play_watch(&rules, asked, polls)
}

fn play_watch(rules: &Watch, asked: Asked<'_>, polls: &[Value]) -> Vec<Vec<String>> {
    let host = json!("10.0.0.1");
    let mut conditions = Conditions::default();
    polls
        .iter()
        .enumerate()
        .map(|(number, result)| {
            let id = |key: &str| format!("{key}:{number}");
            let round = Round::new(&mut conditions, &rules.calm, 0, false, &id);
            let device = Device { host: &host, user: &Value::Null };
            watch(result, asked, rules, device, round)
                .into_iter()
                .map(|alert| {
                    assert_eq!(alert.data["host"], host);
                    let data = &alert.data;
                    let matched = data.get("matched").cloned().unwrap_or_default();
                    format!(
                        "{} {} {} {} {matched}",
                        alert.episode.state.as_str(),
                        alert.severity,
                        data["oid"].as_str().unwrap(),
                        data["value"]
                    )
                })
                .collect()
        })
        .collect()
}

fn play(written: &Value, polls: &[Value]) -> Vec<Vec<String>> {
    play_with(written, false, Asked::Oids, polls)
}

fn walk(values: Value) -> Value {
    json!([{ "source": "1.3.6", "values": values }])
}

#[test]
fn a_value_is_told_when_it_is_new_or_has_changed_and_matches() {
    let rules = json!([{ ".1.3.6.1": "/lab/", "1.3.6.2": { "greaterThan": 90, "severity": "critical" } }]);
    let told = play(
        &rules,
        &[
            walk(json!({ ".1.3.6.1": "labbox", ".1.3.6.2": "95", ".1.3.6.3": "lab" })),
            walk(json!({ ".1.3.6.1": "labbox", ".1.3.6.2": "96" })),
            walk(json!({ ".1.3.6.1": "office", ".1.3.6.2": "96" })),
            walk(json!({ ".1.3.6.1": "labbox", ".1.3.6.2": "90" })),
            walk(json!({ ".1.3.6.1": "labtop", ".1.3.6.2": "none" })),
        ],
    );
    let matched = r#"{"greaterThan":90}"#;
    let expected: [&[String]; 5] = [
        &[
            r#"open information .1.3.6.1 "labbox" "/lab/""#.to_owned(),
            format!(r#"open critical .1.3.6.2 "95" {matched}"#),
        ],
        &[format!(r#"repeat critical .1.3.6.2 "96" {matched}"#)],
        &[],
        &[r#"open information .1.3.6.1 "labbox" "/lab/""#.to_owned()],
        &[r#"repeat information .1.3.6.1 "labtop" "/lab/""#.to_owned()],
    ];
    assert_eq!(told, expected);
}

#[test]
fn expressions_find_oids_and_ignore_silences_all_rules() {
    let rules = json!([
        { r"/^\.1\.3\.6\.\d+$/": { "truthy": true, "severity": "warning" } },
        { "/6.2$/": { "severity": "ignore" } },
        { ".1.3.6.3": { "in": ["no", "none"], "severity": "ignore" } },
    ]);
    let told = play(
        &rules,
        &[walk(json!({ ".1.3.6.1": "x", ".1.3.6.2": "x", ".1.3.6.3": "none", ".1.3.6.4.5": "x" }))],
    );
    assert_eq!(told, [[r#"open warning .1.3.6.1 "x" {"truthy":true}"#]]);
}

#[test]
fn several_rules_that_match_are_several_alerts() {
    let rules = json!([{ "7": { "min": 1 } }, { "7": { "min": 2, "severity": "warning" } }, { "7": "3" }]);
    let told = play(&rules, &[walk(json!({ ".7": "3" })), walk(json!({ ".7": "1" }))]);
    assert_eq!(told[0].len(), 3);
    assert_eq!(told[1], [r#"repeat information .7 "1" {"min":1}"#]);
}

#[test]
fn hysteresis_holds_a_condition_open() {
    let rules = json!([{ "7": { "greaterThan": 90, "hysteresis": 5 } }]);
    let polls = ["89", "91", "87", "85", "87", "91"].map(|value| walk(json!({ ".7": value })));
    let told: Vec<usize> = play(&rules, &polls).iter().map(Vec::len).collect();
    assert_eq!(told, [0, 1, 1, 0, 0, 1]);
}

#[test]
fn metrics_are_flattened_to_dotted_keys() {
    let rules =
        json!({ "Ethernet1.InErrors": { "greaterThan": 0, "desc": "errors" }, "/linkError$/": "true" });
    let result = |errors: u32, link: bool| json!({ "Ethernet1": { "InErrors": errors, "linkError": link, "x": null } });
    let told = play_with(
        &rules,
        true,
        Asked::Metric("m"),
        &[result(0, false), result(3, true), result(3, true), result(0, true), json!({})],
    );
    let errors = r#"{"greaterThan":0}"#;
    let expected: [&[String]; 5] = [
        &[],
        &[
            format!("open information Ethernet1.InErrors 3 {errors}"),
            r#"open information Ethernet1.linkError true "true""#.to_owned(),
        ],
        &[],
        &[format!("clear information Ethernet1.InErrors 0 {errors}")],
        &["clear information Ethernet1.linkError null null".to_owned()],
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_walk_that_broke_off_clears_nothing() {
    let rules = json!([{ "/./": { "severity": "warning" } }]);
    let broken = json!([{ "source": "1.3.6", "values": {}, "error": { "name": "TimeoutError" } }]);
    let good = walk(json!({ ".1.3.6.1": "x" }));
    let told = play_with(&rules, true, Asked::Oids, &[good.clone(), broken, good, json!([])]);
    let counts: Vec<usize> = told.iter().map(Vec::len).collect();
    assert_eq!(counts, [1, 0, 0, 1]);
}

#[test]
fn nonsense_makes_no_alert() {
    let rules = json!([{ "/./": { "severity": "warning" } }]);
    for result in [json!(null), json!(7), json!([7, null, { "values": 7 }])] {
        assert_eq!(play(&rules, &[result]), [[""; 0]]);
    }
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!({ "x": deep });
    }
    assert_eq!(play_with(&rules, false, Asked::Metric("m"), &[deep]), [[""; 0]]);
}

#[test]
fn long_values_are_told_apart_without_being_kept() {
    let (one, two) = ("é".repeat(10_000), format!("{}x", "é".repeat(9_999)));
    let (one, two) = (remembered(&json!(one)), remembered(&json!(two)));
    assert!(one.len() < 400 && one != two);
    assert_eq!(remembered(&json!("short")), "short");
}

fn list(written: &Value) -> Arc<Rules> {
    let mut compiler = Compiler::default();
    Arc::new(
        Rules::read(RuleKind::Values, written, "alerts", &mut compiler, Budget::of_configuration()).unwrap(),
    )
}

#[test]
fn the_same_rule_of_a_device_stands_in_for_that_of_its_tag() {
    let of_tag = list(&json!([{ ".7": { "min": 2, "severity": "warning" } }, { ".7": { "min": 1 } }]));
    let of_device = list(&json!([{ ".7": { "min": 2, "severity": "critical" } }]));
    let rules = Watch { rules: vec![of_tag, of_device], ..Watch::default() };
    let polls = ["3", "4", "1"].map(|value| walk(json!({ ".7": value })));
    let told = play_watch(&rules, Asked::Oids, &polls);
    let expected: [&[&str]; 3] = [
        &[r#"open information .7 "3" {"min":1}"#, r#"open critical .7 "3" {"min":2}"#],
        &[r#"repeat information .7 "4" {"min":1}"#, r#"repeat critical .7 "4" {"min":2}"#],
        &[r#"repeat information .7 "1" {"min":1}"#],
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_a_schedule_tells_of_a_device_is_not_told_by_a_command_too() {
    let of_device = list(&json!([{ "/./": { "min": 1 } }, { ".8": { "severity": "ignore" } }]));
    let of_command = list(&json!([{ "/./": { "min": 2, "severity": "critical" } }]));
    let elsewhere =
        Elsewhere { lists: 1, seen: vec![Seen::Below("7".to_owned()), Seen::One("8".to_owned())] };
    let rules = Watch { rules: vec![of_device, of_command], elsewhere, ..Watch::default() };
    let result = walk(json!({ ".7.1": "1", ".7.2": "2", ".8": "2", ".9": "1" }));
    let told = play_watch(&rules, Asked::Oids, &[result]);
    // What is ignored is ignored, whoever looks.
    let expected = [r#"open critical .7.2 "2" {"min":2}"#, r#"open information .9 "1" {"min":1}"#];
    assert_eq!(told, [expected]);
}

#[test]
fn a_walk_that_broke_off_says_something_of_its_neighbours() {
    let rules = json!([{ "/./": { "severity": "warning" } }]);
    let good = walk(json!({ ".1.3.6.10": "x", ".1.3.6.1.1": "x" }));
    let broken = json!([{ "source": "1.3.6.1", "values": {}, "error": { "name": "TimeoutError" } }]);
    let told = play_with(&rules, true, Asked::Oids, &[good, broken]);
    assert_eq!(told[1], ["clear warning .1.3.6.10 null null"]);
}

#[test]
fn a_flood_of_values_opens_a_bounded_number_of_episodes() {
    let rules = json!([{ "/./": { "severity": "warning" } }]);
    let values: Map<String, Value> = (0..12_000).map(|number| (format!(".1.{number}"), json!("x"))).collect();
    let flood = walk(Value::Object(values));
    let told = play_with(&rules, true, Asked::Oids, &[flood.clone(), flood, walk(json!({}))]);
    let counts: Vec<usize> = told.iter().map(Vec::len).collect();
    assert_eq!(counts, [10_000, 0, 10_000]);
}

#[test]
fn a_value_that_two_walks_say_is_looked_at_once_a_poll() {
    let rules = json!([{ ".1.3.6.1": { "min": 5, "for": 3 } }]);
    let both = |one: &str, two: &str| json!([{ "source": "1.3.6", "values": { ".1.3.6.1": one } }, { "source": "1.3", "values": { ".1.3.6.1": two } }]);
    let polls = [both("5", "6"), both("5", "6"), both("5", "6"), both("5", "4")];
    let counts: Vec<usize> = play_with(&rules, true, Asked::Oids, &polls).iter().map(Vec::len).collect();
    assert_eq!(counts, [0, 0, 1, 0]);
}
