use rackpoll_model::{Fault, IpmiCommand};

use super::{ChassisPoll, Conversation, chassis_poll::not_supported};

/// The polls of one BMC, and what they remember of it from one to the next.
#[derive(Default)]
pub struct Polls {}

impl Polls {
    /// Nothing remembered yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a poll; a command that is known and not built yet is a fault.
    pub fn begin(&mut self, command: IpmiCommand) -> Result<Box<dyn Conversation>, Fault> {
        match command {
            IpmiCommand::Power => Ok(Box::new(ChassisPoll::power())),
            IpmiCommand::Uid => Ok(Box::new(ChassisPoll::uid())),
            IpmiCommand::Chassis => Ok(Box::new(ChassisPoll::chassis())),
            _ => Err(not_supported(command)),
        }
    }
}
