//! SDR repository, sensors, event log and inventory over a session, in virtual time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod console;

use std::{collections::BTreeMap, time::Duration};

use console::{Bench, Session, config};
use rackpoll_simulator::{
    bmc::BmcConfig,
    content::{
        incident::{Rate, What, incident},
        models,
        sensor::Kind,
    },
};

const SENSOR: u8 = 0x04;
const STORAGE: u8 = 0x0a;

fn reserve(bench: &mut Bench, session: &mut Session, command: u8) -> [u8; 2] {
    bench.good(session, STORAGE, command, &[]).try_into().unwrap()
}

/// Reads the repository in parts of this length.
fn walk(bench: &mut Bench, session: &mut Session, step: u8) -> Vec<Vec<u8>> {
    let [r0, r1] = reserve(bench, session, 0x22);
    let mut records = Vec::new();
    let mut id = [0, 0];
    while id != [0xff, 0xff] {
        let mut record = Vec::new();
        let next = loop {
            let offset = record.len() as u8;
            let answer = bench.good(session, STORAGE, 0x23, &[r0, r1, id[0], id[1], offset, step]);
            record.extend_from_slice(&answer[2..]);
            if record.len() >= 5 && record.len() == usize::from(record[4]) + 5 {
                break [answer[0], answer[1]];
            }
        };
        records.push(record);
        id = next;
    }
    records
}

#[test]
fn every_model_is_read_whole_in_parts() {
    for model in models::all() {
        let mut bench = Bench::new(config(model.name));
        let mut session = bench.admin();
        let records = walk(&mut bench, &mut session, model.longest_sdr_read);
        assert_eq!(records, model.records, "{}", model.name);
        let info = bench.good(&mut session, STORAGE, 0x20, &[]);
        assert_eq!(u16::from_le_bytes([info[1], info[2]]), records.len() as u16);
        let kinds: BTreeMap<u8, usize> = records.iter().fold(BTreeMap::new(), |mut kinds, record| {
            *kinds.entry(record[3]).or_default() += 1;
            kinds
        });
        assert!([0x01, 0x02, 0x11, 0x12].iter().all(|kind| kinds.contains_key(kind)), "{kinds:?}");
    }
}

#[test]
fn too_long_parts_and_old_reservations_are_refused() {
    let mut bench = Bench::new(config("storage-node"));
    let mut session = bench.admin();
    let [r0, r1] = reserve(&mut bench, &mut session, 0x22);
    let mut get = |reservation: [u8; 2], offset, length| {
        let data = [reservation[0], reservation[1], 0, 0, offset, length];
        bench.ask(&mut session, STORAGE, 0x23, &data).unwrap().0
    };
    assert_eq!(get([r0, r1], 0, 16), 0x00);
    assert_eq!(get([r0, r1], 0, 17), 0xca);
    assert_eq!(get([r0, r1], 0, 0xff), 0xca);
    assert_eq!(get([r0.wrapping_add(1), r1], 5, 8), 0xc5);
    assert_eq!(get([0, 0], 0, 8), 0x00, "the beginning needs no reservation");
    assert_eq!(get([r0, r1], 200, 8), 0xc9);
    // Somebody else reserves.
    let mut other = bench.admin();
    reserve(&mut bench, &mut other, 0x22);
    let data = [r0, r1, 0, 0, 5, 8];
    assert_eq!(bench.ask(&mut session, STORAGE, 0x23, &data).unwrap().0, 0xc5);
}

#[test]
fn absent_sensors_say_so_and_power_takes_readings_away() {
    let mut bench = Bench::new(config("gpu-node"));
    let mut session = bench.admin();
    let model = models::by_name("gpu-node").unwrap();
    let number = |name: &str| model.sensors.iter().find(|sensor| sensor.name == name).unwrap().number;
    let mut read =
        |bench: &mut Bench, name: &str| bench.ask(&mut session, SENSOR, 0x2d, &[number(name)]).unwrap();
    assert_eq!(read(&mut bench, "DIMM1 Temp").1[1], 0xc0);
    assert_eq!(read(&mut bench, "DIMM6 Temp").1[1], 0xe0);
    assert_eq!(read(&mut bench, "DIMM18 Temp").0, 0xcb);
    assert_eq!(read(&mut bench, "Fan1 Tach").1[1], 0xc0);
    assert_eq!(read(&mut bench, "ACPI State").1[2..], [0x01, 0x80]);
    bench.bmc.set_power(bench.now, false);
    assert_eq!(read(&mut bench, "Fan1 Tach").1[1], 0xe0);
    assert_eq!(read(&mut bench, "Inlet Temp").1[1], 0xc0);
    assert_eq!(read(&mut bench, "ACPI State").1[2..], [0x20, 0x80]);
    assert_eq!(bench.ask(&mut session, SENSOR, 0x2d, &[0xfe]).unwrap().0, 0xcb);
}

#[test]
fn thresholds_and_hysteresis_are_those_of_the_record() {
    let mut bench = Bench::new(config("gpu-node"));
    let mut session = bench.admin();
    let model = models::by_name("gpu-node").unwrap();
    for sensor in model.sensors.iter().filter(|sensor| sensor.name.starts_with("GPU1 ")) {
        let Kind::Analog(analog) = &sensor.kind else {
            assert_eq!(bench.ask(&mut session, SENSOR, 0x27, &[sensor.number]).unwrap().0, 0xcd);
            continue;
        };
        let answer = bench.good(&mut session, SENSOR, 0x27, &[sensor.number]);
        assert_eq!(answer[0], analog.thresholds.mask());
        let place = model.sensors.iter().position(|other| other.number == sensor.number).unwrap();
        let record = &model.records[place + 2];
        // Record: upper non-recoverable down to lower non-critical; command: the other way about, by halves.
        let [unr, uc, unc, lnr, lc, lnc] = record[36..42].try_into().unwrap();
        assert_eq!(answer[1..], [lnc, lc, lnr, unc, uc, unr], "{}", sensor.name);
        assert_eq!(bench.good(&mut session, SENSOR, 0x25, &[sensor.number, 0xff]), record[42..44]);
    }
}

#[test]
fn an_incident_shows_in_reading_chassis_and_log_alike() {
    let config = BmcConfig { incidents: Rate::ALWAYS, ..config("storage-node") };
    let (model, seed) = (config.model.clone(), config.seed);
    let mut bench = Bench::new(config);
    let start = bench.now;
    let before = {
        let (machine, at) = bench.bmc.machine(start);
        machine.event_log(at).len()
    };
    let mut drive_faults = 0;
    for window in 0..40 {
        let incident = incident(&model, seed, Rate::ALWAYS, window).unwrap();
        let number = incident.sensor.number;
        bench.now = start + incident.from + Duration::from_secs(1);
        let mut session = bench.admin();
        let during = bench.good(&mut session, SENSOR, 0x2d, &[number]);
        let chassis = bench.good(&mut session, 0x00, 0x01, &[]);
        bench.now = start + incident.until + Duration::from_secs(1);
        let mut session = bench.admin();
        let after = bench.good(&mut session, SENSOR, 0x2d, &[number]);
        match incident.what {
            What::Crossed { threshold, raw } => {
                assert_eq!(during[0], raw);
                assert_ne!(during[2] >> threshold & 1, 0);
                assert_eq!(after[2] & 0x3f, 0);
            }
            What::States(states) => {
                assert_eq!(u16::from_le_bytes([during[2], during[3] & 0x7f]), states);
                assert_ne!(during, after);
            }
        }
        let fault = incident.sensor.sensor_type == 0x0d;
        assert_eq!(chassis[2] & 0x04 != 0, fault, "the drive fault flag");
        drive_faults += usize::from(fault);
        // Away until the next: sessions time out meanwhile.
        bench.now = start + incident.until + Duration::from_secs(61);
    }
    assert!(drive_faults > 0);
    let now = bench.now;
    let (machine, at) = bench.bmc.machine(now);
    let log = machine.event_log(at);
    assert_eq!(log.len(), before + 80, "each began and ended");
    let (_, last) = log.entry(0xffff).unwrap();
    assert_eq!(last[12] & 0x80, 0x80, "the last one ended");
}

#[test]
fn the_event_log_is_walked_reserved_and_cleared() {
    let mut bench = Bench::new(config("server"));
    let mut session = bench.admin();
    bench.good(&mut session, 0x06, 0x3b, &[4]);
    let info = bench.good(&mut session, STORAGE, 0x40, &[]);
    let count = u16::from_le_bytes([info[1], info[2]]);
    let mut id = [0, 0];
    let mut seen = 0;
    while id != [0xff, 0xff] {
        let answer = bench.good(&mut session, STORAGE, 0x43, &[0, 0, id[0], id[1], 0, 0xff]);
        assert_eq!(answer.len(), 18);
        id = [answer[0], answer[1]];
        seen += 1;
    }
    assert_eq!(seen, count);

    let [r0, r1] = reserve(&mut bench, &mut session, 0x42);
    let clear = |session: &mut Session, bench: &mut Bench, r0: u8| {
        bench.ask(session, STORAGE, 0x47, &[r0, r1, b'C', b'L', b'R', 0xaa]).unwrap().0
    };
    assert_eq!(clear(&mut session, &mut bench, r0.wrapping_add(1)), 0xc5);
    bench.wait(Duration::from_secs(30));
    assert_eq!(clear(&mut session, &mut bench, r0), 0);
    let cleared = bench.good(&mut session, STORAGE, 0x40, &[]);
    assert_eq!(cleared[1..3], [1, 0], "the clear itself");
    assert_ne!(cleared[9..13], info[9..13], "the erase stamp");
}

#[test]
fn the_inventory_is_read_by_parts() {
    let mut bench = Bench::new(config("server"));
    let mut session = bench.admin();
    let info = bench.good(&mut session, STORAGE, 0x10, &[0]);
    let size = u16::from_le_bytes([info[0], info[1]]);
    let mut inventory = Vec::new();
    while inventory.len() < usize::from(size) {
        let [o0, o1] = (inventory.len() as u16).to_le_bytes();
        let answer = bench.good(&mut session, STORAGE, 0x11, &[0, o0, o1, 20]);
        assert_eq!(usize::from(answer[0]), answer.len() - 1);
        inventory.extend_from_slice(&answer[1..]);
    }
    assert_eq!(inventory.len(), usize::from(size));
    assert!(inventory.windows(14).any(|bytes| bytes == b"Sim Server 1U2"));
    assert_eq!(bench.ask(&mut session, STORAGE, 0x10, &[1]).unwrap().0, 0xcb);
}
