//! Commands over RabbitMQ, as RackHD sends them: results, cache, merging, many at once.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};

use crate::{
    agent::Setup,
    bus::Bus,
    peers::{
        ipmi::{IpmiSim, Model},
        rabbitmq,
    },
    secrets::random_secret,
};

/// How long one poll on this machine may take, other tests running.
const POLL: Duration = Duration::from_secs(30);

fn graph() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn command(sim: &IpmiSim, work_item: &str) -> Value {
    json!({
        "host": sim.host(), "user": "admin", "password": sim.password(), "workItemId": work_item, "node": "n1",
        "alerts": [], "type": "ipmi",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn chassis_by_command_gives_a_result_and_fills_the_cache() {
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = graph();
    let mut results = bus.listen("on.task", &format!("ipmi.command.chassis.result.{graph}")).await;
    let mut failures = bus.listen("on.task", &format!("ipmi.command.chassis.failed.{graph}")).await;

    bus.command(&format!("ipmi.command.chassis.{graph}"), &command(&sim, "w1")).await;
    let result = results.next(POLL).await;
    assert!(result.persistent, "a result that does not survive the broker: {result:?}");
    let value = result.value();
    assert_eq!(value["host"], json!(sim.host()));
    assert_eq!(value["user"], json!("admin"));
    assert_eq!(value["workItemId"], json!("w1"));
    assert_eq!(value["node"], json!("n1"));
    assert_eq!(value["alerts"], json!([]), "the poller's own fields come back");
    assert_eq!(value["type"], json!("ipmi"));
    assert_eq!(value.get("password"), None);
    assert_eq!(value["chassis"]["power"], json!(true));
    assert_eq!(value["chassis"]["uid"], json!("Off"));
    let poll = &value["_poll"];
    for time in ["scheduledAt", "startedAt", "finishedAt"] {
        let text = poll[time].as_str().unwrap_or_else(|| panic!("{time} in {poll}"));
        assert!(text.len() == "2026-11-23T20:49:29.123Z".len() && text.ends_with('Z'), "{time}: {text}");
    }
    assert_eq!(poll["agent"], json!("agent-under-test"));
    assert_eq!((&poll["attempts"], &poll["sequence"], &poll["skipped"]), (&json!(1), &json!(1), &json!(0)));

    bus.command(&format!("ipmi.command.chassis.{graph}"), &command(&sim, "w1")).await;
    assert_eq!(results.next(POLL).await.value()["_poll"]["sequence"], json!(2));

    let cache = bus.poller_cache("w1", false).await;
    let entries = cache.value().as_array().expect("a list").clone();
    assert_eq!(entries.len(), 2);
    for (entry, sequence) in entries.iter().zip([1, 2]) {
        assert_eq!(entry["_poll"]["sequence"], json!(sequence), "oldest first");
        assert_eq!(entry["chassis"]["power"], json!(true));
        assert_eq!((entry.get("workItemId"), entry.get("password")), (None, None));
        let stamp = entry["timestamp"].as_str().expect("a timestamp");
        assert!(stamp.ends_with(" GMT+0000 (Coordinated Universal Time)"), "{stamp}");
    }
    let latest = bus.poller_cache("w1", true).await;
    assert_eq!(latest.value(), &json!([entries[1]]));

    let unknown = bus.poller_cache("nobody", false).await;
    assert_eq!(unknown.kind.as_deref(), Some("ErrorEvent"));
    assert_eq!(unknown.content_type.as_deref(), Some("application/json"));
    assert_eq!(unknown.body["name"], json!("NotFoundError"));
    assert_eq!(unknown.body["status"], json!(404));
    let exact = "There is no cache record for the poller with ID nobody.Perhaps it has not been run yet?";
    assert_eq!(unknown.body["message"], json!(exact));
    assert!(unknown.body["stack"].is_string() && unknown.body["context"].is_object(), "{unknown:?}");

    assert_eq!(failures.try_next(Duration::from_millis(10)).await, None);
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[sim.password(), &vhost.password], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_also_goes_where_the_command_asks() {
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = graph();
    let mut results = bus.listen("on.task", &format!("ipmi.command.power.result.{graph}")).await;
    let mut answers = bus.listen("on.task", "nothing.is.published.here").await;
    let properties = || {
        lapin::BasicProperties::default()
            .with_reply_to(answers.queue().into())
            .with_correlation_id("c-7".into())
    };

    let body = json!({ "value": command(&sim, "w1") }).to_string();
    bus.publish(&format!("ipmi.command.power.{graph}"), body.as_bytes(), properties()).await;
    let unknown = properties();
    let answer = answers.next(POLL).await;
    assert_eq!(answer.value()["power"], json!(true));
    assert_eq!(answer.correlation.as_deref(), Some("c-7"));
    assert_eq!(results.next(POLL).await.value(), answer.value());

    bus.publish(&format!("ipmi.command.reboot.{graph}"), body.as_bytes(), unknown).await;
    let answer = answers.next(POLL).await;
    assert_eq!(answer.kind.as_deref(), Some("ErrorEvent"), "{answer:?}");
    assert_eq!(answer.body["name"], json!("UnknownCommandError"));
    assert!(
        answer.body["message"].is_string()
            && answer.body["stack"].is_string()
            && answer.body["context"].is_object()
    );
    agent.terminate(Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_commands_to_twenty_bmcs_are_all_answered() {
    let vhost = rabbitmq::shared();
    let password = random_secret();
    let sims: Vec<IpmiSim> = (0..20).map(|_| Model::own().start(&password)).collect();
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let mut results = bus.listen("on.task", "ipmi.command.*.result.#").await;
    let mut failures = bus.listen("on.task", "ipmi.command.*.failed.#").await;

    let graph = graph();
    let mut sent = HashSet::new();
    for turn in 0..10 {
        for (number, sim) in sims.iter().enumerate() {
            let kind = ["chassis", "power", "uid"][(turn + number) % 3];
            let work_item = format!("{kind}-{turn}-{number}");
            bus.command(&format!("ipmi.command.{kind}.{graph}"), &command(sim, &work_item)).await;
            sent.insert(work_item);
        }
    }
    assert_eq!(sent.len(), 200);
    while !sent.is_empty() {
        let Some(result) = results.try_next(POLL).await else {
            let failed = failures.rest(Duration::from_millis(100)).await;
            panic!("{} without an answer; {} failed, such as {:?}", sent.len(), failed.len(), failed.first());
        };
        let value = result.value();
        let work_item = value["workItemId"].as_str().expect("a work item").to_owned();
        let (kind, _) = work_item.split_once('-').expect("our own form");
        assert!(sent.remove(&work_item), "{work_item} was answered twice, or never asked");
        assert_eq!(result.routing_key, format!("ipmi.command.{kind}.result.{graph}"));
        let number: usize =
            work_item.rsplit('-').next().expect("our own form").parse().expect("our own form");
        assert_eq!(value["host"], json!(sims[number].host()), "{work_item} has another BMC's answer");
        assert!(!value[kind].is_null(), "{value}");
    }
    assert_eq!(failures.try_next(Duration::from_millis(100)).await, None);
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[&password], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_identical_commands_are_one_poll_and_a_wrong_password_is_another() {
    let vhost = rabbitmq::shared();
    let (password, wrong) = (random_secret(), random_secret());
    let sim = Model::controlled().start(&password);
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = graph();
    let mut results = bus.listen("on.task", "ipmi.command.chassis.result.#").await;
    let mut failures = bus.listen("on.task", "ipmi.command.chassis.failed.#").await;
    let key = format!("ipmi.command.chassis.{graph}");

    // The session is open and the way is warm; from here on a poll is one chassis status.
    bus.command(&key, &command(&sim, "warm")).await;
    results.next(POLL).await;
    let before = sim.chassis_polls();

    // Shorter than the engine's first time-out, so that nothing is sent again; long enough for three commands to meet.
    sim.set_delay(0.4);
    let mut stranger = command(&sim, "stranger");
    stranger["password"] = json!(wrong);
    bus.command(&key, &command(&sim, "first")).await;
    bus.command(&key, &command(&sim, "second")).await;
    bus.command(&key, &stranger).await;

    let (one, two) = (results.next(POLL).await, results.next(POLL).await);
    let named: HashSet<_> = [&one, &two].iter().map(|result| result.value()["workItemId"].clone()).collect();
    assert_eq!(named, HashSet::from([json!("first"), json!("second")]));
    assert_eq!(one.value()["chassis"], two.value()["chassis"]);

    let failure = failures.next(POLL).await;
    assert_eq!(failure.value()["workItemId"], json!("stranger"));
    assert_eq!(failure.value()["error"]["blame"], json!("credentials"), "{failure:?}");
    assert_eq!(failure.value().get("chassis"), None, "somebody else's data: {failure:?}");
    assert_eq!(sim.chassis_polls() - before, 1, "polls that reached the BMC");
    assert_eq!(results.try_next(Duration::from_millis(100)).await, None);
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[&password, &wrong], &bus.all_heard());
}
