//! Many BMCs over few sockets.

use std::{collections::HashSet, time::Duration};

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
async fn fifty_bmcs_are_polled_over_at_most_four_udp_sockets() {
    let vhost = rabbitmq::shared();
    let password = random_secret();
    let sims: Vec<IpmiSim> = (0..50).map(|_| Model::own().start(&password)).collect();
    let mut setup = Setup::amqp(&vhost).with_ipmi_credential("bmc", "viewer", &password);
    for (number, sim) in sims.iter().enumerate() {
        let device = format!("bmc{number}");
        setup = setup.with_device(&device, &sim.host(), "bmc").with_poller(
            &format!("power-{number}"),
            &device,
            "ipmi = \"power\"",
            "1s",
        );
    }
    let bus = Bus::connect(&vhost).await;
    let mut results = bus.listen("on.task", &format!("ipmi.command.power.result.{GRAPH}")).await;
    let agent = setup.start_on(&bus).await;
    let mut answered = HashSet::new();
    let mut most = 0;
    while answered.len() < sims.len() {
        let result = results.next(Duration::from_secs(60)).await;
        answered.insert(result.value()["host"].as_str().expect("a host").to_owned());
        most = most.max(agent.udp_sockets());
    }
    assert!(most > 0, "no UDP socket was seen: the count is wrong");
    assert!(most <= 4, "{most} UDP sockets for {} BMCs", sims.len());
    agent.terminate(Duration::from_secs(5));
}
