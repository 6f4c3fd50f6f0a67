//! Conversations as the reader drives them, over simulated BMCs.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
};

use rackpoll_io::{IpmiDevice, IpmiSockets, Options, Pace, Profile, Timing};
use rackpoll_ipmi::command::{Conversation, Effort, Privilege, Request, Response, Step, netfn};
use rackpoll_model::{Fault, FaultKind, IpmiCommand, Reading, Secret};
use rackpoll_simulator::{
    bmc::Quirks,
    rack::{DEFAULT_PASSWORD, Rack, RackConfig, VIEWER},
};
use tokio::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);
/// A sensor that the simulated BMCs never answer for.
const MUTE: u8 = 200;

async fn rack(network: u8, bmcs: usize) -> Rack {
    Rack::start(RackConfig {
        bmcs,
        agents: 0,
        base: [127, network, 0, 0].into(),
        bmc_port: 0,
        quirks: Quirks { mute_sensors: vec![MUTE], ..Quirks::default() },
        ..RackConfig::default()
    })
    .await
    .unwrap()
}

fn device(sockets: &IpmiSockets, rack: &Rack, at: usize) -> IpmiDevice {
    let address = rack.devices()[at].address;
    IpmiDevice::with_options(sockets, address, options(), Profile::default())
}

/// A BMC that is logged in to already, so that a poll's datagrams are its own.
async fn logged_in(network: u8, sockets: &IpmiSockets, options: Options) -> (Rack, IpmiDevice) {
    let rack = rack(network, 1).await;
    let address = rack.devices()[0].address;
    let mut device = IpmiDevice::with_options(sockets, address, options, Profile::default());
    device.poll(IpmiCommand::Power, Instant::now() + LIMIT).await.unwrap();
    (rack, device)
}

fn options() -> Options {
    Options::new(VIEWER, Secret::from(DEFAULT_PASSWORD)).unwrap()
}

fn ask(command: u8, of: u8, data: Vec<u8>) -> Step {
    Step::Ask(Request { netfn: of, lun: 0, command, privilege: Privilege::User, data })
}

fn power() -> Step {
    Step::Done(Ok(Reading::Power(true)))
}

/// Asks Get Device ID so many times, and then gives up, panics, or is content.
struct Asks {
    left: u32,
    end: fn() -> Step,
    /// It panics when it is asked how the last command is to be asked.
    fragile: bool,
}

impl Conversation for Asks {
    fn step(&mut self, answer: Option<Response>) -> Step {
        assert!(answer.is_none_or(|answer| answer.completion == 0));
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                ask(0x01, netfn::APP, Vec::new())
            }
            None => (self.end)(),
        }
    }

    fn patience(&self) -> Option<Duration> {
        assert!(!self.fragile || self.left > 0, "on purpose");
        None
    }
}

fn asks(left: u32) -> Box<dyn Conversation> {
    Box::new(Asks { left, end: power, fragile: false })
}

#[tokio::test]
async fn a_poll_of_many_commands_wakes_its_device_a_few_times() {
    let sockets = IpmiSockets::bind().unwrap();
    let (rack, mut device) = logged_in(93, &sockets, options()).await;
    let before = device.statistics().sent;
    let wakes = AtomicU32::new(0);
    let begun = Instant::now();
    {
        let mut poll = pin!(device.converse(asks(500), begun + LIMIT));
        std::future::poll_fn(|context| {
            wakes.fetch_add(1, Ordering::Relaxed);
            match poll.as_mut().poll(context) {
                Poll::Ready(result) => Poll::Ready(result),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
        .unwrap();
    }
    assert_eq!(device.statistics().sent - before, 500);
    // The start, the end, and the timers that were set for earlier commands.
    let timers = u32::try_from(begun.elapsed().as_millis() / 100).unwrap();
    assert!(wakes.load(Ordering::Relaxed) <= 10 + timers, "{wakes:?}");
    device.close().await;
    rack.stop().await;
}

#[tokio::test]
async fn a_conversation_that_panics_fails_alone() {
    let rack = rack(94, 2).await;
    let sockets = IpmiSockets::bind().unwrap();
    let (mut bad, mut good) = (device(&sockets, &rack, 0), device(&sockets, &rack, 1));
    let panics = |left, fragile| Box::new(Asks { left, end: || panic!("on purpose"), fragile });
    for (left, fragile) in [(0, false), (3, false), (1, true), (3, true)] {
        let deadline = Instant::now() + LIMIT;
        let (failed, fine) =
            tokio::join!(bad.converse(panics(left, fragile), deadline), good.converse(asks(50), deadline));
        assert_eq!(failed.unwrap_err().kind, FaultKind::Internal);
        fine.unwrap();
        bad.poll(IpmiCommand::Power, Instant::now() + LIMIT).await.unwrap();
    }
    rack.stop().await;
}

/// Answered commands, and between them such that stay without an answer.
struct Silence {
    asked: u32,
    efforts: Arc<Mutex<Vec<Effort>>>,
}

/// Commands without an answer.
const SILENT: u32 = 8;
const PATIENCE: Duration = Duration::from_millis(40);

impl Conversation for Silence {
    fn step(&mut self, _: Option<Response>) -> Step {
        self.asked += 1;
        match self.asked {
            asked if asked > 2 * SILENT => power(),
            asked if asked.is_multiple_of(2) => ask(0x2d, netfn::SENSOR, vec![MUTE]),
            _ => ask(0x01, netfn::APP, Vec::new()),
        }
    }

    fn patience(&self) -> Option<Duration> {
        self.asked.is_multiple_of(2).then_some(PATIENCE)
    }

    fn effort(&mut self, effort: Effort) {
        self.efforts.lock().unwrap().push(effort);
    }

    fn no_answer(&mut self) -> Step {
        assert!(self.asked.is_multiple_of(2));
        self.step(None)
    }
}

#[tokio::test]
async fn a_time_that_is_due_before_the_devices_own_timer_is_kept() {
    let sockets = IpmiSockets::bind().unwrap();
    // The timer of an answered command; the sockets' own look at all sessions comes once a second.
    let timing = Timing { first_timeout: LIMIT, longest_timeout: LIMIT, ..Timing::default() };
    let (rack, mut device) = logged_in(95, &sockets, options().timing(timing)).await;
    let efforts = Arc::new(Mutex::new(Vec::new()));
    let silence = Silence { asked: 0, efforts: Arc::clone(&efforts) };
    let begun = Instant::now();
    device.converse(Box::new(silence), begun + LIMIT).await.unwrap();
    let took = begun.elapsed();
    let efforts = std::mem::take(&mut *efforts.lock().unwrap());
    assert_eq!(efforts.len(), 2 * SILENT as usize);
    for pair in efforts.chunks(2) {
        assert_eq!(pair[0].datagrams, 1);
        assert!(pair[1].datagrams >= 1 && pair[1].took >= PATIENCE, "{efforts:?}");
    }
    assert!(took < Duration::from_millis(500) * SILENT, "{took:?}");
    rack.stop().await;
}

#[tokio::test]
async fn the_pace_holds_back_what_the_reader_would_ask_and_outlasts_a_dropped_poll() {
    let rack = rack(96, 1).await;
    let pace = Pace { burst: 3, per_second: 20 };
    let sockets = IpmiSockets::bind().unwrap().paced(Some(pace));
    let mut device = device(&sockets, &rack, 0);
    let begun = Instant::now();
    device.converse(asks(9), begun + LIMIT).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());

    let deadline = Instant::now() + LIMIT;
    let cut = tokio::time::timeout(Duration::from_millis(20), device.converse(asks(9), deadline)).await;
    assert!(cut.is_err());
    // The tokens that were taken stay taken.
    let begun = Instant::now();
    device.converse(asks(2), begun + LIMIT).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(60), "{:?}", begun.elapsed());

    let late: Result<Reading, Fault> =
        device.converse(asks(9), Instant::now() + Duration::from_millis(70)).await;
    let late = late.unwrap_err();
    assert_eq!(late.kind, FaultKind::Timeout, "{late}");
    rack.stop().await;
}
