use std::sync::{Arc, Mutex};

use rackpoll_model::{Fault, IpmiCommand};

use super::{ChassisPoll, Conversation, chassis_poll::not_supported};
use crate::sel::{InformationPoll, LogPoll, Manufacturer, Memory};

/// The polls of one BMC, and what they remember of it from one to the next.
#[derive(Default)]
pub struct Polls {
    manufacturer: Arc<Mutex<Option<Manufacturer>>>,
    /// The log's newest records, for `sel`; apart from the whole log, which is read another way.
    sel: Arc<Mutex<Memory>>,
    sel_entries: Arc<Mutex<Memory>>,
}

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
            IpmiCommand::SelInformation => Ok(Box::new(InformationPoll::new())),
            IpmiCommand::Sel => {
                Ok(Box::new(LogPoll::latest(Arc::clone(&self.sel), Arc::clone(&self.manufacturer))))
            }
            IpmiCommand::SelEntries => {
                Ok(Box::new(LogPoll::all(Arc::clone(&self.sel_entries), Arc::clone(&self.manufacturer))))
            }
            _ => Err(not_supported(command)),
        }
    }
}
