//! One sensor of a simulated BMC: what its SDR says, and how its value moves.

use std::time::Duration;

use crate::random::{hash, unit};

/// Sensor types (IPMI 2.0 table 42-3).
pub mod sensor_type {
    pub(crate) const TEMPERATURE: u8 = 0x01;
    pub(crate) const VOLTAGE: u8 = 0x02;
    pub(crate) const CURRENT: u8 = 0x03;
    pub(crate) const FAN: u8 = 0x04;
    pub(crate) const PHYSICAL_SECURITY: u8 = 0x05;
    pub(crate) const PROCESSOR: u8 = 0x07;
    pub(crate) const POWER_SUPPLY: u8 = 0x08;
    pub(crate) const POWER_UNIT: u8 = 0x09;
    pub(crate) const OTHER_UNITS: u8 = 0x0b;
    pub(crate) const MEMORY: u8 = 0x0c;
    pub(crate) const DRIVE_SLOT: u8 = 0x0d;
    pub(crate) const EVENT_LOGGING: u8 = 0x10;
    pub(crate) const BUTTON: u8 = 0x14;
    pub(crate) const SYSTEM_ACPI_POWER_STATE: u8 = 0x22;
    pub(crate) const WATCHDOG: u8 = 0x23;
    pub(crate) const BATTERY: u8 = 0x29;
    pub(crate) const SESSION_AUDIT: u8 = 0x2a;
}

/// Base units (table 43-15).
pub mod unit_code {
    pub(crate) const DEGREES_C: u8 = 1;
    pub(crate) const VOLTS: u8 = 4;
    pub(crate) const AMPS: u8 = 5;
    pub(crate) const WATTS: u8 = 6;
    pub(crate) const CFM: u8 = 17;
    pub(crate) const RPM: u8 = 18;
}

/// Event/reading type of threshold sensors (table 42-1).
pub(crate) const THRESHOLD: u8 = 0x01;
/// Event/reading type of sensors with states of their sensor type (table 42-1).
pub(crate) const SENSOR_SPECIFIC: u8 = 0x6f;

/// Analog data format of the raw reading (table 43-1, byte 21 bits 7:6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// 0 to 255.
    Unsigned,
    /// Two's complement.
    Signed,
}

/// `y = L[(M x + B 10^K1) 10^K2]` (clause 36.3).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conversion {
    /// How a raw byte is a number.
    pub format: Format,
    /// M, ten bits signed.
    pub m: i16,
    /// B, ten bits signed.
    pub b: i16,
    /// K1, four bits signed.
    pub b_exponent: i8,
    /// K2, four bits signed.
    pub result_exponent: i8,
    /// L: 0 linear, 8 square (table 43-1, byte 24).
    pub linearization: u8,
}

/// Raw thresholds, each where the sensor has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// In the order of the masks: lower non-critical, lower critical, lower non-recoverable, upper non-critical,
    /// upper critical, upper non-recoverable.
    pub raw: [Option<u8>; 6],
}

/// A sensor with a value and thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct Analog {
    /// Base unit code.
    pub unit: u8,
    /// The unit is a percentage (units 1, bit 0).
    pub percentage: bool,
    /// From raw to value.
    pub conversion: Conversion,
    /// Its thresholds.
    pub thresholds: Thresholds,
    /// Positive and negative hysteresis, raw.
    pub hysteresis: u8,
    /// Where the value stands on average, raw as a number.
    pub center: i16,
    /// How far it moves to either side.
    pub swing: i16,
}

/// A sensor with states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrete {
    /// Event/reading type: `0x6f`, or generic 0x02 to 0x0c.
    pub event_type: u8,
    /// States that it can have.
    pub states: u16,
    /// States that are asserted while all is well.
    pub normal: u16,
    /// States while something is wrong, where that can happen.
    pub fault: Option<u16>,
    /// Described by a full record in place of a compact one.
    pub full_record: bool,
}

/// Analog or with states.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// With a value.
    Analog(Analog),
    /// With states.
    Discrete(Discrete),
}

/// One sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    /// Sensor number.
    pub number: u8,
    /// Id string, at most 16 bytes.
    pub name: String,
    /// Entity id and instance.
    pub entity: (u8, u8),
    /// Sensor type.
    pub sensor_type: u8,
    /// What it measures.
    pub kind: Kind,
    /// Reads only while the system is on.
    pub needs_power: bool,
    /// Whether what it measures is there.
    pub presence: Presence,
}

/// Whether what a sensor measures is there, and how the BMC says that it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Present,
    /// An empty slot: the reading is marked as unavailable.
    Unavailable,
    /// An empty slot: the command is refused (0xCB).
    Refused,
}

impl Conversion {
    /// A raw byte as the number that it stands for.
    pub fn signed(&self, raw: u8) -> i16 {
        match self.format {
            Format::Unsigned => i16::from(raw),
            Format::Signed => i16::from(raw as i8),
        }
    }

    /// The value of a raw byte.
    pub fn value(&self, raw: u8) -> f64 {
        let x = f64::from(self.signed(raw));
        let b = f64::from(self.b) * 10f64.powi(i32::from(self.b_exponent));
        let y = (f64::from(self.m) * x + b) * 10f64.powi(i32::from(self.result_exponent));
        if self.linearization == 0x08 { y * y } else { y }
    }

    /// The raw byte whose value is nearest. There are 256; this runs while a model is built.
    pub fn raw(&self, value: f64) -> u8 {
        // Where a square has two sources, the first of the positive ones comes first.
        (0..=u8::MAX)
            .min_by(|a, b| {
                let distance = |raw: u8| (self.value(raw) - value).abs();
                distance(*a).total_cmp(&distance(*b))
            })
            .unwrap_or(0)
    }

    fn range(&self) -> (i16, i16) {
        match self.format {
            Format::Unsigned => (0, 255),
            Format::Signed => (-128, 127),
        }
    }

    /// The number as a raw byte, kept inside the format.
    pub fn to_raw(self, number: i16) -> u8 {
        let (low, high) = self.range();
        number.clamp(low, high) as u8
    }
}

impl Thresholds {
    /// Mask of the thresholds that exist, bit 0 lower non-critical to bit 5 upper non-recoverable.
    pub fn mask(&self) -> u8 {
        (0..).zip(self.raw).fold(0, |mask, (bit, raw)| if raw.is_some() { mask | 1 << bit } else { mask })
    }

    /// Comparison status of a raw reading, in the order of the mask (table 35-15).
    pub fn crossed(&self, conversion: &Conversion, raw: u8) -> u8 {
        let reading = conversion.signed(raw);
        (0u8..).zip(self.raw).fold(0, |crossed, (bit, threshold)| {
            let Some(threshold) = threshold.map(|raw| conversion.signed(raw)) else { return crossed };
            let beyond = if bit < 3 { reading <= threshold } else { reading >= threshold };
            if beyond { crossed | 1 << bit } else { crossed }
        })
    }
}

impl Analog {
    /// The raw reading at this time after the BMC's start: it wanders around the centre, smoothly and the same for the
    /// same seed.
    pub fn reading(&self, seed: u64, number: u8, at: Duration) -> u8 {
        let offset = f64::from(self.swing) * wander(hash(seed, &[u64::from(number)]), at);
        self.conversion.to_raw(self.center.saturating_add(offset.round() as i16))
    }
}

/// -1.0 to 1.0: a smooth line through random points, 20 s to 60 s apart.
pub(crate) fn wander(seed: u64, at: Duration) -> f64 {
    let step = 20.0 + (seed % 41) as f64;
    let position = at.as_secs_f64() / step;
    let point = |index: u64| unit(hash(seed, &[index])) * 2.0 - 1.0;
    let index = position as u64;
    let part = position - index as f64;
    let smooth = part * part * (3.0 - 2.0 * part);
    let (from, to) = (point(index), point(index.saturating_add(1)));
    from + (to - from) * smooth
}

/// Events of a mask of thresholds: lower ones going low, upper ones going high (table 42-2).
pub(crate) fn threshold_events(mask: u8) -> u16 {
    (0..6)
        .filter(|bit| mask >> bit & 1 == 1)
        .fold(0, |events, bit: u16| events | 1 << (bit * 2 + u16::from(bit >= 3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPERATURE: Conversion = Conversion {
        format: Format::Signed,
        m: 1,
        b: 0,
        b_exponent: 0,
        result_exponent: 0,
        linearization: 0,
    };

    fn inlet() -> Analog {
        let mut thresholds = Thresholds::default();
        thresholds.raw[0] = Some(TEMPERATURE.raw(-5.0));
        thresholds.raw[4] = Some(TEMPERATURE.raw(42.0));
        Analog {
            unit: unit_code::DEGREES_C,
            percentage: false,
            conversion: TEMPERATURE,
            thresholds,
            hysteresis: 2,
            center: 23,
            swing: 3,
        }
    }

    #[test]
    fn values_and_raw_bytes_go_both_ways() {
        assert_eq!(TEMPERATURE.raw(-5.0), 0xfb);
        let volts = Conversion { format: Format::Unsigned, m: 63, result_exponent: -3, ..TEMPERATURE };
        assert!((volts.value(190) - 11.97).abs() < 1e-9);
        assert_eq!(volts.raw(11.97), 190);
        let watts = Conversion { m: 235, linearization: 8, ..volts };
        assert!((watts.value(100) - 552.25).abs() < 1e-9);
        assert_eq!(watts.raw(552.0), 100);
    }

    #[test]
    fn thresholds_compare_signed_numbers() {
        let inlet = inlet();
        assert_eq!(inlet.thresholds.mask(), 0b01_0001);
        assert_eq!(inlet.thresholds.crossed(&TEMPERATURE, TEMPERATURE.raw(-6.0)), 0b1);
        assert_eq!(inlet.thresholds.crossed(&TEMPERATURE, TEMPERATURE.raw(23.0)), 0);
        assert_eq!(inlet.thresholds.crossed(&TEMPERATURE, TEMPERATURE.raw(42.0)), 0b1_0000);
    }

    #[test]
    fn readings_move_within_their_swing_and_repeat_for_a_seed() {
        let inlet = inlet();
        let readings =
            |seed| (0..600).map(|s| inlet.reading(seed, 1, Duration::from_secs(s))).collect::<Vec<_>>();
        let first = readings(1);
        assert_eq!(first, readings(1));
        assert_ne!(first, readings(2));
        assert!(first.iter().all(|raw| (20..=26).contains(raw)), "{first:?}");
        assert!(first.iter().max().unwrap() - first.iter().min().unwrap() >= 3, "{first:?}");
        assert!(first.windows(2).all(|pair| pair[0].abs_diff(pair[1]) <= 1), "no jumps");
    }
}
