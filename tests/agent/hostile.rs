//! Devices that lie or keep silent, and commands that make no sense: each gets its own clear failure, in time.

use std::{
    net::UdpSocket,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lapin::BasicProperties;
use serde_json::{Value, json};

use crate::{
    agent::Setup,
    bus::{Bus, Listener},
    peers::{free_udp_address, ipmi::Model, rabbitmq},
    secrets::random_secret,
};

/// The deadline of a poll of an agent under test, and time for a busy machine.
const FAILS_WITHIN: Duration = Duration::from_secs(20);

const GRAPH: &str = "0e6f7a2a-95a3-4f0e-8d0e-2b7a7c1d9f33";

async fn failure(failures: &mut Listener, key: &str) -> Value {
    let failure = failures.next(FAILS_WITHIN).await;
    assert_eq!(failure.routing_key, format!("ipmi.command.{key}.failed.{GRAPH}"));
    let value = failure.value().clone();
    assert!(value["error"]["message"].as_str().is_some_and(|message| message.len() > 10), "{value}");
    assert!(value["error"]["retry"].is_boolean(), "{value}");
    assert!(value["_poll"]["finishedAt"].is_string(), "{value}");
    value["error"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_says_what_it_is_and_whom_to_blame() {
    let vhost = rabbitmq::shared();
    let (password, wrong) = (random_secret(), random_secret());
    let sim = Model::own().start(&password);
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost).with_ipmi_credential("elsewhere", "admin", &password);
    let mut agent = setup.start_on(&bus).await;
    let mut failures = bus.listen("on.task", &format!("ipmi.command.*.failed.{GRAPH}")).await;
    let mut results = bus.listen("on.task", "ipmi.command.*.result.#").await;
    let chassis = format!("ipmi.command.chassis.{GRAPH}");
    let command = |host: &str, user: &str, password: &str| json!({ "host": host, "user": user, "password": password, "workItemId": "w", "node": "n" });

    bus.command(&chassis, &command(&sim.host(), "admin", &wrong)).await;
    let error = failure(&mut failures, "chassis").await;
    assert_eq!((&error["name"], &error["blame"]), (&json!("WrongPasswordError"), &json!("credentials")));
    assert_eq!(error["retry"], json!(false));

    bus.command(&chassis, &command(&sim.host(), "nobody", &password)).await;
    let error = failure(&mut failures, "chassis").await;
    assert_eq!((&error["name"], &error["blame"]), (&json!("UnknownUserError"), &json!("credentials")));

    let nobody_there = free_udp_address(6230);
    bus.command(&chassis, &command(&nobody_there.to_string(), "admin", &password)).await;
    let error = failure(&mut failures, "chassis").await;
    assert_eq!((&error["blame"], &error["retry"]), (&json!("network"), &json!(true)), "{error}");

    let silent = UdpSocket::bind(free_udp_address(6230)).expect("a socket that nobody reads");
    bus.command(&chassis, &command(&silent.local_addr().expect("bound").to_string(), "admin", &password))
        .await;
    let error = failure(&mut failures, "chassis").await;
    assert_eq!((&error["name"], &error["blame"]), (&json!("TimeoutError"), &json!("network")));

    let babbler = Babbler::start();
    bus.command(&chassis, &command(&babbler.host(), "admin", &password)).await;
    let error = failure(&mut failures, "chassis").await;
    let blame = error["blame"].as_str().expect("a word");
    assert!(matches!(blame, "device" | "network"), "{error}");
    assert!(babbler.answered(), "the garbage was never asked for");

    bus.command(&chassis, &command("no-such-host.invalid", "admin", &password)).await;
    let error = failure(&mut failures, "chassis").await;
    assert_eq!((&error["name"], &error["blame"]), (&json!("UnknownHostError"), &json!("network")));

    for (body, name) in [
        (json!({ "host": sim.host(), "user": "admin", "workItemId": "w" }), "MalformedCommandError"),
        (json!({ "user": "admin", "password": password }), "MalformedCommandError"),
        (json!({ "host": 7, "user": "admin", "password": password }), "MalformedCommandError"),
        (json!({ "host": sim.host(), "credential": "no-such-credential" }), "UnknownCredentialError"),
    ] {
        bus.command(&chassis, &body).await;
        let error = failure(&mut failures, "chassis").await;
        assert_eq!(error["name"], json!(name), "{body}");
    }
    // Its name is right, but neither a device nor a network allows this host for it.
    bus.command(&chassis, &json!({ "host": sim.host(), "credential": "elsewhere", "workItemId": "w" })).await;
    let error = failure(&mut failures, "chassis").await;
    assert!(matches!(error["blame"].as_str(), Some("request" | "credentials")), "{error}");

    bus.command(&format!("ipmi.command.reboot.{GRAPH}"), &command(&sim.host(), "admin", &password)).await;
    assert_eq!(failure(&mut failures, "reboot").await["name"], json!("UnknownCommandError"));
    for body in [&b"this is no JSON"[..], b"", b"[]", b"{\"value\": 3}", b"\xff\xfe{}", &[b'['; 100_000]] {
        bus.publish(&chassis, body, BasicProperties::default()).await;
        let error = failure(&mut failures, "chassis").await;
        assert_eq!(error["name"], json!("MalformedCommandError"), "{error}");
        assert_eq!(error["blame"], json!("request"));
    }

    // And after all that it works, and the malformed ones are not delivered again.
    bus.command(&chassis, &command(&sim.host(), "admin", &password)).await;
    assert_eq!(results.next(FAILS_WITHIN).await.value()["chassis"]["power"], json!(true));
    assert_eq!(failures.try_next(Duration::from_millis(100)).await, None);
    assert!(agent.is_running());
    agent.terminate(Duration::from_secs(5));
    assert_eq!(bus.depth(crate::agent::COMMANDS).await, 0, "commands were left unacknowledged");
    setup.assert_no_secret(&[&password, &wrong], &bus.all_heard());
}

/// A peer that answers every datagram with several that make no sense.
struct Babbler {
    socket: Arc<UdpSocket>,
    answered: Arc<AtomicBool>,
}

impl Babbler {
    fn start() -> Self {
        let socket = Arc::new(UdpSocket::bind(free_udp_address(6230)).expect("a socket"));
        let answered = Arc::new(AtomicBool::new(false));
        let (theirs, told) = (Arc::clone(&socket), Arc::clone(&answered));
        std::thread::spawn(move || {
            let mut datagram = [0; 2048];
            while let Ok((length, from)) = theirs.recv_from(&mut datagram) {
                if length == 0 {
                    return;
                }
                told.store(true, Ordering::Relaxed);
                let mut noise = vec![0; 600];
                getrandom::fill(&mut noise).expect("the system's randomness");
                // Pure noise, a good header before noise, its own words back, and half of them.
                let header = [0x06, 0x00, 0xff, 0x07, 0x06, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
                let headed: Vec<u8> = header.iter().chain(&noise[..200]).copied().collect();
                for answer in [
                    &noise[..],
                    &noise[..1],
                    &headed,
                    &headed[..16],
                    &datagram[..length],
                    &datagram[..length / 2],
                ] {
                    drop(theirs.send_to(answer, from));
                }
            }
        });
        Self { socket, answered }
    }

    fn host(&self) -> String {
        self.socket.local_addr().expect("bound").to_string()
    }

    fn answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }
}

impl Drop for Babbler {
    fn drop(&mut self) {
        // An empty datagram to itself ends its thread.
        if let Ok(address) = self.socket.local_addr() {
            drop(self.socket.send_to(&[], address));
        }
    }
}
