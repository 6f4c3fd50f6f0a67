use std::time::UNIX_EPOCH;

use rackpoll_model::Metric;
use serde_json::json;
use tokio::sync::oneshot;

use super::*;
use crate::config::{Config, Surroundings};

const GRAPH: &str = "3a1c8d32-2f5e-4c0e-9a51-6d0b8f0c4a11";

const CONFIG: &str = r#"
    [agent]
    serves = ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"]
    timeout = "7s"
    [encryption]
    key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
    [[credential]]
    name = "bmc"
    user = "named"
    password = "named-password"
    networks = ["10.7.0.0/16"]
    [[credential]]
    name = "switch"
    community = "named-community"
    [[device]]
    name = "r1"
    host = "10.8.0.1"
    credential = "bmc"
    [[device]]
    name = "sw1"
    host = "switch-1.example.org"
    credential = "switch"
"#;

fn config(text: &str) -> Config {
    let surroundings = Surroundings { variable: &|_| None, host_name: "test".to_owned() };
    Config::parse(text, "test.toml".as_ref(), &surroundings).unwrap()
}

fn fences() -> Fences {
    Fences::new(&config(CONFIG))
}

fn send(routing_key: &str, body: &str) -> Result<Job, Box<Outcome>> {
    send_through(&fences(), routing_key, body)
}

fn send_through(fences: &Fences, routing_key: &str, body: &str) -> Result<Job, Box<Outcome>> {
    let delivery = Delivery {
        routing_key: routing_key.to_owned(),
        body: body.as_bytes().to_vec(),
        reply_to: None,
        recorded: oneshot::channel().0,
    };
    parse(delivery, fences, UNIX_EPOCH)
}

fn ipmi(command: &str, value: Value) -> Result<Job, Box<Outcome>> {
    send(&format!("ipmi.command.{command}.{GRAPH}"), &json!({ "value": value }).to_string())
}

fn snmp(value: Value) -> Result<Job, Box<Outcome>> {
    send(&format!("run.snmp.command.{GRAPH}"), &json!({ "value": value }).to_string())
}

fn fault(sent: Result<Job, Box<Outcome>>) -> Fault {
    sent.unwrap_err().reading.unwrap_err()
}

/// A good command with one field changed; `null` takes it away.
fn with(mut value: Value, field: &str, content: Value) -> Value {
    value[field] = content;
    value
}

fn good_ipmi() -> Value {
    json!({ "host": "127.0.77.1", "user": "admin", "password": "sesame", "node": "n1", "workItemId": "w1", "alerts": [] })
}

fn good_snmp() -> Value {
    json!({
        "host": "127.0.77.1", "community": "sesame", "node": "n1", "workItemId": "w1", "pollInterval": 60000,
        "config": { "oids": [".1.3.6.1.2.1.1.5"] },
    })
}

fn login(user: &str, password: &str) -> Credential {
    Credential::Ipmi { user: user.into(), password: password.into(), access: Access::default() }
}

#[test]
fn an_ipmi_command_becomes_a_job() {
    let job = ipmi("chassis", good_ipmi()).unwrap();
    assert_eq!(job.request, PollRequest::Ipmi(IpmiCommand::Chassis));
    assert_eq!(job.target, Target { host: "127.0.77.1".into(), name: "127.0.77.1".into(), port: 623 });
    assert_eq!(job.credential, login("admin", "sesame"));
    assert_eq!(job.timeout.as_secs(), 7);
    assert_eq!(job.priority, Priority::Command);
    let subject = job.subject;
    assert_eq!(subject.topic, Topic::Ipmi("chassis".into()));
    assert_eq!((subject.work_item_id.as_deref(), subject.node.as_deref()), (Some("w1"), Some("n1")));
    assert_eq!(subject.graph_id, GRAPH);
    let echo = r#"{"host":"127.0.77.1","user":"admin","node":"n1","workItemId":"w1","alerts":[]}"#;
    assert_eq!(Value::Object(subject.value).to_string(), echo);
}

#[test]
fn every_command_of_the_contract_passes_built_or_not() {
    for command in IpmiCommand::ALL {
        assert_eq!(ipmi(command.as_str(), good_ipmi()).unwrap().request, PollRequest::Ipmi(command));
    }
    let metric =
        with(good_snmp(), "config", json!({ "metric": "snmp-interface-state", "alerts": [{ "x": "1" }] }));
    let job = snmp(metric).unwrap();
    assert_eq!(job.subject.topic, Topic::Metric("snmp-interface-state".into()));
    assert_eq!(job.request, PollRequest::Snmp(SnmpRequest::Metric(Metric::InterfaceState.into())));
    let sensors = json!({ "metric": "snmp-switch-sensor-status", "sensorOids": [".1.3.6.1.4.1.9.9.13"] });
    let job = snmp(with(good_snmp(), "config", sensors.clone())).unwrap();
    let request = MetricRequest {
        metric: Metric::SwitchSensorStatus,
        sensor_oids: vec![".1.3.6.1.4.1.9.9.13".to_owned()],
    };
    assert_eq!(job.request, PollRequest::Snmp(SnmpRequest::Metric(request)));
    assert_eq!(job.subject.value["config"], sensors);
}

#[test]
fn an_snmp_command_becomes_a_job_and_its_community_goes_out_encrypted() {
    let job = snmp(good_snmp()).unwrap();
    assert_eq!(job.request, PollRequest::Snmp(SnmpRequest::Oids(vec![".1.3.6.1.2.1.1.5".into()])));
    assert_eq!(job.target.port, 161);
    assert_eq!(job.credential, Credential::Snmp(SnmpCredential::V2c("sesame".into())));
    assert_eq!(job.subject.topic, Topic::Snmp);
    let keys: Vec<_> = job.subject.value.keys().map(String::as_str).collect();
    assert_eq!(keys, ["host", "community", "node", "workItemId", "pollInterval", "config"]);
    let hidden = job.subject.value["community"].as_str().unwrap();
    let key = config(CONFIG).encryption.unwrap();
    assert_eq!(key.decrypt(hidden), Some("sesame".into()));
}

#[test]
fn encrypted_fields_are_opened_and_go_out_as_they_came() {
    let key = config(CONFIG).encryption.unwrap();
    let hidden = key.encrypt(&"sesame".into()).unwrap();
    let job = snmp(with(good_snmp(), "community", json!(hidden))).unwrap();
    assert_eq!(job.credential, Credential::Snmp(SnmpCredential::V2c("sesame".into())));
    assert_eq!(job.subject.value["community"], json!(hidden));
    let job = ipmi("power", with(good_ipmi(), "password", json!(hidden))).unwrap();
    assert_eq!(job.credential, login("admin", "sesame"));
    assert!(!job.subject.value.contains_key("password"));
}

#[test]
fn without_a_key_the_community_does_not_go_out() {
    let fences = Fences::new(&config(""));
    let body = json!({ "value": good_snmp() }).to_string();
    let job = send_through(&fences, &format!("run.snmp.command.{GRAPH}"), &body).unwrap();
    assert!(!job.subject.value.contains_key("community"));
}

#[test]
fn every_form_of_a_host() {
    for (host, name, port) in [
        ("127.0.77.1:6230", "127.0.77.1", 6230),
        ("[fd00::1]:6230", "fd00::1", 6230),
        ("fd00::1", "fd00::1", 623),
        ("bmc.example.org", "bmc.example.org", 623),
    ] {
        let target = ipmi("power", with(good_ipmi(), "host", json!(host))).unwrap().target;
        assert_eq!((target.host.as_str(), target.name.as_str(), target.port), (host, name, port));
    }
    let fault = fault(ipmi("power", with(good_ipmi(), "host", json!("00:1b:2c:3d:4e:5f"))));
    assert_eq!(fault.kind, FaultKind::NotSupported);
    assert!(fault.message.contains("MAC address"));
}

#[test]
fn node_and_work_item_may_be_missing_or_null() {
    for nothing in [json!({ "host": "127.0.0.1", "user": "", "password": "" }), {
        json!({ "host": "127.0.0.1", "user": "", "password": "", "node": null, "workItemId": null })
    }] {
        let subject = ipmi("power", nothing).unwrap().subject;
        assert_eq!((subject.node, subject.work_item_id), (None, None));
    }
    let job = ipmi("power", with(good_ipmi(), "workItemId", json!("sensors@r1"))).unwrap();
    assert_eq!(job.subject.work_item_id.as_deref(), Some("sensors@r1"));
}

#[test]
fn each_wrong_field_is_named() {
    for field in ["host", "user", "password"] {
        for content in [Value::Null, json!(7), json!({}), json!(["x"]), json!(true)] {
            let fault = fault(ipmi("power", with(good_ipmi(), field, content.clone())));
            assert_eq!(fault.kind, FaultKind::MalformedCommand, "{field} {content}");
            assert!(fault.message.contains(&format!("`{field}`")), "{field} {content}: {fault}");
        }
    }
    for field in ["host", "community", "config"] {
        for content in [Value::Null, json!(7), json!(["x"]), json!(true)] {
            let fault = fault(snmp(with(good_snmp(), field, content.clone())));
            assert_eq!(fault.kind, FaultKind::MalformedCommand, "{field} {content}");
            assert!(fault.message.contains(&format!("`{field}")), "{field} {content}: {fault}");
        }
    }
    for (field, content, named) in [
        ("pollInterval", json!("60000"), "`pollInterval`"),
        ("node", json!(7), "`node`"),
        ("node", json!("a.b"), "`node`"),
        ("node", json!("#"), "`node`"),
        ("workItemId", json!("a/b"), "`workItemId`"),
        ("workItemId", json!("x".repeat(65)), "`workItemId`"),
        ("community", json!(""), "`community`"),
        ("community", json!("x".repeat(256)), "`community`"),
        ("config", json!({}), "`config`"),
        ("config", json!({ "oids": [] }), "`config.oids`"),
        ("config", json!({ "oids": ".1.3" }), "`config.oids`"),
        ("config", json!({ "oids": [".1.3", 7] }), "`config.oids[1]`"),
        ("config", json!({ "oids": [".1.3", ""] }), "`config.oids[1]`"),
        ("config", json!({ "oids": vec![".1.3"; 257] }), "`config.oids`"),
        ("config", json!({ "oids": [".1.4294967296"] }), "`config.oids[0]`"),
        ("config", json!({ "metric": 7 }), "`config.metric`"),
        ("config", json!({ "metric": "snmp-switch-sensor-status" }), "`config.sensorOids` is missing"),
        (
            "config",
            json!({ "metric": "snmp-switch-sensor-status", "sensorOids": ".1.3" }),
            "`config.sensorOids` has to be a list",
        ),
        (
            "config",
            json!({ "metric": "snmp-switch-sensor-status", "sensorOids": [".1.3", "x y"] }),
            "`config.sensorOids[1]`",
        ),
        ("config", json!({ "metric": "snmp-interface-state", "oids": [".1"] }), "not both"),
    ] {
        let fault = fault(snmp(with(good_snmp(), field, content.clone())));
        assert_eq!(fault.kind, FaultKind::MalformedCommand, "{field} {content}");
        assert!(fault.message.contains(named), "{field} {content}: {fault}");
    }
    for (field, content) in
        [("user", "x".repeat(17)), ("password", "x".repeat(21)), ("password", "a\0".to_owned())]
    {
        assert_eq!(
            fault(ipmi("power", with(good_ipmi(), field, json!(content)))).kind,
            FaultKind::MalformedCommand
        );
    }
}

#[test]
fn sensor_oids_that_a_command_does_not_bring_are_the_configurations() {
    let asked = |section: &str, config: Value| {
        let fences = Fences::new(&self::config(&format!("{CONFIG}{section}")));
        let value = with(good_snmp(), "config", config);
        send_through(&fences, &format!("run.snmp.command.{GRAPH}"), &json!({ "value": value }).to_string())
    };
    let usual = "[snmp]\nsensor-oids = [\".1.3.6.1.4.1.9.9.13\"]\n";
    let metric = json!({ "metric": "snmp-switch-sensor-status" });
    let own = json!({ "metric": "snmp-switch-sensor-status", "sensorOids": [".1.3"] });
    for (config, expected) in [(metric.clone(), ".1.3.6.1.4.1.9.9.13"), (own, ".1.3")] {
        let job = asked(usual, config.clone()).unwrap();
        let sensor_oids = vec![expected.to_owned()];
        let request = MetricRequest { metric: Metric::SwitchSensorStatus, sensor_oids };
        assert_eq!(job.request, PollRequest::Snmp(SnmpRequest::Metric(request)));
        // What goes out with the result is what came in.
        assert_eq!(job.subject.value["config"], config);
    }
    let refused = fault(asked("", metric));
    assert!(refused.message.contains("no `sensor-oids` in [snmp]"), "{refused}");
}

#[test]
fn what_is_unknown_and_what_comes_later_are_told_apart() {
    let outcome = ipmi("reboot", good_ipmi()).unwrap_err();
    assert_eq!(outcome.subject.topic, Topic::Ipmi("reboot".into()));
    assert_eq!(outcome.reading.unwrap_err().kind, FaultKind::UnknownCommand);
    let outcome = snmp(with(good_snmp(), "config", json!({ "metric": "snmp-fans" }))).unwrap_err();
    assert_eq!(outcome.subject.topic, Topic::Metric("snmp-fans".into()));
    let unknown = outcome.reading.unwrap_err();
    assert_eq!(unknown.kind, FaultKind::UnknownCommand);
    assert!(unknown.message.contains("snmp-lldp-neighbors"), "{unknown}");
    let named = fault(snmp(with(good_snmp(), "config", json!({ "oids": ["NO-SUCH-MIB::sysDescr"] }))));
    assert_eq!(named.kind, FaultKind::MalformedCommand);
}

#[test]
fn a_refusal_keeps_what_its_failure_needs() {
    let delivery = Delivery {
        routing_key: format!("ipmi.command.power.{GRAPH}"),
        body: json!({ "value": with(good_ipmi(), "host", json!("192.0.2.1")) }).to_string().into_bytes(),
        reply_to: Some(crate::job::ReplyTo { address: "q".into(), correlation: Some(vec![1]) }),
        recorded: oneshot::channel().0,
    };
    let outcome = parse(delivery, &fences(), UNIX_EPOCH).unwrap_err();
    assert_eq!(outcome.attempts, 0);
    assert_eq!(outcome.target.unwrap().host, "192.0.2.1");
    assert_eq!(outcome.subject.work_item_id.as_deref(), Some("w1"));
    assert_eq!(outcome.subject.reply.unwrap().address, "q");
    assert!(outcome.subject.recorded.is_some());
    let echo = r#"{"host":"192.0.2.1","user":"admin","node":"n1","workItemId":"w1","alerts":[]}"#;
    assert_eq!(Value::Object(outcome.subject.value).to_string(), echo);
    assert_eq!(outcome.reading.unwrap_err().kind, FaultKind::NotServed);
}

#[test]
fn words_that_would_break_a_routing_key_do_not_reach_one() {
    for (key, topic, graph) in [
        ("ipmi.command.#.*", Topic::Ipmi("unknown".into()), "unknown"),
        ("ipmi.command.po wer.a/b", Topic::Ipmi("unknown".into()), "unknown"),
        ("ipmi.command..", Topic::Ipmi("unknown".into()), "unknown"),
        ("ipmi.command.power.not-a-uuid", Topic::Ipmi("power".into()), "not-a-uuid"),
        ("run.snmp.command.+", Topic::Snmp, "unknown"),
        ("", Topic::Ipmi("unknown".into()), "unknown"),
        (
            "ipmi.command.power.result.3a1c8d32-2f5e-4c0e-9a51-6d0b8f0c4a11",
            Topic::Ipmi("unknown".into()),
            "unknown",
        ),
    ] {
        let outcome = send(key, &json!({ "value": good_ipmi() }).to_string()).unwrap_err();
        if topic != Topic::Snmp {
            assert_eq!(outcome.subject.topic, topic, "{key}");
        }
        assert_eq!(outcome.subject.graph_id, graph, "{key}");
        assert_eq!(outcome.reading.unwrap_err().kind, FaultKind::MalformedCommand, "{key}");
    }
    let outcome = snmp(with(good_snmp(), "config", json!({ "metric": "a.#" }))).unwrap_err();
    assert_eq!(outcome.subject.topic, Topic::Metric("unknown".into()));
}

#[test]
fn graphs_may_be_fenced() {
    let other = "00000000-0000-4000-8000-000000000000";
    let fences = Fences::new(&config(&format!("[agent]\nserves-graphs = [\"{other}\"]")));
    let body = json!({ "value": good_ipmi() }).to_string();
    let refused = fault(send_through(&fences, &format!("ipmi.command.power.{GRAPH}"), &body));
    assert_eq!(refused.kind, FaultKind::NotServed);
    assert!(send_through(&fences, &format!("ipmi.command.power.{other}"), &body).is_ok());
}

#[test]
fn hosts_outside_the_served_networks_are_refused_however_written() {
    for host in ["192.0.2.1", "192.0.2.1:623", "::ffff:192.0.2.1", "2001:db8::1", "[2001:db8::1]:623"] {
        assert_eq!(
            fault(ipmi("power", with(good_ipmi(), "host", json!(host)))).kind,
            FaultKind::NotServed,
            "{host}"
        );
    }
    let fences = fences();
    assert!(fences.serves_address("10.255.0.1".parse().unwrap()).is_ok());
    assert!(fences.serves_address("192.0.2.1".parse().unwrap()).is_err());
    let open = Fences::new(&config(""));
    let body = json!({ "value": with(good_ipmi(), "host", json!("192.0.2.1")) }).to_string();
    assert!(send_through(&open, &format!("ipmi.command.power.{GRAPH}"), &body).is_ok());
}

#[test]
fn a_named_credential_is_for_its_devices_and_networks_only() {
    let named = |host: &str, name: &str| {
        ipmi("power", json!({ "host": host, "credential": name, "workItemId": "w1" }))
    };
    let credential = login("named", "named-password");
    assert_eq!(named("10.7.3.4", "bmc").unwrap().credential, credential);
    assert_eq!(named("10.8.0.1", "bmc").unwrap().credential, credential);
    assert_eq!(named("10.8.0.1:623", "bmc").unwrap().credential, credential);
    for (host, name, kind) in [
        ("10.8.0.2", "bmc", FaultKind::NotServed),
        ("10.8.0.1:6230", "bmc", FaultKind::NotServed),
        ("bmc.example.org", "bmc", FaultKind::NotServed),
        ("10.8.0.1", "other", FaultKind::UnknownCredential),
        ("switch-1.example.org", "switch", FaultKind::UnknownCredential),
        ("10.8.0.1", "no name", FaultKind::MalformedCommand),
    ] {
        let fault = fault(named(host, name));
        assert_eq!(fault.kind, kind, "{host} {name}: {fault}");
    }
    let switch =
        |host: &str| snmp(json!({ "host": host, "credential": "switch", "config": { "oids": ["1.3"] } }));
    let job = switch("Switch-1.example.org").unwrap();
    assert_eq!(job.credential, Credential::Snmp(SnmpCredential::V2c("named-community".into())));
    assert!(!job.subject.value.contains_key("community"));
    assert_eq!(fault(switch("switch-2.example.org")).kind, FaultKind::NotServed);
    let both = with(good_ipmi(), "credential", json!("bmc"));
    assert_eq!(fault(ipmi("power", with(both, "host", json!("10.7.0.1")))).kind, FaultKind::MalformedCommand);
}

#[test]
fn what_is_ours_is_not_taken_from_a_command() {
    let mut value = good_ipmi();
    for key in ["_poll", "error", "result", "power"] {
        value[key] = json!("forged");
    }
    let job = ipmi("power", value).unwrap();
    assert!(!Value::Object(job.subject.value).to_string().contains("forged"));
}
