use std::fmt;

use crate::event::UnitType;

/// The unit of a sensor's values (IPMI 2.0 table 43-1, bytes 21 to 23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unit {
    /// Values are percentages.
    pub percentage: bool,
    /// The unit itself.
    pub base: UnitType,
    /// A second unit that goes with it.
    pub modifier: Option<(Relation, UnitType)>,
    /// Values are changes in this time.
    pub rate: Option<Rate>,
}

/// How base and modifier unit go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Base divided by modifier.
    Per,
    /// Base times modifier.
    Times,
}

/// The time of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Per microsecond.
    Microsecond,
    /// Per millisecond.
    Millisecond,
    /// Per second.
    Second,
    /// Per minute.
    Minute,
    /// Per hour.
    Hour,
    /// Per day.
    Day,
}

impl Rate {
    fn name(self) -> &'static str {
        match self {
            Self::Microsecond => "microsecond",
            Self::Millisecond => "millisecond",
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

impl Unit {
    /// Whether nothing is said of a unit, not even that it is a percentage.
    pub fn is_unspecified(self) -> bool {
        self == Self { percentage: false, base: UnitType(0), modifier: None, rate: None }
    }

    /// Without the rate, as `ipmitool` prints it.
    pub fn without_rate(self) -> Self {
        Self { rate: None, ..self }
    }
}

/// `degrees C`, `percent`, `% Volts`, `Volts*Amps`, `megabyte/second`, `error per minute`.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |unit: UnitType| unit.name().unwrap_or("invalid");
        let percent = if self.percentage { "% " } else { "" };
        match self.modifier {
            None if self.percentage && self.base == UnitType(0) => f.write_str("percent")?,
            None => write!(f, "{percent}{}", name(self.base))?,
            Some((Relation::Per, modifier)) => write!(f, "{percent}{}/{}", name(self.base), name(modifier))?,
            Some((Relation::Times, modifier)) => {
                write!(f, "{percent}{}*{}", name(self.base), name(modifier))?;
            }
        }
        match self.rate {
            Some(rate) => write!(f, " per {}", rate.name()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read_as_people_say_them() {
        let plain = Unit { percentage: false, base: UnitType(1), modifier: None, rate: None };
        assert_eq!(plain.to_string(), "degrees C");
        assert_eq!(Unit { percentage: true, base: UnitType(0), ..plain }.to_string(), "percent");
        assert_eq!(Unit { percentage: true, base: UnitType(4), ..plain }.to_string(), "% Volts");
        let product = Unit { base: UnitType(4), modifier: Some((Relation::Times, UnitType(5))), ..plain };
        assert_eq!(product.to_string(), "Volts*Amps");
        let quotient = Unit { base: UnitType(72), modifier: Some((Relation::Per, UnitType(22))), ..plain };
        assert_eq!(quotient.to_string(), "megabyte/second");
        let rate = Unit { base: UnitType(88), rate: Some(Rate::Minute), ..plain };
        assert_eq!(rate.to_string(), "error per minute");
        assert_eq!(rate.without_rate().to_string(), "error");
        assert_eq!(Unit { base: UnitType(200), ..plain }.to_string(), "invalid");
        assert!(Unit { base: UnitType(0), ..plain }.is_unspecified() && !plain.is_unspecified());
    }
}
