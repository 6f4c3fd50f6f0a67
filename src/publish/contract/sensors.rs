//! Sensors as `ipmitool -v sdr` prints them and RackHD's parser reads them (contract.md, section 3).

use rackpoll_model::{
    EventControl, EventEnable, Level, Limits, Ranges, Sensor, SensorReading, SensorState, SensorThresholds,
    Threshold, ThresholdAccess, ThresholdSet, ThresholdStatus, event::state_text,
};
use serde_json::{Map, Value, json};

/// The result of `sdr`: one object a sensor.
pub(super) fn sdr(readings: &[SensorReading]) -> Value {
    readings.iter().map(|reading| Value::Object(sensor(reading))).collect()
}

/// The result of `driveHealth`: the sensors of drive slots that have a reading. `ipmitool` gives threshold sensors no
/// status `ok` there.
pub(super) fn drive_health(readings: &[SensorReading]) -> Value {
    let drives = readings.iter().filter(|reading| {
        matches!(reading.state, SensorState::Read { .. }) && !reading.sensor.is_threshold()
    });
    let drive = |reading: &SensorReading| {
        json!({
            "name": &*reading.sensor.name,
            "status": reading.state_texts().last().unwrap_or("Not Present"),
        })
    };
    drives.map(drive).collect()
}

/// The result of `thresholds`: one object a threshold sensor, numbers or null.
pub(super) fn thresholds(sensors: &[SensorThresholds]) -> Value {
    sensors.iter().map(|thresholds| Value::Object(sensor_thresholds(thresholds))).collect()
}

fn sensor(reading: &SensorReading) -> Map<String, Value> {
    let sensor = &*reading.sensor;
    let limits = sensor.limits.as_deref();
    let (text, units) = reading_text(reading);
    let ranges = limits.and_then(|limits| limits.ranges);
    let range = |level: fn(&Ranges) -> Option<Level>| {
        ranges.as_ref().and_then(level).map(level_text).unwrap_or_default()
    };
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    put("sensorId", sensor_id(sensor).into());
    put("entityId", format!("{}.{}", sensor.entity.id, sensor.entity.instance).into());
    let entity =
        sensor.entity.name().map_or_else(|| format!("Unknown (0x{:02X})", sensor.entity.id), str::to_owned);
    put("entryIdName", entity.into());
    put("sdrType", if sensor.is_threshold() { "Threshold" } else { "Discrete" }.into());
    put("sensorType", sensor_type(sensor).into());
    put("sensorReading", text.into());
    put("sensorReadingUnits", units.into());
    put("nominalReading", range(|ranges| ranges.nominal).into());
    put("normalMinimum", range(|ranges| ranges.normal_minimum).into());
    put("normalMaximum", range(|ranges| ranges.normal_maximum).into());
    let states = if sensor.is_threshold() { Vec::new() } else { reading.state_texts().collect() };
    put("statesAsserted", states.into());
    if let Some(limits) = limits {
        put("status", status(reading).into());
        put_limits(&mut out, limits);
    }
    out.insert("eventMessageControl".to_owned(), event_control(sensor.event_control).into());
    if let Some(limits) = limits {
        put_masks(&mut out, limits);
    }
    if let Some(enable) = reading.event_enable {
        put_events(&mut out, sensor, enable);
    }
    if limits.is_none() {
        out.insert("oem".to_owned(), format!("{:X}", sensor.oem).into());
    }
    // Ours, typed.
    out.insert("value".to_owned(), reading.value().into());
    out.insert("unit".to_owned(), sensor.analog.then(|| sensor.unit.to_string()).into());
    out
}

fn sensor_id(sensor: &Sensor) -> String {
    format!("{} ({:#x})", sensor.name, sensor.number).trim_start().to_owned()
}

fn sensor_type(sensor: &Sensor) -> &'static str {
    sensor.sensor_type.name().unwrap_or("Unknown")
}

/// Reading and unit.
fn reading_text(reading: &SensorReading) -> (String, String) {
    let sensor = &*reading.sensor;
    match reading.state {
        SensorState::ScanningDisabled => ("Disabled".to_owned(), String::new()),
        SensorState::Unavailable { .. } | SensorState::NoAnswer => ("No Reading".to_owned(), String::new()),
        SensorState::Read { raw, value, .. } => match (value, sensor.is_threshold()) {
            (Some(value), true) => (decimals(value, 3), sensor.unit.without_rate().to_string()),
            // HP's: a number without tolerance, whose unit stays beside it.
            (Some(value), false) => {
                (format!("{} {}", decimals(value, 2), sensor.unit.without_rate()), String::new())
            }
            (None, false) => (format!("{raw:x}h"), String::new()),
            (None, true) => (format!("0x{raw:02X}"), String::new()),
        },
    }
}

/// Whole numbers without decimals.
fn decimals(value: f64, decimals: usize) -> String {
    let whole = value.fract() == 0.0 && value.abs() <= f64::from(i32::MAX);
    if whole { format!("{value:.0}") } else { printed(value, decimals) }
}

/// As C prints it: a formula without a result (the logarithm of a negative number) is `nan`.
pub(super) fn printed(value: f64, decimals: usize) -> String {
    if value.is_nan() { "nan".to_owned() } else { format!("{value:.decimals$}") }
}

fn level_text(level: Level) -> String {
    match level {
        Level::Value(value) => printed(value, 3),
        Level::Raw(raw) => format!("0x{raw:02X}"),
    }
}

fn status(reading: &SensorReading) -> &'static str {
    match reading.threshold_status() {
        None => "Not Available",
        Some(ThresholdStatus::Ok) => "ok",
        Some(ThresholdStatus::Beyond(threshold)) => match threshold {
            Threshold::LowerNonRecoverable => "Lower Non-Recoverable",
            Threshold::UpperNonRecoverable => "Upper Non-Recoverable",
            Threshold::LowerCritical => "Lower Critical",
            Threshold::UpperCritical => "Upper Critical",
            Threshold::LowerNonCritical => "Lower Non-Critical",
            Threshold::UpperNonCritical => "Upper Non-Critical",
        },
    }
}

/// The key of a threshold.
fn threshold_key(threshold: Threshold) -> &'static str {
    match threshold {
        Threshold::LowerNonCritical => "lowerNonCritical",
        Threshold::LowerCritical => "lowerCritical",
        Threshold::LowerNonRecoverable => "lowerNonRecoverable",
        Threshold::UpperNonCritical => "upperNonCritical",
        Threshold::UpperCritical => "upperCritical",
        Threshold::UpperNonRecoverable => "upperNonRecoverable",
    }
}

fn put_limits(out: &mut Map<String, Value>, limits: &Limits) {
    for threshold in Threshold::ALL.into_iter().rev() {
        if let Some(level) = limits.thresholds.of(threshold) {
            out.insert(threshold_key(threshold).to_owned(), level_text(level).into());
        }
    }
    let or_unspecified = |level: Option<Level>| match level {
        // `ipmitool` takes a zero for a field that is not filled in.
        None | Some(Level::Value(0.0)) => "Unspecified".to_owned(),
        Some(level) => level_text(level),
    };
    out.insert("positiveHysteresis".to_owned(), or_unspecified(limits.positive_hysteresis).into());
    out.insert("negativeHysteresis".to_owned(), or_unspecified(limits.negative_hysteresis).into());
    if let Some(ranges) = &limits.ranges {
        out.insert("minimumSensorRange".to_owned(), or_unspecified(ranges.minimum).into());
        out.insert("maximumSensorRange".to_owned(), or_unspecified(ranges.maximum).into());
    }
}

fn event_control(control: EventControl) -> &'static str {
    match control {
        EventControl::PerThreshold => "Per-threshold",
        EventControl::EntireSensor => "Entire Sensor Only",
        EventControl::GlobalDisable => "Global Disable Only",
        EventControl::NoEvents => "No Events From Sensor",
    }
}

fn put_masks(out: &mut Map<String, Value>, limits: &Limits) {
    let list = |set: ThresholdSet| match limits.access {
        ThresholdAccess::None => "No Thresholds".to_owned(),
        ThresholdAccess::Readable | ThresholdAccess::Settable => short_names(set),
        ThresholdAccess::Fixed => "Thresholds Fixed".to_owned(),
    };
    out.insert("readableThresholds".to_owned(), list(limits.readable).into());
    out.insert("settableThresholds".to_owned(), list(limits.settable).into());
    if !limits.compared.is_empty() {
        out.insert("thresholdReadMask".to_owned(), short_names(limits.compared).into());
    }
}

fn short_name(threshold: Threshold) -> &'static str {
    match threshold {
        Threshold::LowerNonCritical => "lnc",
        Threshold::LowerCritical => "lcr",
        Threshold::LowerNonRecoverable => "lnr",
        Threshold::UpperNonCritical => "unc",
        Threshold::UpperCritical => "ucr",
        Threshold::UpperNonRecoverable => "unr",
    }
}

fn short_names(set: ThresholdSet) -> String {
    let names = Threshold::ASCENDING.into_iter().filter(|threshold| set.contains(*threshold)).map(short_name);
    names.collect::<Vec<_>>().join(" ")
}

fn put_events(out: &mut Map<String, Value>, sensor: &Sensor, enable: EventEnable) {
    if !enable.messages {
        out.insert("eventEnable".to_owned(), "Event Messages Disabled".into());
    }
    let mut put = |key: &str, texts: Option<Value>| {
        if let Some(texts) = texts {
            out.insert(key.to_owned(), texts);
        }
    };
    if sensor.is_threshold() {
        put("assertionsEnabled", Some(crossings(enable.assertions)));
        put(
            "deassertionsEnabled",
            (enable.deassertions & 0x0fff != 0).then(|| crossings(enable.deassertions)),
        );
    } else {
        put("assertionsEnabled", states(sensor, enable.assertions));
        put("deassertionsEnabled", states(sensor, enable.deassertions));
    }
}

/// Threshold events: two bits a threshold, going low and going high. All are one text.
fn crossings(mask: u16) -> Value {
    let bits = Threshold::ALL.into_iter().flat_map(|threshold| [(threshold, '-'), (threshold, '+')]).zip(0..);
    let texts = bits
        .filter(|(_, bit)| mask >> bit & 1 == 1)
        .map(|((threshold, way), _)| format!("{}{way}", short_name(threshold)))
        .collect::<Vec<_>>()
        .join(" ");
    if texts.is_empty() { Value::Array(Vec::new()) } else { Value::Array(vec![texts.into()]) }
}

/// The texts of states; none where none is set, or where there are no texts for the sensor's kind at all.
fn states(sensor: &Sensor, mask: u16) -> Option<Value> {
    let text = |offset: &u8| state_text(sensor.event_type, sensor.sensor_type, *offset);
    if mask & 0x7fff == 0 || !(0..15).any(|offset| text(&offset).is_some()) {
        return None;
    }
    Some((0..15u8).filter(|offset| mask >> offset & 1 == 1).filter_map(|offset| text(&offset)).collect())
}

fn sensor_thresholds(thresholds: &SensorThresholds) -> Map<String, Value> {
    let sensor = &*thresholds.sensor;
    let number = |level: Option<Level>| level.and_then(Level::value).filter(|value| value.is_finite()).into();
    let mut out = Map::new();
    out.insert("sensorId".to_owned(), sensor_id(sensor).into());
    out.insert("sensorType".to_owned(), sensor_type(sensor).into());
    for threshold in Threshold::ASCENDING {
        out.insert(threshold_key(threshold).to_owned(), number(thresholds.thresholds.of(threshold)));
    }
    out.insert("positiveHysteresis".to_owned(), number(thresholds.positive_hysteresis));
    out.insert("negativeHysteresis".to_owned(), number(thresholds.negative_hysteresis));
    out.insert("unit".to_owned(), sensor.analog.then(|| sensor.unit.to_string()).into());
    out
}
