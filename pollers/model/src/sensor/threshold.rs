/// The six thresholds, in the order of their bits in masks (IPMI 2.0 table 43-1, bytes 19 and 20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Threshold {
    /// Bit 0.
    LowerNonCritical = 0,
    /// Bit 1.
    LowerCritical = 1,
    /// Bit 2.
    LowerNonRecoverable = 2,
    /// Bit 3.
    UpperNonCritical = 3,
    /// Bit 4.
    UpperCritical = 4,
    /// Bit 5.
    UpperNonRecoverable = 5,
}

impl Threshold {
    /// All, in the order of their bits.
    pub const ALL: [Self; 6] = [
        Self::LowerNonCritical,
        Self::LowerCritical,
        Self::LowerNonRecoverable,
        Self::UpperNonCritical,
        Self::UpperCritical,
        Self::UpperNonRecoverable,
    ];

    /// All, from the lowest value to the highest.
    pub const ASCENDING: [Self; 6] = [
        Self::LowerNonRecoverable,
        Self::LowerCritical,
        Self::LowerNonCritical,
        Self::UpperNonCritical,
        Self::UpperCritical,
        Self::UpperNonRecoverable,
    ];
}

/// Some of the thresholds, a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThresholdSet(pub u8);

impl ThresholdSet {
    /// Whether it is one of them.
    pub fn contains(self, threshold: Threshold) -> bool {
        self.0 >> (threshold as u8) & 1 == 1
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 & 0x3f == 0
    }
}

/// What can be done with the thresholds (table 43-1, byte 12 bits 3:2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThresholdAccess {
    /// There are none, or nobody can see them.
    None,
    /// Those of the mask can be read.
    Readable,
    /// Those of the masks can be read and set.
    Settable,
    /// They are built in and can be neither read nor set.
    Fixed,
}

/// A number of a sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// In the sensor's unit.
    Value(f64),
    /// As the sensor has it, where it says no way to turn it into a value.
    Raw(u8),
}

impl Level {
    /// In the sensor's unit, where that is known.
    pub fn value(self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(value),
            Self::Raw(_) => None,
        }
    }
}

/// The thresholds that a sensor has.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Thresholds([Option<Level>; 6]);

impl Thresholds {
    /// Each as the function says.
    pub fn from_fn(level: impl FnMut(Threshold) -> Option<Level>) -> Self {
        Self(Threshold::ALL.map(level))
    }

    /// One of them.
    pub fn of(&self, threshold: Threshold) -> Option<Level> {
        self.0.get(threshold as usize).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bits() {
        for (bit, threshold) in Threshold::ALL.into_iter().enumerate() {
            assert_eq!(threshold as usize, bit);
            let set = ThresholdSet(1 << bit);
            assert_eq!(
                Threshold::ALL.into_iter().filter(|other| set.contains(*other)).collect::<Vec<_>>(),
                [threshold]
            );
            let only = Thresholds::from_fn(|other| (other == threshold).then_some(Level::Raw(7)));
            assert!(Threshold::ALL.into_iter().all(|other| only.of(other).is_some() == (other == threshold)));
        }
        // Bits 7:6 are reserved.
        assert!(ThresholdSet(0xc0).is_empty());
    }
}
