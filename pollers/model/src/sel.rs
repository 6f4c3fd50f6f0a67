use std::sync::Arc;

use crate::{
    event::{EventType, SensorType},
    sensor::{SensorOwner, Unit},
};

/// Answers of Get SEL Info and Get SEL Allocation Info (IPMI 2.0 clauses 31.2 and 31.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelInformation {
    /// Version of the SEL commands as BCD with the nibbles swapped: 0x51 is 1.5, 0x02 is 2.0.
    pub version: u8,
    /// Number of records.
    pub entries: u16,
    /// Free space, bytes; 0xFFFF says 65,535 or more.
    pub free_space: u16,
    /// When a record was last added.
    pub last_addition: SelTime,
    /// When a record was last deleted or the log cleared. Clocks of BMCs jump: compare it for inequality only.
    pub last_erase: SelTime,
    /// The overflow flag and the supported operations as they came.
    pub operations: u8,
    /// The allocation of the log's memory, where the BMC tells it.
    pub allocation: Option<SelAllocation>,
}

impl SelInformation {
    /// Events were dropped because the log was full.
    pub fn overflow(&self) -> bool {
        self.operations & 0x80 != 0
    }

    /// Delete SEL Entry is supported.
    pub fn delete(&self) -> bool {
        self.operations & 0x08 != 0
    }

    /// Partial Add SEL Entry is supported.
    pub fn partial_add(&self) -> bool {
        self.operations & 0x04 != 0
    }

    /// Reserve SEL is supported.
    pub fn reserve(&self) -> bool {
        self.operations & 0x02 != 0
    }

    /// Get SEL Allocation Info is supported.
    pub fn allocation_info(&self) -> bool {
        self.operations & 0x01 != 0
    }
}

/// Answer of Get SEL Allocation Info (IPMI 2.0 clause 31.3). 0 stands for "not told" in the units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelAllocation {
    /// Number of allocation units.
    pub units: u16,
    /// Size of a unit, bytes.
    pub unit_size: u16,
    /// Free units.
    pub free_units: u16,
    /// Largest free block, units.
    pub largest_free_block: u16,
    /// Largest record, units.
    pub largest_record: u8,
}

/// A time stamp of the SEL or the SDR repository (IPMI 2.0 chapter 37): seconds since 1970 by the BMC's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SelTime(pub u32);

impl SelTime {
    /// Not told.
    pub const UNSPECIFIED: Self = Self(u32::MAX);

    /// Stamped before the BMC knew the time: seconds since its start.
    pub fn is_pre_init(self) -> bool {
        self.0 < 0x2000_0000
    }
}

/// One record of the system event log (IPMI 2.0 chapter 32).
#[derive(Debug, Clone, PartialEq)]
pub struct SelEntry {
    /// The record as it came, record id included.
    pub raw: [u8; 16],
    /// Record id.
    pub record_id: u16,
    /// Record type.
    pub record_type: u8,
    /// What the record says.
    pub body: SelBody,
    /// The event's sensor; none where the BMC's sensor records have not been read, or none of them is of it.
    pub sensor: Option<EventSensor>,
}

/// What the sensor's record makes of an event. The record is not part of the log: it is the one that the BMC has now.
#[derive(Debug, Clone, PartialEq)]
pub struct EventSensor {
    /// The sensor's name; none where its record has none.
    pub name: Option<Arc<str>>,
    /// The unit of the values, where there is one of these.
    pub unit: Option<Unit>,
    /// The reading that triggered the event (event data 2); none where the event has none, or the sensor no values.
    pub trigger_reading: Option<f64>,
    /// The threshold that was crossed (event data 3), likewise.
    pub trigger_threshold: Option<f64>,
}

/// The three forms of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SelBody {
    /// Record type 0x02, and the reserved types, which are read in the same form.
    Event(SystemEvent),
    /// Record types 0xC0 to 0xDF.
    OemTimestamped {
        /// When.
        time: SelTime,
        /// Enterprise number.
        manufacturer: u32,
        /// The manufacturer's own.
        data: [u8; 6],
    },
    /// Record types 0xE0 to 0xFF.
    Oem {
        /// The manufacturer's own.
        data: [u8; 13],
    },
}

/// A sensor's event (IPMI 2.0 clause 32.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SystemEvent {
    /// When.
    pub time: SelTime,
    /// Who generated it: slave address or software id in the low byte, channel and LUN in the high one.
    pub generator: u16,
    /// Revision of the event message's format: 0x04 is IPMI 2.0, 0x03 IPMI 1.0.
    pub revision: u8,
    /// The sensor's type.
    pub sensor_type: SensorType,
    /// The sensor's number within the generator.
    pub sensor_number: u8,
    /// The event's type.
    pub event_type: EventType,
    /// The state was left rather than entered.
    pub deassertion: bool,
    /// Event data 1 to 3 as they came.
    pub data: [u8; 3],
}

/// What event data 2 or 3 holds (IPMI 2.0 table 29-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventData {
    /// Nothing.
    Unspecified,
    /// Data 2 of a threshold event: the reading that triggered it, raw.
    TriggerReading(u8),
    /// Data 3 of a threshold event: the threshold's value, raw.
    TriggerThreshold(u8),
    /// Data 2 of a discrete event: the state before and the severity.
    Previous {
        /// Offset of the previous state, where it is told.
        state: Option<u8>,
        /// Offset of the severity (event type 0x07), where it is told.
        severity: Option<u8>,
    },
    /// A code of the sensor type's own (table 42-3), or reserved.
    SensorSpecific(u8),
    /// The manufacturer's.
    Oem(u8),
}

impl SystemEvent {
    /// Who has the event's sensor (table 32-1, bytes 8 and 9). IPMI 1.5 has no channel there: 0, the primary IPMB.
    pub fn owner(&self) -> SensorOwner {
        let [address, place] = self.generator.to_le_bytes();
        SensorOwner { address, channel: place >> 4, lun: place & 0x03 }
    }

    /// Whether event data hold a reading or a threshold, which only the sensor's record turns into values.
    pub fn has_levels(&self) -> bool {
        matches!(self.data2(), EventData::TriggerReading(_))
            || matches!(self.data3(), EventData::TriggerThreshold(_))
    }

    /// The offset of the event: which state, which threshold.
    pub fn offset(&self) -> u8 {
        self.data[0] & 0x0f
    }

    /// Event data 2, where the event says that it holds anything.
    pub fn specified_data2(&self) -> Option<u8> {
        (self.data[0] & 0xc0 != 0).then_some(self.data[1])
    }

    /// What event data 2 holds.
    pub fn data2(&self) -> EventData {
        let byte = self.data[1];
        match self.data[0] >> 6 {
            0 => EventData::Unspecified,
            1 if self.event_type == EventType::THRESHOLD => EventData::TriggerReading(byte),
            1 => {
                let told = |offset: u8| Some(offset).filter(|offset| *offset != 0x0f);
                EventData::Previous { state: told(byte & 0x0f), severity: told(byte >> 4) }
            }
            2 => EventData::Oem(byte),
            _ => EventData::SensorSpecific(byte),
        }
    }

    /// What event data 3 holds.
    pub fn data3(&self) -> EventData {
        let byte = self.data[2];
        match self.data[0] >> 4 & 0x03 {
            0 => EventData::Unspecified,
            1 if self.event_type == EventType::THRESHOLD => EventData::TriggerThreshold(byte),
            2 => EventData::Oem(byte),
            _ => EventData::SensorSpecific(byte),
        }
    }
}

/// The system event log, or its newest part, as one poll has seen it.
#[derive(Debug, Clone, PartialEq)]
pub struct SelLog {
    /// The log's counts and stamps.
    pub information: SelInformation,
    /// Who made the BMC, where it says so: some event texts are the manufacturer's.
    pub manufacturer: Option<u32>,
    /// Records without a gap, oldest first.
    pub entries: Vec<SelEntry>,
    /// The first of them is the log's first.
    pub from_start: bool,
    /// The last of them is the log's last. False where a long log is read in several polls.
    pub to_end: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event_type: u8, data: [u8; 3]) -> SystemEvent {
        SystemEvent {
            time: SelTime(0x6900_0000),
            generator: 0x20,
            revision: 4,
            sensor_type: SensorType(0x01),
            sensor_number: 1,
            event_type: EventType(event_type),
            deassertion: false,
            data,
        }
    }

    #[test]
    fn event_data_says_what_it_holds() {
        let threshold = event(0x01, [0x59, 0x50, 0x40]);
        assert_eq!(threshold.offset(), 9);
        assert_eq!(threshold.data2(), EventData::TriggerReading(0x50));
        assert_eq!(threshold.data3(), EventData::TriggerThreshold(0x40));
        let discrete = event(0x6f, [0x62, 0xf3, 0x11]);
        assert_eq!(discrete.data2(), EventData::Previous { state: Some(3), severity: None });
        assert_eq!(discrete.data3(), EventData::Oem(0x11));
        let nothing = event(0x6f, [0x02, 0xff, 0xff]);
        assert_eq!((nothing.data2(), nothing.data3()), (EventData::Unspecified, EventData::Unspecified));
        assert_eq!(nothing.specified_data2(), None);
        assert_eq!(event(0x6f, [0xf1, 1, 2]).data2(), EventData::SensorSpecific(1));
    }

    #[test]
    fn levels_are_those_of_threshold_events_only() {
        for (event_type, data1, has) in [
            (0x01, 0x52, true),
            (0x01, 0x42, true),
            (0x01, 0x12, true),
            (0x01, 0x02, false),
            // The manufacturer's, and codes of the sensor's own.
            (0x01, 0xa2, false),
            (0x01, 0xf2, false),
            (0x07, 0x52, false),
            (0x6f, 0x52, false),
        ] {
            assert_eq!(event(event_type, [data1, 1, 2]).has_levels(), has, "{event_type:#x} {data1:#x}");
        }
    }

    #[test]
    fn generators_are_owners_of_sensors() {
        let owner = |generator| SystemEvent { generator, ..event(0x01, [0; 3]) }.owner();
        assert_eq!(owner(0x0020), SensorOwner { address: 0x20, channel: 0, lun: 0 });
        assert_eq!(owner(0x632c), SensorOwner { address: 0x2c, channel: 6, lun: 3 });
        // System software; bits 3:2 are reserved.
        assert_eq!(owner(0x0c41), SensorOwner { address: 0x41, channel: 0, lun: 0 });
    }

    #[test]
    fn stamps_before_the_clock_was_set() {
        assert!(SelTime(0x1fff_ffff).is_pre_init());
        assert!(!SelTime(0x2000_0000).is_pre_init());
        assert!(!SelTime::UNSPECIFIED.is_pre_init());
    }
}
