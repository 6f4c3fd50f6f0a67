//! The end: in time, and with all sessions closed, as the BMCs themselves say.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use crate::{
    agent::{GRAPH, Setup},
    bus::Bus,
    peers::{
        free_tcp_port, free_udp_address,
        ipmi::{IpmiSim, Model},
        rabbitmq,
        rabbitmq::{RabbitMq, Vhost},
    },
    secrets::random_secret,
};

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_agent_in_five_seconds_with_every_session_closed() {
    let vhost = rabbitmq::shared();
    let password = random_secret();
    let mut sims: Vec<IpmiSim> = (0..6).map(|_| Model::own().start(&password)).collect();
    let mut setup = Setup::amqp(&vhost).with_ipmi_credential("bmc", "viewer", &password);
    for (number, sim) in sims.iter().enumerate() {
        let device = format!("bmc{number}");
        setup = setup.with_device(&device, &sim.host(), "bmc").with_poller(
            &format!("chassis-{number}"),
            &device,
            "ipmi = \"chassis\"",
            "1s",
        );
    }
    let bus = Bus::connect(&vhost).await;
    let mut results = bus.listen("on.task", &format!("ipmi.command.chassis.result.{GRAPH}")).await;
    let agent = setup.start_on(&bus).await;
    let mut answered = HashSet::new();
    while answered.len() < sims.len() {
        let result = results.next(Duration::from_secs(60)).await;
        answered.insert(result.value()["host"].as_str().expect("a host").to_owned());
    }
    for sim in &sims {
        assert_eq!(sim.open_sessions(), 1, "one session per BMC, kept open between polls");
    }
    // One BMC goes away: it cannot be taken leave of, and must not hold up the others.
    sims.pop().expect("six of them").kill9();
    let start = Instant::now();
    let said = agent.terminate(Duration::from_secs(5));
    let took = start.elapsed();
    for sim in &sims {
        assert_eq!(sim.open_sessions(), 0, "left open after an end that took {took:?}:\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_broker_and_a_silent_bmc_do_not_hold_up_the_end() {
    let broker = RabbitMq::start();
    let vhost = broker.vhost();
    let password = random_secret();
    let sim = Model::own().start(&password);
    let silent = std::net::UdpSocket::bind(free_udp_address(6230)).expect("a socket that nobody reads");
    let silent_host = silent.local_addr().expect("bound").to_string();
    let setup = Setup::amqp(&vhost)
        .with_ipmi_credential("bmc", "viewer", &password)
        .with_device("good", &sim.host(), "bmc")
        .with_device("silent", &silent_host, "bmc")
        .with_poller("good-power", "good", "ipmi = \"power\"", "1s")
        .with_poller("silent-power", "silent", "ipmi = \"power\"", "1s");
    let bus = Bus::connect(&vhost).await;
    let mut results = bus.listen("on.task", &format!("ipmi.command.power.result.{GRAPH}")).await;
    let agent = setup.start_on(&bus).await;
    results.next(Duration::from_secs(30)).await;
    // Its sockets stay open and nothing is answered any more, while polls go on and fill the outbox.
    broker.pause();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let start = Instant::now();
    let said = agent.terminate(Duration::from_secs(5));
    assert_eq!(sim.open_sessions(), 0, "left open after an end that took {:?}:\n{said}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_never_saw_its_broker_polls_and_ends_in_time() {
    let password = random_secret();
    let sim = Model::controlled().start(&password);
    let nowhere = Vhost { port: free_tcp_port(), name: "none".to_owned(), password: random_secret() };
    let setup = Setup::amqp(&nowhere)
        .with_ipmi_credential("bmc", "viewer", &password)
        .with_device("bmc", &sim.host(), "bmc")
        .with_poller("power", "bmc", "ipmi = \"power\"", "1s");
    let mut agent = setup.start();
    let start = Instant::now();
    while sim.chassis_polls() < 3 {
        assert!(
            agent.is_running() && start.elapsed() < Duration::from_secs(60),
            "it does not poll:\n{}",
            agent.output()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    agent.terminate(Duration::from_secs(5));
    assert_eq!(sim.open_sessions(), 0);
    setup.assert_no_secret(&[&password, &nowhere.password], &[]);
}
