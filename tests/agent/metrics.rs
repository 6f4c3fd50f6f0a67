//! Metric polls: by command over RabbitMQ, by schedule, and from the command line, against snmpsim.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    agent::{Setup, rackpoll},
    bus::Bus,
    cli::{USAGE, json_of, output},
    peers::{
        fixture, rabbitmq,
        snmp::{SnmpAgent, start_snmpsim},
    },
    secrets::random_secret,
};

/// How long one poll on this machine may take, other tests running.
const POLL: Duration = Duration::from_secs(30);

fn simulated(recording: &str) -> SnmpAgent {
    start_snmpsim(&[(&random_secret(), &fixture(recording))])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_by_command_has_a_topic_of_its_own() {
    let vhost = rabbitmq::shared();
    let switch = simulated("snmp/switch.snmprec");
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = uuid::Uuid::new_v4().to_string();
    let mut results = bus.listen("on.task", &format!("metric.*.result.{graph}")).await;
    let mut failures = bus.listen("on.task", &format!("metric.*.failed.{graph}")).await;
    let command = |config: Value| {
        json!({
            "host": switch.host(), "community": switch.community(), "node": "n1", "workItemId": "m1",
            "pollInterval": 60_000, "config": config,
        })
    };
    let key = format!("run.snmp.command.{graph}");

    bus.command(&key, &command(json!({ "metric": "snmp-interface-state", "alerts": [] }))).await;
    let result = results.next(POLL).await;
    assert_eq!(result.routing_key, format!("metric.snmp-interface-state.result.{graph}"));
    let value = result.value();
    assert_eq!(value["config"]["metric"], "snmp-interface-state");
    let interfaces = value["result"].as_object().expect("interfaces by name");
    let names: Vec<&String> = interfaces.keys().collect();
    assert_eq!(names, ["Et1", "Et2", "Et3", "Et4"]);
    assert_eq!(
        (&interfaces["Et3"]["state"], &interfaces["Et3"]["linkError"]),
        (&json!("down"), &json!(true))
    );
    assert_eq!(
        (&interfaces["Et1"]["mtu"], &interfaces["Et1"]["speed"]),
        (&json!(9216), &json!(25_000_000_000_u64))
    );

    bus.command(&key, &command(json!({ "metric": "snmp-txrx-counters" }))).await;
    let counters = results.next(POLL).await;
    assert_eq!(counters.routing_key, format!("metric.snmp-txrx-counters.result.{graph}"));
    assert_eq!(counters.value()["result"]["Et1"].as_object().map(serde_json::Map::len), Some(22));

    let missing = "1.3.6.1.3.9999";
    let sensors = json!({
        "metric": "snmp-switch-sensor-status", "sensorOids": [".1.3.6.1.2.1.1.5.0", missing],
    });
    bus.command(&key, &command(sensors)).await;
    let sensors = results.next(POLL).await;
    assert_eq!(
        sensors.value()["result"],
        json!({ ".1.3.6.1.2.1.1.5.0": "sw-test-1", missing: "No Such Instance currently exists at this OID" })
    );

    bus.command(&key, &command(json!({ "metric": "snmp-fans" }))).await;
    let failure = failures.next(POLL).await;
    assert_eq!(failure.routing_key, format!("metric.snmp-fans.failed.{graph}"));
    assert_eq!(failure.value()["error"]["name"], "UnknownCommandError");
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[switch.community()], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn bandwidth_counts_from_poll_to_poll_with_the_time_that_really_passed() {
    let vhost = rabbitmq::shared();
    // 1.25 MB/s in and 12.5 MB/s out of 1 Gb/s: 1 and 10 percent.
    let switch = simulated("snmp/counting.snmprec");
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost)
        .with_community("c", switch.community())
        .with_device("switch", &switch.host(), "c")
        .with_poller("busy", "switch", "snmp = { metric = \"snmp-interface-bandwidth-utilization\" }", "2s");
    let mut results = bus.listen("on.task", "metric.snmp-interface-bandwidth-utilization.result.#").await;
    let agent = setup.start_on(&bus).await;

    let first = results.next(POLL).await;
    let value = first.value();
    assert_eq!((&value["result"], &value["workItemId"]), (&Value::Null, &json!("busy")));
    for _ in 0..2 {
        let result = results.next(POLL).await;
        let value = result.value();
        let percent = |key: &str| value["result"]["Ethernet1"][key].as_f64().expect("a percentage");
        // The simulator's own clock is not ours, and other tests hold both up.
        assert!((0.5..2.0).contains(&percent("inputUtilization")), "{value}");
        assert!((5.0..20.0).contains(&percent("outputUtilization")), "{value}");
        assert_eq!(
            value["result"]["Ethernet2"],
            json!({ "inputUtilization": 0.0, "outputUtilization": 0.0, "unit": "percent" })
        );
    }
    agent.terminate(Duration::from_secs(5));
}

#[test]
fn metrics_from_the_command_line() {
    let switch = simulated("snmp/switch.snmprec");
    let host = switch.host();
    let poll = |more: &[&str]| {
        let mut command = rackpoll();
        command
            .args(["poll", "snmp", "--host", &host, "--community-env", "COMMUNITY", "--output", "json"])
            .args(more)
            .env("COMMUNITY", switch.community());
        output(&mut command, &[switch.community()])
    };
    let value = json_of(&poll(&["--metric", "snmp-interface-state"]));
    assert_eq!(value["result"]["Et1"]["state"], "up");
    assert_eq!(value["config"], json!({ "metric": "snmp-interface-state" }));
    let unknown = poll(&["--metric", "snmp-fans"]);
    assert_eq!(unknown.status.code(), Some(USAGE));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("snmp-lldp-neighbors"));
    let sensors = poll(&["--metric", "snmp-switch-sensor-status"]);
    assert_eq!(sensors.status.code(), Some(USAGE));
}
