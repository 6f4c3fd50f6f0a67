use rackpoll_model::{Metric, MetricResult, Pdu, PduChannel, PduValue, Value, Word};

use super::agent::{Agent, oid, text};
use crate::metric::Manner;

fn pdus(agent: &mut Agent) -> Vec<Pdu> {
    match agent.poll(Metric::PduPowerStatus) {
        MetricResult::PduPowerStatus(pdus) => pdus,
        other => panic!("{other:?}"),
    }
}

fn measured(value: f64, unit: &'static str) -> PduValue {
    PduValue::Measured { value, unit }
}

fn gateway() -> Agent {
    Agent::new([
        ("pduName.1", text("rack 7 left")),
        ("pduRS.1", Value::Integer(1)),
        ("pduMonEn.1", Value::Integer(1)),
        ("pduCommsFail.1", Value::Integer(2)),
        ("pduRMSVoltsValue.1", Value::Integer(230)),
        ("pduRMSAmpsValue.1", Value::Integer(3)),
        ("pduPwrFactorValue.1", Value::Integer(98)),
        ("pduName.99", text("all")),
        ("pduOutName.1.1", text("server 1")),
        ("pduOutOn.1.1", Value::Integer(1)),
        ("pduOutRMSAmpsValue.1.1", Value::Gauge32(12)),
        ("pduOutOn.1.24", Value::Integer(2)),
        ("pduOutOn.4.1", Value::Integer(1)),
    ])
}

#[test]
fn pdus_have_scaled_values_and_their_own_outlets() {
    let pdus = pdus(&mut gateway());
    assert_eq!(pdus.iter().map(|pdu| pdu.number).collect::<Vec<_>>(), [1, 99]);
    assert_eq!(
        pdus[0].values,
        [
            ("pduName", PduValue::Text("rack 7 left".to_owned())),
            ("pduRS", PduValue::Word(Word::Known("active"))),
            ("pduMonEn", PduValue::Word(Word::Known("true"))),
            ("pduCommsFail", PduValue::Word(Word::Known("commsFailed"))),
            ("pduRMSVoltsValue", measured(230.0, "Volts")),
            ("pduRMSAmpsValue", measured(0.3, "Amps")),
            ("pduPwrFactorValue", measured(0.98, "")),
        ]
    );
    let outlets: Vec<u32> = pdus[0].outlets.iter().map(|outlet| outlet.number).collect();
    assert_eq!(outlets, [1, 24]);
    assert_eq!(
        pdus[0].outlets[0].values,
        [
            ("pduOutName", PduValue::Text("server 1".to_owned())),
            ("pduOutOn", PduValue::Word(Word::Known("on"))),
            ("pduOutRMSAmpsValue", measured(1.2, "Amps")),
        ]
    );
    assert_eq!(pdus[1].outlets, []);
}

#[test]
fn gateways_are_asked_for_one_thing_at_a_time_and_others_for_little() {
    let mut agent = gateway();
    pdus(&mut agent);
    assert_eq!(agent.asked.len(), 18);
    assert!(agent.asked.iter().all(|(_, manner)| *manner == Manner::OneByOne));
    let mut switch = Agent::new([("ifName.1", text("eth0"))]);
    assert_eq!(pdus(&mut switch), []);
    assert_eq!(switch.asked.len(), 2);
}

#[test]
fn channels_have_both_tables_and_no_other_channels_values() {
    let mut agent = Agent::new([
        ("ipTHAChan.1", Value::Integer(1)),
        ("ipTHARS.1", Value::Integer(1)),
        ("ipTHAName.1", text("inlet")),
        ("ipTHAType.1", Value::Integer(2)),
        ("ipTHAValue.1", Value::Integer(-215)),
        ("ipTHAChan.10", Value::Integer(10)),
        ("ipContName.1", text("door")),
        ("ipContCurrState.1", Value::Integer(2)),
        ("ipContCurrState.2", Value::Integer(77)),
    ]);
    let MetricResult::PduSensorStatus(channels) = agent.poll(Metric::PduSensorStatus) else { panic!() };
    let expected = [
        PduChannel {
            number: 1,
            values: vec![
                ("ipTHAChan", PduValue::Number(1)),
                ("ipTHARS", PduValue::Word(Word::Known("active"))),
                ("ipTHAName", PduValue::Text("inlet".to_owned())),
                ("ipTHAType", PduValue::Word(Word::Known("temperature"))),
                ("ipTHAValue", PduValue::Number(-215)),
                ("ipContName", PduValue::Text("door".to_owned())),
                ("ipContCurrState", PduValue::Word(Word::Known("closed"))),
            ],
        },
        PduChannel { number: 2, values: vec![("ipContCurrState", PduValue::Word(Word::Number(77)))] },
        PduChannel { number: 10, values: vec![("ipTHAChan", PduValue::Number(10))] },
    ];
    assert_eq!(channels, expected);
    assert_eq!(agent.asked, [(oid("ipTHATable"), Manner::OneByOne), (oid("ipContTable"), Manner::OneByOne)]);
}
