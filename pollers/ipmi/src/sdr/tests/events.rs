//! Events of a log and the sensors that they are of.

use rackpoll_model::{EventSensor, SelEntry};

use super::bmc::{Bmc, INFO, SDR, drive, memory, server, temperature};
use crate::{
    sdr::{Repository, Want},
    sel::decode,
};

/// An event of a generator's sensor.
fn event(generator: [u8; 2], sensor: [u8; 2], event_type: u8, data: [u8; 3]) -> SelEntry {
    let [g0, g1] = generator;
    let [sensor_type, number] = sensor;
    let [d1, d2, d3] = data;
    decode([1, 0, 2, 0, 0, 0, 0x69, g0, g1, 4, sensor_type, number, event_type, d1, d2, d3])
}

fn explained(records: &[Vec<u8>], mut entry: SelEntry) -> Option<EventSensor> {
    let repository = Repository::decode(records.concat().into(), 0);
    repository.explain(std::slice::from_mut(&mut entry));
    entry.sensor
}

/// Reading and threshold of a threshold event with these raw levels, of a sensor with this record.
fn levels(record: &[u8], reading: u8, threshold: u8) -> (Option<f64>, Option<f64>) {
    let entry = event([0x20, 0], [1, 9], 1, [0x59, reading, threshold]);
    let sensor = explained(&[record.to_vec()], entry).unwrap();
    assert_eq!(sensor.name.as_deref(), Some("T"));
    assert_eq!(sensor.unit.is_some(), sensor.trigger_reading.or(sensor.trigger_threshold).is_some());
    (sensor.trigger_reading, sensor.trigger_threshold)
}

#[test]
fn levels_become_values_by_the_record() {
    // Two's complement, M 1.
    let mut record = temperature(1, 9, "T");
    assert_eq!(levels(&record, 0xfa, 105), (Some(-6.0), Some(105.0)));
    // One's complement: 0xFF is the second zero.
    record[20] = 0x40;
    assert_eq!(levels(&record, 0xff, 0xfa), (Some(0.0), Some(-5.0)));
    // Unsigned, (2 x + 5) 10^-1.
    (record[20], record[24], record[26], record[29]) = (0x00, 2, 5, 0xf0);
    assert_eq!(levels(&record, 0xfa, 0), (Some(50.5), Some(0.5)));
    // The square of that, and 1 / x, which has no value at 0.
    record[23] = 0x08;
    assert_eq!(levels(&record, 0, 5), (Some(0.25), Some(2.25)));
    (record[23], record[24], record[26], record[29]) = (0x07, 1, 0, 0);
    assert_eq!(levels(&record, 0, 4), (None, Some(0.25)));
    assert_eq!(levels(&record, 0, 0), (None, None));
    // The factors of a non-linear sensor hold for no reading; and one without an analog format has no values.
    record[23] = 0x70;
    assert_eq!(levels(&record, 4, 4), (None, None));
    (record[20], record[23]) = (0xc0, 0);
    assert_eq!(levels(&record, 4, 4), (None, None));
}

#[test]
fn a_percentage_has_its_unit() {
    let mut record = temperature(1, 9, "Load");
    (record[20], record[21]) = (0x01, 0);
    let sensor = explained(&[record], event([0x20, 0], [1, 9], 0x81, [0x57, 95, 90])).unwrap();
    assert_eq!((sensor.trigger_reading, sensor.trigger_threshold), (Some(95.0), Some(90.0)));
    assert_eq!(sensor.unit.unwrap().to_string(), "percent");
}

#[test]
fn only_what_the_event_has_is_told() {
    let records = [temperature(1, 9, "T")];
    let told = |event_type, data| {
        let sensor = explained(&records, event([0x20, 0], [1, 9], event_type, data)).unwrap();
        (sensor.trigger_reading, sensor.trigger_threshold)
    };
    assert_eq!(told(1, [0x49, 7, 8]), (Some(7.0), None));
    assert_eq!(told(1, [0x19, 7, 8]), (None, Some(8.0)));
    assert_eq!(told(1, [0x09, 7, 8]), (None, None));
    // The manufacturer's bytes, and an event with states of a sensor with thresholds.
    assert_eq!(told(1, [0xa9, 7, 8]), (None, None));
    assert_eq!(told(7, [0x51, 7, 8]), (None, None));
}

#[test]
fn an_event_is_of_the_sensor_whose_owner_number_and_type_it_has() {
    let mut foreign = temperature(2, 9, "Foreign");
    (foreign[5], foreign[6]) = (0x2c, 0x62);
    let records = [foreign, temperature(1, 9, "Own"), temperature(3, 9, "Twice")];
    let name = |generator, sensor| {
        let sensor = explained(&records, event(generator, sensor, 1, [0x59, 1, 2]))?;
        sensor.name.map(|name| name.to_string())
    };
    assert_eq!(name([0x20, 0], [1, 9]).as_deref(), Some("Own"));
    assert_eq!(name([0x2c, 0x62], [1, 9]).as_deref(), Some("Foreign"));
    // Another address, channel, LUN, number, type; system software.
    for (generator, sensor) in [
        ([0x22, 0], [1, 9]),
        ([0x2c, 0x52], [1, 9]),
        ([0x2c, 0x61], [1, 9]),
        ([0x20, 0], [1, 8]),
        ([0x20, 0], [2, 9]),
        ([0x21, 0], [1, 9]),
    ] {
        assert_eq!(name(generator, sensor), None, "{generator:x?} {sensor:x?}");
    }
}

#[test]
fn shared_and_event_only_records_give_names() {
    let mut shared = drive(1, 0x30, "Drive ");
    (shared[23], shared[24]) = (0x03, 4);
    let mut letters = drive(2, 0xfe, "Bay ");
    (letters[23], letters[24]) = (0x1f, 0);
    // IPMI 2.0 table 43-3.
    let head = [3, 0, 0x51, 3, 15, 0x20, 0, 0x50, 4, 1, 0x0d, 0x6f, 1, 0, 0, 0];
    let only = [&head[..], &[0xc3], b"OEM"].concat();
    let records = [shared, letters, only, drive(4, 0x60, "")];
    let name = |number| {
        let sensor = explained(&records, event([0x20, 0], [0x0d, number], 0x6f, [1, 0xff, 0xff]))?;
        assert_eq!((sensor.unit, sensor.trigger_reading, sensor.trigger_threshold), (None, None, None));
        sensor.name.map(|name| name.to_string())
    };
    let names = [0x2f, 0x30, 0x32, 0x33, 0xfe, 0xff, 0x00, 0x50, 0x60].map(name);
    let names = names.each_ref().map(Option::as_deref);
    let (first, last) = (Some("Drive "), Some("Drive 6"));
    let expected = [None, first, last, None, Some("Bay "), Some("Bay B"), None, Some("OEM"), None];
    assert_eq!(names, expected);
}

#[test]
fn manufacturers_records_are_of_no_sensor() {
    for record_type in [0xc0, 0xe0] {
        let mut entry = event([0x20, 0], [1, 9], 1, [0x59, 1, 2]);
        entry.raw[2] = record_type;
        assert_eq!(explained(&[temperature(1, 9, "T")], decode(entry.raw)), None);
    }
}

#[test]
fn a_refresh_reads_records_and_no_sensor() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    assert!(memory.lock().unwrap().current().is_none());
    bmc.poll(&memory, Want::Repository).unwrap();
    assert!(memory.lock().unwrap().current().is_some());
    let (all, records) = (bmc.total(), bmc.count(SDR));
    bmc.poll(&memory, Want::Repository).unwrap();
    assert_eq!((bmc.total() - all, bmc.count(SDR)), (1, records));

    // What an earlier run has kept is not taken for what the BMC has now, until that is checked.
    let profile = memory.lock().unwrap().profile().unwrap();
    let again = super::bmc::memory();
    again.lock().unwrap().restore(profile);
    assert!(again.lock().unwrap().current().is_none() && again.lock().unwrap().key().is_some());
    let all = bmc.total();
    bmc.poll(&again, Want::Repository).unwrap();
    assert_eq!(bmc.total() - all, 2);
    assert!(again.lock().unwrap().current().is_some());
}

#[test]
fn an_outdated_repository_is_none_until_the_new_one_is_read() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.poll(&memory, Want::Repository).unwrap();
    bmc.stamps.0 += 1;
    // The deadline comes in the middle of the walk.
    assert!(bmc.poll_part(&memory, Want::Repository, 6).is_none());
    assert!(memory.lock().unwrap().current().is_none());
    let first = memory.lock().unwrap().interrupted();
    assert!(bmc.poll_part(&memory, Want::Repository, 4).is_none());
    assert!(memory.lock().unwrap().interrupted() > first);
    // And the rest of it fails.
    bmc.broken = [0x21, 0x30].into_iter().map(|id| (id, 0xc1)).collect();
    assert!(bmc.poll(&memory, Want::Repository).is_err());
    assert!(memory.lock().unwrap().current().is_none());
    assert_eq!(memory.lock().unwrap().interrupted(), 0);
    bmc.broken.clear();
    let asked = bmc.count(INFO);
    bmc.poll(&memory, Want::Repository).unwrap();
    assert!(memory.lock().unwrap().current().is_some());
    assert_eq!(bmc.count(INFO) - asked, 3, "before the walk is known to be needed, and around it");
}
