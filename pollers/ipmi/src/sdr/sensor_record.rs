use std::sync::Arc;

use rackpoll_model::{
    EventControl, Level, Limits, Ranges, Rate, Relation, Sensor, Threshold, ThresholdAccess, ThresholdSet,
    Thresholds, Unit,
    event::{EventType, SensorType, UnitType},
};

use super::{
    conversion::{Conversion, Format, Linearisation},
    record::{HEADER, entity, name_at, owner},
};
use crate::command::get_sensor_reading_factors::Factors;

/// HP's enterprise number. Its BMCs give analog readings for sensors with states.
const HP: u32 = 11;

/// What a sensor's record says, and how to read the sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorRecord {
    /// What a reading is of.
    pub sensor: Arc<Sensor>,
    /// From raw bytes to values; none for compact records and for sensors without analog readings.
    pub conversion: Option<Conversion>,
    /// The sensors that share the record, where it is more than one.
    pub sharing: Option<Sharing>,
    /// Get Sensor Hysteresis has something to say.
    pub hysteresis_readable: bool,
    /// Limits as the record has them, for non-linear sensors, whose factors come later.
    levels: RawLevels,
}

/// The sensors that share a compact or event-only record (table 43-2, bytes 24 and 25): their numbers count up from the
/// record's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    /// How many, 2 to 15.
    pub count: u8,
    /// 00b: of no direction; 01b input, 10b output.
    pub direction: Direction,
    /// Names get a letter in place of a number.
    pub letters: bool,
    /// The first sensor's number or letter counts from this.
    pub first: u8,
    /// The entity instance counts up too.
    pub instances: bool,
}

/// Whether a sensor watches what goes into its entity or what comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Neither.
    None,
    /// Input.
    Input,
    /// Output.
    Output,
    /// Reserved code.
    Reserved,
}

impl Sharing {
    pub(super) fn new(first: u8, second: u8) -> Option<Self> {
        let count = first & 0x0f;
        (count > 1).then_some(Self {
            count,
            direction: match first >> 6 {
                0 => Direction::None,
                1 => Direction::Input,
                2 => Direction::Output,
                _ => Direction::Reserved,
            },
            letters: first >> 4 & 0x03 == 1,
            first: second & 0x7f,
            instances: second & 0x80 != 0,
        })
    }

    /// The name of the sensor that is `place` places after the record's own: the id string with its number, or with
    /// letters as in a table's columns (A to Z, AA).
    pub fn name(&self, id_string: &str, place: u8) -> String {
        let number = u16::from(self.first) + u16::from(place);
        if !self.letters {
            return format!("{id_string}{number}");
        }
        let letter = |number: u16| char::from(b'A' + (number % 26) as u8);
        match number / 26 {
            0 => format!("{id_string}{}", letter(number)),
            more => format!("{id_string}{}{}", letter(more - 1), letter(number)),
        }
    }
}

/// Raw limits, from the nominal reading to the negative hysteresis: bytes 31 to 44 of a full record.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct RawLevels {
    /// Which of nominal, normal maximum and normal minimum are given.
    given: u8,
    nominal: u8,
    normal_maximum: u8,
    normal_minimum: u8,
    maximum: u8,
    minimum: u8,
    /// In the order of the masks.
    thresholds: [u8; 6],
    positive_hysteresis: u8,
    negative_hysteresis: u8,
}

/// What full and compact records begin with: bytes 6 to 23.
struct Common<'a> {
    id: u16,
    bytes: &'a [u8; 18],
}

impl SensorRecord {
    /// Full record (clause 43.1).
    pub(super) fn full(id: u16, bytes: &[u8], manufacturer: u32) -> Option<Self> {
        let common = Common::new(id, bytes)?;
        let [linearisation, m, mt, b, ba, acc, exponents, given, rest @ ..] = bytes.get(23..)? else {
            return None;
        };
        let [nominal, normal_maximum, normal_minimum, maximum, minimum, rest @ ..] = rest else {
            return None;
        };
        let [unr, ucr, unc, lnr, lcr, lnc, positive_hysteresis, negative_hysteresis, _, _, oem, ..] = *rest
        else {
            return None;
        };
        let levels = RawLevels {
            given: *given,
            nominal: *nominal,
            normal_maximum: *normal_maximum,
            normal_minimum: *normal_minimum,
            maximum: *maximum,
            minimum: *minimum,
            thresholds: [lnc, lcr, lnr, unc, ucr, unr],
            positive_hysteresis,
            negative_hysteresis,
        };
        let factors = [*m, *mt, *b, *ba, *acc, *exponents];
        let conversion = Format::new(common.units())
            .map(|format| Conversion::new(format, Linearisation::new(*linearisation), factors));
        let mut sensor = common.sensor(name_at(bytes, 47)?, oem);
        sensor.analog = conversion.is_some()
            && (sensor.is_threshold() || manufacturer == HP && !sensor.unit.without_rate().is_unspecified());
        let limits = sensor.is_threshold().then(|| common.limits(conversion, &levels, true));
        sensor.limits = limits.map(Box::new);
        Some(common.record(sensor, conversion, None, levels))
    }

    /// Compact record (clause 43.2).
    pub(super) fn compact(id: u16, bytes: &[u8]) -> Option<Self> {
        let common = Common::new(id, bytes)?;
        let [s0, s1, positive_hysteresis, negative_hysteresis, _, _, _, oem, ..] = *bytes.get(23..)? else {
            return None;
        };
        let levels = RawLevels { positive_hysteresis, negative_hysteresis, ..RawLevels::default() };
        let mut sensor = common.sensor(name_at(bytes, 31)?, oem);
        let limits = sensor.is_threshold().then(|| common.limits(None, &levels, false));
        sensor.limits = limits.map(Box::new);
        Some(common.record(sensor, None, Sharing::new(s0, s1), levels))
    }

    /// Whether the sensor's factors have to be asked for each reading.
    pub fn is_non_linear(&self) -> bool {
        self.sensor.analog && self.conversion.is_some_and(|of| of.linearisation == Linearisation::NonLinear)
    }

    /// A non-linear sensor at the reading that these factors hold for: its conversion, and its limits by it.
    pub fn at_reading(&self, factors: Factors) -> Option<(Conversion, Arc<Sensor>)> {
        let conversion = self.conversion?.with_factors(factors);
        let mut sensor = Sensor::clone(&self.sensor);
        if let Some(limits) = &mut sensor.limits {
            let levels = &self.levels;
            let given = Threshold::ALL.map(|threshold| limits.thresholds.of(threshold).is_some());
            limits.thresholds = thresholds(Some(conversion), &levels.thresholds, &given);
            limits.ranges = Some(ranges(Some(conversion), levels));
            limits.positive_hysteresis = hysteresis(Some(conversion), levels.positive_hysteresis);
            limits.negative_hysteresis = hysteresis(Some(conversion), levels.negative_hysteresis);
        }
        Some((conversion, Arc::new(sensor)))
    }

    /// A raw level of the sensor: a value where it is analog.
    pub fn level(&self, raw: u8) -> Level {
        level(self.conversion, raw)
    }

    /// A raw hysteresis of the sensor.
    pub fn hysteresis(&self, raw: u8) -> Option<Level> {
        hysteresis(self.conversion, raw)
    }
}

impl<'a> Common<'a> {
    fn new(id: u16, bytes: &'a [u8]) -> Option<Self> {
        Some(Self { id, bytes: bytes.get(HEADER..)?.first_chunk()? })
    }

    fn units(&self) -> u8 {
        let [.., units, _base, _modifier] = *self.bytes;
        units
    }

    fn sensor(&self, name: Box<str>, oem: u8) -> Sensor {
        let [address, lun, number, id, instance, _, capabilities, sensor_type, event_type, ..] = *self.bytes;
        let [.., units, base, modifier] = *self.bytes;
        Sensor {
            record_id: self.id,
            owner: owner(address, lun),
            number,
            name,
            entity: entity(id, instance),
            sensor_type: SensorType(sensor_type),
            event_type: EventType(event_type & 0x7f),
            unit: unit(units, base, modifier),
            analog: false,
            event_control: match capabilities & 0x03 {
                0 => EventControl::PerThreshold,
                1 => EventControl::EntireSensor,
                2 => EventControl::GlobalDisable,
                _ => EventControl::NoEvents,
            },
            oem,
            limits: None,
        }
    }

    fn limits(&self, conversion: Option<Conversion>, levels: &RawLevels, full: bool) -> Limits {
        let [_, _, _, _, _, initialization, capabilities, _, _, _, assertion, _, deassertion, read, set, ..] =
            *self.bytes;
        let readable = ThresholdSet(read & 0x3f);
        // Bit 4 of the initialization byte: the BMC sets the thresholds from the record. Otherwise what the record has
        // means nothing.
        let initialized = full && initialization & 0x10 != 0;
        let given = Threshold::ALL.map(|threshold| initialized && readable.contains(threshold));
        Limits {
            access: match capabilities >> 2 & 0x03 {
                0 => ThresholdAccess::None,
                1 => ThresholdAccess::Readable,
                2 => ThresholdAccess::Settable,
                _ => ThresholdAccess::Fixed,
            },
            readable,
            settable: ThresholdSet(set & 0x3f),
            // Bits 14:12 of the two masks.
            compared: ThresholdSet(assertion >> 4 & 0x07 | (deassertion >> 4 & 0x07) << 3),
            thresholds: thresholds(conversion, &levels.thresholds, &given),
            positive_hysteresis: hysteresis(conversion, levels.positive_hysteresis),
            negative_hysteresis: hysteresis(conversion, levels.negative_hysteresis),
            ranges: full.then(|| ranges(conversion, levels)),
        }
    }

    fn record(
        &self,
        sensor: Sensor,
        conversion: Option<Conversion>,
        sharing: Option<Sharing>,
        levels: RawLevels,
    ) -> SensorRecord {
        let [_, _, _, _, _, _, capabilities, ..] = *self.bytes;
        SensorRecord {
            hysteresis_readable: sensor.is_threshold() && matches!(capabilities >> 4 & 0x03, 1 | 2),
            sensor: Arc::new(sensor),
            conversion,
            sharing,
            levels,
        }
    }
}

fn unit(units: u8, base: u8, modifier: u8) -> Unit {
    Unit {
        percentage: units & 0x01 != 0,
        base: UnitType(base),
        modifier: match units >> 1 & 0x03 {
            1 => Some((Relation::Per, UnitType(modifier))),
            2 => Some((Relation::Times, UnitType(modifier))),
            _ => None,
        },
        rate: match units >> 3 & 0x07 {
            1 => Some(Rate::Microsecond),
            2 => Some(Rate::Millisecond),
            3 => Some(Rate::Second),
            4 => Some(Rate::Minute),
            5 => Some(Rate::Hour),
            6 => Some(Rate::Day),
            _ => None,
        },
    }
}

fn level(conversion: Option<Conversion>, raw: u8) -> Level {
    conversion.map_or(Level::Raw(raw), |conversion| Level::Value(conversion.value(raw)))
}

fn thresholds(conversion: Option<Conversion>, raw: &[u8; 6], given: &[bool; 6]) -> Thresholds {
    let mut each = raw.iter().zip(given);
    Thresholds::from_fn(|_| each.next().and_then(|(raw, given)| given.then(|| level(conversion, *raw))))
}

/// 0x00 and 0xFF: the record leaves it open.
fn hysteresis(conversion: Option<Conversion>, raw: u8) -> Option<Level> {
    match (raw, conversion) {
        (0x00 | 0xff, _) => None,
        (raw, None) => Some(Level::Raw(raw)),
        (raw, Some(conversion)) => Some(Level::Value(conversion.hysteresis(raw))),
    }
}

fn ranges(conversion: Option<Conversion>, levels: &RawLevels) -> Ranges {
    let given = |bit: u8, raw: u8| (levels.given >> bit & 1 == 1).then(|| level(conversion, raw));
    let ends = conversion.map(|conversion| conversion.format.ends());
    let inside = |raw: u8, end: Option<u8>| (end != Some(raw)).then(|| level(conversion, raw));
    Ranges {
        nominal: given(0, levels.nominal),
        normal_maximum: given(1, levels.normal_maximum),
        normal_minimum: given(2, levels.normal_minimum),
        minimum: inside(levels.minimum, ends.map(|(low, _)| low)),
        maximum: inside(levels.maximum, ends.map(|(_, high)| high)),
        tolerance: conversion.and_then(|conversion| conversion.tolerance()),
        accuracy: conversion.map_or(0.0, |conversion| conversion.accuracy()),
    }
}
