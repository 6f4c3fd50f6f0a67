//! Every message that the agent publishes, byte for byte but for the indentation, in `tests/golden`. After a change that
//! is meant, `RACKPOLL_BLESS=1 cargo test golden` writes them anew; the difference belongs into the review.

mod parts;
mod sensors;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rackpoll_model::{
    ChassisStatus, EventSensor, Fault, FaultKind, Notification, Oid, OidWalk, Reading, SecurityLevel,
    SelAllocation, SelInformation, SelLog, SelTime, SnmpVersion, Uid, Unit, Value as Snmp, VarBind,
    event::UnitType,
};
use serde_json::{Value, json};

use super::*;
use crate::{
    device::testing,
    job::{Outcome, Priority, ReplyTo, Topic},
    outcome::rules::{self, Device, sel_log},
    publish::{Exchange, Message},
};

const ACCOUNTING: Accounting<'static> = Accounting { agent: "agent-1", sequence: 7 };

/// Name of the file, and what it holds.
type Case = (&'static str, Vec<Message>);

fn outcome(word: &str, reading: Result<Reading, Fault>) -> Outcome {
    let second = |second: u64| {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_466_969_000 + second * 1_000 + 758)
    };
    let mut subject = testing::job("5858c89bca4349fa0409ba8d", Priority::Command).subject;
    subject.topic = Topic::Ipmi(word.into());
    subject.node = Some("5858c7f7f6f0ce7d08a7298b".into());
    subject.graph_id = "0d3a2c5e-9d57-4d0f-8b52-c0a7a3d0f0a1".into();
    subject.scheduled_at = second(0);
    subject.skipped = 2;
    let value = json!({
        "host": "192.0.2.7",
        "user": "admin",
        "node": "5858c7f7f6f0ce7d08a7298b",
        "workItemId": "5858c89bca4349fa0409ba8d",
    });
    subject.value = value.as_object().cloned().unwrap_or_default();
    Outcome {
        subject,
        target: None,
        peer: None,
        started_at: second(1),
        finished_at: second(3),
        attempts: 1,
        reading: reading.map(Arc::new),
    }
}

fn good(word: &str, reading: Reading) -> Vec<Message> {
    let outcome = outcome(word, Ok(reading));
    let said = reading_value(outcome.reading.as_ref().unwrap(), None);
    result(&Good::new(&outcome, &said, ACCOUNTING))
}

fn caller() -> ReplyTo {
    ReplyTo { address: "caller.queue".into(), correlation: Some(b"c-1".to_vec()) }
}

fn chassis() -> ChassisStatus {
    ChassisStatus {
        power: true,
        uid: Uid::TemporaryOn,
        power_overload: false,
        interlock: false,
        power_fault: true,
        power_control_fault: false,
        drive_fault: false,
        cooling_fault: true,
        intrusion: false,
        front_panel_lockout: false,
    }
}

fn information() -> SelInformation {
    SelInformation {
        version: 0x51,
        entries: 120,
        free_space: 14_080,
        last_addition: SelTime(0x69fd_4a63),
        last_erase: SelTime(1_499),
        operations: 0x8b,
        allocation: Some(SelAllocation {
            units: 1_000,
            unit_size: 16,
            free_units: 880,
            largest_free_block: 880,
            largest_record: 1,
        }),
    }
}

/// Records of all types: a threshold crossed and left, a text that event data 2 makes precise, a manufacturer's text, no
/// clock, a sensor without number, the manufacturer's records.
fn log() -> SelLog {
    let records: [[u8; 16]; 8] = [
        [1, 0, 2, 0xb6, 0x26, 0x5b, 0x69, 0x20, 0, 4, 0x04, 0x31, 0x01, 0x52, 0x00, 0x09],
        [2, 0, 2, 0xc6, 0x26, 0x5b, 0x69, 0x20, 0, 4, 0x04, 0x31, 0x81, 0x52, 0x1e, 0x09],
        [3, 0, 2, 0xd6, 0x26, 0x5b, 0x69, 0x20, 0, 4, 0x2b, 0x10, 0x6f, 0xc1, 0x01, 0xff],
        [4, 0, 2, 0xe6, 0x26, 0x5b, 0x69, 0x20, 0, 4, 0x0c, 0x14, 0x6f, 0xa0, 0x01, 0x20],
        [5, 0, 2, 0x05, 0x00, 0x00, 0x00, 0x20, 0, 4, 0x10, 0x01, 0x6f, 0x02, 0xff, 0xff],
        [6, 0, 2, 0xf6, 0x26, 0x5b, 0x69, 0x41, 0x10, 4, 0x1f, 0x00, 0x6f, 0x01, 0xff, 0xff],
        [0x1a, 0, 0xc1, 0xf9, 0x26, 0x5b, 0x69, 0xa2, 0x02, 0, b'A', b'z', 0x10, b'9', 0xff, b'@'],
        [0x1b, 0, 0xe3, 0xe7, 0xc2, 0x84, 0x82, 0x29, 0x78, 0x7a, 0x5f, 0xa5, 0xbb, 0xf8, 0x10, 0xe3],
    ];
    SelLog {
        information: information(),
        manufacturer: Some(674),
        entries: records.into_iter().map(rackpoll_ipmi::sel::decode).collect(),
        from_start: true,
        to_end: true,
    }
}

/// Its first entries with what records of their sensors make of them: a fan's, and a sensor without values. The record of
/// the others is not there.
fn explained() -> SelLog {
    let mut log = log();
    let rpm = Unit { percentage: false, base: UnitType(18), modifier: None, rate: None };
    let fan = |reading, threshold| EventSensor {
        name: Some("Fan 1".into()),
        unit: Some(rpm),
        trigger_reading: Some(reading),
        trigger_threshold: threshold,
    };
    let version = EventSensor {
        name: Some("Firmware".into()),
        unit: None,
        trigger_reading: None,
        trigger_threshold: None,
    };
    let sensors = [fan(0.0, Some(675.0)), fan(2_250.5, None), version];
    for (entry, sensor) in log.entries.iter_mut().zip(sensors) {
        entry.sensor = Some(sensor);
    }
    log
}

fn walks() -> Reading {
    let oid = |text: &str| text.parse::<Oid>().unwrap();
    let varbind = |text, value| VarBind { oid: oid(text), value };
    let system = oid("1.3.6.1.2.1.1");
    Reading::Oids(vec![
        OidWalk {
            source: ".1.3.6.1.2.1.1".into(),
            root: system.clone(),
            varbinds: vec![
                varbind("1.3.6.1.2.1.1.3.0", Snmp::TimeTicks(123_456_789)),
                varbind("1.3.6.1.2.1.1.5.0", Snmp::OctetString(b"switch-1".as_slice().into())),
                varbind("1.3.6.1.2.1.1.7.0", Snmp::Integer(72)),
            ],
            error: None,
        },
        OidWalk {
            source: "1.3.6.1.2.1.1.5".into(),
            root: system,
            varbinds: Vec::new(),
            error: Some(Fault::new(FaultKind::Timeout, "192.0.2.7:161: no answer")),
        },
    ])
}

fn cases() -> Vec<Case> {
    let fault = || Err(Fault::new(FaultKind::WrongPassword, "192.0.2.7:623: the password is wrong"));
    let mut asked = outcome("power", Ok(Reading::Power(false)));
    asked.subject.reply = Some(caller());
    let mut refused = outcome("chassis", fault());
    refused.subject.reply = Some(caller());
    let mut snmp = outcome("", Ok(walks()));
    snmp.subject.topic = Topic::Snmp;
    let switched = rules::chassis::power_changed(Some(true), false, || "id".into()).unwrap();
    let uid = outcome("uid", Ok(Reading::Uid(Uid::On)));
    let entry = cache_entry(&Good::new(&uid, &json!("On"), ACCOUNTING));
    vec![
        ("chassis", good("chassis", Reading::Chassis(chassis()))),
        ("power-with-reply", result(&Good::new(&asked, &Value::Bool(false), ACCOUNTING))),
        ("uid", good("uid", Reading::Uid(Uid::Reserved))),
        ("sel-information", good("selInformation", Reading::SelInformation(information()))),
        ("sel", good("sel", Reading::Sel(log()))),
        ("sel-entries", good("selEntries", Reading::SelEntries(log()))),
        ("sel-sensors", good("sel", Reading::Sel(explained()))),
        ("sel-entries-sensors", good("selEntries", Reading::SelEntries(explained()))),
        ("sdr-threshold", good("sdr", Reading::Sdr(sensors::threshold_sensors()))),
        ("sdr-discrete", good("sdr", Reading::Sdr(sensors::discrete_sensors()))),
        ("drive-health", good("driveHealth", Reading::DriveHealth(sensors::drives()))),
        ("thresholds", good("thresholds", Reading::Thresholds(sensors::thresholds()))),
        ("fru", good("fru", Reading::Fru(parts::devices()))),
        ("mc", good("mc", Reading::Controller(parts::controller()))),
        ("dcmi", good("dcmi", Reading::PowerReading(parts::power_reading()))),
        ("snmp-oids", result(&Good::new(&snmp, &reading_value(&walks(), None), ACCOUNTING))),
        ("failure", failure(&outcome("chassis", fault()), ACCOUNTING)),
        ("failure-with-reply", failure(&refused, ACCOUNTING)),
        ("cache-answer", vec![cache_answer(&[entry], &caller()).unwrap()]),
        ("cache-unknown", vec![no_cache_record("nobody", &caller())]),
        ("chassispower-updated", alert(&Teller::of(&asked, &cache_id(&asked)), switched).into()),
        ("sel-cleared", sel_alert(0x6900_0000)),
        ("sel-rolled", sel_alert(1_499)),
        ("trap-received", trapped()),
    ]
}

/// An inform of SNMPv3 that raised a poll and one that failed.
fn trapped() -> Vec<Message> {
    let oid = |text: &str| text.parse::<Oid>().unwrap();
    let varbind = |text, value| VarBind { oid: oid(text), value };
    let varbinds = vec![
        varbind("1.3.6.1.2.1.2.2.1.1.7", Snmp::Integer(7)),
        varbind("1.3.6.1.2.1.2.2.1.8.7", Snmp::Integer(2)),
        varbind("2.5.4.3", Snmp::OctetString(b"\x00\xff".as_slice().into())),
    ];
    let notification = Notification {
        source: "192.0.2.7:40162".parse().unwrap(),
        agent: None,
        version: SnmpVersion::V3,
        user: Some(("monitor".to_owned(), SecurityLevel::AuthPriv)),
        is_inform: true,
        request_id: Some(1),
        oid: oid("1.3.6.1.6.3.1.1.5.3"),
        enterprise: None,
        uptime: 123_456_789,
        varbinds,
    };
    let mut polled = outcome("", Ok(walks()));
    polled.subject.topic = Topic::Snmp;
    let fault = Fault::new(FaultKind::Timeout, "192.0.2.7:161: no answer");
    let event = TrapEvent {
        device: "sw1",
        node: Some("5858c7f7f6f0ce7d08a7298b"),
        host: "192.0.2.7",
        graph_id: "0d3a2c5e-9d57-4d0f-8b52-c0a7a3d0f0a1",
        notification: &notification,
        received_at: polled.subject.scheduled_at,
        count: 3,
        is_verified: true,
        polls: vec![trap_poll("interfaces", Ok(&polled)), trap_poll("sensors", Err(&fault))],
        names: &rackpoll_snmp::names::Names::builtin(),
        at: polled.finished_at,
    };
    trap(&event).into()
}

/// The alerts of a poller whose last known record is not in the log any more; the log was erased at this time before.
fn sel_alert(erased: u32) -> Vec<Message> {
    let gone = [0x78, 0, 2, 1, 2, 3, 0x69, 0x20, 0, 4, 1, 1, 1, 0x59, 0, 0];
    let cursor =
        sel_log::Cursor { record: Some(gone), erased: SelTime(erased), overflow: false, in_history: false };
    let mut log = log();
    if erased == 1_499 {
        // Later records, none lower than the last known one.
        log.entries.iter_mut().for_each(|entry| entry.record_id += 0x100);
    } else {
        log.information.operations = 0;
    }
    let poll = outcome("selEntries", Ok(Reading::SelEntries(log.clone())));
    let (host, user) = (json!("192.0.2.7"), json!("admin"));
    let device = Device { host: &host, user: &user };
    let alerts = sel_log::news(Some(&cursor), &log, sel_log::Reach::All)
        .alerts(device, |action, word| format!("{}:{word}", action.as_str()));
    alerts.into_iter().flat_map(|found| alert(&Teller::of(&poll, &cache_id(&poll)), found)).collect()
}

/// A message as a person reads it.
fn written(message: &Message) -> Value {
    json!({
        "exchange": match message.exchange {
            Exchange::Task => "on.task",
            Exchange::Events => "on.events",
            Exchange::Reply => "",
        },
        "routingKey": message.routing_key,
        "type": message.kind.as_str(),
        "correlationId": message.correlation.as_deref().map(String::from_utf8_lossy),
        "body": serde_json::from_slice::<Value>(&message.body).unwrap(),
    })
}

#[test]
fn golden_messages() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let bless = std::env::var_os("RACKPOLL_BLESS").is_some();
    let mut names = BTreeSet::new();
    for (name, messages) in cases() {
        assert!(!messages.is_empty(), "{name} has no message");
        let messages: Vec<Value> = messages.iter().map(written).collect();
        let text = serde_json::to_string_pretty(&messages).unwrap() + "\n";
        let path = folder.join(format!("{name}.json"));
        if bless {
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; RACKPOLL_BLESS=1 writes it", path.display()));
        assert_eq!(text, golden, "{name} is another message than {}", path.display());
        names.insert(format!("{name}.json"));
    }
    let files: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    assert_eq!(files, names, "a golden file that no case makes, or the other way round");
}
