//! Sessions of every kind with `ipmi_sim`, next to ipmitool on the same BMC.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod peer;

use std::sync::{Arc, Mutex};

use peer::{BEHIND, IpmiSim};
use rackpoll_io::{CipherSuite, Ipmi15Authentication, IpmiDevice, IpmiSockets, Options, Profile, Timing};
use rackpoll_ipmi::command::{Bridge, Conversation, Privilege, Request, Response, Step, netfn};
use rackpoll_model::{Fault, FaultKind, IpmiCommand, Reading, Secret};
use tokio::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(10);

fn options(user: &str, password: &str) -> Options {
    Options::new(user, Secret::from(password)).unwrap()
}

fn device(sockets: &IpmiSockets, sim: &IpmiSim, options: Options) -> IpmiDevice {
    IpmiDevice::with_options(sockets, sim.address, options, Profile::default())
}

async fn power(device: &mut IpmiDevice) -> Result<bool, Fault> {
    match device.poll(IpmiCommand::Power, Instant::now() + LIMIT).await? {
        Reading::Power(on) => Ok(on),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_cipher_suite_that_ipmi_sim_has_and_no_other() {
    let sim = IpmiSim::start();
    let sockets = IpmiSockets::bind().unwrap();
    for suite in CipherSuite::ALL {
        let mut device = device(&sockets, &sim, options("viewer", &sim.password).suites(&[suite]));
        if suite.id() > 3 {
            assert_eq!(
                power(&mut device).await.unwrap_err().kind,
                FaultKind::NoCommonSecurity,
                "suite {suite}"
            );
            continue;
        }
        for _ in 0..5 {
            assert_eq!(power(&mut device).await, Ok(true), "suite {suite}");
        }
        assert_eq!(device.profile().suite, Some(suite));
        let statistics = device.statistics();
        assert_eq!((statistics.opened, statistics.resent, statistics.dropped), (1, 0, 0), "suite {suite}");
        device.close().await;
        let id = suite.to_string();
        assert_eq!(sim.ipmitool("lanplus", &["-C", &id, "power", "status"]).unwrap(), "Chassis Power is on");
    }
}

#[tokio::test]
async fn ipmi_15_sessions_of_every_kind_as_ipmitool_has_them() {
    let sim = IpmiSim::start();
    let sockets = IpmiSockets::bind().unwrap();
    for (kind, theirs) in [
        (Ipmi15Authentication::Md5, "MD5"),
        (Ipmi15Authentication::Password, "PASSWORD"),
        (Ipmi15Authentication::None, "NONE"),
    ] {
        assert_eq!(sim.ipmitool("lan", &["-A", theirs, "power", "status"]).unwrap(), "Chassis Power is on");
        let options = options("viewer", &sim.password).ipmi_15(&[kind]).unwrap();
        // ipmi_sim has IPMI 2.0 as well; a BMC that once had 1.5 only is asked that way again.
        let profile = Profile { ipmi_15: Some(kind), ..Profile::default() };
        let mut device = IpmiDevice::with_options(&sockets, sim.address, options, profile);
        for _ in 0..5 {
            assert_eq!(power(&mut device).await, Ok(true), "{kind}");
        }
        let statistics = device.statistics();
        assert_eq!((statistics.opened, statistics.resent, statistics.dropped), (1, 0, 0), "{kind}");
        device.close().await;
    }
}

#[tokio::test]
async fn ipmi_15_refuses_wrong_users_and_wrong_passwords() {
    let sim = IpmiSim::start();
    let sockets = IpmiSockets::bind().unwrap();
    let kind = Ipmi15Authentication::Md5;
    for (user, password, expected) in [
        ("nobody", sim.password.as_str(), FaultKind::UnknownUser),
        ("viewer", "wrong", FaultKind::WrongPassword),
    ] {
        let options = options(user, password).ipmi_15(&[kind]).unwrap();
        let profile = Profile { ipmi_15: Some(kind), ..Profile::default() };
        let mut device = IpmiDevice::with_options(&sockets, sim.address, options, profile);
        let fault = power(&mut device).await.unwrap_err();
        assert_eq!(fault.kind, expected, "{user}: {fault}");
    }
}

/// Get Sensor Reading of one sensor of one controller.
struct Asks {
    bridge: Option<Bridge>,
    sensor: u8,
    said: Arc<Mutex<Option<Response>>>,
}

impl Conversation for Asks {
    fn step(&mut self, answer: Option<Response>) -> Step {
        match answer {
            None => Step::Ask(Request {
                netfn: netfn::SENSOR,
                lun: 0,
                command: 0x2d,
                privilege: Privilege::User,
                data: vec![self.sensor],
            }),
            Some(answer) => {
                *self.said.lock().unwrap() = Some(answer);
                Step::Done(Ok(Reading::Power(true)))
            }
        }
    }

    fn bridge(&self) -> Option<Bridge> {
        self.bridge
    }
}

async fn sensor(device: &mut IpmiDevice, bridge: Option<Bridge>, sensor: u8) -> Response {
    let said = Arc::default();
    let asks = Asks { bridge, sensor, said: Arc::clone(&said) };
    device.converse(Box::new(asks), Instant::now() + LIMIT).await.unwrap();
    let answer = said.lock().unwrap().take();
    answer.unwrap()
}

#[tokio::test]
async fn a_bridged_command_reads_what_ipmitool_reads_behind_the_bmc() {
    let sim = IpmiSim::start();
    let sockets = IpmiSockets::bind().unwrap();
    let (address, number, raw) = BEHIND;
    let theirs = ["-C", "3", "-b", "0", "-t", "0x2c", "raw", "0x04", "0x2d", "0x77"];
    let theirs = sim.ipmitool("lanplus", &theirs).unwrap();
    assert_eq!(theirs.split_whitespace().next(), Some("55"), "{theirs}");
    for suite in [CipherSuite::Three, CipherSuite::Two] {
        let mut device = device(&sockets, &sim, options("admin", &sim.password).suites(&[suite]));
        let behind = Some(Bridge { channel: 0, address });
        let answer = sensor(&mut device, behind, number).await;
        assert_eq!((answer.completion, answer.data[0]), (0, raw));
        let hex: Vec<String> = answer.data.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex.join(" "), theirs, "the same bytes");
        // The BMC itself has no such sensor, and its own are asked as before.
        assert_ne!(sensor(&mut device, None, number).await.completion, 0);
        assert_eq!(sensor(&mut device, None, 0x01).await.completion, 0);
        let nobody = sensor(&mut device, Some(Bridge { channel: 0, address: 0x72 }), number).await;
        assert_ne!(nobody.completion, 0, "nobody has this address");
        assert_eq!(device.statistics().opened, 1);
        device.close().await;
    }
}

#[tokio::test]
async fn a_slot_taken_by_somebody_else_is_waited_for_and_not_hammered_at() {
    let sim = IpmiSim::start();
    let sockets = IpmiSockets::bind().unwrap();
    let timing = Timing { no_slot: Duration::from_secs(2), ..Timing::default() };
    let login = |user| options(user, &sim.password).suites(&[CipherSuite::Three]).timing(timing);
    // Somebody else takes all that there are: ipmi_sim refuses the 64th.
    let mut others = Vec::new();
    loop {
        let mut other = device(&sockets, &sim, login("admin"));
        match power(&mut other).await {
            Ok(_) => others.push(other),
            Err(fault) => break assert_eq!(fault.kind, FaultKind::NoSessionSlot, "{fault}"),
        }
        assert!(others.len() < 100, "ipmi_sim has no end of slots");
    }
    let mut ours = device(&sockets, &sim, login("viewer"));
    assert_eq!(power(&mut ours).await.unwrap_err().kind, FaultKind::NoSessionSlot);
    let sent = ours.statistics().sent;
    for _ in 0..20 {
        assert_eq!(power(&mut ours).await.unwrap_err().kind, FaultKind::NoSessionSlot);
    }
    assert_eq!(ours.statistics().sent, sent, "nothing is sent while the BMC is left in peace");
    others.pop().unwrap().close().await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(power(&mut ours).await, Ok(true));
    ours.close().await;
}

#[tokio::test]
async fn a_password_changed_under_an_open_session_is_found_out_at_the_next_login_and_said() {
    let sim = IpmiSim::start();
    let sockets = IpmiSockets::bind().unwrap();
    let login = |password: &str| options("viewer", password).suites(&[CipherSuite::Three]);
    let mut before = device(&sockets, &sim, login(&sim.password));
    assert_eq!(power(&mut before).await, Ok(true));
    sim.ipmitool("lanplus", &["-C", "3", "user", "set", "password", "3", "another"]).unwrap();
    before.close().await;
    let fault = power(&mut before).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::WrongPassword, "{fault}");
    let mut after = device(&sockets, &sim, login("another"));
    assert_eq!(power(&mut after).await, Ok(true));
    after.close().await;
}

#[tokio::test]
async fn a_bmc_that_is_restarted_under_an_open_session_is_logged_in_to_again_within_the_poll() {
    let mut sim = IpmiSim::start();
    let sockets = IpmiSockets::bind().unwrap();
    let login = options("viewer", &sim.password).suites(&[CipherSuite::Three]);
    let mut device = device(&sockets, &sim, login);
    assert_eq!(power(&mut device).await, Ok(true));
    sim.restart();
    assert_eq!(power(&mut device).await, Ok(true));
    assert_eq!((device.statistics().opened, device.attempts()), (2, 2));
    device.close().await;
}
