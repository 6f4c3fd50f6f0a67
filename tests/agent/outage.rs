//! The broker goes away while schedules run, and comes back.

use std::{collections::HashMap, time::Duration};

use crate::{
    agent::{GRAPH, Setup},
    bus::{Bus, Received},
    peers::{
        ipmi::{IpmiSim, Model},
        rabbitmq::RabbitMq,
    },
    secrets::random_secret,
};

/// How long the broker is away.
const OUTAGE: Duration = Duration::from_secs(30);

/// Results by poller, each list in the order of arrival.
pub fn by_poller(messages: &[Received]) -> HashMap<String, Vec<u64>> {
    let mut pollers: HashMap<String, Vec<u64>> = HashMap::new();
    for message in messages {
        let value = message.value();
        let poller = value["workItemId"].as_str().expect("a work item").to_owned();
        pollers.entry(poller).or_default().push(value["_poll"]["sequence"].as_u64().expect("a sequence"));
    }
    pollers
}

/// Every sequence number from 1 on has come, in order; one that came again (its confirm was lost) counts once.
pub fn assert_complete_and_in_order(poller: &str, sequences: &[u64]) {
    let mut last = 0;
    for &sequence in sequences {
        assert!(
            sequence <= last + 1,
            "{poller}: {sequence} came after {last}, what is between is lost or late: {sequences:?}"
        );
        last = last.max(sequence);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_result_of_an_outage_reaches_a_durable_queue_in_order() {
    let mut broker = RabbitMq::start();
    let vhost = broker.vhost();
    let password = random_secret();
    // 10 BMCs, 5 pollers each, every second: 50 results a second.
    let sims: Vec<IpmiSim> = (0..10).map(|_| Model::own().start(&password)).collect();
    let mut setup = Setup::amqp(&vhost).with_ipmi_credential("bmc", "viewer", &password);
    for (number, sim) in sims.iter().enumerate() {
        let device = format!("bmc{number}");
        setup = setup.with_device(&device, &sim.host(), "bmc");
        for (turn, command) in ["power", "uid", "chassis", "power", "uid"].iter().enumerate() {
            let id = format!("p{number}-{turn}");
            setup = setup.with_poller(&id, &device, &format!("ipmi = \"{command}\""), "1s");
        }
    }
    let bus = Bus::connect(&vhost).await;
    let kept = "kept";
    bus.durable(kept, "on.task", &format!("ipmi.command.*.result.{GRAPH}")).await;
    let mut agent = setup.start_on(&bus).await;
    while bus.depth(kept).await < 200 {
        assert!(agent.is_running(), "{}", agent.output());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let away_from = chrono::Utc::now();
    broker.kill9();
    tokio::time::sleep(OUTAGE).await;
    assert!(agent.is_running(), "{}", agent.output());
    broker.start_again();
    let back_at = chrono::Utc::now();

    // All is through once every poller's results are younger than the outage.
    let bus = Bus::connect(&vhost).await;
    let mut queue = bus.consume(kept).await;
    let mut messages = Vec::new();
    let mut caught_up = HashMap::new();
    while caught_up.len() < 50 {
        let message = queue.next(Duration::from_secs(60)).await;
        let poller = message.value()["workItemId"].as_str().expect("a work item").to_owned();
        if scheduled_at(&message) > back_at + Duration::from_secs(3) {
            caught_up.insert(poller, ());
        }
        messages.push(message);
    }
    let during =
        messages.iter().filter(|message| (away_from..back_at).contains(&scheduled_at(message))).count();
    // Half of what is due: a machine that is busy with other tests skips ticks, and says so in `skipped`.
    assert!(during >= 25 * 30, "only {during} polls were made while the broker was away");
    let pollers = by_poller(&messages);
    assert_eq!(pollers.len(), 50);
    for (poller, sequences) in pollers {
        assert_complete_and_in_order(&poller, &sequences);
    }
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[&password, &vhost.password], &bus.all_heard());
}

fn scheduled_at(message: &Received) -> chrono::DateTime<chrono::Utc> {
    message.value()["_poll"]["scheduledAt"].as_str().expect("a time").parse().expect("RFC 3339")
}
