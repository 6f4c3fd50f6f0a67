//! Alerts through the whole agent: sensors set at ipmi_sim's console, SEL entries added there, SNMP values and outlets
//! set at snmpsim, power switched, a BMC that goes.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    agent::{GRAPH, Setup},
    bus::{Bus, Listener, Received},
    peers::{
        ipmi::{IpmiSim, Model},
        process::Folder,
        rabbitmq, snmp,
    },
    secrets::random_secret,
};

/// How long anything may take on this machine, other tests running.
pub const SOON: Duration = Duration::from_secs(60);

/// Raw values of `Inlet Temp` of the fixture: 23 degrees, and 40, which is above its upper non-critical threshold.
const COOL: &str = "sensor_set_value 0x20 0 1 0x97 0";
const WARM: &str = "sensor_set_value 0x20 0 1 0xa8 0";
/// Bit 1 of `PSU 1 Status`: its failure.
const FAILED: &str = "sensor_set_bit 0x20 0 0x30 1 1 0";
const REPAIRED: &str = "sensor_set_bit 0x20 0 0x30 1 0 0";
/// A fan's lower critical threshold, crossed.
pub const FAN_ENTRY: &str =
    "sel_add 0x20 0x02 0x40 0x9b 0x04 0x6b 0x20 0x00 0x04 0x04 0x11 0x01 0x52 0x06 0x08";
/// A drive's fault.
pub const DRIVE_ENTRY: &str =
    "sel_add 0x20 0x02 0x50 0xa9 0x04 0x6b 0x20 0x00 0x04 0x0d 0x41 0x6f 0x01 0xff 0xff";

/// A gateway with one PDU (Sinetica HAWK-I2): its name, and two outlets with their names, both on.
const PDU: &str = "1.3.6.1.4.1.3711.24.1.1.7.1.2.1.2.1|2|1\n\
    1.3.6.1.4.1.3711.24.1.1.7.1.2.1.3.1|4|left\n\
    1.3.6.1.4.1.3711.24.1.1.7.2.3.1.4.1.1|4|one\n\
    1.3.6.1.4.1.3711.24.1.1.7.2.3.1.4.1.2|4|two\n\
    1.3.6.1.4.1.3711.24.1.1.7.2.3.1.5.1.1|2|1\n\
    1.3.6.1.4.1.3711.24.1.1.7.2.3.1.5.1.2|2:writecache|value=1\n";
/// Whether the second outlet is on.
const OUTLET: &str = ".1.3.6.1.4.1.3711.24.1.1.7.2.3.1.5.1.2";

/// The next event of which `is` is true.
async fn next(listener: &mut Listener, what: &str, is: impl Fn(&Value) -> bool) -> Received {
    let start = Instant::now();
    while start.elapsed() < SOON {
        if let Some(event) = listener.try_next(Duration::from_secs(1)).await
            && is(&event.body)
        {
            return event;
        }
    }
    panic!("no event: {what}");
}

fn of_sensor(event: &Value, sensor: &str, state: &str) -> bool {
    let reading = &event["data"]["reading"];
    reading["sensorId"].as_str().is_some_and(|id| id.starts_with(sensor))
        && event["episode"]["state"] == state
}

fn setup(vhost: &rabbitmq::Vhost, sim: &IpmiSim, poller: &str) -> Setup {
    Setup::amqp(vhost)
        .with_ipmi_credential("bmc", "viewer", sim.password())
        .with_device("b1", &sim.host(), "bmc")
        .with(&format!("[[poller]]\nid = \"p\"\ndevices = [\"b1\"]\nevery = \"1s\"\n{poller}\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn sensors_are_told_when_they_leave_their_thresholds_and_when_they_come_back() {
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.sdr.updated.#").await;
    let mut alerts = bus.listen("on.task", &format!("poller.alert.{GRAPH}")).await;
    let agent = setup(&vhost, &sim, "ipmi = \"sdr\"").start_on(&bus).await;

    // Fan 2 stands still from the start, and is told at every poll, as RackHD does.
    let open = next(&mut events, "Fan 2 opens", |event| of_sensor(event, "Fan 2", "open")).await;
    assert_eq!(open.routing_key, "polleralert.sdr.updated.information.p.node-b1");
    assert_eq!(open.kind.as_deref(), Some("Object"));
    assert_eq!(open.body["data"]["inCondition"], true);
    assert_eq!(open.body["data"]["reading"]["status"], "Lower Critical");
    assert_eq!(
        (&open.body["data"]["host"], &open.body["data"]["user"]),
        (&json!(sim.host()), &json!("viewer"))
    );
    assert_eq!((&open.body["typeId"], &open.body["nodeId"]), (&json!("p"), &json!("node-b1")));
    let alert = next(&mut alerts, "the same alert", |event| event["value"] == open.body).await;
    assert_eq!(alert.kind.as_deref(), Some("Result"));
    let again = next(&mut events, "Fan 2 repeats", |event| of_sensor(event, "Fan 2", "repeat")).await;
    assert_eq!(again.body["episode"]["id"], open.body["episode"]["id"]);

    sim.console(WARM);
    let warm = next(&mut events, "Inlet opens", |event| of_sensor(event, "Inlet Temp", "open")).await;
    assert_eq!(warm.body["data"]["reading"]["status"], "Upper Non-Critical");
    assert_eq!(warm.body["data"]["reading"]["sensorReading"], "40");
    sim.console(COOL);
    let cool = next(&mut events, "Inlet clears", |event| of_sensor(event, "Inlet Temp", "clear")).await;
    assert_eq!(cool.body["data"]["inCondition"], false);
    assert_eq!(cool.body["data"]["reading"]["status"], "ok");
    assert_eq!(cool.body["episode"]["id"], warm.body["episode"]["id"]);

    let is_failure = |event: &Value, state: &str| {
        of_sensor(event, "PSU 1", state) && event["data"]["reading"]["stateAsserted"] == "Failure detected"
    };
    sim.console(FAILED);
    let failed = next(&mut events, "PSU 1 fails", |event| is_failure(event, "open")).await;
    assert_eq!(failed.body["data"]["inCondition"], true);
    sim.console(REPAIRED);
    let repaired = next(&mut events, "PSU 1 is repaired", |event| is_failure(event, "clear")).await;
    assert_eq!(repaired.body["data"]["inCondition"], false);
    assert_eq!(repaired.body["episode"]["id"], failed.body["episode"]["id"]);
    agent.terminate(Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn calm_sensors_are_told_once_and_only_what_rules_do_not_ignore() {
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.sdr.updated.#").await;
    let mut results = bus.listen("on.task", "ipmi.command.sdr.result.#").await;
    let poller = "ipmi = \"sdr\"\ncalm = { for = 2, repeat = false }\n\
        alerts = [{ sdrType = \"Discrete\", action = \"ignore\" }, { sensorId = \"/^Inlet/\", action = \"critical\" }]";
    let agent = setup(&vhost, &sim, poller).start_on(&bus).await;
    let fan = next(&mut events, "Fan 2 opens", |event| of_sensor(event, "Fan 2", "open")).await;
    assert_eq!(fan.body["severity"], "information");
    sim.console(WARM);
    let warm = next(&mut events, "Inlet opens", |event| of_sensor(event, "Inlet Temp", "open")).await;
    assert_eq!(warm.routing_key, "polleralert.sdr.updated.critical.p.node-b1");
    for _ in 0..4 {
        results.next(SOON).await;
    }
    assert_eq!(events.try_next(Duration::from_millis(200)).await, None, "told again, or a discrete sensor");
    agent.terminate(Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_sel_entries_that_match_are_told_once_over_a_restart() {
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.sel.updated.#").await;
    let mut results = bus.listen("on.task", "ipmi.command.selEntries.result.#").await;
    let poller = "ipmi = \"selEntries\"\n\
        alerts = [{ \"Sensor Type\" = \"Fan\", action = \"warning\" }, { Description = \"/critical/i\", action = \"critical\" }]";
    let setup = setup(&vhost, &sim, poller);
    let agent = setup.start_on(&bus).await;
    // The fixture's own entry of a fan was there before the poller's first poll: it is listed, and is no alert.
    let past = results.next(SOON).await;
    let listed = past.value()["selEntries"].as_array().expect("a list");
    assert!(listed.iter().any(|entry| entry["Sensor Type"] == "Fan"), "{listed:?}");
    sim.console(FAN_ENTRY);
    let first = events.next(SOON).await;
    assert_eq!(first.body["data"]["alert"]["reading"]["SEL Record ID"], "0005");
    assert_eq!(first.routing_key, "polleralert.sel.updated.critical.p.node-b1");
    let alert = &first.body["data"]["alert"];
    assert_eq!(alert["matches"], json!([{ "Sensor Type": "Fan" }, { "Description": "/critical/i" }]));
    assert_eq!(alert["reading"]["Event Type Code"], "01");
    sim.console(DRIVE_ENTRY);
    sim.console(FAN_ENTRY);
    let second = events.next(SOON).await;
    assert_eq!(second.body["data"]["alert"]["reading"]["SEL Record ID"], "0007");
    assert_ne!(second.body["episode"]["id"], first.body["episode"]["id"]);
    agent.terminate(Duration::from_secs(5));

    sim.console(FAN_ENTRY);
    let agent = setup.start_on(&bus).await;
    let third = events.next(SOON).await;
    assert_eq!(third.body["data"]["alert"]["reading"]["SEL Record ID"], "0008");
    results.rest(Duration::from_millis(100)).await;
    for _ in 0..3 {
        results.next(SOON).await;
    }
    assert_eq!(events.try_next(Duration::from_millis(200)).await, None, "an entry that is not new");
    agent.terminate(Duration::from_secs(5));
}

/// A recording for snmpsim whose last lines can be set by `snmpset`.
pub fn recording(folder: &Folder, lines: &str) -> PathBuf {
    let text = format!("1.3.6.1.2.1.1.1.0|4|under test\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999\n{lines}");
    folder.write("recording.snmprec", &text)
}

#[tokio::test(flavor = "multi_thread")]
async fn snmp_values_are_told_when_they_change_and_match() {
    let vhost = rabbitmq::shared();
    let folder = Folder::new("recording");
    let community = random_secret();
    let lines = "1.3.6.1.2.1.1.5.0|4:writecache|value=office\n1.3.6.1.2.1.1.7.0|2:writecache|value=7\n";
    let device = snmp::start_snmpsim(&[(&community, &recording(&folder, lines))]);
    let set = |oid: &str, kind: &str, value: &str| {
        device.client("snmpset", &community, &[oid, kind, value]).expect("snmpset");
    };
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.snmp.updated.#").await;
    let poller = "[[poller]]\nid = \"walk\"\ndevices = [\"s1\"]\nevery = \"500ms\"\nsnmp = { oids = [\".1.3.6.1.2.1.1\"] }\n\
        alerts = [{ \".1.3.6.1.2.1.1.5.0\" = \"/^lab/\" }, \
        { '/\\.1\\.7\\.0$/' = { greaterThan = 70, hysteresis = 10, severity = \"critical\", desc = \"services\" } }]\n\
        calm = { tell-cleared-values = true }\n";
    let setup = Setup::amqp(&vhost)
        .with_community("net", &community)
        .with_device("s1", &device.host(), "net")
        .with(poller);
    let agent = setup.start_on(&bus).await;
    set(".1.3.6.1.2.1.1.5.0", "s", "labbox");
    let open = events.next(SOON).await;
    assert_eq!(open.routing_key, "polleralert.snmp.updated.information.walk.node-s1");
    assert_eq!(
        open.body["data"],
        json!({ "host": device.host(), "oid": ".1.3.6.1.2.1.1.5.0", "value": "labbox", "matched": "/^lab/" })
    );
    set(".1.3.6.1.2.1.1.5.0", "s", "labtop");
    let changed = events.next(SOON).await;
    assert_eq!(
        (&changed.body["episode"]["state"], &changed.body["data"]["value"]),
        (&json!("repeat"), &json!("labtop"))
    );
    set(".1.3.6.1.2.1.1.5.0", "s", "office");
    assert_eq!(events.next(SOON).await.body["episode"]["state"], "clear");

    set(".1.3.6.1.2.1.1.7.0", "i", "71");
    let many = events.next(SOON).await;
    assert_eq!(many.routing_key, "polleralert.snmp.updated.critical.walk.node-s1");
    assert_eq!(many.body["data"]["matched"], json!({ "greaterThan": 70 }));
    assert_eq!(many.body["data"]["description"], "services");
    set(".1.3.6.1.2.1.1.7.0", "i", "65");
    let fewer = events.next(SOON).await;
    assert_eq!(
        (&fewer.body["episode"]["state"], &fewer.body["data"]["value"]),
        (&json!("repeat"), &json!("65"))
    );
    set(".1.3.6.1.2.1.1.7.0", "i", "60");
    let few = events.next(SOON).await;
    assert_eq!(
        (&few.body["episode"]["state"], &few.body["episode"]["id"]),
        (&json!("clear"), &many.body["episode"]["id"])
    );
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[&community], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_a_command_are_used_and_hostile_ones_refused_with_their_place() {
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = uuid::Uuid::new_v4().to_string();
    let mut alerts = bus.listen("on.task", &format!("poller.alert.{graph}")).await;
    let mut results = bus.listen("on.task", &format!("ipmi.command.selEntries.result.{graph}")).await;
    let mut failures = bus.listen("on.task", "ipmi.command.selEntries.failed.#").await;
    let key = format!("ipmi.command.selEntries.{graph}");
    let command = |alerts: Value| {
        json!({ "host": sim.host(), "user": "admin", "password": sim.password(), "workItemId": "w1", "node": "n1",
                "alerts": alerts })
    };
    let rules = json!([{ "Event Type Code": "01", "action": "critical" }]);
    bus.command(&key, &command(rules.clone())).await;
    results.next(SOON).await;
    sim.console(FAN_ENTRY);
    bus.command(&key, &command(rules)).await;
    let alert = alerts.next(SOON).await;
    assert_eq!(alert.value()["severity"], "critical");
    assert_eq!((&alert.value()["typeId"], &alert.value()["nodeId"]), (&json!("w1"), &json!("n1")));

    let mut deep = json!("x");
    for _ in 0..60 {
        deep = json!({ "greaterThan": deep });
    }
    for (rules, place) in [
        (json!([{ "a": deep }]), "`alerts[0].a.greaterThan`: needs a number"),
        (json!([{ "a": "x" }, { "a": "/((a{100}){100}){100}/" }]), "`alerts[1].a`: no regular expression"),
        (json!([{ "a": "/(?=x)/" }]), "linear time"),
        (json!([{ "a": { "lenght": 3 } }]), "`alerts[0].a.lenght`: there is no such validation rule"),
        (json!([{ "a": 7 }]), "`alerts[0].a`: needs a text"),
        (json!({ "a": "b" }), "`alerts`: rules are a list of objects"),
        (json!([{ "action": "fatal" }]), "`alerts[0].action`: has to be one of"),
        (json!(vec![json!({ "a": "b" }); 2_001]), "more than 2000 rules"),
    ] {
        bus.command(&key, &command(rules)).await;
        let failure = failures.next(SOON).await;
        let error = &failure.value()["error"];
        assert_eq!((&error["name"], &error["blame"]), (&json!("MalformedCommandError"), &json!("request")));
        assert!(error["message"].as_str().is_some_and(|message| message.contains(place)), "{error}");
    }
    assert_eq!(alerts.try_next(Duration::from_millis(200)).await, None);
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[sim.password()], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_a_device_hold_for_commands_and_nothing_is_told_twice() {
    let vhost = rabbitmq::shared();
    let folder = Folder::new("recording");
    let community = random_secret();
    let lines = "1.3.6.1.2.1.1.5.0|4|labbox\n1.3.6.1.2.1.1.7.0|2|71\n";
    let device = snmp::start_snmpsim(&[(&community, &recording(&folder, lines))]);
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.#").await;
    // The schedule looks at one of the two values, and not at the log.
    let setup = Setup::amqp(&vhost)
        .with_community("net", &community)
        .with_ipmi_credential("bmc", "viewer", sim.password())
        .with(&format!(
            "[[device]]\nname = \"s1\"\nhost = \"{}\"\ncredential = \"net\"\ntags = [\"lab\"]\n\
             alerts = {{ snmp = [{{ \".1.3.6.1.2.1.1.7.0\" = {{ greaterThan = 70, severity = \"critical\" }} }}] }}\n\
             [[tag]]\nname = \"lab\"\nalerts = {{ snmp = [{{ \".1.3.6.1.2.1.1.5.0\" = \"/^lab/\" }}] }}\n\
             [[device]]\nname = \"b1\"\nhost = \"{}\"\ncredential = \"bmc\"\n\
             alerts = {{ sel = [{{ \"Sensor Type\" = \"Fan\", action = \"warning\" }}] }}\n",
            device.host(),
            sim.host()
        ))
        .with_poller("walk", "s1", "snmp = { oids = [\".1.3.6.1.2.1.1.7\"] }", "500ms");
    let agent = setup.start_on(&bus).await;
    let told = |event: &Received| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&event.body["typeId"]), text(&event.body["data"]["oid"]), text(&event.body["severity"]))
    };
    let of = |id: &str, oid: &str, severity: &str| (id.to_owned(), oid.to_owned(), severity.to_owned());
    assert_eq!(told(&events.next(SOON).await), of("walk", ".1.3.6.1.2.1.1.7.0", "critical"));

    let graph = uuid::Uuid::new_v4().to_string();
    let mut results = bus.listen("on.task", &format!("snmp.command.result.{graph}")).await;
    let command = |id: &str| json!({ "host": device.host(), "credential": "net", "workItemId": id, "config": { "oids": [".1.3.6.1.2.1.1"] } });
    for id in ["w1", "w1", "w2"] {
        bus.command(&format!("run.snmp.command.{graph}"), &command(id)).await;
        results.next(SOON).await;
    }
    assert_eq!(told(&events.next(SOON).await), of("w1", ".1.3.6.1.2.1.1.5.0", "information"));
    assert_eq!(told(&events.next(SOON).await), of("w2", ".1.3.6.1.2.1.1.5.0", "information"));
    // A command for the schedule's own poller leaves its episode as it is.
    let mut own = command("walk");
    own["config"]["oids"] = json!([".1.3.6.1.2.1.1.7"]);
    bus.command(&format!("run.snmp.command.{graph}"), &own).await;
    results.next(SOON).await;
    assert_eq!(events.try_next(Duration::from_secs(2)).await, None, "told twice");

    let mut results = bus.listen("on.task", &format!("ipmi.command.selEntries.result.{graph}")).await;
    let command = json!({ "host": sim.host(), "credential": "bmc", "workItemId": "w3" });
    let key = format!("ipmi.command.selEntries.{graph}");
    bus.command(&key, &command).await;
    results.next(SOON).await;
    sim.console(FAN_ENTRY);
    bus.command(&key, &command).await;
    let entry = events.next(SOON).await;
    assert_eq!((&entry.body["typeId"], &entry.body["severity"]), (&json!("w3"), &json!("warning")));
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[sim.password(), &community], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn power_nodes_and_heartbeats_are_told() {
    let vhost = rabbitmq::shared();
    let sim = Model::controlled().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let mut power = bus.listen("on.events", "polleralert.chassispower.updated.#").await;
    let mut nodes = bus.listen("on.events", "node.#").await;
    let mut heartbeats = bus.listen("on.events", "heartbeat.updated.information.#").await;
    let agent = setup(&vhost, &sim, "ipmi = \"power\"\ntimeout = \"2s\"").start_on(&bus).await;
    let up = nodes.next(SOON).await;
    assert_eq!(up.routing_key, "node.accessible.information.node-b1.node-b1");
    assert_eq!((&up.body["type"], &up.body["action"]), (&json!("node"), &json!("accessible")));
    assert!(up.body["data"].get("nodeType").is_some());
    sim.set_power(false);
    let off = power.next(SOON).await;
    assert_eq!(off.body["data"]["states"], json!({ "last": "ON", "current": "OFF" }));
    sim.set_power(true);
    assert_eq!(power.next(SOON).await.body["data"]["states"], json!({ "last": "OFF", "current": "ON" }));
    let heartbeat = heartbeats.next(SOON).await;
    assert!(heartbeat.routing_key.ends_with(".rackpoll"), "{heartbeat:?}");
    assert_eq!(heartbeat.body["data"]["pid"], json!(agent.pid()));
    sim.kill9();
    let down = nodes.next(SOON).await;
    assert_eq!(down.routing_key, "node.inaccessible.information.node-b1.node-b1");
    agent.terminate(Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outlet_that_is_switched_is_told() {
    let vhost = rabbitmq::shared();
    let folder = Folder::new("recording");
    let community = random_secret();
    let device = snmp::start_snmpsim(&[(&community, &recording(&folder, PDU))]);
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.pdupower.updated.#").await;
    let mut results = bus.listen("on.task", "metric.snmp-pdu-power-status.result.#").await;
    let setup = Setup::amqp(&vhost)
        .with_community("net", &community)
        .with_device("pdu1", &device.host(), "net")
        .with_poller("outlets", "pdu1", "snmp = { metric = \"snmp-pdu-power-status\" }", "500ms");
    let agent = setup.start_on(&bus).await;
    results.next(SOON).await;
    device.client("snmpset", &community, &[OUTLET, "i", "2"]).expect("snmpset");
    let event = events.next(SOON).await;
    assert_eq!(event.routing_key, "polleralert.pdupower.updated.information.outlets.node-pdu1");
    let status = json!([{ "outlet": "PDU_1.outlet_2", "current": "off", "last": "on" }]);
    assert_eq!(event.body["data"], json!({ "host": device.host(), "status": status }));
    agent.terminate(Duration::from_secs(5));
}

/// Times that the agent is killed.
const KILLS: u32 = 50;

/// A value that a test sets, and the agent that is killed under it.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_lose_no_episode_and_invent_none() {
    const EVENTS: &str = "episodes";
    let vhost = rabbitmq::shared();
    let folder = Folder::new("recording");
    let community = random_secret();
    let lines = "1.3.6.1.2.1.1.7.0|2:writecache|value=0\n";
    let device = snmp::start_snmpsim(&[(&community, &recording(&folder, lines))]);
    let set = |value: u32| {
        let value = value.to_string();
        device.client("snmpset", &community, &[".1.3.6.1.2.1.1.7.0", "i", &value]).expect("snmpset");
    };
    let poller = "[[poller]]\nid = \"walk\"\ndevices = [\"s1\"]\nevery = \"200ms\"\nsnmp = { oids = [\".1.3.6.1.2.1.1.7\"] }\n\
        alerts = [{ \".1.3.6.1.2.1.1.7.0\" = { greaterThan = 50 } }]\ncalm = { tell-cleared-values = true }\n";
    let setup = Setup::amqp(&vhost)
        .with_community("net", &community)
        .with_device("s1", &device.host(), "net")
        .with(poller);
    let bus = Bus::connect(&vhost).await;
    bus.durable(EVENTS, "on.events", "polleralert.snmp.updated.#").await;
    let mut events = bus.consume(EVENTS).await;
    let mut told: Vec<(String, String)> = Vec::new();
    for kill in 0..KILLS {
        // Odd ones open, even ones clear.
        let (value, state) = if kill % 2 == 0 { (100 + kill, "open") } else { (0, "clear") };
        let agent = setup.start_on(&bus).await;
        set(value);
        // Some kills come before the poll, some in it, some after its commit, and some after its publish.
        let moment = u64::from(uuid::Uuid::new_v4().as_bytes()[0]) * 3;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        agent.kill9();
        let agent = setup.start_on(&bus).await;
        let start = Instant::now();
        while told.len() <= usize::try_from(kill).expect("few") {
            let event = events.next(SOON).await;
            let episode = &event.body["episode"];
            let text = |key: &str| episode[key].as_str().expect("an episode").to_owned();
            // A consumer that drops doubles: the same episode in the same state is the same news.
            let news = (text("id"), text("state"));
            if !told.contains(&news) {
                told.push(news);
            }
            assert!(start.elapsed() < SOON, "kill {kill} after {moment} ms: no {state}: {told:?}");
        }
        let (_, last) = told.last().expect("one at least");
        assert_eq!(last, state, "kill {kill} after {moment} ms: {told:?}");
        agent.kill9();
    }
    assert_eq!(
        events
            .rest(Duration::from_secs(1))
            .await
            .iter()
            .filter(|event| !told.contains(&(
                event.body["episode"]["id"].as_str().unwrap_or_default().to_owned(),
                event.body["episode"]["state"].as_str().unwrap_or_default().to_owned(),
            )))
            .count(),
        0
    );
    assert_eq!(told.len(), usize::try_from(KILLS).expect("few"));
    for pair in told.chunks(2) {
        assert_eq!(pair[0].0, pair[1].0, "an episode is cleared under the id it was opened with");
    }
    let ids: std::collections::HashSet<&String> = told.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), told.len() / 2, "an id was used twice");
}
