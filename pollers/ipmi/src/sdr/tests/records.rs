//! Records worked out by hand from the tables of IPMI 2.0 chapter 43.

use rackpoll_model::{
    Entity, EventControl, Level, Rate, Relation, SensorOwner, Threshold, ThresholdAccess, ThresholdSet,
    event::{EventType, SensorType, UnitType},
};

use super::bmc::{drive, oem, temperature};
use crate::sdr::{Direction, Malformed, Record, Repository, SensorRecord};

fn sensor(record: &[u8]) -> SensorRecord {
    match Record::decode(record, 0) {
        Ok(Record::Sensor(record)) => record,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_record_field_by_field() {
    let mut record = temperature(0x1234, 0x42, "CPU");
    record[6] = 0x72;
    record[9] = 0x83;
    record[11] = 0x68 | 0x02;
    // Rate per minute, modifier times, percentage; base Volts, modifier Amps.
    (record[20], record[21], record[22]) = (0x80 | 4 << 3 | 2 << 1 | 1, 4, 5);
    let record = sensor(&record);
    let sensor = &*record.sensor;
    assert_eq!((sensor.record_id, sensor.number, &*sensor.name), (0x1234, 0x42, "CPU"));
    assert_eq!(sensor.owner, SensorOwner { address: 0x20, channel: 7, lun: 2 });
    assert_eq!(sensor.entity, Entity { id: 7, instance: 3, logical: true });
    assert_eq!((sensor.sensor_type, sensor.event_type), (SensorType(1), EventType::THRESHOLD));
    assert_eq!(sensor.event_control, EventControl::GlobalDisable);
    assert!(sensor.analog && sensor.unit.percentage);
    assert_eq!((sensor.unit.base, sensor.unit.modifier), (UnitType(4), Some((Relation::Times, UnitType(5)))));
    assert_eq!(sensor.unit.rate, Some(Rate::Minute));
    let limits = sensor.limits.as_deref().unwrap();
    assert_eq!(limits.access, ThresholdAccess::Settable);
    assert_eq!((limits.readable, limits.settable), (ThresholdSet(0x1b), ThresholdSet(0x1b)));
    // 0x3a in the high byte of both masks: 011b in bits 14:12, non-critical and critical.
    assert_eq!(limits.compared, ThresholdSet(0b01_1011));
    let levels = Threshold::ALL.map(|threshold| limits.thresholds.of(threshold));
    let value = |value| Some(Level::Value(value));
    assert_eq!(levels, [value(10.0), value(5.0), None, value(105.0), value(114.0), None]);
    assert_eq!((limits.positive_hysteresis, limits.negative_hysteresis), (value(4.0), value(4.0)));
    let ranges = limits.ranges.unwrap();
    assert_eq!(
        (ranges.nominal, ranges.normal_maximum, ranges.normal_minimum),
        (value(50.0), value(95.0), value(10.0))
    );
    // The ends of the format stand for "open".
    assert_eq!((ranges.minimum, ranges.maximum, ranges.tolerance), (None, None, Some(1.5)));
}

#[test]
fn thresholds_that_the_bmc_does_not_set_from_the_record_are_none() {
    let mut record = temperature(1, 1, "T");
    record[10] &= !0x10;
    let record = sensor(&record);
    let limits = record.sensor.limits.as_deref().unwrap();
    assert!(Threshold::ALL.iter().all(|threshold| limits.thresholds.of(*threshold).is_none()));
    assert!(!limits.readable.is_empty());
}

#[test]
fn threshold_sensors_without_an_analog_format_have_raw_levels() {
    let mut record = temperature(1, 1, "T");
    record[20] = 0xc0;
    record[34] = 0x80;
    let record = sensor(&record);
    assert!(!record.sensor.analog && record.conversion.is_none());
    let limits = record.sensor.limits.as_deref().unwrap();
    assert_eq!(limits.thresholds.of(Threshold::UpperCritical), Some(Level::Raw(114)));
    let ranges = limits.ranges.unwrap();
    assert_eq!((ranges.minimum, ranges.maximum), (Some(Level::Raw(0x80)), Some(Level::Raw(0x80))));
    assert_eq!(limits.positive_hysteresis, Some(Level::Raw(4)));
}

#[test]
fn analog_readings_of_sensors_with_states_are_hp_s() {
    let mut record = temperature(1, 1, "Fan");
    record[13] = 0x0a;
    let analog = |manufacturer| match Record::decode(&record, manufacturer) {
        Ok(Record::Sensor(record)) => record.sensor.analog,
        other => panic!("{other:?}"),
    };
    assert!(analog(11) && !analog(674));
}

#[test]
fn a_compact_record_and_those_that_share_it() {
    let mut record = drive(0x21, 0x30, "Bay ");
    // Nine, output, numbers from 2, the entity instance counts too.
    (record[23], record[24]) = (0x80 | 9, 0x80 | 2);
    let decoded = sensor(&record);
    assert_eq!((decoded.sensor.oem, decoded.sensor.number), (0x2a, 0x30));
    assert!(decoded.sensor.limits.is_none() && !decoded.sensor.analog);
    let sharing = decoded.sharing.unwrap();
    assert_eq!((sharing.count, sharing.direction, sharing.instances), (9, Direction::Output, true));
    assert_eq!((sharing.name("Bay ", 0), sharing.name("Bay ", 8)), ("Bay 2".into(), "Bay 10".into()));
    // Letters from Y: Y, Z, AA.
    (record[23], record[24]) = (0x10 | 3, 24);
    let sharing = sensor(&record).sharing.unwrap();
    assert_eq!([0, 1, 2].map(|place| sharing.name("D", place)), ["DY", "DZ", "DAA"]);
    // A count of 0 or 1 is one sensor.
    for count in [0, 1] {
        record[23] = count;
        assert_eq!(sensor(&record).sharing, None);
    }
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[9, 0, 0x51, kind, body.len() as u8][..], body].concat()
}

#[test]
fn the_other_kinds() {
    let decode = |bytes: &[u8]| Record::decode(bytes, 0).unwrap();
    let mut body = vec![0x20, 0x10, 0x55, 7, 1, 0x12, 0x6f, 0x02, 0x00, 0, 0, 0xc5];
    body.extend_from_slice(b"Event");
    let Record::EventOnly(event) = decode(&record(0x03, &body)) else { panic!("event-only") };
    assert_eq!((event.number, event.owner.channel, &*event.name), (0x55, 1, "Event"));
    assert_eq!(event.sharing.unwrap().count, 2);

    let body = [3, 1, 0x80, 8, 1, 8, 4, 0, 0, 0, 0];
    let Record::EntityAssociation(association) = decode(&record(0x08, &body)) else { panic!("association") };
    assert!(association.ranges && !association.linked);
    let memory = |instance| Entity { id: 8, instance, logical: false };
    assert_eq!(association.contained, [memory(1), memory(4)]);

    let mut body = vec![0x20, 0x02, 0x80 | 1 << 3, 0x30, 0, 0x10, 0x02, 10, 1, 0, 0xc4];
    body.extend_from_slice(b"PSU1");
    let Record::Fru(fru) = decode(&record(0x11, &body)) else { panic!("FRU") };
    assert_eq!((fru.address, fru.device, fru.logical, fru.lun, fru.channel), (0x20, 2, true, 1, 3));
    assert_eq!((fru.device_type, fru.modifier, &*fru.name), (0x10, 2, "PSU1"));

    let mut body = vec![0x2c, 0x06, 0x00, 0x2d, 0, 0, 0, 46, 1, 0, 0xc2];
    body.extend_from_slice(b"ME");
    let Record::Controller(controller) = decode(&record(0x12, &body)) else { panic!("controller") };
    assert_eq!((controller.address, controller.channel, controller.capabilities), (0x2c, 6, 0x2d));

    let Record::Oem(own) = decode(&oem(3)) else { panic!("OEM") };
    assert_eq!((own.manufacturer, &*own.data), (674, &[1, 2, 3][..]));
    assert_eq!(decode(&record(0x14, &[])), Record::Other { kind: 0x14 });
}

#[test]
fn records_that_are_too_short_are_told_and_do_not_hide_others() {
    for (whole, shortest) in [(temperature(9, 1, "T"), 48), (drive(9, 1, "D"), 32)] {
        for length in 4..whole.len() {
            let decoded = Record::decode(&whole[..length], 0);
            let malformed = Malformed { id: 9, kind: whole[3], length };
            assert_eq!(decoded.is_ok(), length >= shortest, "{length}");
            assert!(decoded.is_ok() || decoded == Err(malformed));
        }
    }
    let raw = [record(0x01, &[1, 2, 3]), temperature(9, 1, "T"), record(0xc0, &[1])].concat();
    let repository = Repository::decode(raw.into(), 0);
    assert_eq!((repository.sensors().len(), repository.others().len(), repository.malformed()), (1, 0, 2));
}

#[test]
fn sensors_have_names_by_number_too() {
    let mut shared = drive(2, 0x30, "Bay ");
    (shared[23], shared[24]) = (0x04, 0x01);
    let repository = Repository::decode([temperature(1, 0x10, "Inlet"), shared].concat().into(), 0);
    let owner = SensorOwner { address: 0x20, channel: 0, lun: 0 };
    let name = |number| repository.sensor_name(owner, number);
    assert_eq!(name(0x10).as_deref(), Some("Inlet"));
    assert_eq!((name(0x30), name(0x33), name(0x34)), (Some("Bay 1".into()), Some("Bay 4".into()), None));
    assert_eq!(repository.sensor_name(SensorOwner { address: 0x2c, ..owner }, 0x10), None);
}
