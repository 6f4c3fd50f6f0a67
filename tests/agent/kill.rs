//! Agent and broker are killed at the worst moments: nothing is lost, the cache answers, and no alert is false.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    agent::{GRAPH, Setup},
    bus::{Bus, Received},
    outage::{assert_complete_and_in_order, by_poller},
    peers::{
        ipmi::{IpmiSim, Model},
        rabbitmq,
        rabbitmq::{RabbitMq, Vhost},
    },
    secrets::random_secret,
};

const RESULTS: &str = "results";
const ALERTS: &str = "alerts";
const EVENTS: &str = "events";

/// Pollers of one setup.
const POLLERS: usize = 6;

fn two_bmcs(vhost: &Vhost, password: &str, sims: &[IpmiSim]) -> Setup {
    let mut setup = Setup::amqp(vhost).with_ipmi_credential("bmc", "viewer", password);
    for (number, sim) in sims.iter().enumerate() {
        let device = format!("bmc{number}");
        setup = setup.with_device(&device, &sim.host(), "bmc");
        for command in ["power", "chassis", "uid"] {
            setup = setup.with_poller(
                &format!("{command}-{number}"),
                &device,
                &format!("ipmi = \"{command}\""),
                "1s",
            );
        }
    }
    setup
}

async fn queues(bus: &Bus) {
    bus.durable(RESULTS, "on.task", &format!("ipmi.command.*.result.{GRAPH}")).await;
    bus.durable(ALERTS, "on.task", &format!("poller.alert.{GRAPH}")).await;
    bus.durable(EVENTS, "on.events", "polleralert.#").await;
}

async fn wait_for_depth(bus: &Bus, queue: &str, more: u32) {
    let goal = bus.depth(queue).await + more;
    let start = std::time::Instant::now();
    while bus.depth(queue).await < goal {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{queue} has {} of {goal}",
            bus.depth(queue).await
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// All that is in the queue; ends the test where a poller's results have a gap.
async fn complete_results(bus: &Bus) -> Vec<Received> {
    let messages = bus.consume(RESULTS).await.rest(Duration::from_secs(2)).await;
    let pollers = by_poller(&messages);
    assert_eq!(pollers.len(), POLLERS, "{pollers:?}");
    for (poller, sequences) in &pollers {
        assert_complete_and_in_order(poller, sequences);
    }
    messages
}

fn last_sequence(messages: &[Received], poller: &str) -> u64 {
    by_poller(messages).get(poller).and_then(|sequences| sequences.iter().copied().max()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_of_the_agent_loses_nothing_and_raises_no_false_alert() {
    let vhost = rabbitmq::shared();
    let password = random_secret();
    let sims: Vec<IpmiSim> = (0..2).map(|_| Model::controlled().start(&password)).collect();
    let setup = two_bmcs(&vhost, &password, &sims);
    let bus = Bus::connect(&vhost).await;
    queues(&bus).await;
    // Killed at a different moment of its work each time.
    for pause in [0, 130, 370, 610, 890] {
        let agent = setup.start_on(&bus).await;
        wait_for_depth(&bus, RESULTS, 6).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        agent.kill9();
    }
    let agent = setup.start_on(&bus).await;
    let cached = bus.poller_cache("chassis-0", false).await;
    let entries = cached.value().as_array().expect("a list").clone();
    assert!(!entries.is_empty());
    wait_for_depth(&bus, RESULTS, 12).await;
    assert_eq!((bus.depth(ALERTS).await, bus.depth(EVENTS).await), (0, 0), "the power never changed");

    // A change that happens while the agent is dead is told once, on both keys, when it is back.
    agent.kill9();
    sims[0].set_power(false);
    let agent = setup.start_on(&bus).await;
    let mut events = bus.consume(EVENTS).await;
    let event = events.next(Duration::from_secs(30)).await;
    let mut alerts = bus.consume(ALERTS).await;
    let alert = alerts.next(Duration::from_secs(30)).await;
    assert!(event.routing_key.starts_with("polleralert.chassispower.updated.information."), "{event:?}");
    assert_eq!(event.kind.as_deref(), Some("Object"));
    assert_eq!(event.body["data"]["states"], json!({ "last": "ON", "current": "OFF" }));
    assert_eq!(
        (&event.body["type"], &event.body["action"]),
        (&json!("polleralert"), &json!("chassispower.updated"))
    );
    assert_eq!((&event.body["version"], &event.body["nodeId"]), (&json!("1.0"), &json!("node-bmc0")));
    let told: Vec<Value> =
        alerts.rest(Duration::from_secs(3)).await.iter().chain([&alert]).map(|a| a.value().clone()).collect();
    // power-0 and chassis-0 both look at the power, and each tells once.
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.contains(&event.body), "the two keys differ: {told:?} {event:?}");
    agent.terminate(Duration::from_secs(5));

    let messages = complete_results(&bus).await;
    let newest = entries.last().and_then(|entry| entry["_poll"]["sequence"].as_u64()).expect("a sequence");
    assert!(last_sequence(&messages, "chassis-0") >= newest, "what the cache knew was never published");
    setup.assert_no_secret(&[&password, &vhost.password], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_and_not_published_is_published_by_the_next_run() {
    let mut broker = RabbitMq::start();
    let vhost = broker.vhost();
    let password = random_secret();
    let sims: Vec<IpmiSim> = (0..2).map(|_| Model::controlled().start(&password)).collect();
    let setup = two_bmcs(&vhost, &password, &sims);
    let bus = Bus::connect(&vhost).await;
    queues(&bus).await;
    let agent = setup.start_on(&bus).await;
    wait_for_depth(&bus, RESULTS, 12).await;

    // Commits go on, publishing does not: whatever is committed from here on is in the state file only.
    broker.kill9();
    let polls = sims[0].chassis_polls();
    while sims[0].chassis_polls() < polls + 8 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    agent.kill9();
    broker.start_again();
    let bus = Bus::connect(&vhost).await;
    let before = bus.depth(RESULTS).await;
    let agent = setup.start_on(&bus).await;
    let answer = bus.poller_cache("power-1", true).await;
    let known = answer.value()[0]["_poll"]["sequence"].as_u64().expect("a sequence");
    wait_for_depth(&bus, RESULTS, 12).await;
    agent.terminate(Duration::from_secs(5));
    let messages = complete_results(&bus).await;
    assert!(u32::try_from(messages.len()).expect("few") >= before + 12);
    assert!(last_sequence(&messages, "power-1") >= known, "what the cache knew was never published");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_dies_between_publish_and_confirm() {
    let mut broker = RabbitMq::start();
    let vhost = broker.vhost();
    let password = random_secret();
    let sims: Vec<IpmiSim> = (0..2).map(|_| Model::controlled().start(&password)).collect();
    let setup = two_bmcs(&vhost, &password, &sims);
    let bus = Bus::connect(&vhost).await;
    queues(&bus).await;
    let agent = setup.start_on(&bus).await;
    wait_for_depth(&bus, RESULTS, 12).await;
    for _ in 0..2 {
        // Its sockets take what is published, and nothing is confirmed.
        broker.pause();
        let polls = sims[0].chassis_polls();
        while sims[0].chassis_polls() < polls + 6 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        broker.kill9();
        broker.start_again();
        wait_for_depth(&Bus::connect(&vhost).await, RESULTS, 12).await;
    }
    agent.terminate(Duration::from_secs(5));
    let bus = Bus::connect(&vhost).await;
    complete_results(&bus).await;
}
