//! What is learned about BMCs and shown, and cipher suites by their numbers.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use rackpoll_simulator::rack::{DEFAULT_PASSWORD, Rack, RackConfig, VIEWER};
use serde_json::{Value, json};

use crate::{
    agent::{GRAPH, Setup, rackpoll},
    cli::{UNREACHABLE, json_of, output},
    peers::{free_tcp_port, ipmi::Model, mosquitto::Subscriber},
    secrets::random_secret,
};

fn profile(configuration: &Path, arguments: &[&str]) -> Command {
    let mut command = rackpoll();
    command.arg("profile").args(arguments).args(["--output", "json", "--config"]).arg(configuration);
    command
}

#[test]
fn what_an_agent_has_learned_about_a_bmc_is_shown_while_it_runs_and_after() {
    let sim = Model::own().start(&random_secret());
    let setup = Setup::embedded(free_tcp_port())
        .with_ipmi_credential("bmc", "viewer", sim.password())
        .with_device("d", &sim.host(), "bmc")
        .with_poller("sensors", "d", "ipmi = \"sdr\"", "1s")
        .with_poller("power", "d", "ipmi = \"power\"", "1s");
    let show = || output(&mut profile(setup.configuration(), &["show", &sim.host()]), &[sim.password()]);
    let agent = setup.start();
    let start = Instant::now();
    let shown = loop {
        let shown = show();
        // The state file is made by the agent, and filled by its first polls.
        if shown.status.success() {
            let shown = json_of(&shown);
            if shown.get("sensors").is_some() {
                break shown;
            }
        }
        assert!(start.elapsed() < Duration::from_secs(30), "{shown:?}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert_eq!(shown["host"], json!(sim.host()));
    assert_eq!(shown["cipherSuite"], json!(3));
    assert!(shown["roundTripMs"].as_f64().is_some_and(|trip| trip > 0.0), "{shown}");
    assert_eq!(shown["sensors"]["sensors"], json!(10));
    drop(agent.terminate(Duration::from_secs(5)));

    let after = json_of(&show());
    assert_eq!(after["sensors"]["sensors"], json!(10));
    let list = json_of(&output(&mut profile(setup.configuration(), &["list"]), &[sim.password()]));
    let hosts: Vec<&Value> =
        list["profiles"].as_array().into_iter().flatten().map(|row| &row["host"]).collect();
    assert_eq!(hosts, [&json!(sim.host())]);
    let nobody = output(&mut profile(setup.configuration(), &["show", "127.0.0.1:9"]), &[sim.password()]);
    assert_eq!(nobody.status.code(), Some(UNREACHABLE), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_after_the_first_result_spares_the_next_run_the_walk_through_the_repository() {
    let rack =
        RackConfig { bmcs: 1, agents: 0, base: [127, 69, 0, 0].into(), bmc_port: 0, ..RackConfig::default() };
    let rack = Rack::start(rack).await.expect("a rack");
    let (device, bmc) = (&rack.devices()[0], rack.bmcs().next().expect("a BMC"));
    let port = free_tcp_port();
    let setup = Setup::embedded(port)
        .with_ipmi_credential("bmc", VIEWER, DEFAULT_PASSWORD)
        .with_device("d", &device.address.to_string(), "bmc")
        .with_poller("sensors", "d", "ipmi = \"sdr\"", "2s");
    // All commands, those that read a record, and those that read a sensor.
    let asked = || {
        let counters = bmc.counters();
        let total: u64 = counters.commands.values().sum();
        [total, counters.command(0x0a, 0x23), counters.command(0x04, 0x2d)]
    };
    let first_result = || {
        let mut agent = setup.start();
        agent.wait_for_port(port);
        let results = Subscriber::start(port, &format!("on/task/ipmi/command/sdr/result/{GRAPH}"));
        let start = Instant::now();
        let sensors = loop {
            if let Some((_, body)) = results.messages().first() {
                let result: Value = serde_json::from_str(body).expect("JSON");
                break result["value"]["sdr"].as_array().map_or(0, Vec::len) as u64;
            }
            assert!(start.elapsed() < Duration::from_secs(40), "no result:\n{}", agent.output());
            std::thread::sleep(Duration::from_millis(20));
        };
        agent.kill9();
        sensors
    };
    first_result();
    let [total, records, readings] = asked();
    assert!(records > 0 && readings > 0);
    let sensors = first_result();
    let after = asked();
    assert_eq!(after[1], records, "the walk was spared");
    let (besides, readings) = (after[0] - total - (after[2] - readings), after[2] - readings);
    let polls = readings.div_ceil(sensors - sensors / 10);
    // The commands of two logins, one of them perhaps cut off, and three of each poll.
    assert!(
        besides <= 3 * (polls + 1) + 6,
        "{besides} commands besides {readings} readings of {sensors} sensors"
    );
    rack.stop().await;
}

#[test]
fn a_suite_without_encryption_is_used_only_where_it_is_named_and_then_warned_about() {
    let sim = Model::own().start(&random_secret());
    let poll = |suite: &str| {
        let mut command = rackpoll();
        command
            .args(["poll", "ipmi", "power", "--host", &sim.host(), "--user", "viewer", "--output", "json"])
            .args(["--password-env", "BMC_PASSWORD", "--cipher-suite", suite])
            .env("BMC_PASSWORD", sim.password());
        output(&mut command, &[sim.password()])
    };
    for (suite, warning) in
        [("0", "no password"), ("1", "neither signs nor encrypts"), ("2", "does not encrypt"), ("3", "")]
    {
        let said = poll(suite);
        assert_eq!(json_of(&said)["power"], json!(true), "suite {suite}");
        let told = String::from_utf8_lossy(&said.stderr);
        assert!(told.contains(warning) && (suite != "3" || told.is_empty()), "suite {suite}: {told}");
    }
    for suite in ["15", "16", "17"] {
        let said = poll(suite);
        assert_eq!(said.status.code(), Some(65), "suite {suite}: {said:?}");
        assert!(String::from_utf8_lossy(&said.stderr).contains("none of our cipher suites"), "{said:?}");
    }
    assert_eq!(poll("4").status.code(), Some(64));
    assert_eq!(sim.open_sessions(), 0);
}
