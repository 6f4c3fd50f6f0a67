//! Traps and informs of net-snmp's own `snmptrap` and `snmpinform`, and what the agent makes of them.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    agent::{Agent, GRAPH, Setup, rackpoll},
    bus::{Bus, Listener},
    peers::{
        fixture, free_udp_address, rabbitmq,
        snmp::{SnmpAgent, notify, start_snmpd, start_snmpd_with_user, start_snmpsim},
    },
    secrets::random_secret,
};

/// How long a trap may take until it is told, other tests running.
const TOLD: Duration = Duration::from_secs(30);
/// After so long nothing comes any more.
const QUIET: Duration = Duration::from_secs(2);
/// How long the agent may take to stop.
const STOPS: Duration = Duration::from_secs(5);

const COLD_START: &str = ".1.3.6.1.6.3.1.1.5.1";
const LINK_DOWN: &str = ".1.3.6.1.6.3.1.1.5.3";
const IF_INDEX: &str = ".1.3.6.1.2.1.2.2.1.1.7";

/// An agent that listens, with a device and what can be polled of it.
fn setup(vhost: &rabbitmq::Vhost, snmpd: &SnmpAgent, more: &str) -> (Setup, SocketAddr) {
    let listen = free_udp_address(16_200);
    let setup = Setup::amqp(vhost)
        .with(&format!("[traps]\nlisten = \"{listen}\"\n{more}"))
        .with_community("c", snmpd.community())
        .with_device("sw", &snmpd.host(), "c")
        .with_poller("ports", "sw", "snmp = { metric = \"snmp-interface-state\" }", "1d")
        .with_poller("system", "sw", "snmp = { get = [\"sysName.0\"] }", "1d");
    (setup, listen)
}

async fn event(listener: &mut Listener) -> Value {
    let received = listener.next(TOLD).await;
    assert_eq!(received.kind.as_deref(), Some("Object"));
    assert!(received.persistent);
    received.body
}

fn work_items(event: &Value) -> Vec<&str> {
    event["data"]["polls"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|poll| poll["workItemId"].as_str().expect("a poller"))
        .collect()
}

/// The sum of a counter over all lines of the log that have it.
fn counted(log: &str, counter: &str) -> u64 {
    let key = format!(" {counter}=");
    log.lines()
        .filter(|line| line.contains("traps were dropped"))
        .filter_map(|line| line.split(&key).nth(1)?.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}

/// The last that the log says of a counter that goes on from the start.
fn total(log: &str, counter: &str) -> u64 {
    let key = format!(" {counter}=");
    log.lines()
        .filter(|line| line.contains("traps were dropped"))
        .filter_map(|line| line.split(&key).nth(1)?.split_whitespace().next()?.parse::<u64>().ok())
        .next_back()
        .unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_raises_polls_and_is_told_with_what_they_found() {
    let vhost = rabbitmq::shared();
    let snmpd = start_snmpd(&random_secret());
    let (setup, listen) = setup(&vhost, &snmpd, "");
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.trap.received.information.sw.node-sw").await;
    let mut alerts = bus.listen("on.task", &format!("poller.alert.{GRAPH}")).await;
    let mut results = bus.listen("on.task", "metric.snmp-interface-state.result.#").await;
    let mut log = setup.start_on(&bus).await;
    let (to, community) = (listen.to_string(), snmpd.community());

    let varbinds = [IF_INDEX, "i", "7", ".1.3.6.1.2.1.2.2.1.8.7", "i", "2"];
    let v2c = [&["-v", "2c", "-c", community, &to, "4711", LINK_DOWN], &varbinds[..]].concat();
    notify("snmptrap", snmpd.ip(), &v2c).expect("snmptrap");
    let told = event(&mut events).await;
    for (key, value) in [
        ("type", json!("polleralert")),
        ("action", json!("trap.received")),
        ("typeId", json!("sw")),
        ("nodeId", json!("node-sw")),
        ("severity", json!("information")),
    ] {
        assert_eq!(told[key], value, "{key}");
    }
    let data = &told["data"];
    assert_eq!(data["verified"], json!(true), "{told:#}");
    let trap = &data["trap"];
    assert_eq!((&trap["oid"], &trap["name"]), (&json!(LINK_DOWN), &json!("IF-MIB::linkDown")));
    assert_eq!(
        (&trap["version"], &trap["inform"], &trap["authenticated"]),
        (&json!("2c"), &json!(false), &json!(false))
    );
    assert_eq!(trap["uptime"], json!("0:0:00:47.11"));
    assert_eq!(
        trap["varbinds"],
        json!([
            { "oid": IF_INDEX, "name": "IF-MIB::ifIndex.7", "value": "7" },
            { "oid": ".1.3.6.1.2.1.2.2.1.8.7", "name": "IF-MIB::ifOperStatus.7", "value": "2", "text": "down" },
        ])
    );
    assert!(trap["source"].as_str().expect("an address").starts_with(&format!("{}:", snmpd.ip())), "{trap}");
    assert_eq!(work_items(&told), ["ports"], "a link's trap is for what knows links");
    let result = results.next(TOLD).await;
    assert_eq!(data["polls"][0]["result"], result.value()["result"], "the poll that everybody sees");
    assert_eq!(data["polls"][0]["result"]["lo"]["state"], json!("up"));
    assert_eq!(alerts.next(TOLD).await.value(), &told, "on both keys");

    // SNMPv1, whose numbers become the same oid (RFC 3584).
    let v1 = ["-v", "1", "-c", community, &to, "1.3.6.1.4.1.8072.3.2.10", "192.0.2.1", "0", "0", "100"];
    notify("snmptrap", snmpd.ip(), &v1).expect("snmptrap");
    let told = event(&mut events).await;
    let trap = &told["data"]["trap"];
    assert_eq!((&trap["oid"], &trap["name"]), (&json!(COLD_START), &json!("SNMPv2-MIB::coldStart")));
    assert_eq!((&trap["version"], &trap["enterprise"]), (&json!("1"), &json!(".1.3.6.1.4.1.8072.3.2.10")));
    assert_eq!(
        trap["agentAddress"],
        json!("192.0.2.1"),
        "told, and not believed: the datagram is the device's"
    );
    assert_eq!(work_items(&told), ["ports", "system"]);
    assert_eq!(
        told["data"]["polls"][1]["result"][0]["values"],
        json!({ ".1.3.6.1.2.1.1.5.0": "snmpd-under-test" })
    );

    // An inform is answered, else snmpinform fails.
    let inform = ["-v", "2c", "-c", community, "-t", "10", "-r", "0", &to, "", COLD_START];
    notify("snmpinform", snmpd.ip(), &inform).expect("an answer");
    let told = event(&mut events).await;
    assert_eq!(told["data"]["trap"]["inform"], json!(true));

    // Whoever does not know the community, or is no device, is not heard and not answered.
    let wrong = random_secret();
    notify("snmptrap", snmpd.ip(), &["-v", "2c", "-c", &wrong, &to, "", COLD_START]).expect("snmptrap");
    notify("snmptrap", snmpd.ip(), &["-v", "1", "-c", &wrong, &to, "", "", "0", "0", ""]).expect("snmptrap");
    let unanswered = ["-v", "2c", "-c", &wrong, "-t", "1", "-r", "0", &to, "", COLD_START];
    notify("snmpinform", snmpd.ip(), &unanswered).expect_err("no answer");
    let stranger = IpAddr::from([127, 63, 255, 1]);
    notify("snmptrap", stranger, &["-v", "2c", "-c", community, &to, "", COLD_START]).expect("snmptrap");
    let unanswered = ["-v", "2c", "-c", community, "-t", "1", "-r", "0", &to, "", COLD_START];
    notify("snmpinform", stranger, &unanswered).expect_err("no answer");
    assert_eq!(events.rest(QUIET).await, []);
    assert!(log.is_running());

    let said = log.terminate(STOPS);
    assert_eq!(counted(&said, "wrong_community"), 3, "{said}");
    assert_eq!(counted(&said, "unknown_source"), 2, "{said}");
    assert_eq!((total(&said, "received"), total(&said, "accepted")), (8, 3), "{said}");
    assert!(said.contains(&stranger.to_string()), "whoever looks for a device finds it: {said}");
    setup.assert_no_secret(&[community, &wrong], &bus.all_heard());
}

/// What a user of SNMPv3 says to net-snmp's tools.
struct User {
    name: &'static str,
    auth: String,
    privacy: String,
    arguments: Vec<String>,
}

impl User {
    fn new(name: &'static str, auth: &str, privacy: &str, protocols: (&str, &str)) -> Self {
        let words = [
            "-v",
            "3",
            "-u",
            name,
            "-l",
            "authPriv",
            "-a",
            protocols.0,
            "-A",
            auth,
            "-x",
            protocols.1,
            "-X",
            privacy,
        ];
        let arguments = words.map(str::to_owned).to_vec();
        Self { name, auth: auth.to_owned(), privacy: privacy.to_owned(), arguments }
    }

    /// Its credential, secrets in files.
    fn credential(&self, setup: &mut Setup, protocols: (&str, &str), more: &str) -> String {
        let name = self.name;
        let auth = setup.secret(&format!("{name}-auth"), &self.auth);
        let privacy = setup.secret(&format!("{name}-privacy"), &self.privacy);
        format!(
            "[[credential]]\nname = \"{name}\"\nv3-user = \"{name}\"\nv3-auth-proto = \"{}\"\nv3-auth-password = {auth}\n\
             v3-priv-proto = \"{}\"\nv3-priv-password = {privacy}\n{more}",
            protocols.0, protocols.1
        )
    }

    /// As the arguments of `snmptrap` and `snmpinform`, with these before the address.
    fn arguments<'a>(&'a self, more: &[&'a str], to: &'a str) -> Vec<&'a str> {
        let mut arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        arguments.extend(more);
        arguments.extend([to, "", COLD_START, IF_INDEX, "i", "7"]);
        arguments
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_snmpv3_are_believed_by_their_keys_and_informs_go_on_after_a_restart() {
    let vhost = rabbitmq::shared();
    let (aes, des) = (("SHA-256", "AES"), ("SHA", "DES"));
    let user = User::new("monitor", &random_secret(), &random_secret(), aes);
    let old = User::new("old", &random_secret(), &random_secret(), des);
    let snmpd = start_snmpd_with_user(&random_secret(), user.name, &user.auth, &user.privacy);
    let listen = free_udp_address(16_200);
    let mut setup = Setup::amqp(&vhost);
    let credential = user.credential(&mut setup, aes, "");
    let other = old.credential(&mut setup, des, &format!("networks = [\"{}\"]\n", snmpd.ip()));
    let setup = setup
        .with(&format!("[traps]\nlisten = \"{listen}\"\n{credential}{other}"))
        .with_device("sw", &snmpd.host(), "monitor")
        .with_poller("system", "sw", "snmp = { get = [\"sysName.0\"] }", "1d");
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.trap.received.#").await;
    let agent = setup.start_on(&bus).await;
    let to = listen.to_string();

    let check = |told: &Value, user: &str, inform: bool| {
        let trap = &told["data"]["trap"];
        assert_eq!((&trap["version"], &trap["inform"]), (&json!("3"), &json!(inform)));
        assert_eq!((&trap["user"], &trap["securityLevel"]), (&json!(user), &json!("authPriv")));
        assert_eq!(
            (&trap["authenticated"], &told["data"]["verified"]),
            (&json!(true), &json!(true)),
            "{told:#}"
        );
        assert_eq!(trap["varbinds"], json!([{ "oid": IF_INDEX, "name": "IF-MIB::ifIndex.7", "value": "7" }]));
    };
    // A trap comes under its sender's engine.
    for (sender, engine) in
        [(&user, "0x8000000001020304"), (&user, "0x80000000010203ff"), (&old, "0x8000000001020304")]
    {
        notify("snmptrap", snmpd.ip(), &sender.arguments(&["-e", engine], &to)).expect("snmptrap");
        check(&event(&mut events).await, sender.name, false);
    }
    // An inform under ours, which its sender asks for.
    let patient = ["-t", "5", "-r", "1"];
    for sender in [&user, &old] {
        notify("snmpinform", snmpd.ip(), &sender.arguments(&patient, &to)).expect("an answer");
        check(&event(&mut events).await, sender.name, true);
    }
    // What is not proven is not heard, and not answered.
    let engine = ["-e", "0x8000000001020304"];
    let hasty = ["-t", "1", "-r", "0"];
    let wrong = User::new("monitor", &random_secret(), &user.privacy, aes);
    let blind = User::new("monitor", &user.auth, &random_secret(), aes);
    let stranger = User::new("stranger", &user.auth, &user.privacy, aes);
    for sender in [&wrong, &blind, &stranger] {
        notify("snmptrap", snmpd.ip(), &sender.arguments(&engine, &to)).expect("snmptrap");
        notify("snmpinform", snmpd.ip(), &sender.arguments(&hasty, &to)).expect_err("no answer");
    }
    // A user that has keys has to use both.
    for level in [&["-l", "noAuthNoPriv"][..], &["-l", "authNoPriv", "-a", "SHA-256", "-A", &user.auth]] {
        let mut arguments = vec!["-v", "3", "-u", "monitor", "-e", "0x8000000001020304"];
        arguments.extend(level);
        arguments.extend([&to, "", COLD_START]);
        notify("snmptrap", snmpd.ip(), &arguments).expect("snmptrap");
    }
    assert_eq!(events.rest(QUIET).await, []);
    let said = agent.terminate(STOPS);
    assert_eq!((counted(&said, "wrong_key"), counted(&said, "unknown_user")), (2, 2), "{said}");
    // What AES makes of a wrong key is no message.
    assert_eq!(counted(&said, "undecodable"), 2, "{said}");
    assert_eq!((counted(&said, "wrong_user"), total(&said, "accepted")), (2, 5), "{said}");

    // Another life of the same engine: its senders have kept the number of the last one, or ask anew.
    let agent = setup.start_on(&bus).await;
    notify("snmpinform", snmpd.ip(), &user.arguments(&patient, &to)).expect("an answer");
    check(&event(&mut events).await, user.name, true);
    let again = agent.terminate(STOPS);
    let engine = |log: &str| {
        let line =
            log.lines().rfind(|line| line.contains("listening for traps")).expect("it listened").to_owned();
        let word = |key: &str| {
            line.split(key).nth(1).expect("in the line").split_whitespace().next().map(str::to_owned)
        };
        (word("engine_id="), word("engine_boots="))
    };
    let (first, second) = (engine(&said), engine(&again));
    assert_eq!(first.0, second.0);
    assert_eq!((first.1.as_deref(), second.1.as_deref()), (Some("1"), Some("2")));
    let secrets = [&user.auth, &user.privacy, &old.auth, &old.privacy, &wrong.auth, &blind.privacy];
    setup.assert_no_secret(&secrets.map(String::as_str), &bus.all_heard());
}

/// The bytes of a trap or an inform as net-snmp sends them.
fn captured(tool: &str, arguments: &[&str]) -> Vec<u8> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a free port");
    socket.set_read_timeout(Some(TOLD)).expect("our own socket");
    let to = socket.local_addr().expect("bound").to_string();
    let arguments: Vec<&str> =
        arguments.iter().map(|word| if *word == "TO" { to.as_str() } else { word }).collect();
    // Nobody answers an inform.
    let _ = notify(tool, IpAddr::from([127, 0, 0, 1]), &arguments);
    let mut bytes = vec![0; 2_048];
    let length = socket.recv(&mut bytes).expect("a notification");
    bytes.truncate(length);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inform_that_is_sent_again_is_answered_and_told_once_and_no_poll_is_older_than_its_trap() {
    let vhost = rabbitmq::shared();
    let slow = start_snmpsim(&[(&random_secret(), &fixture("snmp/slow.snmprec"))]);
    let listen = free_udp_address(16_200);
    let setup = Setup::amqp(&vhost)
        .with(&format!("[traps]\nlisten = \"{listen}\""))
        .with_community("c", slow.community())
        .with_device("sw", &slow.host(), "c")
        .with_poller("name", "sw", "snmp = { oids = [\"1.3.6.1.2.1.1.5.0\"] }", "1d");
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.trap.received.#").await;
    let mut results = bus.listen("on.task", "snmp.command.result.#").await;
    let agent = setup.start_on(&bus).await;
    let inform = captured(
        "snmpinform",
        &["-v", "2c", "-c", slow.community(), "-t", "0.1", "-r", "0", "TO", "1", COLD_START],
    );
    let sender = UdpSocket::bind((slow.ip(), 0)).expect("the device's address");
    sender.set_read_timeout(Some(TOLD)).expect("our own socket");
    let mut answer = [0; 2_048];
    for _ in 0..3 {
        sender.send_to(&inform, listen).expect("loopback");
        let (length, from) = sender.recv_from(&mut answer).expect("an answer");
        assert_eq!((length, from), (inform.len(), listen), "a response is the request with another tag");
    }
    assert_eq!(event(&mut events).await["data"]["trap"]["count"], json!(1));
    assert_eq!(events.rest(QUIET).await, []);
    assert_eq!(results.rest(QUIET).await.len(), 1, "one poll");

    // A poll of the same kind is under way when the trap comes.
    let command = json!({
        "host": slow.host(), "community": slow.community(), "workItemId": "w", "config": { "oids": ["1.3.6.1.2.1.1.5.0"] },
    });
    bus.command(&format!("run.snmp.command.{GRAPH}"), &command).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let trap = ["-v", "2c", "-c", slow.community(), &listen.to_string(), "", LINK_DOWN];
    notify("snmptrap", slow.ip(), &trap).expect("snmptrap");
    let told = event(&mut events).await;
    let time = |value: &Value| value.as_str().expect("a time").to_owned();
    let received = time(&told["data"]["trap"]["receivedAt"]);
    assert!(time(&told["data"]["polls"][0]["startedAt"]) >= received, "{told:#}");
    let commanded = results.next(TOLD).await;
    assert_eq!(commanded.value()["workItemId"], json!("w"));
    assert!(
        time(&commanded.value()["_poll"]["startedAt"]) < received,
        "the poll was not under way: {commanded:?}"
    );
    assert_eq!(results.rest(QUIET).await.len(), 1, "and one of the poller");
    let said = agent.terminate(STOPS);
    assert!(!said.contains("traps were dropped"), "{said}");
    setup.assert_no_secret(&[slow.community()], &bus.all_heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_told_when_the_agent_stops_and_a_port_that_is_taken_ends_the_start() {
    let vhost = rabbitmq::shared();
    let silent = UdpSocket::bind(free_udp_address(16_100)).expect("a device that never answers");
    let device = silent.local_addr().expect("bound");
    let (listen, community) = (free_udp_address(16_200), random_secret());
    let setup = Setup::amqp(&vhost)
        .with(&format!("[traps]\nlisten = \"{listen}\""))
        .with_community("c", &community)
        .with_device("sw", &device.to_string(), "c")
        .with_poller("name", "sw", "snmp = { get = [\"sysName.0\"] }", "1d");
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.trap.received.#").await;
    let mut agent = setup.start_on(&bus).await;
    for oid in [COLD_START, LINK_DOWN] {
        let trap = ["-v", "2c", "-c", &community, &listen.to_string(), "", oid];
        notify("snmptrap", device.ip(), &trap).expect("snmptrap");
    }
    // The first is being polled, the second waits.
    silent.set_read_timeout(Some(TOLD)).expect("our own socket");
    silent.recv(&mut [0; 2_048]).expect("a poll");
    assert!(agent.is_running());
    agent.terminate(STOPS);
    // What did not go out at the stop goes out at the next start.
    let agent = setup.start_on(&bus).await;
    for oid in [COLD_START, LINK_DOWN] {
        let told = event(&mut events).await;
        assert_eq!((&told["data"]["trap"]["oid"], &told["data"]["verified"]), (&json!(oid), &json!(false)));
        assert_eq!(told["data"]["polls"][0]["error"]["name"], json!("ShuttingDownError"), "{told:#}");
    }
    agent.terminate(STOPS);

    let taken = UdpSocket::bind(listen).expect("the agent has left it");
    let output = rackpoll().arg("run").arg("--config").arg(setup.configuration()).output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(71), "{said}");
    assert!(
        said.contains(&format!("cannot listen on {listen}"))
            && said.contains("another program listens there"),
        "{said}"
    );
    drop(taken);
    setup.assert_no_secret(&[&community], &bus.all_heard());
}

/// Resident memory of the agent, KiB.
fn resident(agent: &Agent) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", agent.pid())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux says so");
    line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_bounded_and_counted_to_the_last_datagram() {
    const FLOOD: u64 = 20_000;
    let vhost = rabbitmq::shared();
    let snmpd = start_snmpd(&random_secret());
    let (setup, listen) = setup(&vhost, &snmpd, "");
    let bus = Bus::connect(&vhost).await;
    let mut events = bus.listen("on.events", "polleralert.trap.received.#").await;
    let mut polls = bus.listen("on.task", "snmp.command.result.#").await;
    let mut agent = setup.start_on(&bus).await;
    let trap = captured("snmptrap", &["-v", "2c", "-c", snmpd.community(), "TO", "1", COLD_START]);
    let before = resident(&agent);
    let flood = UdpSocket::bind((snmpd.ip(), 0)).expect("the device's address");
    let begun = Instant::now();
    for _ in 0..FLOOD {
        flood.send_to(&trap, listen).expect("loopback");
    }
    let sent = begun.elapsed();
    let all = events.rest(Duration::from_secs(5)).await;
    let told: u64 =
        all.iter().map(|event| event.body["data"]["trap"]["count"].as_u64().expect("a number")).sum();
    let polls = polls.rest(QUIET).await.len();
    assert!(agent.is_running());
    let grown = resident(&agent).saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB more");
    // It is as well as before.
    notify(
        "snmptrap",
        snmpd.ip(),
        &["-v", "2c", "-c", snmpd.community(), &listen.to_string(), "", LINK_DOWN],
    )
    .expect("snmptrap");
    assert_eq!(event(&mut events).await["data"]["trap"]["oid"], json!(LINK_DOWN));
    let said = agent.terminate(STOPS);
    let (over, system) = (counted(&said, "over_limit"), counted(&said, "by_the_system"));
    assert_eq!(
        told + over + system,
        FLOOD,
        "{told} told, {over} over the limit, {system} by the system, in {sent:?}: {said}"
    );
    // Ten seconds' worth and what drips in while the flood lasts; one round of polls after the other.
    let most = 100 + 10 * (sent.as_secs() + 6);
    assert!((100..=most).contains(&told), "{told} in {sent:?}");
    assert!(all.len() <= polls + 1 && polls as u64 <= told, "{} events, {polls} polls", all.len());
    println!(
        "{FLOOD} in {sent:?}: {told} told by {} events after {polls} polls, {over} over the limit, {system} by the system, {grown} KiB more",
        all.len()
    );
}
