//! What manufacturers put into the event data of sensor-specific events, as `ipmitool` 1.8.19 prints it in brackets
//! behind the event's text. Found by showing `ipmitool` records of each kind for BMCs of each manufacturer.

use rackpoll_model::{
    EventData, SystemEvent,
    event::{EventType, SensorType},
};

const DELL: u32 = 674;
const QUANTA: u32 = 7_244;
/// Supermicro has two numbers.
const SUPERMICRO: [u32; 2] = [10_876, 47_488];

const PROCESSOR: SensorType = SensorType(0x07);
const CRITICAL_INTERRUPT: SensorType = SensorType(0x13);

/// What stands in the brackets; none where there are no brackets. Empty brackets are printed too.
pub(super) fn detail(event: &SystemEvent, manufacturer: Option<u32>) -> Option<String> {
    if event.event_type != EventType::SENSOR_SPECIFIC {
        return None;
    }
    match manufacturer? {
        DELL => dell(event),
        QUANTA => (event.sensor_type == SensorType::MEMORY).then(String::new),
        number if SUPERMICRO.contains(&number) => (event.sensor_type != SensorType::MEMORY).then(String::new),
        _ => None,
    }
}

fn dell(event: &SystemEvent) -> Option<String> {
    let oem = |data| matches!(data, EventData::Oem(_));
    if !oem(event.data2()) && !oem(event.data3()) {
        return None;
    }
    let [what, data2, data3] = event.data;
    // Further down ipmitool looks at one bit of the two that say what a byte holds.
    let (data2, data3) = ((what & 0x80 != 0).then_some(data2), (what & 0x20 != 0).then_some(data3));
    Some(match event.sensor_type {
        SensorType::MEMORY | SensorType::EVENT_LOGGING => dell_memory(event, data2, data3),
        PROCESSOR => data2.map_or_else(String::new, |data2| dell_processor(event, data2)),
        CRITICAL_INTERRUPT => dell_interrupt(event),
        _ => String::new(),
    })
}

fn dell_processor(event: &SystemEvent, data2: u8) -> String {
    let [_, _, apic_id] = event.data;
    match (data2 & 0x0f, event.offset()) {
        (0, 0) => "CPU Internal Err | ".to_owned(),
        (0, 6) => "CPU Protocol Err | ".to_owned(),
        (0, _) => String::new(),
        (processors, _) => format!("CPU {} | APIC ID {apic_id} ", processors.trailing_zeros() + 1),
    }
}

/// Event data 3: a slot's number where its highest bit is set, else the bus; data 2: device and function on the bus.
fn dell_interrupt(event: &SystemEvent) -> String {
    let what = match event.offset() {
        0 => "PCIe Error |",
        1 => "I/O Error |",
        2 => return "IO channel Check NMI".to_owned(),
        4 => "PCI PERR |",
        5 => "PCI SERR |",
        _ => " ",
    };
    let [_, place, bus] = event.data;
    if bus & 0x80 != 0 {
        return format!("{what}Slot {}", bus & 0x7f);
    }
    format!("{what}PCI bus:{bus:02x} device:{:02x} function:{:x}", place >> 3, place & 0x07)
}

/// Event data 2: card in the high nibble, from 8 on how many modules a node has; group of eight modules in the low one.
/// Event data 3: a bit a module of the group.
fn dell_memory(event: &SystemEvent, data2: Option<u8>, data3: Option<u8>) -> String {
    let mut text = match (event.sensor_type, event.offset()) {
        (SensorType::MEMORY, 0) => "Correctable ECC | ",
        (SensorType::MEMORY, 1) => "UnCorrectable ECC | ",
        (SensorType::EVENT_LOGGING, 0) => "Corr Memory Log Disabled | ",
        _ => "",
    }
    .to_owned();
    let [_, raw_data2, _] = event.data;
    let card = raw_data2 >> 4;
    if data2.is_some() && card < 8 {
        text.push_str("Card ");
        text.push(char::from(b'A' + card));
    }
    let group = match data2.map(|data2| data2 & 0x0f) {
        None | Some(0x0f) => 0,
        Some(group) => group,
    };
    let modules: Vec<String> = (0..8)
        .filter(|bit| data3.is_some_and(|data3| data3 >> bit & 1 != 0))
        .map(|bit| dell_module(group * 8 + bit, card))
        .collect();
    if !modules.is_empty() {
        text.push(' ');
        text.push_str(&modules.join(", "));
    }
    text
}

/// The module's name: its number, or a node's letter and the number within the node.
fn dell_module(module: u8, card: u8) -> String {
    let per_node = match card {
        0x08 => 4,
        0x09 => 6,
        0x0a => 8,
        0x0b => 9,
        0x0c => 12,
        0x0d => 24,
        0x0e => 3,
        _ => return format!("DIMM{}", module + 1),
    };
    // At most 119 / 3 above 'A'.
    let node = char::from(b'A' + module / per_node);
    format!("DIMM{node}{}", module % per_node + 1)
}
