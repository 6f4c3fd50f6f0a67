//! The same messages over MQTT 5: through the broker inside the agent, and through Mosquitto, seen by Mosquitto's clients.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    agent::{Agent, Setup},
    peers::{
        free_tcp_port,
        ipmi::{IpmiSim, Model},
        mosquitto::{Mosquitto, Subscriber, publish},
    },
    secrets::{assert_absent, random_secret},
};

const GRAPH: &str = "5d0c2b8e-3a44-4c36-9b1b-0d4b8f0d2a11";

/// Publishes the command until the agent has answered it: a client cannot see when an agent subscribes.
fn ask_until_answered(
    port: u16,
    agent: &mut Agent,
    answers: &Subscriber,
    topic: &str,
    body: &Value,
) -> Value {
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < Duration::from_secs(60), "no answer on {topic}:\n{}", agent.output());
        assert!(agent.is_running(), "{}", agent.output());
        drop(publish(port, topic, &body.to_string(), &[]));
        let patience = Instant::now();
        while patience.elapsed() < Duration::from_secs(3) {
            if let Some((_, body)) = answers.messages().first() {
                return serde_json::from_str(body).expect("JSON");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn command_and_cache(port: u16, agent: &mut Agent, sim: &IpmiSim) {
    let results = Subscriber::start(port, &format!("on/task/ipmi/command/chassis/result/{GRAPH}"));
    let command = json!({ "value": {
        "host": sim.host(), "user": "admin", "password": sim.password(), "workItemId": "m1", "node": "n1",
    } });
    let result =
        ask_until_answered(port, agent, &results, &format!("on/task/ipmi/command/chassis/{GRAPH}"), &command);
    assert_eq!(result["value"]["chassis"]["power"], json!(true));
    assert_eq!(result["value"]["workItemId"], json!("m1"));
    assert_eq!(result["value"].get("password"), None);

    // The cache, asked as MQTT 5 asks: response topic and correlation data.
    let answers = Subscriber::start(port, "answers/to/me");
    let more = ["-D", "publish", "response-topic", "answers/to/me", "-D", "publish", "correlation-data", "7"];
    publish(
        port,
        "on/task/methods/requestPollerCache",
        r#"{"value": "m1", "options": {"latestOnly": true}}"#,
        &more,
    )
    .expect("mosquitto_pub");
    let start = Instant::now();
    while answers.messages().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(20), "no answer from the cache:\n{}", agent.output());
        std::thread::sleep(Duration::from_millis(20));
    }
    let cached: Value = serde_json::from_str(&answers.messages()[0].1).expect("JSON");
    assert_eq!(cached["value"][0]["chassis"], result["value"]["chassis"]);

    // The agent's settings, with and without an answer.
    let settings = Subscriber::start(port, "answers/with/settings");
    let more = ["-D", "publish", "response-topic", "answers/with/settings"];
    publish(port, "on/configuration/methods/set", r#"{"value": {"logLevel": "warning"}}"#, &more)
        .expect("mosquitto_pub");
    publish(port, "on/configuration/methods/get", r#"{"key": "logLevel"}"#, &more).expect("mosquitto_pub");
    let start = Instant::now();
    while settings.messages().len() < 2 {
        assert!(start.elapsed() < Duration::from_secs(20), "no answer about settings:\n{}", agent.output());
        std::thread::sleep(Duration::from_millis(20));
    }
    let said: Vec<Value> =
        settings.messages().iter().map(|(_, body)| serde_json::from_str(body).expect("JSON")).collect();
    let expected = [json!({ "value": { "logLevel": "warn", "paused": false } }), json!({ "value": "warn" })];
    assert_eq!(said, expected);
    for (topic, body) in results.messages().iter().chain(&answers.messages()) {
        assert_absent(&[sim.password()], topic, body.as_bytes());
    }
}

#[test]
fn a_command_over_the_broker_inside_the_agent() {
    let sim = Model::own().start(&random_secret());
    let port = free_tcp_port();
    let setup = Setup::embedded(port);
    let mut agent = setup.start();
    agent.wait_for_port(port);
    command_and_cache(port, &mut agent, &sim);
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[sim.password()], &[]);
}

#[test]
fn a_command_over_mosquitto() {
    let sim = Model::own().start(&random_secret());
    let broker = Mosquitto::start();
    let setup = Setup::mqtt(broker.port());
    let mut agent = setup.start();
    command_and_cache(broker.port(), &mut agent, &sim);
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[sim.password()], &[]);
}

#[test]
fn a_taken_port_of_the_embedded_broker_is_a_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let mut agent = Setup::embedded(port).start();
    let start = Instant::now();
    while agent.is_running() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it runs on without a broker:\n{}",
            agent.output()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(agent.output().contains(&port.to_string()), "the port is not named:\n{}", agent.output());
}
