//! The system event log of a simulated BMC (IPMI 2.0 clauses 31 and 32).

use std::time::Duration;

use super::{
    incident::{Incident, What},
    model::Model,
    sensor::{Kind, THRESHOLD, sensor_type},
};
use crate::random::Random;

/// A system event record: 16 bytes (table 32-1).
pub type Record = [u8; 16];

const SYSTEM_EVENT: u8 = 0x02;
const EVENT_MESSAGE_REVISION: u8 = 0x04;
/// Bit 7 of the event direction byte.
const DEASSERTION: u8 = 0x80;
/// Stamps below are seconds since the BMC's start (clause 37.1).
const PRE_INIT_LIMIT: u32 = 0x2000_0000;

/// What happened at a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensorEvent {
    /// Sensor type.
    pub sensor_type: u8,
    /// Sensor number.
    pub number: u8,
    /// Event/reading type.
    pub event_type: u8,
    /// Asserted or deasserted.
    pub asserted: bool,
    /// Event data 1 to 3.
    pub data: [u8; 3],
}

/// The log with its stamps.
#[derive(Debug, Clone)]
pub struct EventLog {
    records: Vec<Record>,
    capacity: u16,
    next_id: u16,
    overflow: bool,
    last_add: u32,
    last_erase: u32,
}

impl EventLog {
    /// An empty log that was never cleared.
    pub fn new(capacity: u16) -> Self {
        Self { records: Vec::new(), capacity, next_id: 1, overflow: false, last_add: 0, last_erase: 0 }
    }

    /// From now on it holds so many records.
    pub fn set_capacity(&mut self, capacity: u16) {
        self.capacity = capacity;
    }

    /// A log with a past: some dozens of events of this model's sensors in the weeks before `now` (Unix seconds).
    pub fn with_history(model: &Model, seed: u64, now: u32) -> Self {
        let mut log = Self::new(model.sel_capacity);
        let mut random = Random::new(seed ^ 0x5e1);
        let count = 24 + random.below(16);
        // The clear is the log's first event, as on real BMCs.
        let mut at = now.saturating_sub(40 * 86_400);
        log.last_erase = at;
        log.add(at, LOG_CLEARED);
        // Before the clock was set, a BMC counts from its start.
        log.add(7, power_event(model, true));
        for _ in 0..count {
            at = at.saturating_add(random.below(86_400) as u32).min(now.saturating_sub(3_600));
            if random.chance(0.2) {
                log.add(at, power_event(model, false));
                at = at.saturating_add(95);
                log.add(at, power_event(model, true));
            } else if let Some((event, lasts)) = past_event(model, &mut random) {
                log.add(at, event);
                at = at.saturating_add(lasts);
                log.add(at, SensorEvent { asserted: false, ..event });
            }
        }
        log
    }

    /// Appends an event with this stamp. A full log takes nothing and says so.
    pub fn add(&mut self, stamp: u32, event: SensorEvent) {
        let direction = if event.asserted { 0 } else { DEASSERTION };
        let [s0, s1, s2, s3] = stamp.to_le_bytes();
        let [d1, d2, d3] = event.data;
        self.append([
            0,
            0,
            SYSTEM_EVENT,
            s0,
            s1,
            s2,
            s3,
            0x20,
            0x00,
            EVENT_MESSAGE_REVISION,
            event.sensor_type,
            event.number,
            direction | event.event_type,
            d1,
            d2,
            d3,
        ]);
        if stamp >= PRE_INIT_LIMIT {
            self.last_add = stamp;
        }
    }

    /// Appends a whole record; the log gives it its id. None where the log is full.
    pub fn append(&mut self, mut record: Record) -> Option<u16> {
        if self.records.len() >= usize::from(self.capacity) {
            self.overflow = true;
            return None;
        }
        let id = self.next_id;
        record[..2].copy_from_slice(&id.to_le_bytes());
        self.next_id = self.next_id.wrapping_add(1).clamp(1, 0xfffe);
        self.records.push(record);
        Some(id)
    }

    /// Forgets all records; ids begin anew.
    pub fn clear(&mut self, stamp: u32) {
        self.records.clear();
        self.next_id = 1;
        self.overflow = false;
        self.last_erase = stamp;
        self.add(stamp, LOG_CLEARED);
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The record with this id (0 the first, 0xffff the last) and the id of the one after it, 0xffff where none is.
    pub fn entry(&self, id: u16) -> Option<(u16, &Record)> {
        let place = match id {
            0 => 0,
            0xffff => self.records.len().checked_sub(1)?,
            id => self.records.iter().position(|record| record[..2] == id.to_le_bytes())?,
        };
        let record = self.records.get(place)?;
        let next = self.records.get(place.saturating_add(1));
        let next = next.map_or(0xffff, |record| u16::from_le_bytes([record[0], record[1]]));
        Some((next, record))
    }

    /// Data of Get SEL Info (table 31-2).
    pub fn info(&self) -> Vec<u8> {
        let free = usize::from(self.capacity).saturating_sub(self.records.len()).saturating_mul(16);
        let mut info = vec![0x51];
        info.extend_from_slice(&(self.records.len() as u16).to_le_bytes());
        info.extend_from_slice(&u16::try_from(free).unwrap_or(0xffff).to_le_bytes());
        info.extend_from_slice(&self.last_add.to_le_bytes());
        info.extend_from_slice(&self.last_erase.to_le_bytes());
        // Reserve and Get Allocation Info are supported.
        info.push(u8::from(self.overflow) << 7 | 0x03);
        info
    }

    /// Data of Get SEL Allocation Info (table 31-3).
    pub fn allocation(&self) -> Vec<u8> {
        let free = usize::from(self.capacity).saturating_sub(self.records.len()) as u16;
        let mut data = Vec::with_capacity(9);
        for number in [self.capacity, 16, free, free] {
            data.extend_from_slice(&number.to_le_bytes());
        }
        data.push(1);
        data
    }
}

/// Event logging disabled: log area cleared.
const LOG_CLEARED: SensorEvent = SensorEvent {
    sensor_type: sensor_type::EVENT_LOGGING,
    number: 0,
    event_type: 0x6f,
    asserted: true,
    data: [0x02, 0xff, 0xff],
};

/// System ACPI power state: S0/G0 working, or S5/G2 soft off.
pub fn power_event(model: &Model, on: bool) -> SensorEvent {
    let sensor_type = sensor_type::SYSTEM_ACPI_POWER_STATE;
    let sensor = model.sensors.iter().find(|sensor| sensor.sensor_type == sensor_type);
    SensorEvent {
        sensor_type,
        // The firmware of models without such a sensor reports under a number of its own.
        number: sensor.map_or(0xf0, |sensor| sensor.number),
        event_type: 0x6f,
        asserted: true,
        data: [if on { 0x00 } else { 0x05 }, 0xff, 0xff],
    }
}

/// The event with which an incident begins or, not `asserted`, ends.
pub fn incident_event(incident: &Incident<'_>, asserted: bool) -> SensorEvent {
    let sensor = incident.sensor;
    let (event_type, data) = match (&sensor.kind, incident.what) {
        (Kind::Analog(analog), What::Crossed { threshold, raw }) => {
            let limit = analog.thresholds.raw.get(threshold).copied().flatten().unwrap_or(0);
            // Bits 7:4: trigger reading and threshold follow in bytes 2 and 3 (table 29-6).
            (THRESHOLD, [0x50 | threshold_offset(threshold), raw, limit])
        }
        (Kind::Discrete(discrete), What::States(states)) => {
            let changed = states & !discrete.normal;
            let offset = changed.trailing_zeros().min(15) as u8;
            (discrete.event_type, [offset, 0xff, 0xff])
        }
        (Kind::Analog(_), What::States(_)) | (Kind::Discrete(_), What::Crossed { .. }) => (0x6f, [0; 3]),
    };
    SensorEvent { sensor_type: sensor.sensor_type, number: sensor.number, event_type, asserted, data }
}

/// Event offset of a threshold (table 42-2): lower ones going low, upper ones going high.
fn threshold_offset(threshold: usize) -> u8 {
    [0x00, 0x02, 0x04, 0x07, 0x09, 0x0b].get(threshold).copied().unwrap_or(0)
}

fn past_event(model: &Model, random: &mut Random) -> Option<(SensorEvent, u32)> {
    let window = random.next_u64() % 100_000;
    let incident =
        super::incident::incident(model, random.next_u64(), super::incident::Rate::ALWAYS, window)?;
    let lasts = incident.until.saturating_sub(incident.from).max(Duration::from_secs(1));
    Some((incident_event(&incident, true), lasts.as_secs() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::models;

    #[test]
    fn history_is_walked_by_record_ids() {
        let log = EventLog::with_history(&models::server(), 4, 1_790_000_000);
        let mut id = 0;
        let mut seen = 0;
        while id != 0xffff {
            let (next, record) = log.entry(id).unwrap();
            assert_eq!(record[2], SYSTEM_EVENT);
            seen += 1;
            id = next;
        }
        assert_eq!(seen, log.len());
        assert!(seen >= 30, "{seen}");
        assert!(log.entry(0xffff).is_some());
        assert_eq!(log.entry(0x7777), None);
    }

    #[test]
    fn a_full_log_says_so_and_a_clear_begins_anew() {
        let mut log = EventLog::new(2);
        log.add(1_790_000_000, LOG_CLEARED);
        log.add(1_790_000_001, LOG_CLEARED);
        assert_eq!(log.info()[13] & 0x80, 0);
        log.add(1_790_000_002, LOG_CLEARED);
        assert_eq!(log.info()[13] & 0x80, 0x80);
        assert_eq!(log.len(), 2);
        log.clear(1_790_000_003);
        assert_eq!(log.len(), 1);
        assert_eq!(log.info()[9..13], 1_790_000_003u32.to_le_bytes());
    }
}
