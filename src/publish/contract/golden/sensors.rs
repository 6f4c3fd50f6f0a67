//! Sensors of every make-up.

use std::sync::Arc;

use rackpoll_model::{
    Entity, EventControl, EventEnable, Level, Limits, Ranges, Rate, Relation, Sensor, SensorOwner,
    SensorReading, SensorState, SensorThresholds, States, Threshold, ThresholdAccess, ThresholdSet,
    Thresholds, Unit,
    event::{EventType, SensorType, UnitType},
};

const SPECIFIC: u8 = 0x6f;
const REDUNDANCY: u8 = 0x0b;

fn entity(id: u8, instance: u8) -> Entity {
    Entity { id, instance, logical: false }
}

fn unit(base: u8) -> Unit {
    Unit { percentage: false, base: UnitType(base), modifier: None, rate: None }
}

/// A sensor with states.
fn discrete(name: &str, number: u8, sensor_type: u8, event_type: u8) -> Sensor {
    Sensor {
        record_id: 1,
        owner: SensorOwner { address: 0x20, channel: 0, lun: 0 },
        number,
        name: name.into(),
        entity: entity(7, 1),
        sensor_type: SensorType(sensor_type),
        event_type: EventType(event_type),
        unit: unit(0),
        analog: false,
        event_control: EventControl::PerThreshold,
        oem: 0,
        limits: None,
    }
}

fn limits() -> Limits {
    let value = |value| Some(Level::Value(value));
    Limits {
        access: ThresholdAccess::Settable,
        readable: ThresholdSet(0b01_1011),
        settable: ThresholdSet(0b01_0010),
        compared: ThresholdSet(0b01_1011),
        thresholds: Thresholds::from_fn(|threshold| match threshold {
            Threshold::LowerNonCritical => value(10.0),
            Threshold::LowerCritical => value(-5.0),
            Threshold::UpperNonCritical => value(105.0),
            Threshold::UpperCritical => value(114.5),
            _ => None,
        }),
        positive_hysteresis: value(4.0),
        negative_hysteresis: None,
        ranges: Some(Ranges {
            nominal: value(50.0),
            normal_minimum: value(0.0),
            normal_maximum: value(95.0),
            minimum: None,
            maximum: value(127.0),
            tolerance: Some(1.5),
            accuracy: 0.0,
        }),
    }
}

fn temperature(name: &str, number: u8) -> Sensor {
    Sensor {
        unit: unit(1),
        analog: true,
        limits: Some(Box::new(limits())),
        ..discrete(name, number, 0x01, 0x01)
    }
}

fn read(raw: u8, value: Option<f64>, states: u16) -> SensorState {
    SensorState::Read { raw, value, states: States(states) }
}

fn events(assertions: u16, deassertions: u16) -> Option<EventEnable> {
    Some(EventEnable { messages: true, scanning: true, assertions, deassertions })
}

fn reading(sensor: Sensor, state: SensorState, event_enable: Option<EventEnable>) -> SensorReading {
    SensorReading { sensor: Arc::new(sensor), state, event_enable }
}

pub(super) fn threshold_sensors() -> Vec<SensorReading> {
    let fan = Sensor { unit: unit(18), ..temperature("Fan", 0x31) };
    let power = Sensor {
        unit: Unit { modifier: Some((Relation::Per, UnitType(24))), rate: Some(Rate::Second), ..unit(6) },
        event_control: EventControl::GlobalDisable,
        limits: Some(Box::new(Limits {
            access: ThresholdAccess::Fixed,
            compared: ThresholdSet(0),
            ..limits()
        })),
        ..temperature("Power: input", 0x32)
    };
    let load = Sensor {
        unit: Unit { percentage: true, ..unit(0) },
        limits: Some(Box::new(Limits { access: ThresholdAccess::None, ..limits() })),
        ..temperature("Load", 0x33)
    };
    // A compact record: no numbers but the raw ones.
    let compact = Sensor {
        unit: unit(0),
        analog: false,
        limits: Some(Box::new(Limits {
            access: ThresholdAccess::Readable,
            thresholds: Thresholds::default(),
            positive_hysteresis: Some(Level::Raw(4)),
            ranges: None,
            ..limits()
        })),
        ..temperature("Compact", 0x34)
    };
    vec![
        reading(temperature("Inlet", 0x20), read(0x29, Some(41.0), 0), events(0x0295, 0x0295)),
        reading(temperature("CPU", 0x21), read(0x7f, Some(127.25), 0b01_1000), events(0, 0)),
        reading(temperature("Cold", 0x22), read(0xe0, Some(-32.0), 0b00_0011), None),
        reading(fan.clone(), SensorState::ScanningDisabled, events(0x0004, 0)),
        reading(fan, SensorState::Unavailable { states: States(0) }, None),
        reading(power, read(0x10, Some(f64::INFINITY), 0), None),
        reading(load, read(0x08, Some(3.2), 0), None),
        reading(compact, read(0x0a, None, 0b10_0000), None),
    ]
}

pub(super) fn discrete_sensors() -> Vec<SensorReading> {
    let silent = EventEnable { messages: false, scanning: true, assertions: 0, deassertions: 0 };
    let redundancy = discrete("PS Redundancy", 0x40, 0x08, REDUNDANCY);
    let unknown =
        Sensor { entity: entity(0xd1, 3), oem: 0x2a, ..discrete("OEM state", 0x41, 0xc0, SPECIFIC) };
    let named =
        Sensor { event_control: EventControl::NoEvents, ..discrete("OEM type", 0x42, 0xc9, REDUNDANCY) };
    let hp = Sensor { unit: unit(6), analog: true, ..discrete("Power Meter", 0x43, 0x0b, 0x0a) };
    vec![
        reading(redundancy, read(0, None, 0b0000_1010), events(0x00ff, 0)),
        reading(unknown, read(0xa1, None, 0x0001), events(0x0001, 0)),
        reading(named, SensorState::NoAnswer, events(0x0003, 0x4000)),
        reading(hp, read(0x20, Some(123.456), 0), Some(silent)),
        reading(discrete("Watchdog", 0x44, 0x23, SPECIFIC), SensorState::ScanningDisabled, Some(silent)),
    ]
}

pub(super) fn drives() -> Vec<SensorReading> {
    let drive =
        |name: &str, number| Sensor { entity: entity(4, 1), ..discrete(name, number, 0x0d, SPECIFIC) };
    vec![
        reading(drive("Drive 0", 0x50), read(0, None, 0x0001), None),
        reading(drive("Drive 1", 0x51), read(0, None, 0x0003), None),
        reading(drive("Drive 2", 0x52), read(0, None, 0), None),
        reading(drive("Drive 3", 0x53), SensorState::ScanningDisabled, None),
        reading(drive("Drive 4", 0x54), SensorState::Unavailable { states: States(1) }, None),
        reading(
            Sensor { sensor_type: SensorType::DRIVE_SLOT, ..temperature("Drive 5 Temp", 0x55) },
            read(30, Some(30.0), 0),
            None,
        ),
    ]
}

pub(super) fn thresholds() -> Vec<SensorThresholds> {
    let compact = Level::Raw(7);
    vec![
        SensorThresholds {
            sensor: Arc::new(temperature("Inlet", 0x20)),
            thresholds: limits().thresholds,
            positive_hysteresis: Some(Level::Value(4.0)),
            negative_hysteresis: None,
        },
        SensorThresholds {
            sensor: Arc::new(Sensor { analog: false, ..temperature("Compact", 0x34) }),
            thresholds: Thresholds::from_fn(|_| Some(compact)),
            positive_hysteresis: Some(compact),
            negative_hysteresis: None,
        },
    ]
}
