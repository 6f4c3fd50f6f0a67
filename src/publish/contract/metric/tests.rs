use rackpoll_model::{
    CiscoMemory, CiscoProcessor, HostProcessor, InterfaceCounters, InterfaceState, Oid, PduOutlet,
    UpsBattery, Value as SnmpValue, VarBind,
};

use super::*;

fn known(word: &'static str) -> Option<Word> {
    Some(Word::Known(word))
}

#[test]
fn interfaces_are_objects_by_name() {
    let state = InterfaceState {
        name: "Ethernet1/1".to_owned(),
        admin: known("up"),
        oper: Some(Word::Number(9)),
        speed: Some(25_000_000_000),
        mtu: None,
        link_error: false,
    };
    assert_eq!(
        metric_value(&MetricResult::InterfaceState(vec![state])),
        json!({ "Ethernet1/1":
            { "state": "9", "speed": 25_000_000_000_u64, "mtu": null, "adminState": "up", "linkError": false } })
    );
    let mut values = [None; INTERFACE_COUNTERS.len()];
    values[0] = Some(7);
    values[14] = Some(u64::MAX);
    let counters = InterfaceCounters { name: "eth0".to_owned(), values };
    let value = metric_value(&MetricResult::TxRxCounters(vec![counters]));
    assert_eq!(value["eth0"].as_object().unwrap().len(), 22);
    assert_eq!((&value["eth0"]["InOctets"], &value["eth0"]["OutOctets"]), (&json!(7), &Value::Null));
    assert_eq!(value["eth0"]["HCInOctets"], json!(u64::MAX));
}

#[test]
fn bandwidth_is_null_where_nothing_can_be_compared() {
    let value = |pairs: &[(Option<f64>, Option<f64>)]| {
        let rows = pairs.iter().zip(0..).map(|(&(input, output), number)| InterfaceUtilization {
            name: format!("eth{number}"),
            input,
            output,
        });
        metric_value(&MetricResult::InterfaceBandwidthUtilization(rows.collect()))
    };
    assert_eq!(value(&[]), Value::Null);
    assert_eq!(value(&[(None, None), (None, None)]), Value::Null);
    assert_eq!(
        value(&[(None, None), (Some(1.5), None)]),
        json!({
            "eth0": { "inputUtilization": null, "outputUtilization": null, "unit": "percent" },
            "eth1": { "inputUtilization": 1.5, "outputUtilization": null, "unit": "percent" },
        })
    );
}

#[test]
fn hosts_have_one_form_and_cisco_another() {
    let load = ProcessorLoad::Host(vec![HostProcessor { name: "cpu".to_owned(), load: 4 }]);
    assert_eq!(metric_value(&MetricResult::ProcessorLoad(load)), json!({ "cpu": { "load": 4 } }));
    let load = ProcessorLoad::Cisco(vec![CiscoProcessor {
        name: "22".to_owned(),
        five_seconds: Some(7),
        one_minute: Some(6),
        five_minutes: None,
    }]);
    assert_eq!(
        metric_value(&MetricResult::ProcessorLoad(load)),
        json!({ "22": { "loadAverage5sec": 7, "loadAverage1min": 6, "loadAverage5min": null } })
    );
    let memory =
        MemoryUsage::Cisco(vec![CiscoMemory { name: "22".to_owned(), used: Some(3), free: Some(1) }]);
    assert_eq!(metric_value(&MetricResult::MemoryUsage(memory)), json!({ "22": { "used": 3, "free": 1 } }));
    let area = |used, size, unit| {
        let area = StorageArea { name: "RAM".to_owned(), used, size, unit };
        metric_value(&MetricResult::MemoryUsage(MemoryUsage::Storage(vec![area])))["RAM"].clone()
    };
    assert_eq!(area(Some(3), Some(4), Some(1_024)), json!({ "used": 3, "bytes": 3_072, "percent": 75.0 }));
    assert_eq!(area(Some(3), Some(0), None), json!({ "used": 3, "bytes": null, "percent": null }));
    assert_eq!(area(None, Some(4), Some(u64::MAX)), json!({ "used": null, "bytes": null, "percent": null }));
}

#[test]
fn pdus_are_numbered_as_rackhd_numbers_them_and_values_are_texts() {
    let measured = |value, unit| PduValue::Measured { value, unit };
    let pdu = |number, outlets| Pdu {
        number,
        values: vec![
            ("pduName", PduValue::Text("left".to_owned())),
            ("pduCommsFail", PduValue::Word(Word::Known("commsGood"))),
            ("pduRMSVoltsValue", measured(200.0, "Volts")),
            ("pduRMSAmpsValue", measured(0.3, "Amps")),
            ("pduPwrFactorValue", measured(0.98, "")),
        ],
        outlets,
    };
    let outlet = PduOutlet { number: 2, values: vec![("pduOutRMSAmpsValue", measured(1.0, "Amps"))] };
    let value = metric_value(&MetricResult::PduPowerStatus(vec![
        pdu(1, vec![outlet]),
        pdu(4, vec![]),
        pdu(7, vec![]),
        pdu(99, vec![]),
        pdu(2, vec![]),
    ]));
    let names: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(names, ["PDU_1", "PDU_2", "PDU_3", "PDU_Aggregate", "PDU_1.3333333333333333"]);
    assert_eq!(
        value["PDU_1"],
        json!({
            "pduName": "left",
            "pduCommsFail": "commsGood",
            "pduRMSVoltsValue": "200 Volts",
            "pduRMSAmpsValue": "0.3 Amps",
            "pduPwrFactorValue": "0.98",
            "outlets": { "outlet_2": { "pduOutRMSAmpsValue": "1 Amps" } },
        })
    );
    assert!(value["PDU_2"].get("outlets").is_none());
    let channel = PduChannel {
        number: 1,
        values: vec![
            ("ipTHAChan", PduValue::Number(1)),
            ("ipTHARS", PduValue::Word(Word::Known("active"))),
            ("ipTHAName", PduValue::Text("Input 01".to_owned())),
        ],
    };
    assert_eq!(
        metric_value(&MetricResult::PduSensorStatus(vec![channel])),
        json!({ "channel_1": { "ipTHAChan.1": "1", "ipTHARS.1": "active", "ipTHAName.1": "Input 01" } })
    );
}

#[test]
fn configured_oids_are_printed_as_the_walks_are_and_missing_ones_say_so() {
    let oid: Oid = "1.3.6.1.4.1.9.9.13.1.3.1.6.1".parse().unwrap();
    let sensors = vec![
        SwitchSensor {
            source: "1.3.6.1.4.1.9.9.13".to_owned(),
            varbinds: vec![VarBind { oid, value: SnmpValue::Integer(1) }],
        },
        SwitchSensor { source: "1.3.6.1.4.1.5".to_owned(), varbinds: vec![] },
    ];
    assert_eq!(
        metric_value(&MetricResult::SwitchSensorStatus(sensors)),
        json!({
            ".1.3.6.1.4.1.9.9.13.1.3.1.6.1": "1",
            "1.3.6.1.4.1.5": "No Such Instance currently exists at this OID",
        })
    );
}

#[test]
fn sensors_have_their_point_where_it_belongs() {
    let value = |digits, exponent| {
        let sensor = EntitySensor {
            name: "s".to_owned(),
            kind: known("watts"),
            value: Some(EntitySensorValue::Measured { digits, exponent }),
            unit: Some("watts"),
            units_display: Some("W".to_owned()),
            status: known("ok"),
        };
        metric_value(&MetricResult::EntitySensors(vec![sensor]))["s"].clone()
    };
    assert_eq!(
        value(2_345, -4),
        json!({ "value": 0.2345, "unit": "watts", "type": "watts", "status": "ok", "unitsDisplay": "W" })
    );
    assert_eq!(value(-2_145, -3)["value"], json!(-2.145));
    assert_eq!(value(5, 3)["value"], json!(5_000.0));
    assert_eq!(value(45_542, -3)["value"], json!(45.542));
    assert_eq!(value(1, -33)["value"], json!(1e-33));
}

#[test]
fn a_power_supply_says_what_it_has_and_nothing_else() {
    assert_eq!(metric_value(&MetricResult::Ups(Box::default())), json!({}));
    let ups = Ups {
        model: Some("M".to_owned()),
        battery: UpsBattery {
            status: known("batteryNormal"),
            voltage: Some(513),
            current: Some(-5),
            ..UpsBattery::default()
        },
        input: vec![UpsLine { number: 1, frequency: Some(499), voltage: Some(229), ..UpsLine::default() }],
        source: known("normal"),
        alarms_present: Some(0),
        ..Ups::default()
    };
    assert_eq!(
        metric_value(&MetricResult::Ups(Box::new(ups))),
        json!({
            "identity": { "model": "M" },
            "battery": { "status": "batteryNormal", "volts": 51.3, "amperes": -0.5 },
            "input": { "lines": { "1": { "hertz": 49.9, "volts": 229 } } },
            "output": { "source": "normal" },
            "alarmsPresent": 0,
            "alarms": [],
        })
    );
}

#[test]
fn neighbors_are_lists_by_port() {
    let neighbor = |port: &str, name: &str| LldpNeighbor {
        local_port: port.to_owned(),
        system_name: Some(name.to_owned()),
        capabilities: vec!["bridge"],
        ..LldpNeighbor::default()
    };
    let value = metric_value(&MetricResult::LldpNeighbors(vec![
        neighbor("eth1", "a"),
        neighbor("eth1", "b"),
        neighbor("eth2", "c"),
    ]));
    assert_eq!(value["eth1"].as_array().unwrap().len(), 2);
    assert_eq!(
        value["eth2"],
        json!([{ "systemName": "c", "capabilities": ["bridge"], "enabledCapabilities": [], "managementAddresses": [] }])
    );
}
