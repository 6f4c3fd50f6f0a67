use rackpoll_model::{Metric, MetricResult, Oid, Ups, UpsBattery, UpsLine, Value, Word};

use super::agent::{Agent, oid, text};

fn ups(agent: &mut Agent) -> Ups {
    match agent.poll(Metric::Ups) {
        MetricResult::Ups(ups) => *ups,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_power_supply_tells_itself_its_battery_its_lines_and_its_alarms() {
    let mut agent = Agent::new([
        ("upsIdentManufacturer.0", text("Maker")),
        ("upsIdentModel.0", text("M 3000")),
        ("upsBatteryStatus.0", Value::Integer(3)),
        ("upsSecondsOnBattery.0", Value::Integer(75)),
        ("upsEstimatedMinutesRemaining.0", Value::Integer(4)),
        ("upsEstimatedChargeRemaining.0", Value::Integer(31)),
        ("upsBatteryVoltage.0", Value::Integer(513)),
        ("upsBatteryCurrent.0", Value::Integer(-105)),
        ("upsBatteryTemperature.0", Value::Integer(29)),
        ("upsInputLineBads.0", Value::Counter32(2)),
        ("upsInputFrequency.1", Value::Integer(499)),
        ("upsInputVoltage.1", Value::Integer(0)),
        ("upsOutputSource.0", Value::Integer(5)),
        ("upsOutputFrequency.0", Value::Integer(500)),
        ("upsOutputVoltage.1", Value::Integer(230)),
        ("upsOutputCurrent.1", Value::Integer(31)),
        ("upsOutputPower.1", Value::Integer(680)),
        ("upsOutputPercentLoad.1", Value::Integer(23)),
        ("upsAlarmsPresent.0", Value::Gauge32(2)),
        ("upsAlarmDescr.7", Value::ObjectId(oid("upsAlarmOnBattery"))),
        ("upsAlarmDescr.8", Value::ObjectId(Oid::new(&[1, 3, 6, 1, 4, 1, 318, 1]))),
    ]);
    let expected = Ups {
        manufacturer: Some("Maker".to_owned()),
        model: Some("M 3000".to_owned()),
        battery: UpsBattery {
            status: Some(Word::Known("batteryLow")),
            seconds_on_battery: Some(75),
            minutes_remaining: Some(4),
            charge: Some(31),
            voltage: Some(513),
            current: Some(-105),
            temperature: Some(29),
        },
        line_bads: Some(2),
        input: vec![UpsLine { number: 1, frequency: Some(499), voltage: Some(0), ..UpsLine::default() }],
        source: Some(Word::Known("battery")),
        output_frequency: Some(500),
        output: vec![UpsLine {
            number: 1,
            voltage: Some(230),
            current: Some(31),
            power: Some(680),
            load: Some(23),
            ..UpsLine::default()
        }],
        alarms_present: Some(2),
        alarms: vec!["upsAlarmOnBattery".to_owned(), ".1.3.6.1.4.1.318.1".to_owned()],
        ..Ups::default()
    };
    assert_eq!(ups(&mut agent), expected);
}

#[test]
fn a_device_without_a_battery_has_nothing_to_tell() {
    assert_eq!(ups(&mut Agent::new([("sysName.0", text("switch"))])), Ups::default());
}
