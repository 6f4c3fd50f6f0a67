use std::sync::{Arc, Mutex, PoisonError};

use rackpoll_model::IpmiCommand;

use super::{ChassisPoll, ControllerPoll, Conversation, PowerReadingPoll};
use crate::{
    fru::{FruPoll, Locate, Located},
    sdr::{Library, SdrProfile, SensorMemory, SensorPoll, Want},
    sel::{InformationPoll, LogPoll, Manufacturer, Memory},
};

/// The polls of one BMC, and what they remember of it from one to the next.
#[derive(Default)]
pub struct Polls {
    manufacturer: Arc<Mutex<Option<Manufacturer>>>,
    /// The log's newest records, for `sel`; apart from the whole log, which is read another way.
    sel: Arc<Mutex<Memory>>,
    sel_entries: Arc<Mutex<Memory>>,
    sensors: Arc<Mutex<SensorMemory>>,
}

impl Polls {
    /// Nothing remembered yet. Sensor repositories are shared with all that use the same library.
    pub fn new(library: Arc<Library>) -> Self {
        Self { sensors: Arc::new(Mutex::new(SensorMemory::new(library))), ..Self::default() }
    }

    /// Begins a poll.
    pub fn begin(&mut self, command: IpmiCommand) -> Box<dyn Conversation> {
        let sensors = |want| Box::new(SensorPoll::new(Arc::clone(&self.sensors), want));
        match command {
            IpmiCommand::Power => Box::new(ChassisPoll::power()),
            IpmiCommand::Uid => Box::new(ChassisPoll::uid()),
            IpmiCommand::Chassis => Box::new(ChassisPoll::chassis()),
            IpmiCommand::SelInformation => Box::new(InformationPoll::new()),
            IpmiCommand::Sel => {
                Box::new(LogPoll::latest(Arc::clone(&self.sel), Arc::clone(&self.manufacturer)))
            }
            IpmiCommand::SelEntries => {
                Box::new(LogPoll::all(Arc::clone(&self.sel_entries), Arc::clone(&self.manufacturer)))
            }
            IpmiCommand::Sdr => sensors(Want::Sensors),
            IpmiCommand::DriveHealth => sensors(Want::Drives),
            IpmiCommand::Thresholds => sensors(Want::Thresholds),
            IpmiCommand::Fru => Box::new(FruPoll::new(sensors(Want::Repository), self.fru_devices())),
            IpmiCommand::Mc => Box::new(ControllerPoll::new()),
            IpmiCommand::Dcmi => Box::new(PowerReadingPoll),
        }
    }

    /// Begins a conversation that brings what is known of the BMC's sensor records up to date, and reads no sensor.
    pub fn refresh_sensors(&mut self) -> Box<dyn Conversation> {
        Box::new(SensorPoll::new(Arc::clone(&self.sensors), Want::Repository))
    }

    /// The FRU devices of the repository, once it is read.
    fn fru_devices(&self) -> Locate {
        let sensors = Arc::clone(&self.sensors);
        Arc::new(move || {
            let memory = sensors.lock().unwrap_or_else(PoisonError::into_inner);
            let devices = memory.repository().into_iter().flat_map(|repository| repository.fru_locators());
            devices.filter_map(Located::new).collect()
        })
    }

    /// What is known of the BMC's sensors.
    pub fn sensors<T>(&self, see: impl FnOnce(&SensorMemory) -> T) -> T {
        see(&self.sensors.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is remembered of the whole log.
    pub fn log<T>(&self, see: impl FnOnce(&Memory) -> T) -> T {
        see(&self.sel_entries.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what was known of the whole log before.
    pub fn restore_log(&mut self, log: Memory) {
        *self.sel_entries.lock().unwrap_or_else(PoisonError::into_inner) = log;
    }

    /// Takes over what an earlier run has kept of the BMC's sensors.
    pub fn restore_sensors(&mut self, profile: SdrProfile) {
        self.sensors.lock().unwrap_or_else(PoisonError::into_inner).restore(profile);
    }
}
