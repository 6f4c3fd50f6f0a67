//! The MQTT client against mosquitto's broker and clients, and the embedded broker against the same clients.

// In a test a panic is the way to say what is wrong.
#![allow(clippy::unwrap_used, clippy::panic)]

mod peers;

use std::{sync::Arc, time::Duration};

use peers::{
    Agent, Line, Mosquitto, PATIENCE, Subscriber, free_port, make_certificates, publish, publish_lines,
    result,
};
use rackpoll::{
    broker::{
        embedded::Embedded,
        mqtt::{Identity, Settings, Tls},
    },
    demo,
    publish::{Exchange, Message, MessageKind},
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

const GRAPH: &str = "4a2c6e2e-3a3d-4f6e-9d11-6d0a0b0c0d0e";

/// `-F` of the subscribers: topic, QoS, content type, user properties, correlation data, payload.
const FORMAT: &str = "%t|%q|%C|%P|%D|%p";

fn external(broker: &Mosquitto) -> Settings {
    Settings::new("127.0.0.1", broker.port, "on", "agent-1")
}

/// Waits until the agent's subscriptions stand: it says that it is online after it has asked for them, and the broker
/// does one thing after the other.
fn online(port: u16) {
    let status = Subscriber::start(port, "on/status/agent-1", &["-F", "%p"]);
    while !status.next().contains("online") {}
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_as_the_contract_says_on_the_embedded_broker() {
    let broker = Embedded::start(0).unwrap();
    messages_are_as_the_contract_says(broker.address().port(), broker.settings("on", "agent-1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_as_the_contract_says_on_mosquitto() {
    let broker = Mosquitto::start(free_port());
    messages_are_as_the_contract_says(broker.port, external(&broker)).await;
}

async fn messages_are_as_the_contract_says(port: u16, settings: Settings) {
    let subscriber = Subscriber::start(port, "on/#", &["-F", FORMAT]);
    let agent = Agent::start(settings);
    assert_eq!(
        subscriber.next(),
        r#"on/status/agent-1|1|application/json|type:Object||{"agent":"agent-1","state":"online"}"#
    );
    agent.outbox.push(result(&format!("ipmi.command.power.result.{GRAPH}"), r#"{"value":{"power":true}}"#));
    agent.outbox.push(Message {
        exchange: Exchange::Events,
        kind: MessageKind::Object,
        ..result("polleralert.chassispower.updated.information.p1@b1.n1", "{}")
    });
    agent.outbox.push(Message {
        exchange: Exchange::Reply,
        kind: MessageKind::ErrorEvent,
        correlation: Some(b"c-1".to_vec()),
        ..result("on/mine/answers", "{}")
    });
    assert_eq!(
        subscriber.next(),
        format!(
            r#"on/task/ipmi/command/power/result/{GRAPH}|1|application/json|type:Result||{{"value":{{"power":true}}}}"#
        )
    );
    assert_eq!(
        subscriber.next(),
        "on/events/polleralert/chassispower/updated/information/p1@b1/n1|1|application/json|type:Object||{}"
    );
    assert_eq!(subscriber.next(), "on/mine/answers|1|application/json|type:ErrorEvent|c-1|{}");
    agent.outbox.emptied().await;
    agent.stop().await;
    assert!(subscriber.next().ends_with(r#"{"agent":"agent-1","state":"offline"}"#));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_requests_come_in_on_the_embedded_broker() {
    let broker = Embedded::start(0).unwrap();
    commands_and_requests_come_in(broker.address().port(), broker.settings("on", "agent-1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_requests_come_in_on_mosquitto() {
    let broker = Mosquitto::start(free_port());
    commands_and_requests_come_in(broker.port, external(&broker)).await;
}

async fn commands_and_requests_come_in(port: u16, settings: Settings) {
    let mut agent = Agent::start(settings);
    online(port);
    publish(
        port,
        &format!("on/task/ipmi/command/power/{GRAPH}"),
        &[
            "-m",
            r#"{"value":{}}"#,
            "-D",
            "publish",
            "response-topic",
            "me/answers",
            "-D",
            "publish",
            "correlation-data",
            "c-7",
        ],
    );
    let command = agent.command().await;
    assert_eq!(command.routing_key, format!("ipmi.command.power.{GRAPH}"));
    assert_eq!(command.body, br#"{"value":{}}"#);
    let reply_to = command.reply_to.unwrap();
    assert_eq!(
        (reply_to.address.as_str(), reply_to.correlation.as_deref()),
        ("me/answers", Some(&b"c-7"[..]))
    );
    command.recorded.send(()).unwrap();

    publish(port, &format!("on/task/run/snmp/command/{GRAPH}"), &["-m", "x"]);
    let command = agent.command().await;
    assert_eq!(command.routing_key, format!("run.snmp.command.{GRAPH}"));
    assert!(command.reply_to.is_none());
    command.recorded.send(()).unwrap();

    // Results are no commands.
    publish(port, &format!("on/task/ipmi/command/power/result/{GRAPH}"), &["-m", "x"]);

    let answers = Subscriber::start(port, "me/answers", &["-F", FORMAT]);
    publish(
        port,
        "on/task/methods/requestPollerCache",
        &[
            "-m",
            "ask",
            "-D",
            "publish",
            "response-topic",
            "me/answers",
            "-D",
            "publish",
            "correlation-data",
            "c-8",
        ],
    );
    let request = tokio::time::timeout(PATIENCE, agent.requests.recv()).await.unwrap().unwrap();
    assert_eq!(
        (request.routing_key.as_str(), request.body.as_slice()),
        ("methods.requestPollerCache", &b"ask"[..])
    );
    request.answer.send(result("", r#"{"value":[]}"#)).unwrap();
    assert_eq!(answers.next(), r#"me/answers|1|application/json|type:Result|c-8|{"value":[]}"#);
    assert!(agent.commands.try_recv().is_err(), "a result was taken for a command");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_acknowledged_when_it_is_recorded_and_not_before() {
    let broker = Mosquitto::start(free_port());
    let mut agent = Agent::start(external(&broker));
    online(broker.port);
    publish(broker.port, &format!("on/task/ipmi/command/power/{GRAPH}"), &["-m", "first"]);
    publish(broker.port, &format!("on/task/ipmi/command/power/{GRAPH}"), &["-m", "second"]);
    let (first, second) = (agent.command().await, agent.command().await);
    assert_eq!((first.body.as_slice(), second.body.as_slice()), (&b"first"[..], &b"second"[..]));
    first.recorded.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    agent.die().await;

    let mut agent = Agent::start(external(&broker));
    let again = agent.command().await;
    assert_eq!(again.body, b"second", "what was recorded came again, or what was not did not");
    again.recorded.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    agent.die().await;

    let mut agent = Agent::start(external(&broker));
    online(broker.port);
    publish(broker.port, &format!("on/task/ipmi/command/power/{GRAPH}"), &["-m", "third"]);
    assert_eq!(agent.command().await.body, b"third");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_progress_is_not_carried_out_twice_when_the_connection_breaks() {
    let broker = Mosquitto::start(free_port());
    let line = Line::to(broker.port);
    let mut agent = Agent::start(Settings::new("127.0.0.1", line.port, "on", "agent-1"));
    online(broker.port);
    publish(broker.port, &format!("on/task/ipmi/command/power/{GRAPH}"), &["-m", "slow"]);
    let slow = agent.command().await;
    line.tear();
    let status = Subscriber::start(broker.port, "on/status/agent-1", &["-F", "%p"]);
    while !status.next().contains("online") {}
    publish(broker.port, &format!("on/task/ipmi/command/power/{GRAPH}"), &["-m", "next"]);
    let next = agent.command().await;
    assert_eq!(next.body, b"next", "the command in progress was delivered again");
    slow.recorded.send(()).unwrap();
    next.recorded.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    agent.die().await;

    let mut agent = Agent::start(external(&broker));
    online(broker.port);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(agent.commands.try_recv().is_err(), "it was never acknowledged");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_all_is_in_order_when_the_broker_is_killed() {
    let mut broker = Mosquitto::start(free_port());
    // Its session outlives the broker, as a consumer's would.
    let durable = ["-F", "%p", "-i", "durable", "-c"];
    let subscriber = Subscriber::start(broker.port, "on/task/#", &durable);
    let agent = Agent::start(external(&broker));
    agent.outbox.push_numbers(0..500);
    for number in 0..500 {
        assert_eq!(subscriber.next(), format!("n={number}"));
    }
    agent.outbox.emptied().await;
    // Written to the broker, which dies before it has read them.
    broker.freeze();
    agent.outbox.push_numbers(500..1_500);
    tokio::time::sleep(Duration::from_millis(500)).await;
    broker.kill();
    // Published while there is no broker.
    agent.outbox.push_numbers(1_500..2_000);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(agent.outbox.len(), 1_500, "forgotten without an acknowledgement");
    broker.restart();
    for number in 500..2_000 {
        let mut message = subscriber.next();
        // mosquitto may not have saved yet that its subscriber had acknowledged the last ones, and sends them again.
        while number == 500 && message != "n=500" {
            let repeated: u32 = message.trim_start_matches("n=").parse().unwrap();
            assert!(repeated < 500, "{message} came before n=500");
            message = subscriber.next();
        }
        assert_eq!(message, format!("n={number}"));
    }
    agent.outbox.emptied().await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_and_not_confirmed_goes_out_again() {
    let broker = Mosquitto::start(free_port());
    let line = Line::to(broker.port);
    let subscriber = Subscriber::start(broker.port, "on/task/#", &["-F", "%p"]);
    let agent = Agent::start(Settings::new("127.0.0.1", line.port, "on", "agent-1"));
    agent.outbox.push_numbers(0..1);
    assert_eq!(subscriber.next(), "n=0");
    agent.outbox.emptied().await;
    line.shut();
    // No more than mosquitto's own receive maximum (20) may be on the way without an acknowledgement.
    agent.outbox.push_numbers(1..21);
    for number in 1..21 {
        assert_eq!(subscriber.next(), format!("n={number}"));
    }
    assert_eq!(agent.outbox.len(), 20, "forgotten without an acknowledgement");
    line.tear();
    agent.outbox.push_numbers(21..40);
    // The broker had the first twenty already: they come once more, and the order is kept.
    for number in 1..40 {
        assert_eq!(subscriber.next(), format!("n={number}"));
    }
    agent.outbox.emptied().await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_goes_out_when_the_broker_comes_up_after_the_agent() {
    let port = free_port();
    let agent = Agent::start(Settings::new("127.0.0.1", port, "on", "agent-1"));
    agent.outbox.push_numbers(0..3);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(agent.outbox.len(), 3);
    let _broker = Mosquitto::start(port);
    agent.outbox.emptied().await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mqtts_trusts_the_given_authority_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let path = folder.path().display();
    let listener = format!("certfile {path}/server.pem\nkeyfile {path}/server.key");
    let authority = CertificateDer::from_pem_file(folder.path().join("ca.pem")).unwrap();
    let ca_file = folder.path().join("ca.pem").display().to_string();
    let broker = Mosquitto::start_with(free_port(), &listener, folder);
    let subscriber = Subscriber::start(broker.port, "on/task/#", &["-F", "%p", "--cafile", &ca_file]);
    let agent = Agent::start(Settings { tls: Some(Tls::System), ..external(&broker) });
    agent.outbox.push_numbers(0..1);
    assert_eq!(subscriber.next_within(Duration::from_secs(1)), None, "a certificate of nobody's was trusted");
    agent.stop().await;
    let agent = Agent::start(Settings { tls: Some(Tls::Authorities(vec![authority])), ..external(&broker) });
    agent.outbox.push_numbers(1..2);
    assert_eq!(subscriber.next(), "n=1");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mqtts_shows_the_agents_certificate_where_the_broker_wants_one() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let path = folder.path().display();
    let listener = format!(
        "certfile {path}/server.pem\nkeyfile {path}/server.key\ncafile {path}/ca.pem\nrequire_certificate true"
    );
    let pem = |name: &str| CertificateDer::from_pem_file(folder.path().join(name)).unwrap();
    let tls = Some(Tls::Authorities(vec![pem("ca.pem")]));
    // Signed by the same authority; mosquitto asks for no more.
    let identity = Identity {
        certificates: vec![pem("server.pem")],
        key: Arc::new(PrivateKeyDer::from_pem_file(folder.path().join("server.key")).unwrap()),
    };
    let broker = Mosquitto::start_with(free_port(), &listener, folder);
    let agent = Agent::start(Settings { tls: tls.clone(), ..external(&broker) });
    agent.outbox.push_numbers(0..1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(agent.outbox.len(), 1, "the broker took a message without a certificate");
    agent.stop().await;
    let agent = Agent::start(Settings { tls, identity: Some(identity), ..external(&broker) });
    agent.outbox.push_numbers(0..1);
    agent.outbox.emptied().await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_host_is_tried_where_one_does_not_answer() {
    let broker = Mosquitto::start(free_port());
    let hosts = vec![("127.0.0.1".to_owned(), free_port()), ("127.0.0.1".to_owned(), broker.port)];
    let agent = Agent::start(Settings { hosts, ..external(&broker) });
    agent.outbox.push_numbers(0..1);
    agent.outbox.emptied().await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_agent_is_reported_by_the_broker() {
    for embedded in [false, true] {
        let mosquitto = (!embedded).then(|| Mosquitto::start(free_port()));
        let (port, settings) = match &mosquitto {
            Some(broker) => (broker.port, external(broker)),
            None => {
                let broker = Embedded::start(0).unwrap();
                (broker.address().port(), broker.settings("on", "agent-1"))
            }
        };
        let agent = Agent::start(settings);
        online(port);
        let status = Subscriber::start(port, "on/status/agent-1", &["-F", "%r %p"]);
        assert_eq!(status.next(), r#"1 {"agent":"agent-1","state":"online"}"#);
        agent.die().await;
        assert_eq!(status.next(), r#"0 {"agent":"agent-1","state":"offline"}"#, "embedded: {embedded}");
        // The broker keeps it for those who come later.
        let late = Subscriber::start(port, "on/status/agent-1", &["-F", "%r %p"]);
        assert_eq!(late.next(), r#"1 {"agent":"agent-1","state":"offline"}"#, "embedded: {embedded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_commands_do_no_harm_on_the_embedded_broker() {
    let broker = Embedded::start(0).unwrap();
    hostile_commands_do_no_harm(broker.address().port(), broker.settings("on", "agent-1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_commands_do_no_harm_on_mosquitto() {
    let broker = Mosquitto::start(free_port());
    hostile_commands_do_no_harm(broker.port, external(&broker)).await;
}

async fn hostile_commands_do_no_harm(port: u16, settings: Settings) {
    let files = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = files.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let huge = file("huge", &vec![b'x'; 2 * 1024 * 1024]);
    let garbage = file("garbage", b"\xff\xfe\0\x01{");
    let mut agent = Agent::start(settings);
    online(port);
    let status = Subscriber::start(port, "on/status/agent-1", &["-F", "%p"]);
    assert!(status.next().contains("online"));
    let topic = format!("on/task/ipmi/command/power/{GRAPH}");
    publish(port, &topic, &["-f", &huge]);
    publish(port, &format!("{topic}.forged"), &["-m", "refused"]);
    publish(port, "on/task/ipmi/command//x", &["-m", "refused"]);
    publish(port, "on/task/methods/requestPollerCache", &["-m", "without a response topic"]);
    publish(port, "on/task/methods/requestPollerCache", &["-f", &huge]);
    publish(port, &topic, &["-m", "refused", "-D", "publish", "response-topic", "$SYS/x"]);
    // What the intake has to judge reaches it as it is.
    publish(port, &topic, &["-f", &garbage]);
    publish(port, &topic, &["-n"]);
    publish(port, &topic, &["-m", "good"]);
    for body in [&b"\xff\xfe\0\x01{"[..], b"", b"good"] {
        let command = agent.command().await;
        assert_eq!(command.body.escape_ascii().to_string(), body.escape_ascii().to_string());
        command.recorded.send(()).unwrap();
    }
    assert!(agent.requests.try_recv().is_err());
    assert_eq!(status.next_within(Duration::from_millis(300)), None, "the connection broke on the way");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_command_is_not_carried_out_at_every_start() {
    let broker = Mosquitto::start(free_port());
    publish(broker.port, &format!("on/task/ipmi/command/power/{GRAPH}"), &["-r", "-m", "old"]);
    let mut agent = Agent::start(external(&broker));
    online(broker.port);
    publish(broker.port, &format!("on/task/ipmi/command/power/{GRAPH}"), &["-m", "new"]);
    assert_eq!(agent.command().await.body, b"new");
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_broker_can_take_is_dropped_and_told_and_holds_up_nothing() {
    let broker = Embedded::start(0).unwrap();
    let subscriber = Subscriber::start(broker.address().port(), "on/task/#", &["-F", "%l"]);
    let agent = Agent::start(broker.settings("on", "agent-1"));
    agent.outbox.push(result("ipmi.command.sdr.result.g", vec![b'x'; 3 * 1024 * 1024]));
    agent.outbox.push(result("ipmi.command.sdr.result.g", vec![b'x'; 4 * 1024 * 1024]));
    agent.outbox.push(result("ipmi.command.#.result.g", "x"));
    agent.outbox.push(result("ipmi.command.sdr.result.g", "x"));
    assert_eq!(subscriber.next(), (3 * 1024 * 1024).to_string());
    assert_eq!(subscriber.next(), "1");
    agent.outbox.emptied().await;
    assert_eq!(*agent.outbox.discarded.lock().unwrap(), [2, 3]);
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_results_pass_the_embedded_broker_whole_and_in_order() {
    let broker = Embedded::start(0).unwrap();
    let subscriber = Subscriber::start(broker.address().port(), "on/task/#", &["-F", "%l"]);
    let agent = Agent::start(broker.settings("on", "agent-1"));
    for number in 0..50 {
        agent.outbox.push(result("ipmi.command.sdr.result.g", vec![b'x'; 300_000 + number]));
    }
    for number in 0..50 {
        assert_eq!(subscriber.next(), (300_000 + number).to_string());
    }
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_prints_what_a_subscriber_hears() {
    let broker = Embedded::start(0).unwrap();
    let port = broker.address().port();
    let (sender, mut lines) = tokio::sync::mpsc::channel(16);
    let watch = tokio::spawn(async move { demo::watch::watch(port, "on", sender).await });
    // Published by another program: what is printed can only have come over the bus.
    let value = r#"{"value":{"workItemId":"power@bmc-1","power":true}}"#;
    let event = r#"{"action":"chassispower.updated","typeId":"power@bmc-1","severity":"information"}"#;
    let first = loop {
        publish(port, &format!("on/task/ipmi/command/power/result/{GRAPH}"), &["-m", value]);
        match tokio::time::timeout(Duration::from_millis(200), lines.recv()).await {
            Ok(line) => break line.unwrap(),
            Err(_) => continue,
        }
    };
    assert_eq!(first.kind, demo::line::Kind::Result);
    for (topic, body, kind) in [
        (format!("on/task/ipmi/command/power/{GRAPH}"), value, None),
        (format!("on/task/poller/alert/{GRAPH}"), value, None),
        (format!("on/task/snmp/command/result/{GRAPH}"), value, Some(demo::line::Kind::Result)),
        (format!("on/task/metric/snmp-memory-usage/failed/{GRAPH}"), value, Some(demo::line::Kind::Failure)),
        ("on/events/polleralert/chassispower/updated/x/y".into(), event, Some(demo::line::Kind::Alert)),
    ] {
        publish(port, &topic, &["-m", body]);
        if let Some(kind) = kind {
            let line = tokio::time::timeout(PATIENCE, lines.recv()).await.unwrap().unwrap();
            assert_eq!(line.kind, kind, "{topic}: {}", line.text);
        }
    }
    drop(lines);
    publish(port, &format!("on/task/ipmi/command/power/result/{GRAPH}"), &["-m", value]);
    tokio::time::timeout(PATIENCE, watch).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_does_not_hold_up_the_end() {
    let broker = Mosquitto::start(free_port());
    let agent = Agent::start(external(&broker));
    online(broker.port);
    broker.freeze();
    agent.outbox.push_numbers(0..100);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let outbox = agent.outbox.clone();
    // Fails after 5 s.
    agent.stop().await;
    assert_eq!(outbox.len(), 100, "forgotten without an acknowledgement");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_while_commands_for_dead_devices_fill_the_line() {
    let broker = Embedded::start(0).unwrap();
    let port = broker.address().port();
    let mut agent = Agent::start(broker.settings("on", "agent-1"));
    online(port);
    // Nobody takes these: they stay unacknowledged, and rumqttd sends no more than 100 of them.
    let commands = vec!["command"; 300].join("\n");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("commands"), commands).unwrap();
    let lines = std::fs::File::open(folder.path().join("commands")).unwrap();
    publish_lines(port, &format!("on/task/ipmi/command/power/{GRAPH}"), lines);
    let answers = Subscriber::start(port, "me/answers", &["-F", "%p"]);
    publish(
        port,
        "on/task/methods/requestPollerCache",
        &["-m", "ask", "-D", "publish", "response-topic", "me/answers"],
    );
    let request = tokio::time::timeout(PATIENCE, agent.requests.recv()).await.unwrap().unwrap();
    request.answer.send(result("", "answer")).unwrap();
    assert_eq!(answers.next(), "answer");
    // And all commands come through once they are taken.
    for _ in 0..300 {
        agent.command().await.recorded.send(()).unwrap();
    }
    agent.stop().await;
}
