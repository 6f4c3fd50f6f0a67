//! Metrics of recorded devices against `tests/golden/metrics`, where the recordings are there; how the expected values were
//! worked out is told in the README beside them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rackpoll_model::{MetricRequest, Oid, OidWalk, Value as SnmpValue, VarBind};
use rackpoll_snmp::metric::{Answers, Manner, Memory, questions, reading};
use serde_json::Value;

use super::metric_value;

fn recordings() -> Option<PathBuf> {
    let peers = std::env::var_os("RACKPOLL_PEERS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/peers"), PathBuf::from);
    let folder = peers.join("snmp/recordings");
    folder.is_dir().then_some(folder)
}

/// A recording as snmpsim has it: oid, tag and value a line.
fn read(path: &Path) -> BTreeMap<Oid, SnmpValue> {
    let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    text.lines().filter_map(object).collect()
}

fn object(line: &str) -> Option<(Oid, SnmpValue)> {
    let mut parts = line.splitn(3, '|');
    let (oid, tag, value) = (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
    let octets = |digits: &str| -> Option<Box<[u8]>> {
        (0..digits.len() / 2)
            .map(|place| u8::from_str_radix(digits.get(place * 2..place * 2 + 2)?, 16).ok())
            .collect()
    };
    let value = match tag {
        "2" => SnmpValue::Integer(value.parse().ok()?),
        "4" => SnmpValue::OctetString(value.as_bytes().into()),
        "4x" => SnmpValue::OctetString(octets(value)?),
        "6" => SnmpValue::ObjectId(value.parse().ok()?),
        "64" => SnmpValue::IpAddress(value.parse().ok()?),
        "65" => SnmpValue::Counter32(value.parse().ok()?),
        "66" => SnmpValue::Gauge32(value.parse().ok()?),
        "67" => SnmpValue::TimeTicks(value.parse().ok()?),
        "70" => SnmpValue::Counter64(value.parse().ok()?),
        _ => return None,
    };
    Some((oid, value))
}

fn walk(tree: &BTreeMap<Oid, SnmpValue>, root: &Oid) -> OidWalk {
    let below = tree.range(root.clone()..).take_while(|(oid, _)| oid.is_within(root));
    let varbinds = below.map(|(oid, value)| VarBind { oid: oid.clone(), value: value.clone() }).collect();
    OidWalk { source: root.to_string(), root: root.clone(), varbinds, error: None }
}

fn poll(tree: &BTreeMap<Oid, SnmpValue>, request: &MetricRequest, memory: &mut Memory, at: Instant) -> Value {
    let mut answers = Answers::default();
    loop {
        let questions = questions(request, &answers).unwrap();
        if questions.roots.is_empty() {
            break;
        }
        assert_ne!(questions.manner, Manner::Instances);
        answers.put(questions.roots.iter().map(|root| walk(tree, root)).collect(), at);
    }
    let reading = reading(request, &answers, memory).unwrap();
    assert_eq!(reading.errors, []);
    metric_value(&reading.result)
}

fn add(tree: &mut BTreeMap<Oid, SnmpValue>, oid: &str, more: i64) {
    let value = tree.get_mut(&oid.parse::<Oid>().unwrap()).unwrap_or_else(|| panic!("{oid} is not recorded"));
    *value = match *value {
        SnmpValue::Counter32(number) => SnmpValue::Counter32(number.wrapping_add(more as u32)),
        SnmpValue::Counter64(number) => SnmpValue::Counter64(number.wrapping_add_signed(more)),
        SnmpValue::TimeTicks(number) => SnmpValue::TimeTicks(number.wrapping_add(more as u32)),
        ref other => panic!("{oid} is {other:?}"),
    };
}

/// Everything that is expected is there; lists are as long as expected.
fn compare(at: &str, expected: &Value, got: &Value, wrong: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (key, expected) in expected {
                match got.get(key) {
                    Some(got) => compare(&format!("{at}/{key}"), expected, got, wrong),
                    None => wrong.push(format!("{at}/{key} is missing")),
                }
            }
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{at}/{index}"), expected, got, wrong);
            }
        }
        // A double is not read back to its last digit.
        (Value::Number(expected), Value::Number(got)) if is_near(expected.as_f64(), got.as_f64()) => {}
        (expected, got) if expected == got => {}
        (expected, got) => wrong.push(format!("{at} is {got}, expected {expected}")),
    }
}

fn is_near(expected: Option<f64>, got: Option<f64>) -> bool {
    expected.zip(got).is_some_and(|(expected, got)| (expected - got).abs() <= expected.abs() * 1e-12)
}

fn check(name: &str, expected: &Value, got: &Value, wrong: &mut Vec<String>) {
    let rows = got.as_object().map(serde_json::Map::len);
    if expected["rows"].as_u64() != rows.map(|rows| rows as u64) {
        wrong.push(format!("{name} has {rows:?} rows, expected {}", expected["rows"]));
    }
    compare(name, &expected["result"], got, wrong);
}

#[test]
fn metrics_of_recorded_devices_are_what_was_worked_out_by_hand() {
    // Without the recordings the metrics have their own tests in rackpoll-snmp.
    let Some(recordings) = recordings() else { return };
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/metrics");
    let mut files: Vec<PathBuf> = fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(files.len() >= 18, "{}", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let expected: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let recording = expected["recording"].as_str().unwrap();
        let mut tree = read(&recordings.join(format!("{recording}.snmprec")));
        let metric: rackpoll_model::Metric = expected["metric"].as_str().unwrap().parse().unwrap();
        let (request, mut memory, mut at) = (metric.into(), Memory::default(), Instant::now());
        check(&name, &expected, &poll(&tree, &request, &mut memory, at), &mut wrong);
        for next in expected["polls"].as_array().into_iter().flatten() {
            at += Duration::from_secs(next["after"].as_u64().unwrap());
            for (oid, more) in next["add"].as_object().unwrap() {
                add(&mut tree, oid, more.as_i64().unwrap());
            }
            check(&name, next, &poll(&tree, &request, &mut memory, at), &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whatever a real device has, no metric fails on it.
#[test]
fn every_metric_reads_every_recording() {
    let Some(recordings) = recordings() else { return };
    for file in fs::read_dir(recordings).unwrap() {
        let tree = read(&file.unwrap().path());
        assert!(!tree.is_empty());
        for metric in rackpoll_model::Metric::ALL {
            let request = metric.into();
            if metric != rackpoll_model::Metric::SwitchSensorStatus {
                poll(&tree, &request, &mut Memory::default(), Instant::now());
            }
        }
    }
}
