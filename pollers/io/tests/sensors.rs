//! Sensor polls of `ipmi_sim`, by counted datagrams, and next to ipmitool on the same BMC.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "a peer of other tests too")]
mod peer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use peer::IpmiSim;
use rackpoll_io::{IpmiDevice, IpmiSockets, Options, Profile};
use rackpoll_ipmi::{
    command::{Bridge, Conversation, Effort, Response, Step, get_sdr, netfn},
    sdr::{Library, SdrProfile, SensorMemory, SensorPoll, Want},
};
use rackpoll_model::{FaultKind, IpmiCommand, Reading, Secret, SensorReading, SensorState};
use tokio::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);

/// Add SDR with a compact record of a drive slot; id 0 stands for a new one. ipmi_sim takes the owner, 0x20, for the
/// length, so the record has to have 38 bytes.
const ANOTHER: [&str; 43] = [
    "-C", "3", "raw", "0x0a", "0x24", "0", "0", "0x51", "2", "33", "0x20", "0", "0x7e", "4", "1", "0x67",
    "0x40", "0x0d", "0x6f", "1", "0", "1", "0", "1", "0", "0xc0", "0", "0", "1", "0", "0", "0", "0", "0",
    "0", "0", "0xc6", "0x4c", "0x61", "0x74", "0x65", "0x6c", "0x79",
];

/// The recordings' folder, where it is on this machine.
fn recorded(model: &str) -> Option<String> {
    let peers = std::env::var_os("RACKPOLL_PEERS").map(PathBuf::from);
    let peers = peers.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/peers"));
    std::fs::read_to_string(peers.join("ipmi/models").join(model).join("sim.emu")).ok()
}

fn device(sockets: &IpmiSockets, sim: &IpmiSim) -> IpmiDevice {
    let options = Options::new("viewer", Secret::from(sim.password.as_str())).unwrap();
    IpmiDevice::with_options(sockets, sim.address, options, Profile::default())
}

async fn sensors(device: &mut IpmiDevice) -> Vec<SensorReading> {
    match device.poll(IpmiCommand::Sdr, Instant::now() + LIMIT).await {
        Ok(Reading::Sdr(readings)) => readings,
        other => panic!("{other:?}"),
    }
}

fn names(readings: &[SensorReading]) -> Vec<String> {
    readings.iter().map(|reading| reading.sensor.name.to_string()).collect()
}

/// Sensors in ipmitool's list, and those that have an answer.
fn listed(sim: &IpmiSim) -> Vec<String> {
    let list = sim.ipmitool("lanplus", &["-C", "3", "-c", "sdr"]).unwrap();
    list.lines().map(|line| line.split(',').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn the_second_poll_is_one_exchange_a_sensor_and_at_most_three() {
    let own = IpmiSim::start();
    let models = ["vnode", "dell_r630", "quanta_d51"].into_iter().filter_map(recorded);
    for sim in std::iter::once(own).chain(models.map(|commands| IpmiSim::with(&commands))) {
        let sockets = IpmiSockets::bind().unwrap();
        let mut device = device(&sockets, &sim);
        let first = sensors(&mut device).await;
        assert_eq!(names(&first), listed(&sim));
        let bridged = first.iter().filter(|reading| reading.sensor.owner.address != 0x20).count();
        for _ in 0..3 {
            let before = device.statistics();
            assert_eq!(sensors(&mut device).await, first);
            let sent = device.statistics().sent - before.sent;
            assert!(sent >= 1 && sent <= first.len() as u64 + 3, "{sent} for {}", first.len());
            // A bridged command has an answer for its delivery and one of its own.
            let received = device.statistics().received - before.received;
            assert!(received <= sent + bridged as u64 + 2, "{received} for {sent}");
        }
        device.close().await;
    }
}

#[tokio::test]
async fn what_was_kept_saves_the_walk_and_is_checked_first() {
    let sim = IpmiSim::start();
    let sockets = IpmiSockets::bind().unwrap();
    let mut first = device(&sockets, &sim);
    assert_eq!(first.sensor_profile(), None);
    let readings = sensors(&mut first).await;
    let kept = first.sensor_profile().unwrap().to_bytes();
    first.close().await;
    let begin = |kept: &[u8]| {
        let mut device = device(&sockets, &sim);
        device.restore_sensors(SdrProfile::from_bytes(kept).unwrap());
        device
    };
    let mut second = begin(&kept);
    // The login's datagrams are not the poll's.
    second.poll(IpmiCommand::Power, Instant::now() + LIMIT).await.unwrap();
    let before = second.statistics().sent;
    assert_eq!(sensors(&mut second).await, readings);
    assert!(second.statistics().sent - before <= readings.len() as u64 + 3);
    second.close().await;

    sim.ipmitool("lanplus", &ANOTHER).unwrap();
    let mut third = begin(&kept);
    let readings = sensors(&mut third).await;
    assert_eq!(readings.last().map(|reading| &*reading.sensor.name), Some("Lately"));
    assert_eq!(names(&readings), listed(&sim));
    third.close().await;
}

/// A sensor poll during which something happens, when this command is asked for the so manieth time.
struct Disturbed<'a> {
    poll: SensorPoll,
    command: (u8, u8),
    left: usize,
    disturb: Box<dyn FnMut() + Send + 'a>,
}

/// The walk through the repository.
const WALK: (u8, u8) = (netfn::STORAGE, get_sdr::COMMAND);
/// Get Sensor Reading.
const READING: (u8, u8) = (netfn::SENSOR, 0x2d);

impl Conversation for Disturbed<'_> {
    fn step(&mut self, answer: Option<Response>) -> Step {
        let step = self.poll.step(answer);
        if matches!(&step, Step::Ask(request) if (request.netfn, request.command) == self.command) {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                (self.disturb)();
                self.left = usize::MAX;
            }
        }
        step
    }

    fn patience(&self) -> Option<Duration> {
        self.poll.patience()
    }

    fn effort(&mut self, effort: Effort) {
        self.poll.effort(effort);
    }

    fn bridge(&self) -> Option<Bridge> {
        self.poll.bridge()
    }

    fn no_answer(&mut self) -> Step {
        self.poll.no_answer()
    }
}

#[tokio::test]
async fn a_repository_that_is_updated_during_the_read_is_read_as_it_is_after_it() {
    let sim = Arc::new(IpmiSim::start());
    let sockets = IpmiSockets::bind().unwrap();
    let mut device = device(&sockets, &sim);
    let memory = Arc::new(Mutex::new(SensorMemory::new(Arc::new(Library::new()))));
    let other = Arc::clone(&sim);
    let disturb = move || {
        other.ipmitool("lanplus", &ANOTHER).unwrap();
    };
    let poll = SensorPoll::new(memory, Want::Sensors);
    let conversation = Box::new(Disturbed { poll, command: WALK, left: 15, disturb: Box::new(disturb) });
    let Ok(Reading::Sdr(readings)) = device.converse(conversation, Instant::now() + LIMIT).await else {
        panic!("no sensors");
    };
    assert_eq!(names(&readings), listed(&sim));
    assert_eq!(readings.last().map(|reading| &*reading.sensor.name), Some("Lately"));
    // There is a record of it and no sensor.
    assert_eq!(readings.last().map(|reading| reading.state), Some(SensorState::NoAnswer));
    device.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bmc_that_is_killed_in_the_middle_of_a_poll_is_read_rightly_when_it_is_back() {
    let sim = Arc::new(Mutex::new(IpmiSim::start()));
    let sockets = IpmiSockets::bind().unwrap();
    let expected = {
        let mut device = device(&sockets, &sim.lock().unwrap());
        let readings = sensors(&mut device).await;
        device.close().await;
        readings
    };
    for (command, left) in [(WALK, 15), (READING, 6)] {
        for back_at_once in [true, false] {
            let mut device = device(&sockets, &sim.lock().unwrap());
            let memory = Arc::new(Mutex::new(SensorMemory::new(Arc::new(Library::new()))));
            let poll = || SensorPoll::new(Arc::clone(&memory), Want::Sensors);
            let other = Arc::clone(&sim);
            let disturb = Box::new(move || {
                let mut sim = other.lock().unwrap();
                if back_at_once { sim.restart() } else { sim.kill() }
            });
            let disturbed = Box::new(Disturbed { poll: poll(), command, left, disturb });
            let limit = Duration::from_secs(if back_at_once { 30 } else { 3 });
            let reading = device.converse(disturbed, Instant::now() + limit).await;
            let reading = if back_at_once {
                assert_eq!(device.statistics().opened, 2, "it has forgotten the session");
                reading
            } else {
                let fault = reading.unwrap_err();
                assert!(matches!(fault.kind, FaultKind::Timeout | FaultKind::Unreachable), "{fault}");
                sim.lock().unwrap().restart();
                device.converse(Box::new(poll()), Instant::now() + LIMIT).await
            };
            let Ok(Reading::Sdr(readings)) = reading else {
                panic!("{command:?} {left}: {:?}", reading.err())
            };
            assert_eq!(names(&readings), names(&expected), "{command:?} {left}");
            assert!(readings == expected, "{command:?} {left}: other readings");
            device.close().await;
        }
    }
}

#[tokio::test]
async fn drives_and_thresholds_as_ipmitool_has_them() {
    let sim = IpmiSim::start();
    let sockets = IpmiSockets::bind().unwrap();
    let mut device = device(&sockets, &sim);
    let deadline = Instant::now() + LIMIT;
    let Ok(Reading::DriveHealth(drives)) = device.poll(IpmiCommand::DriveHealth, deadline).await else {
        panic!("no drives");
    };
    let listed = sim.ipmitool("lanplus", &["-C", "3", "-c", "sdr", "type", "0xd"]).unwrap();
    let theirs: Vec<_> = listed.lines().map(|line| line.split(',').next().unwrap_or_default()).collect();
    assert!(!drives.is_empty());
    assert_eq!(names(&drives), theirs);
    let Ok(Reading::Thresholds(thresholds)) = device.poll(IpmiCommand::Thresholds, deadline).await else {
        panic!("no thresholds");
    };
    let table = sim.ipmitool("lanplus", &["-C", "3", "sensor"]).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
    let rows: Vec<_> = rows.iter().filter(|row| row.len() == 10 && row[2] != "discrete").collect();
    assert_eq!(rows.len(), thresholds.len());
    for (row, ours) in rows.into_iter().zip(&thresholds) {
        let levels = rackpoll_model::Threshold::ASCENDING.map(|threshold| {
            let value = ours.thresholds.of(threshold).and_then(rackpoll_model::Level::value);
            value.map_or_else(|| "na".to_owned(), |value| format!("{value:.3}"))
        });
        assert_eq!((row[0], &row[4..10]), (&*ours.sensor.name, &levels.each_ref().map(String::as_str)[..]));
    }
    device.close().await;
}
