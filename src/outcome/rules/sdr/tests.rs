use serde_json::json;

use super::*;
use crate::outcome::rules::{Budget, Calm, Compiler, RuleKind, Stage, episode::Conditions};

fn threshold(name: &str, status: &str) -> Value {
    json!({ "sensorId": name, "entityId": "7.1", "sdrType": "Threshold", "sensorType": "Temperature",
            "sensorReading": "149", "status": status, "statesAsserted": [] })
}

fn discrete(name: &str, states: &[&str]) -> Value {
    json!({ "sensorId": name, "entityId": "10.2", "sdrType": "Discrete", "sensorType": "Power Supply",
            "sensorReading": "0h", "statesAsserted": states })
}

fn rules(written: &Value) -> Rules {
    let mut compiler = Compiler::default();
    Rules::read(RuleKind::Entries, written, "alerts", &mut compiler, Budget::of_configuration()).unwrap()
}

/// What each poll tells: sensor, state, whether it is in condition, the episode's stage, the severity.
fn play(written: &Value, polls: &[Value]) -> Vec<Vec<String>> {
    let rules = rules(written);
    let (host, user) = (json!("10.0.0.1"), json!("admin"));
    let mut conditions = Conditions::default();
    polls
        .iter()
        .enumerate()
        .map(|(number, sensors)| {
            let id = |key: &str| format!("{key}:{number}");
            let calm = Calm::default();
            let round = Round::new(&mut conditions, &calm, 0, false, &id);
            let device = Device { host: &host, user: &user };
            watch(sensors, std::iter::once(&rules), device, round)
                .into_iter()
                .map(|alert| {
                    let reading = &alert.data["reading"];
                    assert_eq!((&alert.data["host"], &alert.data["user"]), (&host, &user));
                    let stage = alert.episode.state;
                    assert_eq!(alert.data["inCondition"] == true, stage != Stage::Clear);
                    format!(
                        "{} {} {} {}",
                        reading["sensorId"].as_str().unwrap(),
                        reading.get("stateAsserted").and_then(Value::as_str).unwrap_or("-"),
                        stage.as_str(),
                        alert.severity
                    )
                })
                .collect()
        })
        .collect()
}

#[test]
fn a_threshold_sensor_is_told_while_it_lasts_and_when_it_clears() {
    let told = play(
        &json!([]),
        &[
            json!([threshold("T (0x1)", "ok"), threshold("U (0x2)", "Upper Critical")]),
            json!([threshold("T (0x1)", "Lower Non-Critical"), threshold("U (0x2)", "Upper Critical")]),
            json!([threshold("T (0x1)", "ok"), threshold("U (0x2)", "ok")]),
            json!([threshold("T (0x1)", "ok"), threshold("U (0x2)", "ok")]),
        ],
    );
    let expected: [&[&str]; 4] = [
        &["U (0x2) - open information"],
        &["T (0x1) - open information", "U (0x2) - repeat information"],
        &["T (0x1) - clear information", "U (0x2) - clear information"],
        &[],
    ];
    assert_eq!(told, expected);
}

#[test]
fn statuses_that_are_no_condition() {
    for status in UNREADABLE.into_iter().chain(["", "ok"]) {
        let told = play(&json!([]), &[json!([threshold("T (0x1)", status)])]);
        assert_eq!(told, [[""; 0]], "{status}");
    }
    assert_eq!(play(&json!([]), &[json!([threshold("T (0x1)", "OK")])])[0].len(), 1, "words are exact");
}

#[test]
fn a_sensor_that_cannot_be_read_neither_raises_nor_clears() {
    let unread = |name: &str, reading: &str, states: &[&str]| {
        let mut sensor = discrete(name, states);
        sensor["sensorReading"] = reading.into();
        sensor
    };
    for word in UNREADABLE {
        let told = play(
            &json!([]),
            &[
                json!([threshold("T (0x1)", "Upper Critical"), discrete("P (0x3)", &["Failure detected"])]),
                json!([threshold("T (0x1)", word), unread("P (0x3)", word, &[])]),
                // States that are reported beside a reading that is none are as little known.
                json!([threshold("T (0x1)", word), unread("P (0x3)", word, &["Predictive failure"])]),
                json!([threshold("T (0x1)", "Upper Critical"), discrete("P (0x3)", &["Failure detected"])]),
                json!([threshold("T (0x1)", "ok"), discrete("P (0x3)", &[])]),
            ],
        );
        let expected: [&[&str]; 5] = [
            &["T (0x1) - open information", "P (0x3) Failure detected open information"],
            &[],
            &[],
            &["T (0x1) - repeat information", "P (0x3) Failure detected repeat information"],
            &["T (0x1) - clear information", "P (0x3) Failure detected clear information"],
        ];
        assert_eq!(told, expected, "{word}");
    }
}

#[test]
fn a_name_that_begins_another_ones_does_not_stand_for_it() {
    let told = play(
        &json!([]),
        &[
            json!([threshold("T", "Upper Critical"), threshold("Tx", "Upper Critical")]),
            json!([threshold("T", "No Reading")]),
        ],
    );
    assert_eq!(told[1], ["Tx - clear information"]);
}

#[test]
fn a_discrete_sensor_is_told_state_by_state() {
    let told = play(
        &json!([]),
        &[
            json!([discrete("P (0x3)", &["Presence detected"])]),
            json!([discrete("P (0x3)", &["Presence detected", "Failure detected"])]),
            json!([discrete("P (0x3)", &["Failure detected"])]),
            json!([discrete("P (0x3)", &[])]),
            json!([discrete("P (0x3)", &[])]),
        ],
    );
    let expected: [&[&str]; 5] = [
        &["P (0x3) Presence detected open information"],
        &["P (0x3) Presence detected repeat information", "P (0x3) Failure detected open information"],
        &["P (0x3) Failure detected repeat information", "P (0x3) Presence detected clear information"],
        &["P (0x3) Failure detected clear information"],
        &[],
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_sensor_that_is_gone_is_cleared_and_names_that_look_alike_are_two() {
    let told = play(
        &json!([]),
        &[
            json!([threshold("Fan_1 (0x1)", "Upper Critical"), threshold("Fan.1 (0x1)", "ok")]),
            json!([threshold("Fan_1 (0x1)", "Upper Critical"), threshold("Fan.1 (0x1)", "Upper Critical")]),
            json!([threshold("Fan.1 (0x1)", "Upper Critical")]),
        ],
    );
    let expected: [&[&str]; 3] = [
        &["Fan_1 (0x1) - open information"],
        &["Fan_1 (0x1) - repeat information", "Fan.1 (0x1) - open information"],
        &["Fan.1 (0x1) - repeat information", "Fan_1 (0x1) - clear information"],
    ];
    assert_eq!(told, expected);
}

#[test]
fn rules_say_how_bad_it_is_or_that_it_is_nothing() {
    let written = json!([
        { "status": "/Critical/", "action": "critical" },
        { "sensorId": "/^Aux/", "action": "ignore" },
        { "statesAsserted": "Presence detected", "action": "ignore" },
        { "statesAsserted": "/Failure/", "action": "warning" },
    ]);
    let told = play(
        &written,
        &[json!([
            threshold("T (0x1)", "Upper Critical"),
            threshold("U (0x2)", "Upper Non-Recoverable"),
            threshold("Aux (0x3)", "Upper Critical"),
            discrete("P (0x4)", &["Presence detected"]),
            discrete("Q (0x5)", &["Failure detected"]),
        ])],
    );
    let expected =
        ["T (0x1) - open critical", "U (0x2) - open information", "Q (0x5) Failure detected open warning"];
    assert_eq!(told, [expected]);
}

#[test]
fn nonsense_makes_no_alert() {
    for sensors in
        [json!(null), json!("x"), json!([1, null, {}]), json!([{ "sdrType": "Threshold", "status": 7 }])]
    {
        assert_eq!(play(&json!([]), &[sensors]), [[""; 0]]);
    }
}

#[test]
fn sensors_that_say_the_same_of_themselves_are_two() {
    let told = play(
        &json!([]),
        &[
            json!([threshold("T (0x1)", "ok"), threshold("T (0x1)", "Upper Critical")]),
            json!([threshold("T (0x1)", "ok"), threshold("T (0x1)", "Upper Critical")]),
            json!([threshold("T (0x1)", "Upper Critical"), threshold("T (0x1)", "ok")]),
        ],
    );
    let expected: [&[&str]; 3] = [
        &["T (0x1) - open information"],
        &["T (0x1) - repeat information"],
        &["T (0x1) - open information", "T (0x1) - clear information"],
    ];
    assert_eq!(told, expected);
}
