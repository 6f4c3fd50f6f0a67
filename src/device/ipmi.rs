use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rackpoll_io::{IpmiDevice, Profile, SdrKey, SdrProfile, SelMemory, SensorMemory};
use rackpoll_model::{IpmiCommand, PollRequest, Reading, SelEntry};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Line, PollFuture,
    event_sensors::{self, Asked, EventSensors},
    learned,
    sockets::wrong_line,
};
use crate::{
    outcome::profile::{Kept, Wanted},
    state::State,
};

/// A line to a BMC. What it learns is kept in the state file, where there is one.
pub(super) struct Ipmi {
    device: IpmiDevice,
    peer: String,
    state: Option<State>,
    /// What the state file has.
    kept: Profile,
    kept_sensors: Option<Sensors>,
    kept_log: Option<LogMark>,
    restored: bool,
    restored_sensors: bool,
    restored_log: bool,
    event_sensors: EventSensors,
}

/// What tells one state of a log's memory from another.
type LogMark = (usize, Option<[u8; 16]>, bool);

/// What has to change about a BMC's sensors before they are worth a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sensors {
    key: SdrKey,
    read_size: u8,
    absent: usize,
    /// Sensors whose events are known: a first poll may have ended before it knew all.
    settled: usize,
}

impl Ipmi {
    pub(super) fn new(device: IpmiDevice, peer: SocketAddr, state: Option<State>) -> Self {
        Self {
            device,
            peer: peer.to_string(),
            state,
            kept: Profile::default(),
            kept_sensors: None,
            kept_log: None,
            restored: false,
            restored_sensors: false,
            restored_log: false,
            event_sensors: EventSensors::default(),
        }
    }

    /// Takes over what an earlier run has learned, before it is first needed.
    async fn restore(&mut self, command: IpmiCommand) {
        let sensors = asks_sensors(command) && !self.restored_sensors;
        let log = command == IpmiCommand::SelEntries && !self.restored_log;
        if self.restored && !sensors && !log {
            return;
        }
        let Some(state) = &self.state else { return };
        let mut kept = match state.profile(&self.peer, Wanted { sensors, log }).await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(%error, peer = self.peer, "what was learned about a BMC cannot be read; it is learned anew");
                None
            }
        };
        if !self.restored {
            self.restored = true;
            if let Some(kept) = &kept {
                self.kept = learned::from_json(&kept.session);
                self.device.restore(self.kept.clone());
            }
        }
        if log {
            self.restored_log = true;
            let bytes = kept.as_mut().and_then(|kept| kept.log.take());
            if let Some(memory) = bytes.and_then(|bytes| SelMemory::from_bytes(&bytes)) {
                self.device.restore_log(memory);
                self.kept_log = Some(self.device.log(SelMemory::mark));
            }
        }
        if sensors {
            self.restored_sensors = true;
            let bytes = kept.and_then(|kept| kept.sensors);
            if let Some(profile) = bytes.and_then(|bytes| SdrProfile::from_bytes(&bytes).ok()) {
                self.device.restore_sensors(profile);
                self.kept_sensors = self.sensors();
            }
        }
    }

    fn sensors(&self) -> Option<Sensors> {
        self.device.sensors(|memory| {
            let key = memory.key().copied()?;
            let (absent, settled) = (memory.absent().count(), memory.settled());
            Some(Sensors { key, read_size: memory.read_size(), absent, settled })
        })
    }

    /// Says of each event which sensor it is of, and asks the BMC for the sensors' records where that is due. The log's
    /// result is good without: whatever goes wrong here is no fault of the poll's.
    async fn explain(&mut self, entries: &mut [SelEntry], deadline: Instant) {
        let is_known = self.device.sensors(|memory| memory.key().is_some());
        if self.event_sensors.is_due(entries, is_known) {
            let before = self.device.sensors(SensorMemory::interrupted);
            let until = event_sensors::deadline(Instant::now(), deadline);
            let asked = match self.device.refresh_sensors(until).await {
                Ok(()) => Asked::Current,
                Err(fault) => {
                    tracing::debug!(%fault, "an event log is told without what its sensors' records say");
                    let now = self.device.sensors(SensorMemory::interrupted);
                    if now > before { Asked::Further } else { Asked::Failed }
                }
            };
            self.event_sensors.asked(entries, asked);
        }
        if let Some(repository) = self.device.sensors(|memory| memory.current().cloned()) {
            repository.explain(entries);
        }
    }

    /// Keeps what is new.
    async fn keep(&mut self, command: IpmiCommand) {
        let Some(state) = &self.state else { return };
        let profile = self.device.profile();
        let sensors = if asks_sensors(command) { self.sensors() } else { self.kept_sensors };
        let new_sensors = sensors.filter(|_| sensors != self.kept_sensors);
        let new_log = self.new_log(command);
        if new_sensors.is_none() && new_log.is_none() && !learned::differs(&profile, &self.kept) {
            return;
        }
        let bytes = new_sensors
            .and_then(|_| self.device.sensors(|memory| memory.profile().map(|profile| profile.to_bytes())));
        let changed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let kept = Kept {
            peer: self.peer.clone(),
            session: Value::Object(learned::to_json(&profile)).to_string(),
            sensors: bytes,
            log: new_log.map(|_| self.device.log(SelMemory::to_bytes)),
            changed: i64::try_from(changed).unwrap_or(i64::MAX),
        };
        state.keep_profile(kept).await;
        self.kept = profile;
        self.kept_sensors = sensors;
        self.kept_log = new_log.or(self.kept_log);
    }

    /// The state of the log's memory, where that is worth a write: one poll could not read the log, now or before, and
    /// there is more of it than was kept. Other logs are read again from their beginning.
    fn new_log(&self, command: IpmiCommand) -> Option<LogMark> {
        if command != IpmiCommand::SelEntries {
            return None;
        }
        let (mark, whole) = self.device.log(|memory| (memory.mark(), memory.is_whole()));
        let empty = mark.1.is_none() && self.kept_log.is_none();
        (!empty && (!whole || self.kept_log.is_some()) && self.kept_log != Some(mark)).then_some(mark)
    }
}

fn asks_sensors(command: IpmiCommand) -> bool {
    let of_sensors = matches!(command, IpmiCommand::Sdr | IpmiCommand::DriveHealth | IpmiCommand::Thresholds);
    of_sensors || matches!(command, IpmiCommand::Sel | IpmiCommand::SelEntries)
}

impl Line for Ipmi {
    fn poll<'a>(&'a mut self, request: &'a PollRequest, deadline: Instant) -> PollFuture<'a> {
        Box::pin(async move {
            let PollRequest::Ipmi(command) = request else { return Err(wrong_line()) };
            self.restore(*command).await;
            let mut reading = self.device.poll(*command, deadline).await;
            if let Ok(Reading::Sel(log) | Reading::SelEntries(log)) = &mut reading {
                self.explain(&mut log.entries, deadline).await;
            }
            self.keep(*command).await;
            reading
        })
    }

    fn attempts(&self) -> u32 {
        self.device.attempts()
    }

    fn close<'a>(&'a mut self, limit: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            // Dropping the device sends Close Session all the same.
            let _ = tokio::time::timeout(limit, self.device.close()).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use rackpoll_model::{Fault, FaultKind, Reading, Secret, SelLog};
    use rackpoll_simulator::{
        content::sel::SensorEvent,
        rack::{BmcHandle, DEFAULT_PASSWORD, Device, Rack, RackConfig, VIEWER},
    };

    use rackpoll_snmp::names::Names;

    use super::*;
    use crate::{
        device::{Lines, SocketLines},
        job::{Access, Credential},
        state::{Limits, kept_profiles},
    };

    async fn poll(lines: &SocketLines, peer: SocketAddr, commands: &[IpmiCommand]) {
        let password = Secret::from(DEFAULT_PASSWORD);
        let credential = Credential::Ipmi { user: VIEWER.to_owned(), password, access: Access::default() };
        let mut line = lines.line(peer, &credential);
        for command in commands {
            let deadline = Instant::now() + Duration::from_secs(20);
            line.poll(&PollRequest::Ipmi(*command), deadline).await.unwrap();
        }
        line.close(Duration::from_secs(1)).await;
    }

    /// How often the BMC was asked for its abilities, and for a record of its sensor repository.
    fn asked(bmc: &BmcHandle) -> (u64, u64) {
        let counters = bmc.counters();
        (counters.command(0x06, 0x38), counters.command(0x0a, 0x23))
    }

    #[tokio::test]
    async fn what_was_learned_is_kept_over_a_restart_and_spares_the_bmc_the_questions() {
        let rack = Rack::start(RackConfig {
            bmcs: 1,
            agents: 0,
            base: [127, 67, 0, 0].into(),
            bmc_port: 0,
            ..RackConfig::default()
        })
        .await
        .unwrap();
        let bmc = &rack.devices()[0];
        let handle = bmc.bmc().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let open = || State::open(folder.path(), "agent", Limits::default()).unwrap();

        let state = open();
        let lines = SocketLines::bind(Names::shared(), Some(state.clone()), None).unwrap();
        poll(&lines, bmc.address, &[IpmiCommand::Power, IpmiCommand::Sdr]).await;
        drop(lines);
        state.close().await;
        let (abilities, records) = asked(handle);
        assert!(abilities > 0 && records > 0);

        let kept = kept_profiles(folder.path()).unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].peer, bmc.address.to_string());
        assert!(kept[0].changed > 0);
        let profile = learned::from_json(&kept[0].session);
        assert_eq!(profile.suite.map(|suite| suite.id()), Some(17));
        assert!(profile.round_trip.is_some());
        let sensors = SdrProfile::from_bytes(kept[0].sensors.as_ref().unwrap());
        assert!(sensors.is_ok());

        let state = open();
        let lines = SocketLines::bind(Names::shared(), Some(state.clone()), None).unwrap();
        poll(&lines, bmc.address, &[IpmiCommand::Sdr, IpmiCommand::Power]).await;
        drop(lines);
        state.close().await;
        assert_eq!(asked(handle), (abilities, records), "it knows all that from before");
        // A run that learned nothing about sensors leaves them as they were.
        let again = kept_profiles(folder.path()).unwrap();
        assert_eq!(again[0].sensors, kept[0].sensors);
        rack.stop().await;
    }

    /// The log's entries as one poll gives them; a poll of its own line and state file.
    async fn entries(bmc: &Device, folder: &std::path::Path, limit: Duration) -> Result<SelLog, Fault> {
        let state = State::open(folder, "agent", Limits::default()).unwrap();
        let lines = SocketLines::bind(Names::shared(), Some(state.clone()), None).unwrap();
        let password = Secret::from(DEFAULT_PASSWORD);
        let credential = Credential::Ipmi { user: VIEWER.to_owned(), password, access: Access::default() };
        let mut line = lines.line(bmc.address, &credential);
        let request = PollRequest::Ipmi(IpmiCommand::SelEntries);
        let reading = line.poll(&request, Instant::now() + limit).await;
        line.close(Duration::from_secs(1)).await;
        drop((line, lines));
        state.close().await;
        match reading? {
            Reading::SelEntries(log) => Ok(log),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_log_too_long_for_one_poll_is_read_on_by_polls_that_each_begin_with_nothing_in_memory() {
        let rack = Rack::start(RackConfig {
            bmcs: 1,
            agents: 0,
            base: [127, 70, 0, 0].into(),
            bmc_port: 0,
            sel_capacity: Some(6_000),
            // No machine reads 4,096 records in 400 ms then.
            response_time: Duration::from_millis(1),
            ..RackConfig::default()
        })
        .await
        .unwrap();
        let bmc = &rack.devices()[0];
        let handle = bmc.bmc().unwrap();
        let log = |number: usize| {
            for _ in 0..number {
                handle.log_event(SensorEvent {
                    sensor_type: 1,
                    number: 1,
                    event_type: 1,
                    asserted: true,
                    data: [0x59, 1, 2],
                });
            }
        };
        log(5_000);
        let folder = tempfile::tempdir().unwrap();
        let limit = Duration::from_secs(60);
        let (mut newest, mut polls) = (Vec::new(), 0);
        loop {
            let log = entries(bmc, folder.path(), limit).await.unwrap();
            polls += 1;
            newest.push(log.entries.last().unwrap().record_id);
            if log.to_end {
                break;
            }
        }
        assert!(polls == 2 && newest.is_sorted(), "{newest:?}");
        // From now on a poll reads what is new, and the record before it.
        log(3);
        let before = handle.counters().command(0x0a, 0x43);
        let read = entries(bmc, folder.path(), limit).await.unwrap();
        assert_eq!(handle.counters().command(0x0a, 0x43) - before, 4);
        assert!(read.to_end && read.entries.len() == 4096);

        // A poll that its deadline ends has not read for nothing either.
        let folder = tempfile::tempdir().unwrap();
        let mut late = 0;
        let read = loop {
            match entries(bmc, folder.path(), Duration::from_millis(400)).await {
                Ok(log) if log.to_end => break log,
                Ok(_) => {}
                Err(fault) => {
                    assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
                    late += 1;
                }
            }
            assert!(late < 300, "it comes to no end");
        };
        assert!(late > 0, "no deadline came");
        assert_eq!(read.entries.len(), 4096);
        rack.stop().await;
    }

    #[tokio::test]
    async fn without_a_state_file_nothing_is_kept_and_polls_work() {
        let rack = Rack::start(RackConfig {
            bmcs: 1,
            agents: 0,
            base: [127, 68, 0, 0].into(),
            bmc_port: 0,
            ..RackConfig::default()
        })
        .await
        .unwrap();
        let lines = SocketLines::bind(Names::shared(), None, None).unwrap();
        poll(&lines, rack.devices()[0].address, &[IpmiCommand::Power]).await;
        rack.stop().await;
    }
}
