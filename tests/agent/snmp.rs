//! SNMP polls: by command over RabbitMQ, by schedule, and from the command line, against snmpd and snmpsim.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    agent::{Setup, rackpoll},
    bus::Bus,
    cli::{REFUSED, UNREACHABLE, USAGE, json_of, output},
    peers::{
        fixture, free_udp_address, rabbitmq,
        snmp::{SnmpAgent, start_snmpd, start_snmpd_with_user, start_snmpsim},
    },
    secrets::random_secret,
};

/// How long one poll on this machine may take, other tests running.
const POLL: Duration = Duration::from_secs(30);

const SYSTEM: &str = ".1.3.6.1.2.1.1";
const INTERFACES: &str = "1.3.6.1.2.1.2.2";
const SYS_NAME: &str = "1.3.6.1.2.1.1.5.0";
const NOTHING: &str = ".1.3.6.1.3.9999";

/// Some key of 32 bytes.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn graph() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn simulated_switch() -> SnmpAgent {
    start_snmpsim(&[(&random_secret(), &fixture("snmp/switch.snmprec"))])
}

fn command(agent: &SnmpAgent, work_item: &str, oids: &[&str]) -> Value {
    json!({
        "host": agent.host(), "community": agent.community(), "node": "n1", "workItemId": work_item,
        "pollInterval": 60_000, "config": { "oids": oids, "alerts": [] },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn oids_by_command_give_what_net_snmp_prints() {
    let vhost = rabbitmq::shared();
    let switch = simulated_switch();
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = graph();
    let mut results = bus.listen("on.task", &format!("snmp.command.result.{graph}")).await;
    let mut failures = bus.listen("on.task", &format!("snmp.command.failed.{graph}")).await;

    let sent = command(&switch, "w1", &[SYSTEM, INTERFACES, SYS_NAME, NOTHING]);
    bus.command(&format!("run.snmp.command.{graph}"), &sent).await;
    let result = results.next(POLL).await;
    let value = result.value();
    for key in ["host", "node", "workItemId", "pollInterval", "config"] {
        assert_eq!(value[key], sent[key], "{key} comes back as it was sent");
    }
    assert_eq!(value.get("community"), None, "there is no key to encrypt it with");
    assert_eq!(value["_poll"]["attempts"], json!(1));

    let walks = value["result"].as_array().expect("a list");
    let sources: Vec<&Value> = walks.iter().map(|walk| &walk["source"]).collect();
    assert_eq!(sources, [SYSTEM, INTERFACES, SYS_NAME, NOTHING], "as asked, in that order");
    for (walk, oid) in walks.iter().zip([SYSTEM, INTERFACES]) {
        let theirs = switch.walked(switch.community(), oid);
        assert!(theirs.len() >= 7, "nothing to compare with: {theirs:?}");
        assert_eq!(walk["values"], Value::Object(theirs));
        assert_eq!(walk.get("error"), None);
    }
    assert_eq!(walks[2], json!({ "source": SYS_NAME, "values": { ".1.3.6.1.2.1.1.5.0": "sw-test-1" } }));
    assert_eq!(walks[3]["values"], json!({}));
    assert_eq!(walks[3]["error"]["name"], json!("NoSuchObjectError"), "{}", walks[3]);

    let cache = bus.poller_cache("w1", true).await;
    assert_eq!(cache.value()[0]["result"], value["result"]);
    assert_eq!(failures.try_next(Duration::from_millis(10)).await, None);
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[switch.community(), &vhost.password], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_polls_and_its_community_goes_out_encrypted() {
    let vhost = rabbitmq::shared();
    let snmpd = start_snmpd(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let mut setup = Setup::amqp(&vhost);
    let key = setup.secret("key", KEY);
    let setup = setup
        .with(&format!("[encryption]\nkey = {key}\n"))
        .with_community("c", snmpd.community())
        .with_device("server", &snmpd.host(), "c")
        .with_poller("system", "server", &format!("snmp = {{ oids = [\"{SYS_NAME}\"] }}"), "1s");
    let mut results = bus.listen("on.task", "snmp.command.result.#").await;
    let agent = setup.start_on(&bus).await;
    for sequence in 1..=2 {
        let result = results.next(POLL).await;
        let value = result.value();
        assert_eq!(value["workItemId"], json!("system"));
        assert_eq!(value["node"], json!("node-server"));
        assert_eq!(value["pollInterval"], json!(1_000));
        assert_eq!(value["_poll"]["sequence"], json!(sequence));
        assert_eq!(value["result"][0]["values"], json!({ ".1.3.6.1.2.1.1.5.0": "snmpd-under-test" }));
        let community = value["community"].as_str().expect("an encrypted community");
        assert!(community.contains('.') && !community.contains(snmpd.community()), "{community}");
    }
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[snmpd.community(), KEY], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_identical_commands_are_one_poll_and_another_community_is_another() {
    let vhost = rabbitmq::shared();
    // An agent that answers late, so that the commands meet while the first is under way.
    let slow = start_snmpsim(&[(&random_secret(), &fixture("snmp/slow.snmprec"))]);
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = graph();
    let mut results = bus.listen("on.task", "snmp.command.result.#").await;
    let mut failures = bus.listen("on.task", "snmp.command.failed.#").await;
    let key = format!("run.snmp.command.{graph}");

    let wrong = random_secret();
    let mut stranger = command(&slow, "stranger", &[SYS_NAME]);
    stranger["community"] = json!(wrong);
    let asked = Instant::now();
    bus.command(&key, &command(&slow, "first", &[SYS_NAME])).await;
    bus.command(&key, &command(&slow, "second", &[SYS_NAME])).await;
    bus.command(&key, &command(&slow, "other-oid", &[SYSTEM])).await;
    bus.command(&key, &stranger).await;

    let (one, two, three) = (results.next(POLL).await, results.next(POLL).await, results.next(POLL).await);
    assert!(asked.elapsed() > Duration::from_millis(600), "it did not answer late");
    let times = |of: &str| {
        let result =
            [&one, &two, &three].into_iter().find(|result| result.value()["workItemId"] == json!(of));
        let poll = &result.unwrap_or_else(|| panic!("no result for {of}")).value()["_poll"];
        (poll["startedAt"].clone(), poll["finishedAt"].clone())
    };
    assert_eq!(times("first"), times("second"), "one poll");
    assert_ne!(times("first"), times("other-oid"), "another poll");

    let failure = failures.next(POLL).await;
    assert_eq!(failure.value()["workItemId"], json!("stranger"));
    assert_eq!(failure.value()["error"]["name"], json!("TimeoutError"), "{failure:?}");
    assert_eq!(failure.value().get("result"), None, "somebody else's data: {failure:?}");
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[slow.community(), &wrong], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_names_a_user_of_snmpv3_and_a_wrong_password_is_said_as_such() {
    let vhost = rabbitmq::shared();
    let (auth, privacy, wrong) = (random_secret(), random_secret(), random_secret());
    let community = random_secret();
    let snmpd = start_snmpd_with_user(&community, "monitor", &auth, &privacy);
    let bus = Bus::connect(&vhost).await;
    let mut setup = Setup::amqp(&vhost);
    for (name, auth) in [("right", &auth), ("wrong", &wrong)] {
        let auth = setup.secret(&format!("auth-{name}"), auth);
        let privacy = setup.secret(&format!("priv-{name}"), &privacy);
        setup = setup.with(&format!(
            "[[credential]]\nname = \"{name}\"\nnetworks = [\"127.0.0.0/8\"]\nv3-user = \"monitor\"\n\
             v3-auth-proto = \"SHA-256\"\nv3-auth-password = {auth}\nv3-priv-proto = \"AES\"\nv3-priv-password = {privacy}\n"
        ));
    }
    let agent = setup.start_on(&bus).await;
    let graph = graph();
    let mut results = bus.listen("on.task", &format!("snmp.command.result.{graph}")).await;
    let mut failures = bus.listen("on.task", &format!("snmp.command.failed.{graph}")).await;
    for name in ["right", "wrong"] {
        let command = json!({
            "host": snmpd.host(), "credential": name, "node": "n1", "workItemId": name,
            "config": { "oids": [SYS_NAME] },
        });
        bus.command(&format!("run.snmp.command.{graph}"), &command).await;
    }
    let result = results.next(POLL).await;
    assert_eq!(result.value()["workItemId"], json!("right"));
    assert_eq!(result.value()["result"][0]["values"], json!({ ".1.3.6.1.2.1.1.5.0": "snmpd-under-test" }));
    let failure = failures.next(POLL).await;
    let error = &failure.value()["error"];
    assert_eq!(failure.value()["workItemId"], json!("wrong"));
    assert_eq!(
        (&error["name"], &error["blame"]),
        (&json!("WrongPasswordError"), &json!("credentials")),
        "{error}"
    );
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[&auth, &privacy, &wrong, &community], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_oid_is_refused_with_its_place() {
    let vhost = rabbitmq::shared();
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = graph();
    let mut failures = bus.listen("on.task", &format!("snmp.command.failed.{graph}")).await;
    for (oid, name) in [
        ("1.3..6", "MalformedCommandError"),
        ("4.3.6", "MalformedCommandError"),
        ("1.3.4294967296", "MalformedCommandError"),
        ("", "MalformedCommandError"),
    ] {
        let command = json!({
            "host": "127.0.0.1:9", "community": "c", "node": "n1", "workItemId": "w",
            "config": { "oids": [SYSTEM, oid] },
        });
        bus.command(&format!("run.snmp.command.{graph}"), &command).await;
        let failure = failures.next(POLL).await;
        let error = &failure.value()["error"];
        assert_eq!(error["name"], json!(name), "{oid}: {error}");
        assert_eq!(error["blame"], json!("request"));
        assert!(error["message"].as_str().is_some_and(|text| text.contains("`config.oids[1]`")), "{error}");
    }
    agent.terminate(Duration::from_secs(5));
}

fn poll_snmp(host: &str, community: &str, arguments: &[&str]) -> std::process::Output {
    let mut command = rackpoll();
    command
        .args(["poll", "snmp", "--host", host, "--community-env", "COMMUNITY"])
        .args(arguments)
        .env("COMMUNITY", community);
    output(&mut command, &[community])
}

#[test]
fn poll_snmp_prints_the_result_and_nothing_else() {
    let switch = simulated_switch();
    let (host, community) = (switch.host(), switch.community());
    let json = poll_snmp(&host, community, &["--oid", SYSTEM, "--oid", NOTHING, "--output", "json"]);
    assert!(json.stderr.is_empty(), "{json:?}");
    let value = json_of(&json);
    assert_eq!(value["host"], json!(host));
    assert_eq!(value["result"][0]["values"], Value::Object(switch.walked(community, SYSTEM)));
    assert_eq!(value["result"][1]["error"]["name"], json!("NoSuchObjectError"));
    let table = poll_snmp(&host, community, &["--oid", SYS_NAME]);
    let printed = String::from_utf8_lossy(&table.stdout);
    assert!(table.status.success() && printed.contains(".1.3.6.1.2.1.1.5.0  sw-test-1"), "{printed}");
}

#[test]
fn poll_snmp_gets_variables_first_rows_and_columns() {
    let switch = simulated_switch();
    let (host, community) = (switch.host(), switch.community());
    let result = |arguments: &[&str]| {
        let value = json_of(&poll_snmp(&host, community, &[arguments, &["--output", "json"]].concat()));
        value["result"].clone()
    };
    let got = result(&["--get", SYS_NAME, "--get", SYSTEM]);
    assert_eq!(got[0]["values"], json!({ ".1.3.6.1.2.1.1.5.0": "sw-test-1" }));
    assert_eq!(got[1]["error"]["name"], json!("NoSuchObjectError"));
    let first = result(&["--bulk", INTERFACES, "--rows", "2"]);
    assert_eq!(first[0]["values"], json!({ ".1.3.6.1.2.1.2.2.1.1.1": "1", ".1.3.6.1.2.1.2.2.1.1.2": "2" }));
    let columns = result(&["--table", INTERFACES, "--column", "2", "--column", "8"]);
    let mut theirs = switch.walked(community, "1.3.6.1.2.1.2.2.1.2");
    theirs.extend(switch.walked(community, "1.3.6.1.2.1.2.2.1.8"));
    assert_eq!(columns, json!([{ "source": INTERFACES, "values": theirs }]));
}

#[test]
fn poll_snmp_as_a_user_of_snmpv3() {
    let (auth, privacy, wrong) = (random_secret(), random_secret(), random_secret());
    let snmpd = start_snmpd_with_user(&random_secret(), "monitor", &auth, &privacy);
    let poll = |auth: &str, privacy: &str| {
        let mut command = rackpoll();
        command
            .args(["poll", "snmp", "--host", &snmpd.host(), "--oid", SYS_NAME, "--output", "json"])
            .args(["--v3-user", "monitor", "--v3-auth-proto", "SHA-256", "--v3-auth-env", "AUTH"])
            .args(["--v3-priv-proto", "AES", "--v3-priv-env", "PRIV"])
            .envs([("AUTH", auth), ("PRIV", privacy)]);
        output(&mut command, &[auth, privacy])
    };
    let value = json_of(&poll(&auth, &privacy));
    assert_eq!(value["result"][0]["values"], json!({ ".1.3.6.1.2.1.1.5.0": "snmpd-under-test" }));
    for (auth, privacy, words) in
        [(&wrong, &privacy, "authentication password"), (&auth, &wrong, "privacy password")]
    {
        let failed = poll(auth, privacy);
        let said = String::from_utf8_lossy(&failed.stderr);
        assert_eq!(failed.status.code(), Some(REFUSED), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn poll_snmp_says_why_there_is_no_answer() {
    let switch = simulated_switch();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let silent_host = silent.local_addr().expect("its address").to_string();
    let closed_host = free_udp_address(16_161).to_string();
    let community = random_secret();
    for (host, arguments, status, words) in [
        (switch.host(), ["--oid", SYSTEM, "--timeout", "2s"], UNREACHABLE, "no answer"),
        (silent_host, ["--oid", SYSTEM, "--timeout", "2s"], UNREACHABLE, "no answer"),
        (closed_host, ["--oid", SYSTEM, "--timeout", "9s"], UNREACHABLE, "nobody listens on UDP port 16161"),
        (switch.host(), ["--oid", "1.3.x.6", "--timeout", "2s"], USAGE, "1.3.x.6"),
        (switch.host(), ["--oid", "1.3..6", "--timeout", "2s"], USAGE, "1.3..6"),
    ] {
        let begun = Instant::now();
        let failed = poll_snmp(&host, &community, &arguments);
        let said = String::from_utf8_lossy(&failed.stderr);
        assert_eq!(failed.status.code(), Some(status), "{said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{said}");
        assert!(failed.stdout.is_empty(), "{failed:?}");
        assert!(begun.elapsed() < Duration::from_secs(6), "{words}: {:?}", begun.elapsed());
    }
}
