//! What comes in: ticks of schedules, commands and requests of the bus, traps of devices. Everything that arrives as text leaves as a type.

mod alerts;
mod command;
mod cron;
mod fences;
mod request;
mod schedule;
mod scrub;
mod settings;
mod tighten;
mod timetable;
mod traps;
mod trigger;
mod wait;

pub use command::parse as parse_command;
pub use cron::{Cron, CronFault};
pub use fences::Fences;
pub use request::{CacheRequest, RequestFault, parse as parse_request};
pub use schedule::Schedule;
pub use scrub::scrub;
pub use settings::{AgentSetting, GET, Get, SET, Set};
pub use tighten::Tighten;
pub use timetable::{Asked, PollStanding, Timetable};
pub use traps::TrapService;
pub use trigger::{KeyPattern, REST, Triggers};
pub use wait::{Wait, Waiter};

#[cfg(test)]
mod hostile;
