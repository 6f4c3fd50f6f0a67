//! Each peer starts, and its own real client says so: a test that fails later is then not the peer's fault.

use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use serde_json::json;

use crate::{
    bus::Bus,
    peers::{
        fixture,
        ipmi::{IpmiSim, Model},
        mosquitto::{Mosquitto, Subscriber},
        process::{Folder, Process},
        rabbitmq,
        rabbitmq::RabbitMq,
        snmp,
    },
    secrets::random_secret,
};

#[test]
fn ipmi_sim_answers_ipmitool() {
    let sim = Model::own().start(&random_secret());
    let status = sim.ipmitool(&["chassis", "status"]).expect("ipmitool");
    assert!(status.contains("System Power         : on"), "{status}");
    let sensors = sim.ipmitool(&["-c", "sdr", "elist"]).expect("ipmitool");
    assert_eq!(sensors.lines().count(), 10, "{sensors}");
    assert!(sensors.contains("Fan 2,450,RPM,lcr"), "{sensors}");
    let wrong = sim.ipmitool_as("admin", "wrong", &["chassis", "status"]);
    assert!(wrong.is_err(), "a wrong password was taken: {wrong:?}");
}

#[test]
fn a_controlled_chassis_switches_and_counts() {
    let sim = Model::controlled().start(&random_secret());
    assert_eq!(sim.chassis_polls(), 0);
    assert!(sim.ipmitool(&["power", "status"]).expect("ipmitool").contains("is on"));
    sim.set_power(false);
    assert!(sim.ipmitool(&["power", "status"]).expect("ipmitool").contains("is off"));
    assert_eq!(sim.chassis_polls(), 2);
}

#[test]
fn ipmi_sim_knows_its_open_sessions() {
    let sim = Model::own().start(&random_secret());
    assert_eq!(sim.open_sessions(), 0);
    let shell = open_session(&sim);
    let start = std::time::Instant::now();
    while sim.open_sessions() == 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "a session that is open was never counted");
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(shell);
}

/// A session that stays open: ipmitool's shell waits for a command that never comes.
fn open_session(sim: &IpmiSim) -> Process {
    let (address, port) = (sim.address().ip().to_string(), sim.address().port().to_string());
    let mut command = std::process::Command::new("/bin/sh");
    command
        .args([
            "-c",
            r#"(echo chassis status; sleep 60) | ipmitool -I lanplus -C 3 -E -H "$1" -p "$2" -U admin shell"#,
            "shell",
        ])
        .args([address, port])
        .env("IPMI_PASSWORD", sim.password());
    Process::start("ipmitool-shell", Folder::new("ipmitool"), &mut command)
}

#[test]
fn recorded_servers_start_where_they_are() {
    // The recordings are no part of the project; what needs them says so by itself.
    let Some(model) = Model::recorded("vnode") else { return };
    let sim = model.start(&random_secret());
    assert!(sim.ipmitool(&["-c", "sdr", "list"]).expect("ipmitool").lines().count() > 20);
}

#[test]
fn snmpd_answers_snmpget() {
    let agent = snmp::start_snmpd(&random_secret());
    let name = agent.client("snmpget", agent.community(), &["1.3.6.1.2.1.1.5.0"]).expect("snmpget");
    assert_eq!(name.trim(), r#".1.3.6.1.2.1.1.5.0 "snmpd-under-test""#);
    assert!(agent.client("snmpget", "wrong", &["1.3.6.1.2.1.1.5.0"]).is_err());
}

#[test]
fn snmpsim_answers_snmpbulkwalk() {
    let community = random_secret();
    let agent = snmp::start_snmpsim(&[(&community, &fixture("snmp/switch.snmprec"))]);
    let walk = agent.client("snmpbulkwalk", &community, &["1.3.6.1.2.1.31.1.1.1.6"]).expect("snmpbulkwalk");
    assert_eq!(walk.lines().count(), 4, "{walk}");
    assert!(walk.starts_with(".1.3.6.1.2.1.31.1.1.1.6.1 18446744073709551614"), "{walk}");
}

#[test]
fn mosquitto_carries_a_message() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::start(broker.port(), "on/#");
    broker.publish("on/task/test", "hello there", &[]).expect("mosquitto_pub");
    let start = std::time::Instant::now();
    while subscriber.messages().is_empty() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "nothing came; the broker said:\n{}",
            broker.log()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(subscriber.messages(), [("on/task/test".to_owned(), "hello there".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_carries_a_message_and_keeps_vhosts_apart() {
    let (one, other) = (rabbitmq::shared(), rabbitmq::shared());
    assert_ne!(one.name, other.name);
    let (bus, elsewhere) = (Bus::connect(&one).await, Bus::connect(&other).await);
    let mut heard = bus.listen("on.task", "ipmi.command.#").await;
    let mut not_heard = elsewhere.listen("on.task", "#").await;
    bus.command("ipmi.command.chassis.test", &json!({ "host": "127.0.0.1" })).await;
    let message = heard.next(Duration::from_secs(10)).await;
    assert_eq!(message.value(), &json!({ "host": "127.0.0.1" }));
    assert_eq!(message.routing_key, "ipmi.command.chassis.test");
    assert_eq!(not_heard.try_next(Duration::from_millis(300)).await, None);
    assert_eq!(bus.consumers("no such queue").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_keeps_a_durable_queue_through_kill_9() {
    let mut broker = RabbitMq::start();
    let vhost = broker.vhost();
    let bus = Bus::connect(&vhost).await;
    bus.durable("kept", "on.task", "a.b").await;
    let persistent = lapin::BasicProperties::default().with_delivery_mode(2);
    bus.publish("a.b", br#"{"value": 1}"#, persistent).await;
    broker.kill9();
    assert!(std::net::TcpStream::connect(("127.0.0.1", vhost.port)).is_err(), "it still listens");
    broker.start_again();
    let mut kept = Bus::connect(&vhost).await.consume("kept").await;
    assert_eq!(kept.next(Duration::from_secs(10)).await.value(), &json!(1));
}

/// What a killed test leaves behind ends by itself: here only the pipe to the guard closes, nothing is dropped.
#[test]
fn a_peer_ends_when_the_test_is_killed() {
    let folder = Folder::new("orphan");
    let path = folder.path().to_owned();
    let mut peer = Process::start("sleep", folder, std::process::Command::new("sleep").arg("1000"));
    let pid = peer.pid();
    peer.cut_lifeline();
    let start = std::time::Instant::now();
    while peer.is_running() || path.exists() {
        assert!(start.elapsed() < Duration::from_secs(10), "the peer or its folder is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(gone(pid));
}

fn gone(pid: Pid) -> bool {
    test_kill_process(pid).is_err()
}
