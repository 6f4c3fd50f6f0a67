//! Metrics as RackHD's consumers know them (contract.md, section 6), and the three that RackHD lacks.

use rackpoll_model::{
    EntitySensor, EntitySensorValue, INTERFACE_COUNTERS, InterfaceUtilization, LldpNeighbor, MemoryUsage,
    MetricResult, Pdu, PduChannel, PduValue, ProcessorLoad, StorageArea, SwitchSensor, Ups, UpsLine, Word,
};
use rackpoll_snmp::{oid_text, value_text};
use serde_json::{Map, Value, json};

/// What RackHD says of a configured oid that is not there.
const MISSING: &str = "No Such Instance currently exists at this OID";

/// The gateway's number for all its PDUs together.
const AGGREGATE: u32 = 99;

/// A metric's `result`.
pub(super) fn metric_value(result: &MetricResult) -> Value {
    match result {
        MetricResult::InterfaceState(interfaces) => by_name(interfaces, |interface| {
            let state = json!({
                "state": optional_word(interface.oper),
                "speed": interface.speed,
                "mtu": interface.mtu,
                "adminState": optional_word(interface.admin),
                "linkError": interface.link_error,
            });
            (&interface.name, state)
        }),
        MetricResult::InterfaceBandwidthUtilization(interfaces) => utilizations(interfaces),
        MetricResult::TxRxCounters(interfaces) => by_name(interfaces, |interface| {
            let counters = INTERFACE_COUNTERS.iter().zip(interface.values);
            (&interface.name, counters.map(|(&name, value)| (name.to_owned(), json!(value))).collect())
        }),
        MetricResult::MemoryUsage(MemoryUsage::Storage(areas)) => {
            by_name(areas, |area| (&area.name, storage_area(area)))
        }
        MetricResult::MemoryUsage(MemoryUsage::Cisco(processors)) => by_name(processors, |processor| {
            (&processor.name, json!({ "used": processor.used, "free": processor.free }))
        }),
        MetricResult::ProcessorLoad(ProcessorLoad::Host(processors)) => {
            by_name(processors, |processor| (&processor.name, json!({ "load": processor.load })))
        }
        MetricResult::ProcessorLoad(ProcessorLoad::Cisco(processors)) => by_name(processors, |processor| {
            let loads = json!({
                "loadAverage5sec": processor.five_seconds,
                "loadAverage1min": processor.one_minute,
                "loadAverage5min": processor.five_minutes,
            });
            (&processor.name, loads)
        }),
        MetricResult::PduPowerStatus(pdus) => {
            pdus.iter().map(|pdu| (pdu_name(pdu.number), pdu_value(pdu))).collect::<Map<_, _>>().into()
        }
        MetricResult::PduSensorStatus(channels) => {
            let channels =
                channels.iter().map(|channel| (format!("channel_{}", channel.number), pdu_channel(channel)));
            channels.collect::<Map<_, _>>().into()
        }
        MetricResult::SwitchSensorStatus(sensors) => switch_sensors(sensors),
        MetricResult::EntitySensors(sensors) => {
            by_name(sensors, |sensor| (&sensor.name, entity_sensor(sensor)))
        }
        MetricResult::Ups(ups) => ups_value(ups),
        MetricResult::LldpNeighbors(neighbors) => lldp_neighbors(neighbors),
    }
}

fn by_name<'a, T>(rows: &'a [T], row: impl Fn(&'a T) -> (&'a String, Value)) -> Value {
    let named = rows.iter().map(|each| {
        let (name, value) = row(each);
        (name.clone(), value)
    });
    named.collect::<Map<_, _>>().into()
}

fn word_text(word: Word) -> String {
    match word {
        Word::Known(word) => word.to_owned(),
        Word::Number(number) => number.to_string(),
    }
}

fn optional_word(word: Option<Word>) -> Value {
    word.map_or(Value::Null, |word| word_text(word).into())
}

/// `null` where nothing could be compared with an earlier poll.
fn utilizations(interfaces: &[InterfaceUtilization]) -> Value {
    if interfaces.iter().all(|interface| interface.input.is_none() && interface.output.is_none()) {
        return Value::Null;
    }
    by_name(interfaces, |interface| {
        let utilization = json!({
            "inputUtilization": interface.input,
            "outputUtilization": interface.output,
            "unit": "percent",
        });
        (&interface.name, utilization)
    })
}

#[expect(clippy::cast_precision_loss, reason = "a percentage needs no more than a double's 53 bits")]
fn storage_area(area: &StorageArea) -> Value {
    let bytes = area.used.zip(area.unit).and_then(|(used, unit)| used.checked_mul(unit));
    let percent = match (area.used, area.size) {
        (Some(used), Some(size)) if size > 0 => Some(used as f64 * 100.0 / size as f64),
        _ => None,
    };
    json!({ "used": area.used, "bytes": bytes, "percent": percent })
}

/// The gateway counts its PDUs 1, 4, 7, and RackHD 1, 2, 3; numbers in between keep their fraction, as RackHD's do.
fn pdu_name(number: u32) -> String {
    match number {
        AGGREGATE => "PDU_Aggregate".to_owned(),
        number => format!("PDU_{}", (f64::from(number) + 2.0) / 3.0),
    }
}

fn pdu_value(pdu: &Pdu) -> Value {
    let mut value: Map<String, Value> =
        pdu.values.iter().map(|(name, value)| ((*name).to_owned(), pdu_text(value).into())).collect();
    if !pdu.outlets.is_empty() {
        let outlets = pdu.outlets.iter().map(|outlet| {
            let values = outlet.values.iter();
            let values: Map<String, Value> =
                values.map(|(name, value)| ((*name).to_owned(), pdu_text(value).into())).collect();
            (format!("outlet_{}", outlet.number), Value::Object(values))
        });
        value.insert("outlets".to_owned(), outlets.collect::<Map<_, _>>().into());
    }
    value.into()
}

fn pdu_channel(channel: &PduChannel) -> Value {
    let values = channel.values.iter();
    let values =
        values.map(|(name, value)| (format!("{name}.{}", channel.number), Value::from(pdu_text(value))));
    values.collect::<Map<_, _>>().into()
}

fn pdu_text(value: &PduValue) -> String {
    match value {
        PduValue::Text(text) => text.clone(),
        PduValue::Word(word) => word_text(*word),
        PduValue::Measured { value, unit: "" } => value.to_string(),
        PduValue::Measured { value, unit } => format!("{value} {unit}"),
        PduValue::Number(number) => number.to_string(),
    }
}

fn switch_sensors(sensors: &[SwitchSensor]) -> Value {
    let mut value = Map::new();
    for sensor in sensors {
        if sensor.varbinds.is_empty() {
            value.insert(sensor.source.clone(), MISSING.into());
        }
        for varbind in &sensor.varbinds {
            value.insert(oid_text(&varbind.oid), value_text(&varbind.value).into());
        }
    }
    value.into()
}

fn entity_sensor(sensor: &EntitySensor) -> Value {
    let value = match sensor.value {
        Some(EntitySensorValue::Measured { digits, exponent }) => json!(decimal(digits, exponent)),
        Some(EntitySensorValue::Truth(truth)) => Value::Bool(truth),
        None => Value::Null,
    };
    let mut object = Map::new();
    object.insert("value".to_owned(), value);
    object.insert("unit".to_owned(), json!(sensor.unit));
    object.insert("type".to_owned(), optional_word(sensor.kind));
    object.insert("status".to_owned(), optional_word(sensor.status));
    put(&mut object, "unitsDisplay", sensor.units_display.clone());
    object.into()
}

/// Digits with a decimal point, to the last bit: what is multiplied by a tenth is not.
fn decimal(digits: i64, exponent: i32) -> Option<f64> {
    format!("{digits}e{exponent}").parse().ok()
}

fn tenths(digits: Option<i64>) -> Option<f64> {
    digits.and_then(|digits| decimal(digits, -1))
}

/// What the power supply does not have is left out.
fn ups_value(ups: &Ups) -> Value {
    let mut identity = Map::new();
    put(&mut identity, "manufacturer", ups.manufacturer.clone());
    put(&mut identity, "model", ups.model.clone());
    put(&mut identity, "name", ups.name.clone());
    put(&mut identity, "software", ups.software.clone());
    put(&mut identity, "agentSoftware", ups.agent_software.clone());
    let mut battery = Map::new();
    put(&mut battery, "status", ups.battery.status.map(word_text));
    put(&mut battery, "secondsOnBattery", ups.battery.seconds_on_battery);
    put(&mut battery, "minutesRemaining", ups.battery.minutes_remaining);
    put(&mut battery, "chargePercent", ups.battery.charge);
    put(&mut battery, "volts", tenths(ups.battery.voltage));
    put(&mut battery, "amperes", tenths(ups.battery.current));
    put(&mut battery, "celsius", ups.battery.temperature);
    let mut input = Map::new();
    put(&mut input, "lineBads", ups.line_bads);
    put_lines(&mut input, &ups.input);
    let mut output = Map::new();
    put(&mut output, "source", ups.source.map(word_text));
    put(&mut output, "hertz", tenths(ups.output_frequency));
    put_lines(&mut output, &ups.output);
    let mut bypass = Map::new();
    put(&mut bypass, "hertz", tenths(ups.bypass_frequency));
    put_lines(&mut bypass, &ups.bypass);
    let mut value = Map::new();
    for (key, part) in [
        ("identity", identity),
        ("battery", battery),
        ("input", input),
        ("output", output),
        ("bypass", bypass),
    ] {
        put(&mut value, key, (!part.is_empty()).then_some(part));
    }
    put(&mut value, "alarmsPresent", ups.alarms_present);
    if ups.alarms_present.is_some() || !ups.alarms.is_empty() {
        value.insert("alarms".to_owned(), json!(ups.alarms));
    }
    value.into()
}

fn put_lines(map: &mut Map<String, Value>, lines: &[UpsLine]) {
    let lines = lines.iter().map(|line| {
        let mut value = Map::new();
        put(&mut value, "hertz", tenths(line.frequency));
        put(&mut value, "volts", line.voltage);
        put(&mut value, "amperes", tenths(line.current));
        put(&mut value, "watts", line.power);
        put(&mut value, "loadPercent", line.load);
        (line.number.to_string(), Value::Object(value))
    });
    let lines: Map<String, Value> = lines.collect();
    put(map, "lines", (!lines.is_empty()).then_some(lines));
}

/// Lists by local port: there may be a hub in between. What the neighbour does not tell is left out.
fn lldp_neighbors(neighbors: &[LldpNeighbor]) -> Value {
    let mut ports = Map::new();
    for neighbor in neighbors {
        let mut value = Map::new();
        put(&mut value, "chassisId", neighbor.chassis_id.clone());
        put(&mut value, "chassisIdType", neighbor.chassis_id_type.map(word_text));
        put(&mut value, "portId", neighbor.port_id.clone());
        put(&mut value, "portIdType", neighbor.port_id_type.map(word_text));
        put(&mut value, "portDescription", neighbor.port_description.clone());
        put(&mut value, "systemName", neighbor.system_name.clone());
        put(&mut value, "systemDescription", neighbor.system_description.clone());
        value.insert("capabilities".to_owned(), json!(neighbor.capabilities));
        value.insert("enabledCapabilities".to_owned(), json!(neighbor.enabled));
        value.insert("managementAddresses".to_owned(), json!(neighbor.addresses));
        let port = ports.entry(neighbor.local_port.clone()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = port {
            list.push(value.into());
        }
    }
    ports.into()
}

fn put<T: Into<Value>>(map: &mut Map<String, Value>, key: &str, value: Option<T>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value.into());
    }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
