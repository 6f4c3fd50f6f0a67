//! The SEL as RackHD's consumers know it: what its parsers make of `ipmitool sel`, `-c sel list last 25` and
//! `-v sel list` (contract.md, section 3).

mod description;
mod manufacturer;

use std::fmt::Write as _;

use rackpoll_model::{EventSensor, SelBody, SelEntry, SelInformation, SelLog, SelTime, SystemEvent};
use serde_json::{Map, Value};

use self::description::{description, sensor_type};
use super::{
    sensors::printed,
    time::{bmc_date, bmc_time, since_start},
};

/// Entries of a `sel` result.
const LATEST: usize = 25;

/// What ipmitool calls records of Linux's own.
const PANIC: &str = "Linux kernel panic";

/// What an event's sensor is called where it is known. RackHD's parsers know none of these keys, and `ipmitool` prints
/// them for single records only (`sel get`).
struct SensorKeys {
    name: &'static str,
    reading: &'static str,
    threshold: &'static str,
}

const SHORT: SensorKeys =
    SensorKeys { name: "sensorName", reading: "triggerReading", threshold: "triggerThreshold" };
const LONG: SensorKeys =
    SensorKeys { name: "Sensor Name", reading: "Trigger Reading", threshold: "Trigger Threshold" };

/// `selInformation`.
pub(super) fn information(information: &SelInformation) -> Value {
    let mut texts = Texts::default();
    let version = information.version;
    let known = if matches!(version, 0x51 | 0x02) { "v1.5, v2 compliant" } else { "Unknown" };
    texts.put("Version", format!("{}.{} ({known})", version & 0x0f, version >> 4));
    texts.put("Entries", information.entries);
    let more = if information.free_space == u16::MAX { " or more" } else { "" };
    texts.put("Free Space", format!("{} bytes{more}", information.free_space));
    if let Some(percent) = percent_used(information) {
        texts.put("Percent Used", percent);
    }
    texts.put("Last Add Time", stamp(information.last_addition));
    texts.put("Last Del Time", stamp(information.last_erase));
    texts.put("Overflow", information.overflow());
    texts.put("Supported Cmds", commands(information));
    if let Some(allocation) = &information.allocation {
        texts.put("# of Alloc Units", allocation.units);
        texts.put("Alloc Unit Size", allocation.unit_size);
        texts.put("# Free Units", allocation.free_units);
        texts.put("Largest Free Blk", allocation.largest_free_block);
        texts.put("Max Record Size", allocation.largest_record);
    }
    Value::Object(texts.0)
}

/// Only a log with entries has a share that is used; where the free space is "or more", nobody knows it.
fn percent_used(information: &SelInformation) -> Option<String> {
    let used = u32::from(information.entries) * 16;
    let all = used + u32::from(information.free_space);
    match used {
        0 => None,
        _ if all >= 65_535 => Some("unknown".to_owned()),
        _ => Some(format!("{}%", 100 * used / all)),
    }
}

fn stamp(time: SelTime) -> String {
    match time {
        SelTime(0) | SelTime::UNSPECIFIED => "Not Available".to_owned(),
        time if time.is_pre_init() => since_start(time.0),
        time => format!("{} {}", bmc_date(time.0), bmc_time(time.0)),
    }
}

fn commands(information: &SelInformation) -> String {
    let supported = [
        (information.delete(), "'Delete'"),
        (information.partial_add(), "'Partial Add'"),
        (information.reserve(), "'Reserve'"),
        (information.allocation_info(), "'Get Alloc Info'"),
    ];
    supported.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

/// `sel`: the last entries, oldest first.
pub(super) fn latest(log: &SelLog) -> Value {
    let first = log.entries.len().saturating_sub(LATEST);
    log.entries.iter().skip(first).map(|entry| short(entry, log.manufacturer)).collect()
}

fn short(entry: &SelEntry, manufacturer: Option<u32>) -> Value {
    let mut texts = Texts::default();
    texts.put("logId", format!("{:x}", entry.record_id));
    let (date, time) = match &entry.body {
        SelBody::Event(SystemEvent { time, .. }) | SelBody::OemTimestamped { time, .. } => {
            date_and_time(*time)
        }
        SelBody::Oem { .. } => Default::default(),
    };
    texts.put("date", date);
    texts.put("time", time);
    let oem = format!("OEM record {:02x}", entry.record_type);
    let (kind, number, event, value) = match &entry.body {
        SelBody::Event(event) => {
            // ipmitool prints no number 0.
            let number = match event.sensor_number {
                0 => String::new(),
                number => format!("#{number:#04x}"),
            };
            let direction = if event.deassertion { "Deasserted" } else { "Asserted" };
            let kind = sensor_type(event, manufacturer).to_owned();
            (kind, number, description(event, manufacturer), direction.to_owned())
        }
        SelBody::OemTimestamped { manufacturer, data, .. } => {
            (oem, String::new(), format!("{manufacturer:06x}"), hex(data))
        }
        SelBody::Oem { data } => match panic_text(entry.record_type, data) {
            Some(said) => (PANIC.to_owned(), String::new(), said, String::new()),
            None => (oem, String::new(), hex(data), String::new()),
        },
    };
    texts.put("sensorType", kind);
    texts.put("sensorNumber", number);
    texts.put("event", event);
    texts.put("value", value);
    texts.put_sensor(&SHORT, entry.sensor.as_ref());
    Value::Object(texts.0)
}

/// `selEntries`: these entries.
pub(super) fn entries(log: &SelLog) -> Value {
    log.entries.iter().map(|entry| Value::Object(long(entry, log.manufacturer))).collect()
}

/// An entry with the keys that rules of `sel.updated` name.
pub fn long(entry: &SelEntry, manufacturer: Option<u32>) -> Map<String, Value> {
    let mut texts = Texts::default();
    texts.put("SEL Record ID", format!("{:04x}", entry.record_id));
    let kind = entry.record_type;
    match &entry.body {
        SelBody::Event(event) => {
            texts.put("Record Type", format!("{kind:02x}"));
            texts.put("Timestamp", timestamp(event.time));
            texts.put("Generator ID", format!("{:04x}", event.generator));
            texts.put("EvM Revision", format!("{:02x}", event.revision));
            texts.put("Sensor Type", sensor_type(event, manufacturer));
            texts.put("Sensor Number", format!("{:02x}", event.sensor_number));
            texts.put("Event Type", event.event_type.class().name());
            let direction = if event.deassertion { "Deassertion Event" } else { "Assertion Event" };
            texts.put("Event Direction", direction);
            texts.put("Event Data", hex(&event.data));
            texts.put("Description", description(event, manufacturer));
            texts.put("Event Type Code", format!("{:02x}", event.event_type.0));
            texts.put("Sensor Type Code", format!("{:02x}", event.sensor_type.0));
        }
        SelBody::OemTimestamped { time, manufacturer, data } => {
            texts.put("Record Type", format!("{kind:02x}  (OEM timestamped)"));
            texts.put("Timestamp", timestamp(*time));
            // The spelling is ipmitool's.
            texts.put("Manufactacturer ID", format!("{manufacturer:06x}"));
            texts.put("OEM Defined", oem_defined(data));
        }
        SelBody::Oem { data } => match panic_text(kind, data) {
            Some(said) => {
                texts.put("Record Type", format!("{PANIC} (OEM record {kind:02x})"));
                texts.put("Panic string", said);
            }
            None => {
                texts.put("Record Type", format!("{kind:02x}  (OEM non-timestamped)"));
                texts.put("OEM Defined", oem_defined(data));
            }
        },
    }
    texts.put_sensor(&LONG, entry.sensor.as_ref());
    texts.0
}

/// What Linux said when it panicked, where the record is of the type that its IPMI driver writes: the generator's address,
/// a sequence number, and up to eleven characters.
fn panic_text(record_type: u8, data: &[u8]) -> Option<String> {
    let said = data.get(2..).filter(|_| record_type == 0xf0)?;
    let end = said.iter().position(|byte| *byte == 0).unwrap_or(said.len());
    Some(String::from_utf8_lossy(said.get(..end)?).trim().to_owned())
}

fn timestamp(time: SelTime) -> String {
    match date_and_time(time) {
        (date, time) if !date.is_empty() => format!("{date} {time}"),
        _ => String::new(),
    }
}

/// Both empty where the BMC did not know the time.
fn date_and_time(time: SelTime) -> (String, String) {
    if time.is_pre_init() || time == SelTime::UNSPECIFIED {
        return (String::new(), String::new());
    }
    (bmc_date(time.0), bmc_time(time.0))
}

fn oem_defined(data: &[u8]) -> String {
    // ipmitool shows a point for digits and signs too.
    let printable = |byte: &u8| if matches!(byte, b'@'..=b'~') { char::from(*byte) } else { '.' };
    format!("{} [{}]", hex(data), data.iter().map(printable).collect::<String>())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// An object of strings, and of what of ours is typed.
#[derive(Default)]
struct Texts(Map<String, Value>);

impl Texts {
    fn put(&mut self, key: &str, text: impl ToString) {
        self.0.insert(key.to_owned(), Value::String(text.to_string()));
    }

    /// What the sensor's record adds to an event: `ipmitool`'s texts, and beside them numbers and the unit. What is not
    /// known has no key.
    fn put_sensor(&mut self, keys: &SensorKeys, sensor: Option<&EventSensor>) {
        let Some(sensor) = sensor else { return };
        if let Some(name) = &sensor.name {
            self.put(keys.name, name);
        }
        let Some(unit) = sensor.unit else { return };
        for (key, number, value) in [
            (keys.reading, "triggerReadingValue", sensor.trigger_reading),
            (keys.threshold, "triggerThresholdValue", sensor.trigger_threshold),
        ] {
            if let Some(value) = value {
                self.put(key, format!("{}{}", printed(value, 3), unit.without_rate()));
                self.0.insert(number.to_owned(), value.into());
            }
        }
        self.put("unit", unit);
    }
}
