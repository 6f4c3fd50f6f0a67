use std::sync::Arc;

use super::{Level, Sensor, Threshold, Thresholds};
use crate::event::{SensorType, state_text};

/// One sensor with what it read.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorReading {
    /// What its record says.
    pub sensor: Arc<Sensor>,
    /// What it read.
    pub state: SensorState,
    /// Which events are switched on; none where the BMC does not say.
    pub event_enable: Option<EventEnable>,
}

/// Answer of Get Sensor Reading (IPMI 2.0 clause 35.14).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SensorState {
    /// A reading.
    Read {
        /// The raw byte.
        raw: u8,
        /// In the sensor's unit, where it is analog. Not finite where the conversion has no value there, as 1 / 0.
        value: Option<f64>,
        /// States, or comparisons with thresholds.
        states: States,
    },
    /// The sensor is scanned and has no reading now (bit 5 of byte 2): what it watches is not there, or it starts.
    Unavailable {
        /// States, which may be there all the same.
        states: States,
    },
    /// The sensor is not scanned (bit 6 of byte 2).
    ScanningDisabled,
    /// The BMC refused, as it does for what is not there, or did not answer.
    NoAnswer,
}

/// States by offset (0 to 14), or for threshold sensors the comparisons by threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct States(pub u16);

impl States {
    /// Whether none is asserted. Bit 15 is reserved and reads as 1.
    pub fn is_empty(self) -> bool {
        self.0 & 0x7fff == 0
    }

    /// The offsets that are asserted.
    pub fn offsets(self) -> impl Iterator<Item = u8> {
        (0..15).filter(move |offset| self.0 >> offset & 1 == 1)
    }
}

/// How a reading compares with the thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThresholdStatus {
    /// Within all.
    Ok,
    /// Beyond this one, the worst of those that it is beyond.
    Beyond(Threshold),
}

impl ThresholdStatus {
    fn new(states: States) -> Self {
        // The worst first; lower before upper, as `ipmitool` looks.
        const WORST_FIRST: [Threshold; 6] = [
            Threshold::LowerNonRecoverable,
            Threshold::UpperNonRecoverable,
            Threshold::LowerCritical,
            Threshold::UpperCritical,
            Threshold::LowerNonCritical,
            Threshold::UpperNonCritical,
        ];
        let beyond = WORST_FIRST.into_iter().find(|threshold| states.0 >> (*threshold as u8) & 1 == 1);
        beyond.map_or(Self::Ok, Self::Beyond)
    }
}

impl SensorReading {
    /// In the sensor's unit; none where there is no reading or the sensor is not analog.
    pub fn value(&self) -> Option<f64> {
        match self.state {
            SensorState::Read { value, .. } => value.filter(|value| value.is_finite()),
            _ => None,
        }
    }

    /// The states, or comparisons, that the answer had.
    pub fn states(&self) -> States {
        match self.state {
            SensorState::Read { states, .. } | SensorState::Unavailable { states } => states,
            SensorState::ScanningDisabled | SensorState::NoAnswer => States::default(),
        }
    }

    /// How the reading compares with the thresholds; none without a reading, and for sensors that have states.
    pub fn threshold_status(&self) -> Option<ThresholdStatus> {
        match self.state {
            SensorState::Read { states, .. } if self.sensor.is_threshold() => {
                Some(ThresholdStatus::new(states))
            }
            _ => None,
        }
    }

    /// The texts of the states that are asserted and have one.
    pub fn state_texts(&self) -> impl Iterator<Item = &'static str> {
        let (event_type, sensor_type): (_, SensorType) = (self.sensor.event_type, self.sensor.sensor_type);
        self.states().offsets().filter_map(move |offset| state_text(event_type, sensor_type, offset))
    }
}

/// Answer of Get Sensor Event Enable (IPMI 2.0 clause 35.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventEnable {
    /// The sensor sends events.
    pub messages: bool,
    /// The sensor is scanned.
    pub scanning: bool,
    /// Assertion events that are on: by state, or for thresholds two bits each, going low and going high.
    pub assertions: u16,
    /// Deassertion events that are on.
    pub deassertions: u16,
}

/// The thresholds of one sensor as the BMC has them now, where it says them, else as its record has them.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorThresholds {
    /// What its record says.
    pub sensor: Arc<Sensor>,
    /// The thresholds.
    pub thresholds: Thresholds,
    /// Positive hysteresis.
    pub positive_hysteresis: Option<Level>,
    /// Negative hysteresis.
    pub negative_hysteresis: Option<Level>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comparison_counts() {
        let status = |states| ThresholdStatus::new(States(states));
        assert_eq!(status(0xc0), ThresholdStatus::Ok);
        assert_eq!(status(0xc0 | 0b00_0011), ThresholdStatus::Beyond(Threshold::LowerCritical));
        assert_eq!(status(0b11_1000), ThresholdStatus::Beyond(Threshold::UpperNonRecoverable));
        assert_eq!(status(0b10_0100), ThresholdStatus::Beyond(Threshold::LowerNonRecoverable));
        assert_eq!(status(0b00_1000), ThresholdStatus::Beyond(Threshold::UpperNonCritical));
    }

    #[test]
    fn the_reserved_bit_is_no_state() {
        assert!(States(0x8000).is_empty());
        assert_eq!(States(0xc001).offsets().collect::<Vec<_>>(), [0, 14]);
    }
}
