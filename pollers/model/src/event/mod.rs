//! What sensors and their events are called: sensor types, event/reading types, the texts of states, units
//! (IPMI 2.0 chapter 42 and table 43-15).
//!
//! The meaning is the specification's; the wording is that of `ipmitool` 1.8.19, because RackHD's consumers match on it.
//! Some texts end in a space there ("going low "), and do so here.

mod details;
mod generic;
mod sensor_type;
mod specific;
mod unit;

pub use unit::UnitType;

/// Sensor type code (IPMI 2.0 table 42-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SensorType(pub u8);

impl SensorType {
    /// Drive slot or bay.
    pub const DRIVE_SLOT: Self = Self(0x0d);
    /// Memory.
    pub const MEMORY: Self = Self(0x0c);
    /// The system event log itself.
    pub const EVENT_LOGGING: Self = Self(0x10);

    /// The type's name; `None` for reserved codes and for the manufacturer's own (from 0xC0 on).
    pub fn name(self) -> Option<&'static str> {
        sensor_type::NAMES.get(usize::from(self.0)).copied()
    }
}

/// Event/reading type code (IPMI 2.0 table 42-1), without the direction bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventType(pub u8);

/// The families of event/reading types (IPMI 2.0 table 42-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventClass {
    /// 0x00.
    Unspecified,
    /// 0x01: offsets are threshold crossings, readings are analog.
    Threshold,
    /// 0x02 to 0x0B: offsets are the generic states of table 42-2.
    Generic,
    /// 0x6F: offsets are the states of the sensor's type, table 42-3.
    SensorSpecific,
    /// 0x70 to 0x7F: offsets are the manufacturer's.
    Oem,
    /// The rest. `ipmitool` counts 0x0C (device power states), which table 42-2 has, as reserved too.
    Reserved,
}

impl EventType {
    /// Threshold crossings.
    pub const THRESHOLD: Self = Self(0x01);
    /// States of the sensor's own type.
    pub const SENSOR_SPECIFIC: Self = Self(0x6f);

    /// The family.
    pub fn class(self) -> EventClass {
        match self.0 {
            0x00 => EventClass::Unspecified,
            0x01 => EventClass::Threshold,
            0x02..=0x0b => EventClass::Generic,
            0x6f => EventClass::SensorSpecific,
            0x70..=0x7f => EventClass::Oem,
            _ => EventClass::Reserved,
        }
    }
}

impl EventClass {
    /// The family's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "Unspecified",
            Self::Threshold => "Threshold",
            Self::Generic => "Generic Discrete",
            Self::SensorSpecific => "Sensor-specific Discrete",
            Self::Oem => "OEM",
            Self::Reserved => "Reserved",
        }
    }
}

/// The text of one state of a sensor, by its offset (0 to 14): generic states by the event/reading type, sensor-specific
/// ones by the sensor's type. `None` where neither table has one, as for the manufacturer's states.
///
/// Some sensor-specific states (a change of version, 0x2B offsets 1 and 7) have texts only with event data 2, so `None` here.
pub fn state_text(event_type: EventType, sensor_type: SensorType, offset: u8) -> Option<&'static str> {
    let states = match event_type {
        EventType::SENSOR_SPECIFIC => specific::states(sensor_type.0),
        EventType(code) => generic::states(code),
    };
    states.get(usize::from(offset)).copied().filter(|text| !text.is_empty())
}

/// The text of an event: that of its state, or the more precise one that event data 2 gives, where the event specifies
/// data 2 and the tables know it.
pub fn event_text(
    event_type: EventType,
    sensor_type: SensorType,
    offset: u8,
    data2: Option<u8>,
) -> Option<&'static str> {
    let detail = match (event_type, data2) {
        (EventType::SENSOR_SPECIFIC, Some(data2)) => {
            details::details(sensor_type.0, offset).get(usize::from(data2)).copied()
        }
        _ => None,
    };
    detail.or_else(|| state_text(event_type, sensor_type, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIFIC: EventType = EventType::SENSOR_SPECIFIC;

    #[test]
    fn states_of_each_family() {
        let temperature = SensorType(0x01);
        assert_eq!(state_text(EventType::THRESHOLD, temperature, 2), Some("Lower Critical going low "));
        assert_eq!(
            state_text(EventType(0x0b), temperature, 5),
            Some("Non-Redundant: Insufficient Resources")
        );
        assert_eq!(state_text(EventType(0x0c), temperature, 3), Some("D3 Power State"));
        assert_eq!(state_text(SPECIFIC, SensorType::DRIVE_SLOT, 8), Some("Rebuild Aborted"));
        // Offset 13 of the ACPI power states is reserved, 14 is not.
        assert_eq!(state_text(SPECIFIC, SensorType(0x22), 13), None);
        assert_eq!(state_text(SPECIFIC, SensorType(0x22), 14), Some("Unknown"));
        assert_eq!(state_text(SPECIFIC, temperature, 0), None);
        assert_eq!(state_text(EventType(0x70), temperature, 0), None);
    }

    #[test]
    fn event_data_2_makes_some_events_precise() {
        let text = |sensor_type, offset, data2| event_text(SPECIFIC, SensorType(sensor_type), offset, data2);
        assert_eq!(text(0x0f, 0, None), Some("Unknown Error"));
        assert_eq!(text(0x0f, 0, Some(0x0d)), Some("CPU speed mismatch failure"));
        assert_eq!(text(0x0f, 0, Some(0x0e)), Some("Unknown Error"));
        assert_eq!(text(0x0f, 2, Some(0x19)), Some("Primary CPU initialization"));
        assert_eq!(text(0x08, 6, Some(3)), Some("Config Error: Power Supply Rating Mismatch"));
        assert_eq!(text(0x2b, 1, None), None);
        assert_eq!(
            text(0x2b, 7, Some(0x11)),
            Some("Firmware or software change success, Prog HW Change (FPGA)")
        );
        assert_eq!(text(0x2b, 7, Some(0x18)), None);
        // Event data 2 says nothing about generic events.
        assert_eq!(event_text(EventType(0x03), SensorType(0x08), 6, Some(3)), None);
    }

    #[test]
    fn every_code_has_an_answer() {
        for code in 0..=u8::MAX {
            let _ = (SensorType(code).name(), EventType(code).class(), UnitType(code).name());
            for offset in 0..=u8::MAX {
                for data2 in [None, Some(0), Some(0x19), Some(0xff)] {
                    let _ = event_text(EventType(code), SensorType(code), offset, data2);
                    let _ = event_text(SPECIFIC, SensorType(code), offset, data2);
                }
            }
        }
    }

    #[test]
    fn names_by_code() {
        assert_eq!(SensorType(0x00).name(), Some("reserved"));
        assert_eq!(SensorType(0x2c).name(), Some("FRU State"));
        assert_eq!(SensorType(0x2d).name(), None);
        assert_eq!(UnitType(18).name(), Some("RPM"));
        assert_eq!(UnitType(92).name(), Some("grams"));
        assert_eq!(UnitType(93).name(), None);
        assert_eq!(EventType(0x0c).class().name(), "Reserved");
    }
}
