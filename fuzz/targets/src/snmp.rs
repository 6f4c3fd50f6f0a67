//! What an SNMP agent sends: datagrams with values that cannot be decoded, values as texts, and answers to the metric
//! pollers.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use rackpoll_fuzz_driver::{Script, Target};
use rackpoll_model::{Fault, FaultKind, Metric, MetricReading, MetricRequest, Oid, OidWalk, Value, VarBind};
use rackpoll_snmp::{
    metric::{Answers, Memory, questions, reading},
    names::Names,
    oid_text, read_varbinds, value_text,
};

pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "snmp-datagram",
        about: "answers with values that cannot be decoded: all of it is bounded by the datagram",
        run: datagram,
        seeds: datagrams,
        longest: 1472,
        // A copy, and some 100 bytes for each variable, of which 240 fit.
        most_allocated: 128 << 10,
    },
    Target {
        name: "snmp-texts",
        about: "values as texts, by their types and by the hints of MIBs: bounded by the value's size",
        run: texts,
        seeds: values,
        longest: 600,
        most_allocated: 32 << 10,
    },
    Target {
        name: "snmp-names",
        about: "names of objects: an oid, or what is wrong, and an oid's name leads back to it",
        run: name,
        seeds: || NAMES_ASKED.iter().map(|name| name.as_bytes().to_vec()).collect(),
        longest: 600,
        most_allocated: 16 << 10,
    },
    Target {
        name: "snmp-metrics",
        about: "metrics of agents that answer anything: bounded rounds of questions, then a result or a fault",
        run: |script| metric(script, &mut |_| {}),
        seeds: metrics,
        longest: 600,
        most_allocated: 512 << 10,
    },
];

static NAMES: LazyLock<Names> = LazyLock::new(Names::builtin);

fn datagram(bytes: &[u8]) {
    let Some(varbinds) = read_varbinds(bytes) else { return };
    let size = |varbind: &VarBind| {
        let value = match &varbind.value {
            Value::OctetString(octets)
            | Value::Opaque(octets)
            | Value::Nsap(octets)
            | Value::Malformed(octets)
            | Value::Unknown { data: octets, .. } => octets.len(),
            Value::ObjectId(oid) => oid.numbers().len().saturating_sub(1),
            _ => 0,
        };
        assert!(varbind.oid.numbers().len() <= 128);
        // The first two numbers are in one byte.
        varbind.oid.numbers().len().saturating_sub(1) + value
    };
    let whole: usize = varbinds.iter().map(size).sum();
    assert!(whole <= bytes.len(), "{} bytes became {whole}", bytes.len());
}

fn texts(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let value = value(&mut script);
    let size = match &value {
        Value::OctetString(octets)
        | Value::Opaque(octets)
        | Value::Nsap(octets)
        | Value::Malformed(octets) => octets.len(),
        _ => 0,
    };
    let text = value_text(&value);
    // Three characters an octet and line ends, or the longest text of a number, an oid or an exception.
    assert!(text.len() <= 4 * size + 1600, "{size} bytes became a text of {}", text.len());
    // Of a column that has a display hint, words or bits, as its oid says.
    let oid = oid(&mut script);
    assert_eq!(oid_text(&oid).matches('.').count(), oid.numbers().len());
    let varbind = VarBind { oid, value };
    if let Some(text) = NAMES.text(&varbind) {
        assert!(text.len() <= 4_200, "a text of {} bytes", text.len());
    }
    let label = NAMES.label(&varbind.oid);
    assert!(label.len() < 128 * 11 + 100);
}

fn name(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match NAMES.resolve(&text) {
        Ok(oid) => {
            assert!(oid.numbers().len() <= 128);
            let label = NAMES.label(&oid);
            // What is below a known object's parent may have no name, and then it is printed in numbers.
            if label.len() <= 512 || label.starts_with('.') {
                assert_eq!(NAMES.resolve(&label), Ok(oid), "{label}");
            }
        }
        Err(fault) => assert!(fault.to_string().len() < 2000),
    }
}

/// The readings that a script of `snmp-metrics` leads to, for whoever has a use for them.
pub fn readings(bytes: &[u8], mut take: impl FnMut(MetricReading)) {
    metric(bytes, &mut take);
}

/// Scripts of `snmp-metrics`.
pub fn scripts() -> Vec<Vec<u8>> {
    metrics()
}

fn metric(bytes: &[u8], take: &mut dyn FnMut(MetricReading)) {
    let mut script = Script::new(bytes);
    let metric = Metric::ALL[usize::from(script.byte()) % Metric::ALL.len()];
    let sensor_oids = match metric {
        Metric::SwitchSensorStatus => vec!["1.3.6.1.4.1.9.9.13".to_owned(), ".1.3".to_owned()],
        _ => Vec::new(),
    };
    let request = MetricRequest { metric, sensor_oids };
    let (mut memory, mut now) = (Memory::default(), Instant::now());
    for _ in 0..3 {
        let mut answers = Answers::default();
        for round in 0.. {
            let questions = questions(&request, &answers).expect("a request that can be asked");
            if questions.roots.is_empty() {
                break;
            }
            assert!(round < 10, "{metric}: no end of questions");
            now += Duration::from_millis(script.short().into());
            let walks = questions.roots.iter().map(|root| walk(root, &mut script)).collect();
            answers.put(walks, now);
        }
        if let Ok(reading) = reading(&request, &answers, &mut memory) {
            take(reading);
        }
    }
}

/// What a walk of this root gives: rows in order, as the walk itself makes sure.
fn walk(root: &Oid, script: &mut Script<'_>) -> OidWalk {
    let how = script.byte();
    let mut varbinds: Vec<VarBind> = (0..how & 0x07)
        .map(|row| {
            // Mostly the rows of a table, which every column has alike.
            let index = match script.byte() {
                0..0xc0 => vec![1 + u32::from(row)],
                0xc0..0xd0 => vec![0],
                _ => (0..script.byte() % 9).map(|_| number(script)).collect(),
            };
            VarBind { oid: root.join(&index), value: value(script) }
        })
        .collect();
    varbinds.sort_by(|one, other| one.oid.cmp(&other.oid));
    varbinds.dedup_by(|one, other| one.oid == other.oid);
    let error = (how >= 0xf0).then(|| Fault::new(FaultKind::Timeout, "no answer"));
    OidWalk { source: root.to_string(), root: root.clone(), varbinds, error }
}

fn number(script: &mut Script<'_>) -> u32 {
    match script.byte() {
        small @ 0..0x80 => small.into(),
        0x80..0x90 => u32::MAX,
        0x90..0xa0 => 0x8000_0000,
        _ => u32::from(script.short()) << 16 | u32::from(script.short()),
    }
}

fn oid(script: &mut Script<'_>) -> Oid {
    let numbers: Vec<u32> = match script.byte() {
        // An instance of an object that has a name: ifName, ifOperStatus, sysUpTime, lldpRemSysCapSupported, ...
        known @ 0..0xc0 => {
            let named = NAMES_ASKED.get(usize::from(known) % NAMES_ASKED.len());
            let oid = named.and_then(|name| NAMES.resolve(name).ok());
            let row = number(script);
            oid.map_or(Vec::new(), |oid| oid.join(&[row]).numbers().to_vec())
        }
        _ => (0..script.byte() & 0x7f).map(|_| number(script)).collect(),
    };
    Oid::new(&numbers)
}

fn value(script: &mut Script<'_>) -> Value {
    match script.byte() & 0x0f {
        0 | 1 => Value::Integer(number(script).cast_signed()),
        2..=4 => Value::OctetString(script.bytes().into()),
        5 => Value::ObjectId(oid(script)),
        6 => Value::Counter32(number(script)),
        7 => Value::Gauge32(number(script)),
        8 => Value::TimeTicks(number(script)),
        9 => Value::Counter64(u64::from(number(script)) << 32 | u64::from(number(script))),
        10 => Value::Opaque(script.bytes().into()),
        11 => Value::IpAddress(number(script).into()),
        12 => Value::Nsap(script.bytes().into()),
        13 => Value::Malformed(script.bytes().into()),
        14 => Value::NoSuchInstance,
        _ => Value::Unknown { tag: script.byte(), data: script.bytes().into() },
    }
}

const NAMES_ASKED: [&str; 14] = [
    ".1.3.6.1.2.1.1.3.0",
    "1.3.6.1.4.1.9.9.109",
    "IF-MIB::ifOperStatus.3",
    "ifPhysAddress.1",
    "ifName",
    "sysUpTime.0",
    "sysObjectID.0",
    "HOST-RESOURCES-MIB::hrStorageType.1",
    "hrSystemDate.0",
    "ENTITY-SENSOR-MIB::entPhySensorValue.7",
    "LLDP-MIB::lldpRemSysCapSupported.0.1.1",
    "upsBatteryStatus.0",
    "NO-MIB::nothing",
    "ifInOctets.1.2.3.4.5.4294967295",
];

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    match u8::try_from(contents.len()) {
        Ok(length @ ..0x80) => [&[tag, length], contents].concat(),
        _ => {
            let [high, low] = u16::try_from(contents.len()).unwrap_or(u16::MAX).to_be_bytes();
            [&[tag, 0x82, high, low], contents].concat()
        }
    }
}

/// Responses with one, several and many values, each kind of value among them, some of which cannot be decoded.
fn datagrams() -> Vec<Vec<u8>> {
    let varbind = |value: &[u8]| element(0x30, &[&[0x06, 8, 0x2b, 6, 1, 2, 1, 1, 3, 0], value].concat());
    let values: Vec<Vec<u8>> = [
        &[0x02, 1, 5][..],
        &[0x04, 3, b'a', b'b', b'c'],
        &[0x05, 0],
        &[0x06, 3, 0x2b, 6, 1],
        &[0x40, 4, 10, 0, 0, 1],
        &[0x41, 4, 0xff, 0xff, 0xff, 0xff],
        &[0x43, 2, 1, 0],
        &[0x46, 9, 0, 255, 255, 255, 255, 255, 255, 255, 255],
        &[0x44, 7, 0x9f, 0x78, 4, 0x40, 0x49, 0x0f, 0xdb],
        &[0x80, 0],
        &[0x82, 0],
        // An address of three bytes, an empty number, an oid without an end.
        &[0x40, 3, 10, 0, 0],
        &[0x02, 0],
        &[0x06, 2, 0x2b, 0x81],
    ]
    .into_iter()
    .map(varbind)
    .collect();
    let message = |list: &[u8]| {
        let pdu = element(0xa2, &[&[0x02, 1, 7, 0x02, 1, 0, 0x02, 1, 0], &element(0x30, list)[..]].concat());
        element(0x30, &[&[0x02, 1, 1, 0x04, 1, b'c'], &pdu[..]].concat())
    };
    let mut seeds: Vec<Vec<u8>> = values.iter().map(|value| message(value)).collect();
    seeds.push(message(&values.concat()));
    seeds.push(message(&values.concat().repeat(3)));
    seeds.push(message(&[]));
    seeds
}

fn values() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = (0..16).map(|kind| vec![kind, 4, b'a', b'1', 0, 0x9f, 2, 0]).collect();
    for known in 0..NAMES_ASKED.len() as u8 {
        seeds.push([&[2, 11][..], &[7, 0xe5, 11, 24, 13, 5, 59, 9, b'+', 1, 0], &[known, 1]].concat());
        seeds.push(vec![0, 2, known, 3]);
    }
    for opaque in
        [&[0x9f, 0x78, 4, 0x40, 0x49, 0x0f, 0xdb][..], &[0x9f, 0x7a, 1, 0xff], &[0x9f, 0x76, 2, 1, 2]]
    {
        seeds.push([&[10, opaque.len() as u8], opaque, &[0, 0]].concat());
    }
    seeds.push([&[2, 255][..], &[b'x'; 255], &[4, 1]].concat());
    seeds
}

fn metrics() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for metric in 0..Metric::ALL.len() as u8 {
        // Tables of numbers, of texts, of both, and nothing.
        let numbers = [[0, 100, 3].as_slice(), &[0, 0, 5, 0, 6, 7, 0, 9, 1, 200]].concat().repeat(12);
        let texts = [[0, 100, 2].as_slice(), &[0, 2, 3, b'e', b't', b'h', 0, 2, 1, b'y']].concat().repeat(12);
        let both = [&numbers[..], &texts].concat();
        for rows in [numbers, texts, both, Vec::new(), vec![0, 0, 0xff, 0xd0, 3, 1, 2, 3, 5, 4]] {
            seeds.push([&[metric][..], &rows].concat());
        }
    }
    seeds.iter_mut().for_each(|seed| seed.truncate(600));
    seeds
}
