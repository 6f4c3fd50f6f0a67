//! `snmp-entity-sensors`: ENTITY-SENSOR-MIB (RFC 3433), and Cisco's older table of the same model.

use rackpoll_model::{EntitySensor, EntitySensorValue, Word};

use super::{
    Answers, Questions,
    answers::{Column, rows},
    told_apart::told_apart,
};

/// Type, scale, precision, value, status.
const COLUMNS: [&str; 5] = [
    "entPhySensorType",
    "entPhySensorScale",
    "entPhySensorPrecision",
    "entPhySensorValue",
    "entPhySensorOperStatus",
];
const CISCO: [&str; 5] =
    ["entSensorType", "entSensorScale", "entSensorPrecision", "entSensorValue", "entSensorStatus"];

/// Stand for "below the range" and "above the range" (RFC 3433, EntitySensorValue).
const BEYOND_RANGE: std::ops::RangeInclusive<i64> = -999_999_999..=999_999_999;

pub(super) fn questions(answers: &Answers) -> Questions {
    if !answers.has_asked("entPhySensorValue") {
        return Questions::columns(COLUMNS.into_iter().chain(["entPhySensorUnitsDisplay"]));
    }
    if answers.lacks("entPhySensorValue") && !answers.has_asked("entSensorValue") {
        return Questions::columns(CISCO);
    }
    let columns = columns(answers).map(|name| answers.column(name));
    let indices = rows(&columns.iter().collect::<Vec<_>>(), 1);
    if indices.is_empty() {
        Questions::none()
    } else if !answers.has_asked("entPhysicalName") {
        Questions::columns(["entPhysicalName"])
    } else {
        let names = answers.column("entPhysicalName");
        let some_lack_names = indices.iter().any(|index| names.text(index).is_none());
        if some_lack_names && !answers.has_asked("entPhysicalDescr") {
            Questions::columns(["entPhysicalDescr"])
        } else {
            Questions::none()
        }
    }
}

fn columns(answers: &Answers) -> [&'static str; 5] {
    if answers.has_asked("entSensorValue") { CISCO } else { COLUMNS }
}

pub(super) fn sensors(answers: &Answers) -> Vec<EntitySensor> {
    let names = columns(answers);
    let found = names.map(|name| answers.column(name));
    let [kinds, scales, precisions, values, states] = &found;
    let displays = answers.column("entPhySensorUnitsDisplay");
    let indices: Vec<&[u32]> = rows(&found.iter().collect::<Vec<_>>(), 1).into_iter().collect();
    sensor_names(answers, &indices)
        .into_iter()
        .zip(indices)
        .map(|(name, index)| {
            let kind = kinds.word(names[0], index);
            let status = states.word(names[4], index);
            let value = values
                .signed(index)
                .filter(|value| BEYOND_RANGE.contains(value))
                .filter(|_| matches!(status, None | Some(Word::Known("ok"))));
            EntitySensor {
                name,
                kind,
                value: value.and_then(|value| scaled(value, kind, scales, precisions, index)),
                unit: kind.and_then(unit),
                units_display: displays.text(index),
                status,
            }
        })
        .collect()
}

fn sensor_names(answers: &Answers, indices: &[&[u32]]) -> Vec<String> {
    let (names, descriptions) = (answers.column("entPhysicalName"), answers.column("entPhysicalDescr"));
    let named = indices.iter().map(|index| {
        let number = index.first().copied().unwrap_or_default();
        let name = names.text(index).or_else(|| descriptions.text(index));
        (name.unwrap_or_else(|| format!("sensor {number}")), number)
    });
    told_apart(named.collect())
}

fn scaled(
    value: i64,
    kind: Option<Word>,
    scales: &Column<'_>,
    precisions: &Column<'_>,
    index: &[u32],
) -> Option<EntitySensorValue> {
    if kind == Some(Word::Known("truthvalue")) {
        return match value {
            1 => Some(EntitySensorValue::Truth(true)),
            2 => Some(EntitySensorValue::Truth(false)),
            _ => None,
        };
    }
    /// `units` of EntitySensorDataScale; each step up is a thousand.
    const UNITS: i64 = 9;
    let scale = scales.signed(index).unwrap_or(UNITS);
    let precision = precisions.signed(index).unwrap_or(0);
    if !(1..=17).contains(&scale) || !(-8..=9).contains(&precision) {
        return None;
    }
    // Negative precisions tell how many digits are to be trusted, and move no point (RFC 3433, EntitySensorPrecision).
    let exponent = (scale - UNITS) * 3 - precision.max(0);
    Some(EntitySensorValue::Measured { digits: value, exponent: i32::try_from(exponent).ok()? })
}

fn unit(kind: Word) -> Option<&'static str> {
    match kind {
        Word::Known("voltsAC" | "voltsDC") => Some("volts"),
        Word::Known("percentRH") => Some("percent"),
        Word::Known("cmm") => Some("cubic meters per minute"),
        Word::Known(unit @ ("amperes" | "watts" | "hertz" | "celsius" | "rpm" | "dBm")) => Some(unit),
        _ => None,
    }
}
