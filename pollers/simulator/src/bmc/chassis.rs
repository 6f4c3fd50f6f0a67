use std::time::Duration;

use rackpoll_ipmi::command::completion;

use super::machine::{Answer, Machine};
use crate::content::sensor::sensor_type;

/// Power and identify light.
#[derive(Debug)]
pub(super) struct Chassis {
    pub(super) power: bool,
    identify: Identify,
    /// Last power event by command (table 28-3, byte 2 bit 4).
    switched_by_command: bool,
}

#[derive(Debug)]
enum Identify {
    Off,
    Until(Duration),
    On,
}

impl Chassis {
    pub(super) fn on() -> Self {
        Self { power: true, identify: Identify::Off, switched_by_command: false }
    }
}

impl Machine {
    /// Commands of clause 28.
    pub(super) fn chassis_command(&mut self, at: Duration, command: u8, data: &[u8]) -> Answer {
        match command {
            // Get Chassis Capabilities: intrusion and lockout sensors; all devices behind 20h.
            0x00 => Ok(vec![0x03, 0x20, 0x20, 0x20, 0x20]),
            0x01 => Ok(self.chassis_status(at)),
            0x02 => self.chassis_control(at, data),
            0x04 => {
                let seconds = data.first().copied().unwrap_or(15);
                let forced = data.get(1).is_some_and(|byte| byte & 1 == 1);
                self.chassis.identify = match (forced, seconds) {
                    (true, _) => Identify::On,
                    (false, 0) => Identify::Off,
                    (false, seconds) => {
                        Identify::Until(at.saturating_add(Duration::from_secs(seconds.into())))
                    }
                };
                Ok(Vec::new())
            }
            // Get System Restart Cause: power-up by chassis control; channel 1.
            0x07 => Ok(vec![0x01, 0x01]),
            // Get POH Counter: an hour a count.
            0x0f => {
                let mut answer = vec![60];
                let hours = 12_345u32.wrapping_add((at.as_secs() / 3600) as u32);
                answer.extend_from_slice(&hours.to_le_bytes());
                Ok(answer)
            }
            _ => Err(completion::INVALID_COMMAND),
        }
    }

    /// Table 28-3. Faults follow the incident that is on.
    fn chassis_status(&self, at: Duration) -> Vec<u8> {
        let identify = match self.chassis.identify {
            Identify::Until(until) if at < until => 0b01,
            Identify::Off | Identify::Until(_) => 0b00,
            Identify::On => 0b10,
        };
        let faulty = self.incident(at).map(|incident| incident.sensor.sensor_type);
        let flag = |what: u8, bit: u8| if faulty == Some(what) { 1 << bit } else { 0 };
        let power = u8::from(self.chassis.power) | flag(sensor_type::POWER_SUPPLY, 3) | 0b01 << 5;
        let last_event = u8::from(self.chassis.switched_by_command) << 4;
        let misc = 1 << 6
            | identify << 4
            | flag(sensor_type::FAN, 3)
            | flag(sensor_type::DRIVE_SLOT, 2)
            | flag(sensor_type::PHYSICAL_SECURITY, 0);
        vec![power, last_event, misc]
    }

    /// Table 28-4.
    fn chassis_control(&mut self, at: Duration, data: &[u8]) -> Answer {
        let on = match data.first().map(|byte| byte & 0x0f) {
            Some(0x00 | 0x05) => false,
            Some(0x01) => true,
            // Cycle, reset, diagnostic interrupt: the system must be on, and is on again at once.
            Some(0x02..=0x04) if self.chassis.power => true,
            Some(0x02..=0x04) => return Err(completion::NOT_IN_THIS_STATE),
            Some(_) => return Err(completion::INVALID_DATA_FIELD),
            None => return Err(completion::REQUEST_LENGTH),
        };
        self.chassis.switched_by_command |= on && !self.chassis.power;
        self.set_power(at, on);
        Ok(Vec::new())
    }
}
