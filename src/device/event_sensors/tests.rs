//! When sensors are asked for, and polls of logs of simulated BMCs whose sensor records come, come late, or do not come.

use std::{net::SocketAddr, path::Path};

use rackpoll_ipmi::command::Privilege;
use rackpoll_model::{IpmiCommand, PollRequest, Reading, Secret, SelLog};
use rackpoll_simulator::{
    bmc::Quirks,
    content::{incident::Rate, sel::SensorEvent},
    link::Faults,
    rack::{BmcHandle, DEFAULT_PASSWORD, Rack, RackConfig, VIEWER},
};
use rackpoll_snmp::names::Names;

use super::*;
use crate::{
    device::{Line, Lines, SocketLines},
    job::{Access, Credential},
    state::{Limits, State},
};

fn entry(id: u8, data1: u8) -> SelEntry {
    rackpoll_ipmi::sel::decode([id, 0, 2, 0, 0, 0, 0x69, 0x20, 0, 4, 1, 1, 1, data1, 2, 3])
}

#[test]
fn unknown_records_are_asked_for_where_an_entry_has_levels() {
    let mut sensors = EventSensors::default();
    assert!(!sensors.is_due(&[], false));
    assert!(!sensors.is_due(&[entry(1, 0x09), entry(2, 0xa9)], false));
    assert!(sensors.is_due(&[entry(1, 0x59), entry(2, 0x09)], false));
}

#[test]
fn known_ones_are_checked_after_news_only() {
    let mut sensors = EventSensors::default();
    let (first, second) = ([entry(1, 0x59)], [entry(1, 0x59), entry(2, 0x09)]);
    assert!(!sensors.is_due(&[], true));
    for log in [&first[..], &second] {
        assert!(sensors.is_due(log, true));
        // Until it has worked.
        assert!(sensors.is_due(log, true));
        sensors.asked(log, Asked::Current);
        for _ in 0..100 {
            assert!(!sensors.is_due(log, true));
        }
    }
}

#[test]
fn failures_make_it_rare_and_progress_does_not() {
    let mut sensors = EventSensors::default();
    let log = [entry(1, 0x59)];
    let mut rests = |asked| {
        sensors.asked(&log, asked);
        (0..u32::MAX).find(|_| sensors.is_due(&log, false)).unwrap()
    };
    assert_eq!([Asked::Failed; 9].map(&mut rests), [0, 1, 3, 7, 15, 31, 63, 63, 63]);
    assert_eq!([Asked::Further; 3].map(&mut rests), [0; 3]);
    assert_eq!([Asked::Failed; 3].map(&mut rests), [0, 1, 3]);
    assert_eq!(rests(Asked::Current), 0);
}

#[test]
fn half_of_the_time_that_is_left_and_five_seconds_at_most() {
    let now = Instant::now();
    let left = |seconds| deadline(now, now + Duration::from_secs(seconds)) - now;
    assert_eq!(left(4), Duration::from_secs(2));
    assert_eq!(left(60), Duration::from_secs(5));
    assert_eq!(deadline(now, now.checked_sub(Duration::from_secs(1)).unwrap()), now);
}

/// Get Device ID, Get SDR Repository Info, Get SDR.
const DEVICE_ID: (u8, u8) = (0x06, 0x01);
const INFO: (u8, u8) = (0x0a, 0x20);
const RECORD: (u8, u8) = (0x0a, 0x23);

/// A rack of one BMC, and a line to it.
struct Polled {
    rack: Rack,
    lines: SocketLines,
    line: Box<dyn Line>,
}

impl Polled {
    async fn start(place: u8, state: Option<State>) -> Self {
        let rack = Rack::start(RackConfig {
            bmcs: 1,
            agents: 0,
            base: [127, 71, place, 0].into(),
            bmc_port: 0,
            model: Some("server".to_owned()),
            incidents: Rate::NEVER,
            ..RackConfig::default()
        })
        .await
        .unwrap();
        let lines = SocketLines::bind(Names::shared(), state, None).unwrap();
        let line = line(&lines, rack.devices()[0].address);
        Self { rack, lines, line }
    }

    fn bmc(&self) -> &BmcHandle {
        self.rack.devices()[0].bmc().unwrap()
    }

    fn asked(&self, (netfn, command): (u8, u8)) -> u64 {
        self.bmc().counters().command(netfn, command)
    }

    fn all_asked(&self) -> u64 {
        self.bmc().counters().commands.values().sum()
    }

    /// A poll of the log within this time, which has to be good.
    async fn log_within(&mut self, command: IpmiCommand, limit: Duration) -> SelLog {
        let begun = Instant::now();
        let reading = self.line.poll(&PollRequest::Ipmi(command), begun + limit).await.unwrap();
        assert!(begun.elapsed() < limit, "late: {:?}", begun.elapsed());
        assert_eq!(self.line.attempts(), 1);
        match reading {
            Reading::Sel(log) | Reading::SelEntries(log) => log,
            other => panic!("{other:?}"),
        }
    }

    async fn log(&mut self, command: IpmiCommand) -> SelLog {
        self.log_within(command, Duration::from_secs(20)).await
    }

    /// A fan has stood still, or whatever this model has at its first threshold sensor.
    fn happens(&self, of: &SelEntry) {
        let SelBody::Event(event) = &of.body else { panic!("an event") };
        self.bmc().log_event(SensorEvent {
            sensor_type: event.sensor_type.0,
            number: event.sensor_number,
            event_type: 1,
            asserted: true,
            data: event.data,
        });
    }

    async fn end(mut self) {
        self.line.close(Duration::from_secs(1)).await;
        drop((self.line, self.lines));
        self.rack.stop().await;
    }
}

fn line(lines: &SocketLines, peer: SocketAddr) -> Box<dyn Line> {
    let password = Secret::from(DEFAULT_PASSWORD);
    let credential = Credential::Ipmi { user: VIEWER.to_owned(), password, access: Access::default() };
    lines.line(peer, &credential)
}

/// The entry with levels that came last; all of them have to be explained, or none.
fn with_levels(log: &SelLog, explained: bool) -> &SelEntry {
    let entries: Vec<&SelEntry> = log.entries.iter().filter(|entry| has_levels(entry)).collect();
    assert!(entries.iter().all(|entry| entry.sensor.is_some() == explained), "{entries:?}");
    for sensor in entries.iter().filter_map(|entry| entry.sensor.as_ref()) {
        assert!(sensor.name.is_some() && sensor.unit.is_some(), "{sensor:?}");
        assert!(sensor.trigger_reading.is_some() && sensor.trigger_threshold.is_some(), "{sensor:?}");
    }
    entries.last().expect("the model has threshold events")
}

#[tokio::test]
async fn events_have_their_sensors_and_an_unchanged_log_costs_nothing() {
    for (place, command) in [(0, IpmiCommand::Sel), (1, IpmiCommand::SelEntries)] {
        let mut polled = Polled::start(place, None).await;
        let log = polled.log(command).await;
        let entry = with_levels(&log, true).clone();
        let records = polled.asked(RECORD);
        assert!(records > 0);
        let before = polled.all_asked();
        for _ in 0..3 {
            assert_eq!(polled.log(command).await, log);
        }
        // Get SEL Info, and the last known record.
        assert_eq!(polled.all_asked() - before, 3 * 2, "{command:?}");

        // Something new costs itself, and the question whether the records are the same.
        polled.happens(&entry);
        let (before, info) = (polled.all_asked(), polled.asked(INFO));
        let log = polled.log(command).await;
        assert_eq!(with_levels(&log, true).sensor, entry.sensor);
        assert_eq!((polled.all_asked() - before, polled.asked(INFO) - info), (2 + 1 + 1, 1));
        assert_eq!(polled.asked(RECORD), records);
        polled.end().await;
    }
}

#[tokio::test]
async fn records_that_a_poll_of_sensors_has_read_are_not_read_again_and_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let open = |folder: &Path| State::open(folder, "agent", Limits::default()).unwrap();
    let state = open(folder.path());
    let mut polled = Polled::start(2, Some(state.clone())).await;
    let sdr = PollRequest::Ipmi(IpmiCommand::Sdr);
    polled.line.poll(&sdr, Instant::now() + Duration::from_secs(20)).await.unwrap();
    let records = polled.asked(RECORD);
    with_levels(&polled.log(IpmiCommand::SelEntries).await, true);
    assert_eq!(polled.asked(RECORD), records);

    // The agent is started anew.
    polled.line.close(Duration::from_secs(1)).await;
    polled.lines = SocketLines::bind(Names::shared(), None, None).unwrap();
    polled.line = line(&polled.lines, polled.rack.devices()[0].address);
    state.close().await;
    let state = open(folder.path());
    polled.lines = SocketLines::bind(Names::shared(), Some(state.clone()), None).unwrap();
    polled.line = line(&polled.lines, polled.rack.devices()[0].address);
    let (ids, info) = (polled.asked(DEVICE_ID), polled.asked(INFO));
    with_levels(&polled.log(IpmiCommand::Sel).await, true);
    // Who made the BMC is asked by every first poll of a log.
    assert_eq!((polled.asked(DEVICE_ID) - ids, polled.asked(INFO) - info), (2, 1));
    assert_eq!(polled.asked(RECORD), records);
    polled.end().await;
    state.close().await;
}

#[tokio::test]
async fn a_bmc_that_is_silent_about_records_holds_no_log_up() {
    let mut polled = Polled::start(3, None).await;
    polled.bmc().set_quirks(Quirks { mute_commands: vec![RECORD], ..Quirks::default() });
    let limit = Duration::from_secs(2);
    with_levels(&polled.log_within(IpmiCommand::SelEntries, limit).await, false);
    // The next one tries again; then some are left out.
    polled.log_within(IpmiCommand::SelEntries, limit).await;
    let before = polled.all_asked();
    polled.log_within(IpmiCommand::SelEntries, limit).await;
    assert_eq!(polled.all_asked() - before, 2);
    // As soon as it does answer, they are there.
    polled.bmc().set_quirks(Quirks::default());
    with_levels(&polled.log(IpmiCommand::SelEntries).await, true);
    polled.end().await;
}

#[tokio::test]
async fn a_bmc_that_refuses_its_records_is_asked_for_them_ever_less_often() {
    let mut polled = Polled::start(4, None).await;
    polled.bmc().set_quirks(Quirks { needs: vec![(RECORD, Privilege::Operator)], ..Quirks::default() });
    let mut asking = Vec::new();
    for poll in 1..=70 {
        let before = polled.asked(INFO);
        with_levels(&polled.log(IpmiCommand::Sel).await, false);
        asking.extend((polled.asked(INFO) > before).then_some(poll));
    }
    assert_eq!(asking, [1, 2, 4, 8, 16, 32, 64]);
    polled.end().await;
}

#[tokio::test]
async fn records_that_take_longer_than_a_poll_come_with_the_next_ones() {
    let mut polled = Polled::start(5, None).await;
    // The log itself is known before the link becomes slow.
    polled.bmc().set_quirks(Quirks { needs: vec![(INFO, Privilege::Operator)], ..Quirks::default() });
    with_levels(&polled.log(IpmiCommand::SelEntries).await, false);
    polled.bmc().set_quirks(Quirks::default());
    polled.bmc().set_faults(Faults { delay: Duration::from_millis(25), ..Faults::default() });
    let mut polls = 1;
    // Two exchanges of 50 ms for the log, and half of the rest for a dozen records.
    while polled
        .log_within(IpmiCommand::SelEntries, Duration::from_millis(1_500))
        .await
        .entries
        .iter()
        .all(|entry| entry.sensor.is_none())
    {
        polls += 1;
        assert!(polls < 100, "it comes to no end");
    }
    assert!(polls > 2, "one poll was enough");
    let all = polled.asked(RECORD);
    polled.log(IpmiCommand::SelEntries).await;
    assert_eq!(polled.asked(RECORD), all);
    polled.end().await;
}
