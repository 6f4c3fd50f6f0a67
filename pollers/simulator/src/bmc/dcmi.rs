//! DCMI (network function 0x2C, group 0xDC): Get Power Reading, of models with a sensor of the system's power.

use std::time::Duration;

use rackpoll_ipmi::command::completion;

use super::machine::{Answer, Machine};
use crate::content::sensor::{Analog, Kind, Sensor, unit_code};

const DCMI: u8 = 0xdc;
const GET_POWER_READING: u8 = 0x02;
const SYSTEM_POWER_STATISTICS: u8 = 0x01;
/// The statistics cover the last hour, a sample a minute.
const PERIOD: Duration = Duration::from_secs(3_600);
const SAMPLES: u32 = 60;
/// Power is being measured.
const ACTIVE: u8 = 0x40;

impl Machine {
    pub(super) fn group_command(&self, at: Duration, command: u8, data: &[u8]) -> Answer {
        match (command, data) {
            (GET_POWER_READING, [DCMI, SYSTEM_POWER_STATISTICS, ..]) => self.power_reading(at),
            (GET_POWER_READING, [DCMI, ..]) => Err(completion::INVALID_DATA_FIELD),
            _ => Err(completion::INVALID_COMMAND),
        }
    }

    fn power_reading(&self, at: Duration) -> Answer {
        let meter = self.model.sensors.iter().find_map(|sensor| Some((sensor, meter(sensor)?)));
        let (sensor, analog) = meter.ok_or(completion::INVALID_COMMAND)?;
        let watts = |at| match self.reads(sensor) {
            true => analog.conversion.value(analog.reading(self.seed, sensor.number, at)).max(0.0) as u16,
            false => 0,
        };
        let samples: Vec<u16> =
            (0..SAMPLES).map(|n| watts(at.saturating_sub(PERIOD / SAMPLES * n))).collect();
        let sum: u32 = samples.iter().copied().map(u32::from).sum();
        let least = samples.iter().min().copied().unwrap_or_default();
        let most = samples.iter().max().copied().unwrap_or_default();
        let mut answer = vec![DCMI];
        for watts in [watts(at), least, most, (sum / SAMPLES) as u16] {
            answer.extend(watts.to_le_bytes());
        }
        answer.extend(self.stamp(at).to_le_bytes());
        answer.extend((PERIOD.as_millis() as u32).to_le_bytes());
        answer.push(ACTIVE);
        Ok(answer)
    }
}

fn meter(sensor: &Sensor) -> Option<&Analog> {
    match &sensor.kind {
        Kind::Analog(analog) if analog.unit == unit_code::WATTS => Some(analog),
        _ => None,
    }
}
