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

use rackpoll_io::{IpmiDevice, IpmiSockets, Pace};
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
    IpmiDevice::new(sockets, address, VIEWER, Secret::from(DEFAULT_PASSWORD)).unwrap()
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
}

fn asks(left: u32) -> Box<dyn Conversation> {
    Box::new(Asks { left, end: power })
}

#[tokio::test]
async fn a_poll_of_many_commands_wakes_its_device_a_few_times() {
    let rack = rack(93, 1).await;
    let sockets = IpmiSockets::bind().unwrap();
    let mut device = device(&sockets, &rack, 0);
    device.poll(IpmiCommand::Power, Instant::now() + LIMIT).await.unwrap();
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
    let panics = |left| Box::new(Asks { left, end: || panic!("on purpose") });
    for left in [0, 3] {
        let deadline = Instant::now() + LIMIT;
        let (failed, fine) =
            tokio::join!(bad.converse(panics(left), deadline), good.converse(asks(50), deadline));
        assert_eq!(failed.unwrap_err().kind, FaultKind::Internal);
        fine.unwrap();
        bad.poll(IpmiCommand::Power, Instant::now() + LIMIT).await.unwrap();
    }
    rack.stop().await;
}

/// An answered command, one that stays without an answer, and an answered one again.
struct Silence {
    asked: u32,
    efforts: Arc<Mutex<Vec<Effort>>>,
}

impl Conversation for Silence {
    fn step(&mut self, _: Option<Response>) -> Step {
        self.asked += 1;
        match self.asked {
            1 | 3 => ask(0x01, netfn::APP, Vec::new()),
            2 => ask(0x2d, netfn::SENSOR, vec![MUTE]),
            _ => power(),
        }
    }

    fn patience(&self) -> Option<Duration> {
        (self.asked == 2).then_some(Duration::from_millis(40))
    }

    fn effort(&mut self, effort: Effort) {
        self.efforts.lock().unwrap().push(effort);
    }

    fn no_answer(&mut self) -> Step {
        assert_eq!(self.asked, 2);
        self.step(None)
    }
}

#[tokio::test]
async fn a_time_that_is_due_before_the_devices_own_timer_is_kept() {
    let rack = rack(95, 1).await;
    let sockets = IpmiSockets::bind().unwrap();
    let mut device = device(&sockets, &rack, 0);
    device.poll(IpmiCommand::Power, Instant::now() + LIMIT).await.unwrap();
    let efforts = Arc::new(Mutex::new(Vec::new()));
    let silence = Silence { asked: 0, efforts: Arc::clone(&efforts) };
    device.converse(Box::new(silence), Instant::now() + LIMIT).await.unwrap();
    let efforts = std::mem::take(&mut *efforts.lock().unwrap());
    assert_eq!(efforts.len(), 3);
    assert_eq!((efforts[0].datagrams, efforts[2].datagrams), (1, 1));
    assert!(efforts[1].datagrams >= 1 && efforts[1].took >= Duration::from_millis(40), "{efforts:?}");
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
