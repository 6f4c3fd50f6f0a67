//! Commands, one file each, named as the specification names them, and polls as conversations of commands.

pub mod activate_session;
pub mod close_session;
pub mod completion;
pub mod get_channel_authentication_capabilities;
pub mod get_channel_cipher_suites;
pub mod get_chassis_status;
pub mod get_device_id;
pub mod get_device_sdr;
pub mod get_device_sdr_info;
pub mod get_fru_inventory_area_info;
pub mod get_power_reading;
pub mod get_sdr;
pub mod get_sdr_repository_info;
pub mod get_sel_allocation_info;
pub mod get_sel_entry;
pub mod get_sel_info;
pub mod get_sel_time;
pub mod get_self_test_results;
pub mod get_sensor_event_enable;
pub mod get_sensor_hysteresis;
pub mod get_sensor_reading;
pub mod get_sensor_reading_factors;
pub mod get_sensor_thresholds;
pub mod get_session_challenge;
pub mod get_system_guid;
pub mod read_fru_data;
pub mod reserve_device_sdr_repository;
pub mod reserve_sdr_repository;
pub mod reserve_sel;
pub mod send_message;
pub mod set_session_privilege_level;

mod chassis_poll;
mod controller_poll;
mod polls;

pub use chassis_poll::ChassisPoll;
pub use controller_poll::{ControllerPoll, PowerReadingPoll};
pub use polls::Polls;
pub use send_message::Bridge;

use std::time::Duration;

use rackpoll_model::{Fault, FaultKind, Reading};

use crate::session::Statistics;

/// One IPMI command: network function, LUN, command number and its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Network function (even: a request), IPMI 2.0 table 5-1.
    pub netfn: u8,
    /// Logical unit of the responder, 0 to 3.
    pub lun: u8,
    /// Command number within the network function.
    pub command: u8,
    /// Privilege that the command needs of the session (appendix G).
    pub privilege: Privilege,
    /// Request data after the command byte.
    pub data: Vec<u8>,
}

/// Answer to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Completion code; 0x00 is success (table 5-2).
    pub completion: u8,
    /// Response data after the completion code.
    pub data: Vec<u8>,
}

impl Response {
    /// The data of a good answer, or the fault that its completion code stands for. `command` is the command's name in
    /// the specification.
    pub fn good(&self, command: &str) -> Result<&[u8], Fault> {
        match self.completion {
            completion::OK => Ok(&self.data),
            code => Err(completion::fault(command, code)),
        }
    }
}

/// The fault of an answer that is too short or contradicts itself.
pub fn bad_answer(command: &str, what: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::BadAnswer, format!("the answer to {command} cannot be right: {what}"))
}

/// Network functions of requests (IPMI 2.0 table 5-1).
pub mod netfn {
    /// Chassis.
    pub const CHASSIS: u8 = 0x00;
    /// Sensor and event.
    pub const SENSOR: u8 = 0x04;
    /// Application: device, channels, sessions.
    pub const APP: u8 = 0x06;
    /// Storage: FRU, SDR, SEL.
    pub const STORAGE: u8 = 0x0a;
    /// Group extension: DCMI, PICMG and others, told apart by the first byte of data.
    pub const GROUP: u8 = 0x2c;
}

/// Privilege levels (IPMI 2.0 clause 6.8), in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    /// May do almost nothing.
    Callback = 1,
    /// May read.
    User = 2,
    /// May operate.
    Operator = 3,
    /// May configure.
    Administrator = 4,
}

impl Privilege {
    /// One level more, where there is one.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Callback => Some(Self::User),
            Self::User => Some(Self::Operator),
            Self::Operator => Some(Self::Administrator),
            Self::Administrator => None,
        }
    }

    /// The level's name for a person.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Callback => "CALLBACK",
            Self::User => "USER",
            Self::Operator => "OPERATOR",
            Self::Administrator => "ADMINISTRATOR",
        }
    }
}

/// What it took to ask a command: told of answered ones and of those without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Datagrams of it that went out; of an answered one, more than one where none was answered in time.
    pub datagrams: u32,
    /// Time from the first of them to the end.
    pub took: Duration,
}

impl Effort {
    /// From what the command's session had done before it and after it.
    pub fn since(before: &Statistics, after: &Statistics, answered: bool, took: Duration) -> Self {
        let datagrams = if answered {
            after.resent.saturating_sub(before.resent).saturating_add(1)
        } else {
            after.unheard.saturating_sub(before.unheard)
        };
        Self { datagrams: u32::try_from(datagrams).unwrap_or(u32::MAX), took }
    }
}

/// What a conversation wants next.
#[derive(Debug)]
pub enum Step {
    /// Send this command and hand its answer to the next `step`.
    Ask(Request),
    /// The poll is over.
    Done(Result<Reading, Fault>),
}

/// A poll as a conversation without I/O: it asks one command after another until it has its reading.
///
/// The driver calls `step(None)` first, and then once for each answer; where a command has a patience of its own and
/// stays without an answer, `no_answer` in place of `step`. Other transport failures end the conversation from outside
/// and never reach it; completion codes do.
pub trait Conversation: Send {
    /// Takes the answer to the last request (none at the start) and says what comes next.
    fn step(&mut self, answer: Option<Response>) -> Step;

    /// How long the answer to the command just asked may take, retransmissions included and a login not. None: until
    /// the poll's deadline, and there the poll fails from outside. For commands that a BMC may never answer although it
    /// answers others: Get Sensor Reading of an absent sensor, for one.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// What the command asked last has taken; told before `step` or `no_answer`, by drivers that know it.
    fn effort(&mut self, _effort: Effort) {}

    /// Where the command just asked is to go, if not to the BMC itself: for sensors whose record names another owner.
    fn bridge(&self) -> Option<Bridge> {
        None
    }

    /// The command just asked had no answer within its patience, and the BMC answers other commands of the session: the
    /// poll may go on without this answer.
    fn no_answer(&mut self) -> Step {
        Step::Done(Err(Fault::new(FaultKind::Timeout, "the BMC answers other commands and not this one")))
    }
}
