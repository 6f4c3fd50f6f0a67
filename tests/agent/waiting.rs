//! Commands that wait for a result, and events that start polls.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    agent::{GRAPH, Setup},
    alerts::FAN_ENTRY,
    bus::Bus,
    peers::{
        free_tcp_port,
        ipmi::{IpmiSim, Model},
        mosquitto, rabbitmq,
    },
    secrets::random_secret,
};

const SOON: Duration = Duration::from_secs(60);

fn command(sim: &IpmiSim, at_most: &str) -> Value {
    json!({
        "host": sim.host(), "user": "admin", "password": sim.password(), "workItemId": "w1",
        "wait": { "every": "500ms", "until": { "chassis.power": false }, "atMost": at_most },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_waits_until_the_power_is_off_and_answers_once() {
    let vhost = rabbitmq::shared();
    let sim = Model::controlled().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = uuid::Uuid::new_v4().to_string();
    let mut progress = bus.listen("on.task", &format!("ipmi.command.chassis.progress.{graph}")).await;
    let mut results = bus.listen("on.task", &format!("ipmi.command.chassis.result.{graph}")).await;
    let mut failures = bus.listen("on.task", &format!("ipmi.command.chassis.failed.{graph}")).await;
    let key = format!("ipmi.command.chassis.{graph}");

    bus.command(&key, &command(&sim, "60s")).await;
    for polls in 1..=2 {
        let message = progress.next(SOON).await;
        let value = message.value();
        assert_eq!(value["chassis"]["power"], true);
        assert_eq!((&value["_wait"]["polls"], &value["_wait"]["met"]), (&json!(polls), &json!(false)));
    }
    sim.set_power(false);
    let result = results.next(SOON).await;
    assert_eq!(result.value()["chassis"]["power"], false);
    assert_eq!(
        (&result.value()["_wait"]["met"], &result.value()["workItemId"]),
        (&json!(true), &json!("w1"))
    );
    assert_eq!(result.value()["_poll"]["sequence"], 1, "progress is no result");
    progress.rest(Duration::from_millis(100)).await;

    sim.set_power(true);
    bus.command(&key, &command(&sim, "1s")).await;
    let failure = failures.next(SOON).await;
    let error = &failure.value()["error"];
    assert_eq!((&error["name"], &error["retry"]), (&json!("ConditionNotMetError"), &json!(true)), "{error}");
    assert_eq!(failure.value()["_wait"]["met"], false);

    progress.rest(Duration::from_millis(100)).await;

    // A device that does not answer for a while is waited for, too.
    let silent = json!({
        "host": "127.0.0.1:9", "user": "admin", "password": "x", "workItemId": "w2",
        "wait": { "every": "500ms", "until": { "chassis.power": false }, "atMost": "2s" },
    });
    bus.command(&key, &silent).await;
    let error = failures.next(SOON).await.value()["error"].clone();
    assert_eq!(error["name"], "ConditionNotMetError");
    assert!(
        error["message"].as_str().is_some_and(|message| message.contains("the last poll failed")),
        "{error}"
    );

    let mut wrong = command(&sim, "1s");
    wrong["wait"]["until"] = json!({ "chassis.power": { "equal": false } });
    bus.command(&key, &wrong).await;
    let error = failures.next(SOON).await.value()["error"].clone();
    assert_eq!(error["name"], "MalformedCommandError");
    assert!(
        error["message"].as_str().is_some_and(|message| message.contains("did you mean `equals`?")),
        "{error}"
    );
    assert_eq!(results.try_next(Duration::from_millis(500)).await, None, "one final answer");
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[sim.password()], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_cut_by_a_kill_begins_again() {
    let vhost = rabbitmq::shared();
    let sim = Model::controlled().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = uuid::Uuid::new_v4().to_string();
    let mut progress = bus.listen("on.task", &format!("ipmi.command.chassis.progress.{graph}")).await;
    let mut results = bus.listen("on.task", &format!("ipmi.command.chassis.result.{graph}")).await;
    bus.command(&format!("ipmi.command.chassis.{graph}"), &command(&sim, "60s")).await;
    progress.next(SOON).await;
    agent.kill9();
    let agent = setup.start_on(&bus).await;
    sim.set_power(false);
    assert_eq!(results.next(SOON).await.value()["_wait"]["met"], true);
    agent.terminate(Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_is_tightened_for_a_time_and_reverts() {
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost)
        .with_ipmi_credential("bmc", "viewer", sim.password())
        .with_device("b1", &sim.host(), "bmc")
        .with_poller("log", "b1", "ipmi = \"selEntries\"", "1d");
    let agent = setup.start_on(&bus).await;
    let mut results = bus.listen("on.task", &format!("ipmi.command.selEntries.result.{GRAPH}")).await;
    let mut alerts = bus.listen("on.events", "polleralert.sel.updated.#").await;
    let rules = json!([{ "Sensor Type": "Fan", "action": "critical" }]);
    let set = json!({ "poller": "log", "every": "500ms", "alerts": rules, "for": "6s" });
    let answer = bus.request("on.configuration", "methods.set", &set).await;
    assert_eq!(answer.value(), &json!({ "polls": 1 }));
    for _ in 0..3 {
        results.next(SOON).await;
    }
    // What the log held before the first poll is told by no rule; this is new.
    sim.console(FAN_ENTRY);
    let alert = alerts.next(SOON).await;
    assert_eq!(alert.body["severity"], "critical");
    assert_eq!(alert.body["data"]["alert"]["reading"]["SEL Record ID"], "0005");
    // It was set for six seconds; after that it is polled once a day again.
    tokio::time::sleep(Duration::from_secs(7)).await;
    results.rest(Duration::from_millis(100)).await;
    assert_eq!(results.try_next(Duration::from_secs(3)).await, None);

    for (value, name) in [
        (json!({ "poller": "none", "every": "1s", "for": "3s" }), "NotFoundError"),
        (json!({ "poller": "log", "alerts": [{ "a": "/(/" }], "for": "3s" }), "BadRequestError"),
    ] {
        let answer = bus.request("on.configuration", "methods.set", &value).await;
        assert_eq!((answer.kind.as_deref(), &answer.body["name"]), (Some("ErrorEvent"), &json!(name)));
    }
    agent.terminate(Duration::from_secs(5));
}

const TRIGGER: &str =
    "[[trigger]]\nkey = \"graph.finished.#\"\npollers = [\"power\"]\ndevice-field = \"nodeId\"\n";

fn triggered(setup: Setup, sim: &IpmiSim) -> Setup {
    setup
        .with_ipmi_credential("bmc", "viewer", sim.password())
        .with_device("b1", &sim.host(), "bmc")
        .with("[[poller]]\nid = \"power\"\ndevices = [\"b1\"]\nipmi = \"power\"\nevery = \"1d\"\npaused = true\n")
        .with(TRIGGER)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_starts_a_poll_of_the_device_that_it_names() {
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let setup = triggered(Setup::amqp(&vhost), &sim);
    let agent = setup.start_on(&bus).await;
    let mut results = bus.listen("on.task", &format!("ipmi.command.power.result.{GRAPH}")).await;
    bus.event("graph.finished.information.x", &json!({ "type": "graph", "nodeId": "somebody" })).await;
    bus.event("graph.started.information.x", &json!({ "type": "graph", "nodeId": "node-b1" })).await;
    assert_eq!(results.try_next(Duration::from_secs(2)).await, None);
    bus.event("graph.finished.information.x", &json!({ "type": "graph", "nodeId": "node-b1" })).await;
    let result = results.next(SOON).await;
    assert_eq!((&result.value()["workItemId"], &result.value()["power"]), (&json!("power"), &json!(true)));
    agent.terminate(Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_over_mqtt_starts_a_poll_too() {
    let port = free_tcp_port();
    let sim = Model::own().start(&random_secret());
    let setup = triggered(Setup::embedded(port), &sim);
    let mut agent = setup.start();
    agent.wait_for_port(port);
    let results = mosquitto::Subscriber::start(port, &format!("on/task/ipmi/command/power/result/{GRAPH}"));
    let start = std::time::Instant::now();
    while results.messages().is_empty() {
        assert!(start.elapsed() < SOON, "no poll:\n{}", agent.output());
        // A client cannot see when an agent subscribes.
        let body = json!({ "nodeId": "node-b1" }).to_string();
        drop(mosquitto::publish(port, "on/events/graph/finished/information/x", &body, &[]));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let message: Value = serde_json::from_str(&results.messages()[0].1).expect("JSON");
    assert_eq!(message["value"]["power"], true);
    agent.terminate(Duration::from_secs(5));
}
