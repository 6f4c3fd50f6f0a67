//! `methods.get` and `methods.set` on `on.configuration`: log level, pause, and what becomes of pollers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    agent::{Agent, GRAPH, Setup},
    bus::Bus,
    peers::{ipmi::Model, rabbitmq},
    secrets::random_secret,
};

const SOON: Duration = Duration::from_secs(60);
const EXCHANGE: &str = "on.configuration";

async fn get(bus: &Bus, what: Value) -> Value {
    bus.request(EXCHANGE, "methods.get", &what).await.value().clone()
}

async fn set(bus: &Bus, what: Value) -> Value {
    bus.request(EXCHANGE, "methods.set", &what).await.value().clone()
}

async fn wait_for_output(agent: &Agent, text: &str) {
    let start = Instant::now();
    while !agent.output().contains(text) {
        assert!(start.elapsed() < SOON, "{text:?} is not in:\n{}", agent.output());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agents_settings_are_told_and_set() {
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost)
        .with_ipmi_credential("bmc", "viewer", sim.password())
        .with_device("b1", &sim.host(), "bmc")
        .with_poller("power", "b1", "ipmi = \"power\"", "500ms");
    let agent = setup.start_on(&bus).await;
    let mut results = bus.listen("on.task", &format!("ipmi.command.power.result.{GRAPH}")).await;
    assert_eq!(get(&bus, json!(null)).await, json!({ "logLevel": "info", "paused": false }));
    results.next(SOON).await;
    assert!(!agent.output().contains("polled"), "{}", agent.output());

    // As RackHD sets: a key and a value, and no answer is wanted.
    bus.tell(EXCHANGE, "methods.set", &json!({ "key": "logLevel", "value": "debug" })).await;
    wait_for_output(&agent, "polled").await;
    assert_eq!(get(&bus, json!("logLevel")).await, "debug");
    let all = set(&bus, json!({ "logLevel": "warning" })).await;
    assert_eq!(all, json!({ "logLevel": "warn", "paused": false }));
    let said = agent.output().len();
    for _ in 0..3 {
        results.next(SOON).await;
    }
    assert!(!agent.output()[said..].contains("polled"), "{}", agent.output());

    // Schedules rest; commands are carried out.
    assert_eq!(set(&bus, json!({ "paused": true })).await["paused"], true);
    results.rest(Duration::from_secs(1)).await;
    assert_eq!(results.try_next(Duration::from_secs(2)).await, None, "it is paused");
    let graph = uuid::Uuid::new_v4().to_string();
    let mut answers = bus.listen("on.task", &format!("ipmi.command.chassis.result.{graph}")).await;
    let command = json!({ "host": sim.host(), "credential": "bmc", "workItemId": "w1" });
    bus.command(&format!("ipmi.command.chassis.{graph}"), &command).await;
    assert_eq!(answers.next(SOON).await.value()["chassis"]["power"], true);
    let polls = get(&bus, json!({ "poller": "power" })).await;
    let expected =
        json!({ "workItemId": "power", "every": "500ms", "paused": false, "next": null, "changed": false });
    assert_eq!(polls, json!({ "polls": 1, "list": [expected] }));
    bus.tell(EXCHANGE, "methods.set", &json!({ "key": "paused", "value": false })).await;
    assert_eq!(results.next(SOON).await.value()["_poll"]["skipped"], 0, "nobody wanted them");
    assert_eq!(get(&bus, json!("paused")).await, false);

    for (method, what, name) in [
        ("methods.get", json!("colour"), "NotFoundError"),
        ("methods.get", json!({ "poller": "none" }), "NotFoundError"),
        ("methods.get", json!(7), "BadRequestError"),
        ("methods.set", json!({ "logLevel": "loud" }), "BadRequestError"),
        ("methods.set", json!({ "paused": "yes" }), "BadRequestError"),
        ("methods.set", json!({ "poller": "none", "paused": true }), "NotFoundError"),
        ("methods.set", json!({ "colour": "red" }), "BadRequestError"),
    ] {
        let answer = bus.request(EXCHANGE, method, &what).await;
        assert_eq!(
            (answer.kind.as_deref(), &answer.body["name"]),
            (Some("ErrorEvent"), &json!(name)),
            "{what}"
        );
    }
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[sim.password()], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_rests_for_a_time() {
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost)
        .with_ipmi_credential("bmc", "viewer", sim.password())
        .with_device("b1", &sim.host(), "bmc")
        .with_poller("power", "b1", "ipmi = \"power\"", "500ms")
        .with_poller("uid", "b1", "ipmi = \"uid\"", "500ms");
    let agent = setup.start_on(&bus).await;
    let mut power = bus.listen("on.task", &format!("ipmi.command.power.result.{GRAPH}")).await;
    let mut uid = bus.listen("on.task", &format!("ipmi.command.uid.result.{GRAPH}")).await;
    power.next(SOON).await;
    let begun = Instant::now();
    assert_eq!(
        set(&bus, json!({ "poller": "power", "paused": true, "for": "6s" })).await,
        json!({ "polls": 1 })
    );
    power.rest(Duration::from_secs(1)).await;
    uid.rest(Duration::from_millis(10)).await;
    uid.next(SOON).await;
    let polls = get(&bus, json!({ "poller": "power" })).await;
    let standing = &polls["list"][0];
    assert_eq!((&standing["paused"], &standing["changed"]), (&json!(true), &json!(true)), "{polls}");
    assert!(standing["until"].is_string(), "{polls}");
    let back = power.next(SOON).await;
    assert!(begun.elapsed() >= Duration::from_millis(5_900), "{:?}", begun.elapsed());
    assert_eq!(back.value()["_poll"]["skipped"], 0);
    agent.terminate(Duration::from_secs(5));
}
