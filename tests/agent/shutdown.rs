//! The end: in time, and with all sessions closed, as the BMCs themselves say.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use crate::{
    agent::{GRAPH, Setup},
    bus::Bus,
    peers::{
        ipmi::{IpmiSim, Model},
        rabbitmq,
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
