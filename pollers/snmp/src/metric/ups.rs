//! `snmp-ups`: UPS-MIB (RFC 1628).

use rackpoll_model::{Ups, UpsBattery, UpsLine, Value};

use super::{
    Answers, Questions,
    answers::{rows, text, word},
};
use crate::names::builtin;

/// The groups of what it is and how it is; what it is set to and its tests are left alone.
const GROUPS: [&str; 6] = ["upsIdent", "upsBattery", "upsInput", "upsOutput", "upsBypass", "upsAlarm"];

pub(super) fn questions(answers: &Answers) -> Questions {
    if answers.has_asked("upsIdent") { Questions::none() } else { Questions::columns(GROUPS) }
}

pub(super) fn ups(answers: &Answers) -> Ups {
    let text = |name| answers.scalar(name).and_then(text);
    let signed = |name| answers.scalar(name).and_then(Value::signed);
    let unsigned = |name| answers.scalar(name).and_then(Value::unsigned);
    Ups {
        manufacturer: text("upsIdentManufacturer"),
        model: text("upsIdentModel"),
        software: text("upsIdentUPSSoftwareVersion"),
        agent_software: text("upsIdentAgentSoftwareVersion"),
        name: text("upsIdentName"),
        battery: UpsBattery {
            status: signed("upsBatteryStatus").map(|number| word("upsBatteryStatus", number)),
            seconds_on_battery: signed("upsSecondsOnBattery"),
            minutes_remaining: signed("upsEstimatedMinutesRemaining"),
            charge: signed("upsEstimatedChargeRemaining"),
            voltage: signed("upsBatteryVoltage"),
            current: signed("upsBatteryCurrent"),
            temperature: signed("upsBatteryTemperature"),
        },
        line_bads: unsigned("upsInputLineBads"),
        input: lines(
            answers,
            [
                Some("upsInputFrequency"),
                Some("upsInputVoltage"),
                Some("upsInputCurrent"),
                Some("upsInputTruePower"),
                None,
            ],
        ),
        source: signed("upsOutputSource").map(|number| word("upsOutputSource", number)),
        output_frequency: signed("upsOutputFrequency"),
        output: lines(
            answers,
            [
                None,
                Some("upsOutputVoltage"),
                Some("upsOutputCurrent"),
                Some("upsOutputPower"),
                Some("upsOutputPercentLoad"),
            ],
        ),
        bypass_frequency: signed("upsBypassFrequency"),
        bypass: lines(
            answers,
            [None, Some("upsBypassVoltage"), Some("upsBypassCurrent"), Some("upsBypassPower"), None],
        ),
        alarms_present: unsigned("upsAlarmsPresent"),
        alarms: alarms(answers),
    }
}

/// Frequency, voltage, current, power and load of each line.
fn lines(answers: &Answers, columns: [Option<&str>; 5]) -> Vec<UpsLine> {
    let columns = columns.map(|name| name.map(|name| answers.column(name)));
    let indices = rows(&columns.iter().flatten().collect::<Vec<_>>(), 1);
    indices
        .into_iter()
        .map(|index| {
            let [frequency, voltage, current, power, load] =
                columns.each_ref().map(|column| column.as_ref().and_then(|column| column.signed(index)));
            let number = index.first().copied().unwrap_or_default();
            UpsLine { number, frequency, voltage, current, power, load }
        })
        .collect()
}

fn alarms(answers: &Answers) -> Vec<String> {
    let descriptions = answers.column("upsAlarmDescr");
    descriptions
        .indices()
        .filter_map(|index| match descriptions.value(index)? {
            Value::ObjectId(oid) => Some(builtin::name(oid).map_or_else(|| oid.to_string(), str::to_owned)),
            _ => None,
        })
        .collect()
}
