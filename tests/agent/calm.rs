//! Calm through the whole agent: conditions that have to last, coming and going, maintenance, and nodes that vanish together.

use std::{
    net::Ipv4Addr,
    time::{Duration, SystemTime},
};

use rackpoll_simulator::{
    bmc::Behaviour,
    rack::{Rack, RackConfig},
};
use serde_json::{Value, json};

use crate::{
    agent::{Setup, rackpoll},
    alerts::{SOON, recording},
    bus::Bus,
    peers::{
        process::Folder,
        rabbitmq,
        snmp::{self, SnmpAgent},
    },
    secrets::random_secret,
};

/// A number that tests set.
const OID: &str = ".1.3.6.1.2.1.1.7.0";

struct Knob {
    device: SnmpAgent,
    community: String,
}

impl Knob {
    fn start() -> Self {
        let folder = Folder::new("recording");
        let community = random_secret();
        let lines = "1.3.6.1.2.1.1.7.0|2:writecache|value=0\n";
        let device = snmp::start_snmpsim(&[(&community, &recording(&folder, lines))]);
        Self { device, community }
    }

    fn set(&self, value: &str) {
        self.device.client("snmpset", &self.community, &[OID, "i", value]).expect("snmpset");
    }

    fn setup(&self, vhost: &rabbitmq::Vhost, rule: &str, more: &str) -> Setup {
        Setup::amqp(vhost)
            .with_community("net", &self.community)
            .with_device("s1", &self.device.host(), "net")
            .with(&format!(
                "[[poller]]\nid = \"walk\"\ndevices = [\"s1\"]\nevery = \"500ms\"\n\
                 snmp = {{ oids = [\".1.3.6.1.2.1.1.7\"] }}\nalerts = [{{ \"{OID}\" = {rule} }}]\n{more}\n"
            ))
    }
}

fn stage(event: &Value) -> (&str, Option<&str>) {
    (event["episode"]["state"].as_str().expect("a stage"), event["data"]["value"].as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_is_told_at_the_poll_that_makes_it_last_long_enough() {
    let vhost = rabbitmq::shared();
    let knob = Knob::start();
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.snmp.updated.#").await;
    let mut results = bus.listen("on.task", "snmp.command.result.#").await;
    let setup = knob.setup(
        &vhost,
        "{ greaterThan = 50, for = 3 }",
        "calm = { tell-cleared-values = true, clear-for = 2 }",
    );
    let agent = setup.start_on(&bus).await;
    results.next(SOON).await;
    knob.set("70");
    let open = events.next(SOON).await;
    assert_eq!(stage(&open.body), ("open", Some("70")));
    knob.set("10");
    let clear = events.next(SOON).await;
    assert_eq!(stage(&clear.body), ("clear", Some("10")));
    assert_eq!(clear.body["episode"]["id"], open.body["episode"]["id"]);
    // The number of the first result that has a value; the id of an episode ends in that of the poll that opened it.
    agent.terminate(Duration::from_secs(5));
    let polls = results.rest(Duration::from_millis(500)).await;
    let polls: Vec<(u64, String)> = polls
        .iter()
        .map(|result| {
            let value = result.value();
            let text = value["result"][0]["values"][OID].as_str().expect("a text").to_owned();
            (value["_poll"]["sequence"].as_u64().expect("a number"), text)
        })
        .collect();
    let first = |text: &str| polls.iter().find(|(_, value)| value == text).map(|(number, _)| *number);
    let opened =
        open.body["episode"]["id"].as_str().and_then(|id| id.rsplit(':').next()?.parse::<u64>().ok());
    assert_eq!(opened, first("70").map(|number| number + 2), "{polls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_and_goes_too_often_is_told_once_more_as_flapping() {
    let vhost = rabbitmq::shared();
    let knob = Knob::start();
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.snmp.updated.#").await;
    let mut results = bus.listen("on.task", "snmp.command.result.#").await;
    let calm = "calm = { tell-cleared-values = true, flap = { changes = 2, within = \"20s\" } }";
    let agent = knob.setup(&vhost, "{ greaterThan = 50 }", calm).start_on(&bus).await;
    for _ in 0..2 {
        knob.set("70");
        let open = events.next(SOON).await;
        assert_eq!((stage(&open.body).0, open.body["episode"].get("flapping")), ("open", None));
        knob.set("10");
        assert_eq!(stage(&events.next(SOON).await.body).0, "clear");
    }
    knob.set("70");
    let flapping = events.next(SOON).await;
    assert_eq!((stage(&flapping.body).0, &flapping.body["episode"]["flapping"]), ("open", &json!(true)));
    for value in ["10", "71", "10"] {
        knob.set(value);
        results.rest(Duration::from_millis(1)).await;
        let mut seen = false;
        while !seen {
            seen = results.next(SOON).await.value()["result"][0]["values"][OID] == value;
        }
    }
    // The last of them is told, after it has been gone for as long as was asked.
    let quiet = std::time::Instant::now();
    let clear = events.next(SOON).await;
    assert!(quiet.elapsed() > Duration::from_secs(15), "{:?}", quiet.elapsed());
    assert_eq!(stage(&clear.body).0, "clear");
    assert_eq!(clear.body["episode"]["id"], flapping.body["episode"]["id"]);
    agent.terminate(Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_is_silent_and_tells_afterwards_what_lasts() {
    let vhost = rabbitmq::shared();
    let knob = Knob::start();
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.snmp.updated.#").await;
    let mut results = bus.listen("on.task", "snmp.command.result.#").await;
    // Whole seconds: the configuration's.
    let at = |seconds: u64| {
        let time = chrono::DateTime::<chrono::Utc>::from(SystemTime::now() + Duration::from_secs(seconds));
        time.format("%Y-%m-%dT%H:%M:%S").to_string()
    };
    let until = at(15);
    let window = format!("[[maintenance]]\ndevices = [\"s1\"]\nfrom = {}Z\nuntil = {until}Z\n", at(0));
    let agent = knob.setup(&vhost, "{ greaterThan = 50 }", &window).start_on(&bus).await;
    knob.set("70");
    let mut in_window = 0;
    loop {
        let result = results.next(SOON).await;
        let value = result.value();
        if value["_poll"]["finishedAt"].as_str().expect("a time") >= until.as_str() {
            break;
        }
        in_window += u32::from(value["result"][0]["values"][OID] == "70");
    }
    assert!(in_window >= 2, "no poll of the window saw it");
    let event = events.next(SOON).await;
    assert_eq!(stage(&event.body), ("open", Some("70")));
    assert!(event.body["createdAt"].as_str().expect("a time") >= until.as_str(), "{until}: {:?}", event.body);
    agent.terminate(Duration::from_secs(5));
}

/// BMCs of this process, some of which are made silent.
async fn rack() -> Rack {
    let process = std::process::id();
    let base = Ipv4Addr::from(0x7f20_0000 | ((process & 0xfff) << 8));
    let config = RackConfig { bmcs: 5, agents: 0, base, bmc_port: 0, ..RackConfig::default() };
    Rack::start(config).await.expect("a rack")
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_vanish_together_are_told_as_one() {
    let vhost = rabbitmq::shared();
    let rack = rack().await;
    let bus = Bus::connect(&vhost).await;
    let mut nodes = bus.listen("on.events", "node.#").await;
    let mut segments = bus.listen("on.events", "segment.#").await;
    let mut setup = Setup::amqp(&vhost)
        .with_ipmi_credential("bmc", "admin", "simulated")
        .with("[reachability]\nsegments = [\"tag:rack\"]\nhold = \"4s\"\nshare = 60\nleast = 3\n")
        .with("[[poller]]\nid = \"p\"\ndevices = [\"tag:rack\"]\nipmi = \"power\"\nevery = \"1s\"\ntimeout = \"1s\"\n");
    let addresses: Vec<String> = rack.devices().iter().map(|device| device.address.to_string()).collect();
    for (number, address) in addresses.iter().enumerate() {
        setup = setup.with(&format!(
            "[[device]]\nname = \"b{number}\"\nhost = \"{address}\"\ncredential = \"bmc\"\nnode = \"n{number}\"\ntags = [\"rack\"]\n"
        ));
    }
    let silence = |which: std::ops::Range<usize>, behaviour: Behaviour| {
        for bmc in rack.bmcs().skip(which.start).take(which.len()) {
            bmc.set_behaviour(behaviour);
        }
    };
    let agent = setup.start_on(&bus).await;
    let mut up = Vec::new();
    for _ in 0..addresses.len() {
        up.push(nodes.next(SOON).await.routing_key);
    }
    up.sort_unstable();
    let all: Vec<String> =
        (0..5).map(|number| format!("node.accessible.information.n{number}.n{number}")).collect();
    assert_eq!(up, all);

    // One alone is no segment: held back, and told by its name.
    silence(0..1, Behaviour::Silent);
    assert_eq!(nodes.next(SOON).await.routing_key, "node.inaccessible.information.n0.n0");
    silence(0..1, Behaviour::Normal);
    assert_eq!(nodes.next(SOON).await.routing_key, "node.accessible.information.n0.n0");

    // Four of five, together: one event that names them, and no event of a node.
    silence(1..5, Behaviour::Silent);
    let gone = segments.next(SOON).await;
    assert_eq!(gone.routing_key, "segment.inaccessible.critical.rack");
    let mut named = gone.body["data"]["nodes"].as_array().map(Vec::len).unwrap_or_default();
    while named < 4 {
        // A straggler joins the episode.
        let more = segments.next(SOON).await;
        assert_eq!(more.body["episode"]["id"], gone.body["episode"]["id"]);
        named = more.body["data"]["nodes"].as_array().map(Vec::len).unwrap_or_default();
    }
    assert_eq!(gone.body["data"]["of"], 5);
    assert_eq!(nodes.try_next(Duration::from_secs(6)).await, None, "a single node was told");

    // Back again.
    silence(1..5, Behaviour::Normal);
    let back = segments.next(SOON).await;
    assert_eq!(back.routing_key, "segment.accessible.information.rack");
    assert_eq!(back.body["episode"]["id"], gone.body["episode"]["id"]);
    agent.terminate(Duration::from_secs(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_tested_on_what_the_state_file_remembers() {
    let vhost = rabbitmq::shared();
    let knob = Knob::start();
    let bus = Bus::connect(&vhost).await;
    let mut results = bus.listen("on.task", "snmp.command.result.#").await;
    let mut events = bus.listen("on.events", "polleralert.snmp.updated.#").await;
    knob.set("70");
    let setup = knob.setup(&vhost, "{ greaterThan = 80 }", "");
    let agent = setup.start_on(&bus).await;
    for _ in 0..3 {
        results.next(SOON).await;
    }
    agent.terminate(Duration::from_secs(5));
    let polls = 3 + results.rest(Duration::from_millis(500)).await.len();
    assert_eq!(events.try_next(Duration::from_millis(100)).await, None, "70 is not greater than 80");
    let state = setup.configuration().parent().expect("a folder").join("state");

    let test = |setup: &Setup, more: &[&str]| {
        let mut command = rackpoll();
        command
            .args(["rules", "test", "--config"])
            .arg(setup.configuration())
            .arg("--state")
            .arg(&state)
            .args(more);
        let output = command.output().expect("the program runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), said)
    };
    assert_eq!(test(&setup, &[]), (Some(0), format!("0 alerts from {polls} results\n")));
    // What another rule would have told of the same results: the first, since the value does not change.
    let other = knob.setup(&vhost, "{ greaterThan = 50, severity = \"critical\" }", "");
    let (code, said) = test(&other, &[]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((code, lines.len()), (Some(0), 2), "{said}");
    assert!(lines[0].contains("  walk  snmp.updated  critical  open  "), "{said}");
    assert!(lines[0].contains(OID) && lines[0].contains("70"), "{said}");
    assert_eq!(lines[1], format!("1 alerts from {polls} results"));
    assert_eq!(test(&other, &["--poller", "another"]), (Some(0), "0 alerts from 0 results\n".to_owned()));
}
