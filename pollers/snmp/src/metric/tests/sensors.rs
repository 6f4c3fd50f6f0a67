use std::time::Instant;

use rackpoll_model::{
    EntitySensor, EntitySensorValue, Metric, MetricRequest, MetricResult, SwitchSensor, Value, VarBind, Word,
};

use super::agent::{Agent, oid, text};
use crate::metric::{Memory, questions};

fn request(oids: &[&str]) -> MetricRequest {
    MetricRequest {
        metric: Metric::SwitchSensorStatus,
        sensor_oids: oids.iter().map(|&oid| oid.to_owned()).collect(),
    }
}

#[test]
fn configured_oids_are_walked_or_got_and_missing_ones_stay_empty() {
    let mut agent = Agent::new([
        ("entPhySensorValue.1", Value::Integer(41)),
        ("entPhySensorValue.2", Value::Integer(42)),
        ("sysUpTime.0", Value::TimeTicks(9)),
    ]);
    let (column, instance, missing) =
        (oid("entPhySensorValue").to_string(), oid("sysUpTime.0").to_string(), "1.3.6.1.4.1.5".to_owned());
    let request = request(&[&column, &instance, &missing, &missing]);
    let reading = agent.poll_at(&request, &mut Memory::default(), Instant::now()).unwrap();
    let varbind = |name: &str, value| VarBind { oid: oid(name), value };
    let missing = SwitchSensor { source: missing, varbinds: vec![] };
    assert_eq!(
        reading.result,
        MetricResult::SwitchSensorStatus(vec![
            SwitchSensor {
                source: column,
                varbinds: vec![
                    varbind("entPhySensorValue.1", Value::Integer(41)),
                    varbind("entPhySensorValue.2", Value::Integer(42))
                ]
            },
            SwitchSensor { source: instance, varbinds: vec![varbind("sysUpTime.0", Value::TimeTicks(9))] },
            missing.clone(),
            missing,
        ])
    );
    assert_eq!(reading.errors, []);
}

#[test]
fn an_oid_that_could_not_be_read_is_an_error_and_not_missing() {
    let mut agent = Agent::new([("sysUpTime.0", Value::TimeTicks(9))]).breaking_at("entPhySensorValue");
    let (broken, good) = (oid("entPhySensorValue").to_string(), oid("sysUpTime").to_string());
    let reading = agent.poll_at(&request(&[&broken, &good]), &mut Memory::default(), Instant::now()).unwrap();
    let MetricResult::SwitchSensorStatus(sensors) = reading.result else { panic!() };
    assert_eq!(sensors.iter().map(|sensor| &sensor.source).collect::<Vec<_>>(), [&good]);
    assert_eq!(reading.errors.len(), 1);
}

#[test]
fn an_oid_that_is_none_is_refused() {
    assert!(questions(&request(&["ifInOctets!"]), &super::super::Answers::default()).is_err());
}

fn sensors(agent: &mut Agent) -> Vec<EntitySensor> {
    match agent.poll(Metric::EntitySensors) {
        MetricResult::EntitySensors(sensors) => sensors,
        other => panic!("{other:?}"),
    }
}

fn measured(digits: i64, exponent: i32) -> Option<EntitySensorValue> {
    Some(EntitySensorValue::Measured { digits, exponent })
}

#[test]
fn sensors_have_names_units_scale_and_precision() {
    let mut agent = Agent::new([
        ("entPhysicalName.10", text("PSU 1 input")),
        ("entPhysicalDescr.10", text("not this")),
        ("entPhysicalDescr.11", text("inlet")),
        ("entPhySensorType.10", Value::Integer(6)),
        ("entPhySensorScale.10", Value::Integer(8)),
        ("entPhySensorPrecision.10", Value::Integer(1)),
        ("entPhySensorValue.10", Value::Integer(2_345)),
        ("entPhySensorOperStatus.10", Value::Integer(1)),
        ("entPhySensorUnitsDisplay.10", text("W")),
        ("entPhySensorType.11", Value::Integer(8)),
        ("entPhySensorScale.11", Value::Integer(9)),
        ("entPhySensorPrecision.11", Value::Integer(-2)),
        ("entPhySensorValue.11", Value::Integer(23)),
    ]);
    assert_eq!(
        sensors(&mut agent),
        [
            EntitySensor {
                name: "PSU 1 input".to_owned(),
                kind: Some(Word::Known("watts")),
                value: measured(2_345, -4),
                unit: Some("watts"),
                units_display: Some("W".to_owned()),
                status: Some(Word::Known("ok")),
            },
            EntitySensor {
                name: "inlet".to_owned(),
                kind: Some(Word::Known("celsius")),
                value: measured(23, 0),
                unit: Some("celsius"),
                units_display: None,
                status: None,
            },
        ]
    );
    assert!(!agent.has_been_asked("entSensorValue"));
}

#[test]
fn what_the_sensor_does_not_have_at_present_is_no_value() {
    let sensor = |kind, value, status| {
        let mut agent = Agent::new([
            ("entPhySensorType.1", Value::Integer(kind)),
            ("entPhySensorValue.1", Value::Integer(value)),
            ("entPhySensorOperStatus.1", Value::Integer(status)),
        ]);
        sensors(&mut agent).remove(0).value
    };
    assert_eq!(sensor(8, 40, 1), measured(40, 0));
    assert_eq!(sensor(8, 40, 2), None);
    assert_eq!(sensor(8, 40, 3), None);
    assert_eq!(sensor(8, 1_000_000_000, 1), None);
    assert_eq!(sensor(8, -1_000_000_000, 1), None);
    assert_eq!(sensor(12, 1, 1), Some(EntitySensorValue::Truth(true)));
    assert_eq!(sensor(12, 2, 1), Some(EntitySensorValue::Truth(false)));
    assert_eq!(sensor(12, 3, 1), None);
}

#[test]
fn cisco_has_the_same_table_elsewhere() {
    let mut agent = Agent::new([
        ("entPhysicalName.1", text("fan")),
        ("entPhysicalName.2", text("fan")),
        ("entSensorType.1", Value::Integer(10)),
        ("entSensorValue.1", Value::Integer(9_000)),
        ("entSensorType.2", Value::Integer(14)),
        ("entSensorScale.2", Value::Integer(8)),
        ("entSensorValue.2", Value::Integer(-2_145)),
        ("entSensorStatus.2", Value::Integer(1)),
    ]);
    let sensors = sensors(&mut agent);
    assert_eq!((sensors[0].name.as_str(), sensors[0].unit), ("fan#1", Some("rpm")));
    assert_eq!((sensors[1].name.as_str(), sensors[1].unit), ("fan#2", Some("dBm")));
    assert_eq!(sensors[1].value, measured(-2_145, -3));
}
