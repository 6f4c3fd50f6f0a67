use std::time::Duration;

use rackpoll_ipmi::command::completion;

use super::machine::{Answer, Machine};
use crate::content::{
    incident::What,
    sensor::{Kind, Presence, SENSOR_SPECIFIC, Sensor, THRESHOLD, sensor_type, threshold_events},
};

/// Events and scanning are enabled.
const ENABLED: u8 = 0xc0;
/// Reading or state unavailable.
const UNAVAILABLE: u8 = 0x20;
/// Bits that are reserved and read as ones.
const RESERVED_STATES: u8 = 0xc0;

/// What a sensor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reading {
    raw: u8,
    /// Comparison status of thresholds, or states.
    states: u16,
    available: bool,
}

impl Machine {
    /// Commands of clause 35.
    pub(super) fn sensor_command(&self, at: Duration, command: u8, data: &[u8]) -> Answer {
        if !matches!(command, 0x25 | 0x27 | 0x29 | 0x2b | 0x2d | 0x2f) {
            return Err(completion::INVALID_COMMAND);
        }
        let number = *data.first().ok_or(completion::REQUEST_LENGTH)?;
        let sensor = self.model.sensor(number).ok_or(completion::NOT_PRESENT)?;
        if sensor.presence == Presence::Refused {
            return Err(completion::NOT_PRESENT);
        }
        match (command, &sensor.kind) {
            // Get Sensor Hysteresis.
            (0x25, Kind::Analog(analog)) => Ok(vec![analog.hysteresis, analog.hysteresis]),
            // Get Sensor Thresholds.
            (0x27, Kind::Analog(analog)) => {
                let mut answer = vec![analog.thresholds.mask()];
                answer.extend(analog.thresholds.raw.map(Option::unwrap_or_default));
                Ok(answer)
            }
            // Illegal for this kind of sensor.
            (0x25 | 0x27, Kind::Discrete(_)) => Err(0xcd),
            // Get Sensor Event Enable.
            (0x29, kind) => Ok(events(ENABLED, possible(kind), possible(kind))),
            // Get Sensor Event Status.
            (0x2b, kind) => {
                let reading = self.reading(sensor, at);
                let asserted = match kind {
                    Kind::Analog(_) => threshold_events(reading.states as u8),
                    Kind::Discrete(_) => reading.states,
                };
                Ok(events(flags(reading), asserted, 0))
            }
            (0x2d, kind) => {
                let reading = self.reading(sensor, at);
                let [low, high] = reading.states.to_le_bytes();
                let reserved = if is_analog(kind) { RESERVED_STATES } else { 0 };
                let mut answer = vec![reading.raw, flags(reading), low | reserved];
                if !is_analog(kind) {
                    answer.push(high | 0x80);
                }
                Ok(answer)
            }
            // Get Sensor Type.
            (_, Kind::Analog(_)) => Ok(vec![sensor.sensor_type, THRESHOLD]),
            (_, Kind::Discrete(discrete)) => Ok(vec![sensor.sensor_type, discrete.event_type]),
        }
    }

    /// Whether the sensor reads at all in the present power state.
    pub(super) fn reads(&self, sensor: &Sensor) -> bool {
        sensor.presence == Presence::Present && (self.power() || !sensor.needs_power)
    }

    fn reading(&self, sensor: &Sensor, at: Duration) -> Reading {
        if !self.reads(sensor) {
            return Reading { raw: 0, states: 0, available: false };
        }
        let incident = self.incident(at).filter(|incident| incident.sensor.number == sensor.number);
        let what = incident.map(|incident| incident.what);
        match &sensor.kind {
            Kind::Analog(analog) => {
                let raw = match what {
                    Some(What::Crossed { raw, .. }) => raw,
                    _ => analog.reading(self.seed, sensor.number, at),
                };
                let states = analog.thresholds.crossed(&analog.conversion, raw);
                Reading { raw, states: states.into(), available: true }
            }
            Kind::Discrete(discrete) => {
                let states = match what {
                    Some(What::States(states)) => states,
                    // S5/G2, soft off.
                    _ if is_power_state(sensor, discrete.event_type) && !self.power() => 1 << 5,
                    _ => discrete.normal,
                };
                Reading { raw: 0, states, available: true }
            }
        }
    }
}

fn is_analog(kind: &Kind) -> bool {
    matches!(kind, Kind::Analog(_))
}

fn is_power_state(sensor: &Sensor, event_type: u8) -> bool {
    sensor.sensor_type == sensor_type::SYSTEM_ACPI_POWER_STATE && event_type == SENSOR_SPECIFIC
}

fn flags(reading: Reading) -> u8 {
    if reading.available { ENABLED } else { ENABLED | UNAVAILABLE }
}

fn events(flags: u8, asserted: u16, deasserted: u16) -> Vec<u8> {
    let mut answer = vec![flags];
    answer.extend_from_slice(&asserted.to_le_bytes());
    answer.extend_from_slice(&deasserted.to_le_bytes());
    answer
}

/// Events that the sensor can make.
fn possible(kind: &Kind) -> u16 {
    match kind {
        Kind::Analog(analog) => threshold_events(analog.thresholds.mask()),
        Kind::Discrete(discrete) => discrete.states & 0x7fff,
    }
}
