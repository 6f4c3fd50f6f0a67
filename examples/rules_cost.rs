//! What looking for alerts costs: 10,000 rules over 10,000 devices, in CPU time per 1,000 polls.
//!
//! `cargo run --release --example rules_cost`. Compare with the CPU time that a poll takes in the whole agent
//! (`make bench`): the rules are to cost less than a tenth of it.

use std::{
    io::{self, Write},
    sync::Arc,
};

use rackpoll::outcome::rules::{Budget, Compiler, Replay, RuleKind, Rules, Watch};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

const RULES: usize = 10_000;
const DEVICES: usize = 10_000;
/// Polls that are timed of each kind.
const POLLS: usize = 2_000;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for (name, kind, rules, result) in [
        (
            "sdr, 105 sensors, 50 states asserted",
            RuleKind::Entries,
            entry_rules("sensorId", "statesAsserted"),
            sdr(),
        ),
        ("selEntries, 3 new", RuleKind::Entries, entry_rules("Sensor Number", "Description"), sel()),
        ("snmp walk, 1,968 values", RuleKind::Values, value_rules(), walk()),
    ] {
        let begun = cpu_seconds();
        let mut compiler = Compiler::default();
        let rules = Rules::read(kind, &rules, "alerts", &mut compiler, Budget::of_configuration())
            .map_err(|faults| io::Error::other(format!("{faults:?}")))?;
        let read = cpu_seconds() - begun;
        let watch = Watch { rules: vec![Arc::new(rules)], ..Watch::default() };
        let mut replay = Replay::default();
        let mut told = 0;
        let mut play = |device: usize| {
            told += replay.result(&format!("p@{}", device % DEVICES), &result, &watch, 0).len();
        };
        // The first looks fill what is remembered of keys.
        (0..100).for_each(&mut play);
        let begun = cpu_seconds();
        (100..100 + POLLS).for_each(&mut play);
        #[expect(clippy::cast_precision_loss, reason = "a few thousand polls")]
        let per_thousand = (cpu_seconds() - begun) * 1_000.0 / POLLS as f64;
        writeln!(
            out,
            "{name}: {per_thousand:.4} CPU s per 1,000 polls; {RULES} rules read in {read:.2} s; {told} alerts"
        )?;
    }
    Ok(())
}

/// Nine in ten need a text, one in ten is an expression, as people write them.
fn entry_rules(text_key: &str, expression_key: &str) -> Value {
    let rule = |number: usize| match number % 10 {
        0 => json!({ expression_key: format!("/^state {number} of/"), "action": "warning" }),
        _ => json!({ text_key: format!("Sensor {number} (0x1)"), "action": "critical" }),
    };
    (0..RULES).map(rule).collect()
}

fn value_rules() -> Value {
    let rule = |number: usize| match number % 10 {
        0 => {
            json!({ format!("/^\\.1\\.3\\.6\\.1\\.2\\.1\\.2\\.2\\.1\\.{number}\\./"): { "greaterThan": 5 } })
        }
        _ => {
            json!({ format!(".1.3.6.1.2.1.2.2.1.10.{number}"): { "greaterThan": 1_000_000, "severity": "critical" } })
        }
    };
    (0..RULES).map(rule).collect()
}

fn sdr() -> Map<String, Value> {
    let sensor = |number: usize| {
        let (kind, states) =
            if number < 50 { ("Discrete", json!(["Presence detected"])) } else { ("Threshold", json!([])) };
        let status = if number == 104 { "Upper Critical" } else { "ok" };
        json!({ "sensorId": format!("Sensor {number} (0x1)"), "entityId": format!("7.{number}"), "sdrType": kind,
                "statesAsserted": states, "status": status, "sensorReading": "42", "sensorReadingUnits": "degrees C" })
    };
    object(json!({ "host": "h", "sdr": (0..105).map(sensor).collect::<Value>() }))
}

fn sel() -> Map<String, Value> {
    let entry =
        json!({ "SEL Record ID": "0001", "Sensor Number": "30", "Description": "Upper Critical going high" });
    object(json!({ "host": "h", "selEntries": [entry, entry, entry] }))
}

fn walk() -> Map<String, Value> {
    let values: Map<String, Value> = (0..1_968)
        .map(|number| (format!(".1.3.6.1.2.1.2.2.1.{}.{}", number / 48, number % 48), "42".into()))
        .collect();
    object(
        json!({ "host": "h", "result": [{ "source": ".1.3.6.1.2.1.2.2", "values": values }], "config": {} }),
    )
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a second")]
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
