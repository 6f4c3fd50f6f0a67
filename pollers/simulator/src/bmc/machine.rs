//! What is behind the sessions: the managed system, and the commands on it.

use std::{sync::Arc, time::Duration};

use rackpoll_ipmi::command::{Privilege, completion, netfn};

use super::{chassis::Chassis, storage::Reservations};
use crate::{
    content::{
        fru,
        incident::{self, Incident, Rate},
        model::Model,
        sel::{self, EventLog, SensorEvent},
    },
    random::hash,
};

/// Answer of a command: completion code and data.
pub(super) type Answer = Result<Vec<u8>, u8>;

/// The managed system and its BMC without sessions. Times are since its start.
#[derive(Debug)]
pub struct Machine {
    pub(super) model: Arc<Model>,
    pub(super) seed: u64,
    pub(super) chassis: Chassis,
    pub(super) log: EventLog,
    pub(super) reservations: Reservations,
    /// The clock at start, and how far the host has set it since.
    pub(super) clock: u32,
    incidents: Rate,
    /// Until when incidents are in the event log.
    logged_until: Duration,
}

impl Machine {
    /// A machine that is switched on and has a past in its event log.
    pub fn new(model: Arc<Model>, seed: u64, clock: u32, incidents: Rate) -> Self {
        let log = EventLog::with_history(&model, seed, clock);
        Self {
            model,
            seed,
            chassis: Chassis::on(),
            log,
            reservations: Reservations::default(),
            clock,
            incidents,
            logged_until: Duration::ZERO,
        }
    }

    /// Does a command of a session of this privilege level. `at` is the time since its start.
    ///
    /// # Errors
    /// A completion code other than success.
    pub fn execute(
        &mut self,
        at: Duration,
        level: Privilege,
        network_function: u8,
        command: u8,
        data: &[u8],
    ) -> Result<Vec<u8>, u8> {
        self.log_incidents(at);
        if level < needed(network_function, command) {
            return Err(completion::INSUFFICIENT_PRIVILEGE);
        }
        match network_function {
            netfn::CHASSIS => self.chassis_command(at, command, data),
            netfn::APP => self.application_command(command, data),
            netfn::SENSOR => self.sensor_command(at, command, data),
            netfn::STORAGE => self.storage_command(at, command, data),
            netfn::GROUP => self.group_command(at, command, data),
            _ => Err(completion::INVALID_COMMAND),
        }
    }

    /// Switches the system's power as a person at the front panel would.
    pub fn set_power(&mut self, at: Duration, on: bool) {
        if self.chassis.power != on {
            self.chassis.power = on;
            self.log.add(self.stamp(at), sel::power_event(&self.model, on));
        }
    }

    /// Whether the system is on.
    pub fn power(&self) -> bool {
        self.chassis.power
    }

    /// Puts an event into the log.
    pub fn log_event(&mut self, at: Duration, event: SensorEvent) {
        self.log_incidents(at);
        self.log.add(self.stamp(at), event);
    }

    /// The log, up to date.
    pub fn event_log(&mut self, at: Duration) -> &EventLog {
        self.log_incidents(at);
        &self.log
    }

    /// The system's GUID (clause 22.14): random, version 4, its bytes in the order of the wire.
    pub fn guid(&self) -> [u8; 16] {
        let halves = [hash(self.seed, &[0x601d, 0]), hash(self.seed, &[0x601d, 1])];
        let mut guid = [0; 16];
        for (to, from) in guid.iter_mut().zip(halves.into_iter().flat_map(u64::to_le_bytes)) {
            *to = from;
        }
        // Time-high-and-version and clock-sequence, least significant byte first.
        guid[9] = guid[9] & 0x0f | 0x40;
        guid[7] = guid[7] & 0x3f | 0x80;
        guid
    }

    /// The incident that is on now.
    pub(super) fn incident(&self, at: Duration) -> Option<Incident<'_>> {
        incident::incident(&self.model, self.seed, self.incidents, incident::window_of(at))
            .filter(|incident| incident.covers(at) && self.reads(incident.sensor))
    }

    pub(super) fn inventory(&self) -> Vec<u8> {
        fru::inventory(&self.model, (self.seed % 100_000_000) as u32)
    }

    /// The BMC's clock.
    pub(super) fn stamp(&self, at: Duration) -> u32 {
        self.clock.wrapping_add(at.as_secs() as u32)
    }

    /// Puts what began and ended since the last time into the log.
    fn log_incidents(&mut self, at: Duration) {
        let since = self.logged_until;
        if at <= since {
            return;
        }
        self.logged_until = at;
        let model = Arc::clone(&self.model);
        let last = incident::window_of(at);
        // After a long rest, the last day is enough.
        let first = incident::window_of(since).max(last.saturating_sub(288));
        for window in first..=last {
            let Some(incident) = incident::incident(&model, self.seed, self.incidents, window) else {
                continue;
            };
            if !self.reads(incident.sensor) {
                continue;
            }
            for (moment, asserted) in [(incident.from, true), (incident.until, false)] {
                if since < moment && moment <= at {
                    self.log.add(self.stamp(moment), sel::incident_event(&incident, asserted));
                }
            }
        }
    }
}

/// Privilege of the commands that need more than USER (appendix G).
fn needed(network_function: u8, command: u8) -> Privilege {
    match (network_function, command) {
        (netfn::CHASSIS, 0x02 | 0x04) | (netfn::STORAGE, 0x44 | 0x47 | 0x49) => Privilege::Operator,
        _ => Privilege::User,
    }
}
