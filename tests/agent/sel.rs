//! The SEL through the whole agent: who follows it misses nothing and hears nothing twice, whatever happens to the log and
//! to the agent; and the reports of parts and controller beside ipmitool's.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};

use crate::{
    agent::{Setup, rackpoll},
    bus::{Bus, Listener},
    peers::{
        ipmi::{IpmiSim, Model},
        rabbitmq,
    },
    secrets::random_secret,
};

/// How long one poll on this machine may take, other tests running.
const POLL: Duration = Duration::from_secs(30);
/// ipmi_sim's console: a record of a fan.
const FAN_ENTRY: &str = "sel_add 0x20 0x02 0x40 0x9b 0x04 0x6b 0x20 0x00 0x04 0x04 0x11 0x01 0x52 0x06 0x08";

/// A client that follows a SEL: it sends commands, and drops the doubles that a killed agent may leave.
struct Follower<'a> {
    bus: &'a Bus,
    sim: &'a IpmiSim,
    graph: String,
    results: Listener,
    heard: HashSet<(String, u64)>,
}

impl Follower<'_> {
    /// Polls once for this work item, and checks that these are the new record ids, no more and no fewer.
    async fn hears(&mut self, work_item: &str, ids: &[String]) {
        let command = json!({
            "host": self.sim.host(), "user": "admin", "password": self.sim.password(), "workItemId": work_item,
            "node": "n1",
        });
        self.bus.command(&format!("ipmi.command.selEntries.{}", self.graph), &command).await;
        let mut told = Vec::new();
        loop {
            let result = self.results.next(POLL).await;
            let value = result.value();
            assert_eq!(value["workItemId"], work_item);
            let sequence = value["_poll"]["sequence"].as_u64().expect("a number");
            if !self.heard.insert((work_item.to_owned(), sequence)) {
                continue;
            }
            let entries = value["selEntries"].as_array().expect("a list");
            told.extend(
                entries.iter().map(|entry| entry["SEL Record ID"].as_str().expect("an id").to_owned()),
            );
            // A command that a killed agent had not acknowledged is polled once more, and has the news then.
            if told.len() >= ids.len() {
                break;
            }
        }
        assert_eq!(told, ids, "{work_item}");
    }
}

fn numbered(ids: std::ops::RangeInclusive<usize>) -> Vec<String> {
    ids.map(|id| format!("{id:04x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sel_cleared_between_polls_is_told_and_followed_on() {
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = uuid::Uuid::new_v4().to_string();
    let results = bus.listen("on.task", &format!("ipmi.command.selEntries.result.{graph}")).await;
    let mut cleared = bus.listen("on.events", "polleralert.sel.cleared.#").await;
    let mut rolled = bus.listen("on.events", "polleralert.sel.rolled.#").await;
    let mut follower = Follower { bus: &bus, sim: &sim, graph, results, heard: HashSet::new() };
    let first = sim.ipmitool(&["sel", "list"]).expect("ipmitool's").lines().count();
    assert!(first > 1, "the fixture has entries");

    follower.hears("w1", &numbered(1..=first)).await;
    follower.hears("w1", &[]).await;
    // Another poller of the same BMC is where it is.
    follower.hears("w2", &numbered(1..=first)).await;
    sim.console(FAN_ENTRY);
    follower.hears("w1", &numbered(first + 1..=first + 1)).await;

    // Cleared, and written again before the next poll. ipmi_sim goes on with its record ids.
    sim.ipmitool(&["sel", "clear"]).expect("an administrator may");
    sim.console(FAN_ENTRY);
    sim.console(FAN_ENTRY);
    follower.hears("w1", &numbered(first + 2..=first + 3)).await;
    let alert = cleared.next(POLL).await;
    assert_eq!(alert.routing_key, "polleralert.sel.cleared.information.w1.n1");
    assert_eq!(alert.body["data"]["host"], json!(sim.host()));
    assert_eq!(alert.body["data"]["lastLogId"], json!(format!("{:x}", first + 1)));
    assert_eq!(alert.body["data"]["entries"], 2);

    agent.kill9();
    sim.console(FAN_ENTRY);
    let agent = setup.start_on(&bus).await;
    follower.hears("w1", &numbered(first + 4..=first + 4)).await;
    // Killed, and the log cleared once more while nobody looks.
    agent.kill9();
    cleared.rest(Duration::from_millis(300)).await;
    // The erase stamp counts whole seconds: another one than that of the first clear.
    tokio::time::sleep(Duration::from_secs(1)).await;
    sim.ipmitool(&["sel", "clear"]).expect("an administrator may");
    for _ in 0..3 {
        sim.console(FAN_ENTRY);
    }
    let agent = setup.start_on(&bus).await;
    follower.hears("w1", &numbered(first + 5..=first + 7)).await;
    let again = cleared.next(POLL).await;
    assert_ne!(again.body["episode"]["id"], alert.body["episode"]["id"]);
    follower.hears("w1", &[]).await;
    for event in cleared.rest(Duration::from_millis(300)).await {
        assert_eq!(event.body["episode"]["id"], again.body["episode"]["id"], "a third clear");
    }
    assert_eq!(rolled.try_next(Duration::from_millis(100)).await, None);
    agent.terminate(Duration::from_secs(5));
}

fn poll(sim: &IpmiSim, command: &str) -> Result<Value, String> {
    let output = rackpoll()
        .args(["poll", "ipmi", command, "--host", &sim.host(), "--user", "admin", "--output", "json"])
        .args(["--password-env", "SEL_TEST_PASSWORD", "--timeout", "30s"])
        .env("SEL_TEST_PASSWORD", sim.password())
        .output()
        .expect("the program runs");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
    Ok(value[command].clone())
}

#[test]
fn the_controllers_account_of_itself_is_ipmitools() {
    let sim = Model::own().start(&random_secret());
    let controller = poll(&sim, "mc").expect("a controller");
    let info = sim.ipmitool(&["mc", "info"]).expect("ipmitool's");
    let said = |label: &str| {
        let line = info.lines().find(|line| line.starts_with(label)).expect(label);
        line.split_once(':').expect("a label").1.trim().to_owned()
    };
    for (key, label) in [
        ("deviceId", "Device ID"),
        ("deviceRevision", "Device Revision"),
        ("firmwareRevision", "Firmware Revision"),
        ("ipmiVersion", "IPMI Version"),
        ("manufacturerId", "Manufacturer ID"),
        ("productId", "Product ID"),
        ("deviceAvailable", "Device Available"),
        ("providesDeviceSdrs", "Provides Device SDRs"),
    ] {
        assert_eq!(controller[key], said(label), "{label}");
    }
    let support: Vec<&str> = info
        .lines()
        .skip_while(|line| !line.starts_with("Additional Device Support"))
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .map(str::trim)
        .collect();
    assert_eq!(controller["additionalDeviceSupport"], json!(support));
    // Left to itself, ipmitool guesses an order of the bytes; this is the specification's.
    let guid = sim.ipmitool(&["mc", "guid", "ipmi"]).expect("ipmitool's");
    assert!(guid.contains(controller["systemGuid"].as_str().expect("a GUID")), "{controller} {guid}");
}

#[test]
fn a_bmc_without_dcmi_says_so() {
    let sim = Model::own().start(&random_secret());
    let refused = poll(&sim, "dcmi").expect_err("ipmi_sim has none");
    assert!(refused.contains("Get Power Reading"), "{refused}");
}
