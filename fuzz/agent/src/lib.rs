//! Fuzz targets of the agent: what the bus and the configuration bring, and the texts of what goes out.
//!
//! They are a crate of their own because the agent takes long to build.

use std::{sync::LazyLock, time::UNIX_EPOCH};

use rackpoll::{
    broker::{Delivery, mqtt::topic},
    config::{Config, Host, Surroundings, duration},
    intake::{Cron, Fences, parse_command, parse_request, scrub},
    publish::contract::reading_value,
};
use rackpoll_fuzz::{conversations, snmp};
use rackpoll_fuzz_driver::{Script, Target};
use rackpoll_model::{Oid, Reading};
use serde_json::{Value, json};

/// Every target.
pub fn targets() -> Vec<Target> {
    vec![
        Target {
            name: "command",
            about: "commands of the bus: a job, or an outcome that says why not, without a password in it",
            run: command,
            seeds: commands,
            longest: 4096,
            most_allocated: 1 << 20,
        },
        Target {
            name: "request",
            about: "requests of the bus: an id, or an error that can be answered",
            run: |body| match parse_request("methods.requestPollerCache", body) {
                Ok(request) => assert!((1..=256).contains(&request.id.len())),
                Err(fault) => assert!(!fault.message.is_empty() && fault.message.len() < 500),
            },
            seeds: || {
                [
                    r#"{"value":"w1","options":{"latestOnly":true}}"#,
                    r#"{"value":"unknown.metric.snmp-ups","options":null}"#,
                    r#"{"value":7}"#,
                ]
                .map(|text| text.as_bytes().to_vec())
                .to_vec()
            },
            longest: 5000,
            most_allocated: 1 << 20,
        },
        Target {
            name: "configuration",
            about: "configuration files: a configuration, or its faults, each with a place",
            run: configuration,
            seeds: configurations,
            longest: 16 << 10,
            most_allocated: 8 << 20,
        },
        Target {
            name: "words",
            about: "crontabs, durations, hosts and oids as people write them",
            run: words,
            seeds: || {
                [
                    "*/5 * * * *",
                    "0 30 2 1,15 JAN-MAR MON#1",
                    "59 23 31 12 7",
                    "90s",
                    "1h30m",
                    "250ms",
                    "10.0.0.1:623",
                    "[fd00::1]:161",
                    "fe80::1%eth0",
                    "bmc-7.example",
                    "00:25:90:ab:cd:ef",
                    ".1.3.6.1.2.1.1",
                    "2.999.3",
                ]
                .map(|text| text.as_bytes().to_vec())
                .to_vec()
            },
            longest: 300,
            most_allocated: 256 << 10,
        },
        Target {
            name: "mqtt-topic",
            about: "topics of others: a routing key without empty words and wildcards, or refused",
            run: mqtt_topic,
            seeds: || {
                [
                    "on/task/ipmi/command/power/3a1c8d32-2f5e-4c0e-9a51-6d0b8f0c4a11",
                    "on/task/methods/requestPollerCache",
                    "on/task//x",
                    "$SYS/broker",
                    "reply/1/+/#",
                ]
                .map(|text| text.as_bytes().to_vec())
                .to_vec()
            },
            longest: 1100,
            most_allocated: 16 << 10,
        },
        Target {
            name: "published-ipmi",
            about: "readings of a BMC that answers anything, as they are published",
            run: |script| conversations::readings(script, |reading| publish(&reading)),
            seeds: conversations::scripts,
            longest: 200,
            most_allocated: 8 << 20,
        },
        Target {
            name: "published-metrics",
            about: "metrics of an agent that answers anything, as they are published",
            run: |script| snmp::readings(script, |reading| publish(&Reading::Metric(reading))),
            seeds: snmp::scripts,
            longest: 600,
            most_allocated: 4 << 20,
        },
    ]
}

const GRAPH: &str = "3a1c8d32-2f5e-4c0e-9a51-6d0b8f0c4a11";

/// Without and with a key for encrypted fields.
static FENCES: LazyLock<[Fences; 2]> = LazyLock::new(|| {
    let key = "[encryption]\nkey = \"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\"";
    ["", key].map(|text| {
        let config = Config::parse(text, "fuzz.toml".as_ref(), &surroundings());
        Fences::new(&config.expect("a configuration without faults"))
    })
});

fn surroundings() -> Surroundings<'static> {
    Surroundings { variable: &|_| None, host_name: "fuzz".to_owned() }
}

fn command(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let (which, key) = (script.byte(), script.bytes());
    let routing_key = match which >> 1 & 0x03 {
        0 => format!("ipmi.command.power.{GRAPH}"),
        1 => format!("ipmi.command.sdr.{GRAPH}"),
        2 => format!("run.snmp.command.{GRAPH}"),
        _ => String::from_utf8_lossy(key).into_owned(),
    };
    let delivery = Delivery {
        routing_key,
        body: script.rest().to_vec(),
        reply_to: None,
        recorded: tokio::sync::oneshot::channel().0,
    };
    let value = match parse_command(delivery, &FENCES[usize::from(which & 1)], UNIX_EPOCH) {
        Ok(job) => job.subject.value,
        Err(outcome) => {
            let fault = outcome.reading.expect_err("a command that was never tried has no reading");
            assert!((1..600).contains(&fault.message.len()), "{fault}");
            outcome.subject.value
        }
    };
    // What goes out again holds no password, and nothing that scrubbing would still find.
    assert!(!value.contains_key("password"));
    let mut scrubbed = Value::Object(value.clone());
    scrub(&mut scrubbed);
    let mut expected = value;
    let community = expected.shift_remove("community");
    if let (Value::Object(scrubbed), Some(_)) = (&mut scrubbed, community) {
        scrubbed.shift_remove("community");
    }
    assert_eq!(scrubbed, Value::Object(expected));
}

fn commands() -> Vec<Vec<u8>> {
    let bodies = [
        json!({ "value": { "host": "10.0.0.1", "user": "u", "password": "p", "node": "n", "workItemId": "w" } }),
        json!({ "value": { "host": "bmc:623", "user": "u", "password": "AAECAwQFBgcICQoLDA0ODw==.+mPiGGeG4SFvJoPmmcl0Xw==",
            "alerts": [{ "power": false, "action": "warning" }] } }),
        json!({ "value": { "host": "[fd00::1]:161", "community": "public", "pollInterval": 60000,
            "config": { "oids": [".1.3.6.1.2.1.1", "1.3"], "alerts": [{ ".1.3": "/x/" }] } } }),
        json!({ "value": { "host": "10.0.0.1", "community": "public", "config": { "metric": "snmp-interface-state" } } }),
        json!({ "value": { "host": "10.0.0.1", "credential": "lab", "config": { "v3": [{ "authPassword": "x" }] } } }),
        json!({ "value": "nothing" }),
    ];
    let mut seeds = Vec::new();
    for which in 0..6 {
        seeds.extend(bodies.iter().map(|body| [&[which, 0], body.to_string().as_bytes()].concat()));
    }
    let key = b"ipmi.command.uid.x";
    seeds.push([&[6, key.len() as u8], &key[..], bodies[0].to_string().as_bytes()].concat());
    seeds
}

fn configuration(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(faults) = Config::parse(&text, "fuzz.toml".as_ref(), &surroundings()) {
        assert!(!faults.faults.is_empty() && !faults.to_string().is_empty());
        for fault in &faults.faults {
            assert!(fault.place.line >= 1);
        }
    }
}

fn configurations() -> Vec<Vec<u8>> {
    [
        "[agent]\nname = \"a1\"\nzone = \"z\"\nserves = [\"10.1.0.0/16\"]\nmax-in-flight = 50\n\n\
        [bus]\nurl = \"amqps://agent@mq1,mq2/rackhd\"\npassword = { env = \"BUS\" }\nprefix = \"on\"\n",
        "[[credential]]\nname = \"lab\"\nnetworks = [\"10.0.0.0/8\"]\nuser = \"u\"\npassword = \"p\"\n\n\
        [[device]]\nname = \"d1\"\nhost = \"10.0.0.1\"\ncredential = \"lab\"\ntags = [\"row-1\"]\n\n\
        [[poller]]\nid = \"sensors\"\ndevices = [\"d*\", \"tag:row-1\"]\nipmi = \"sdr\"\nevery = \"60s\"\n\
        alerts = [{ sensorId = \"Fan\", action = \"warning\" }]\n",
        "[[poller]]\nid = \"walk\"\ndevices = [\"sw*\"]\nsnmp = { oids = [\".1.3.6.1.2.1.2\"] }\ncron = \"0 */5 * * * *\"\n\
        timezone = \"Europe/Berlin\"\npaused = true\n",
        "bus = { url = \"embedded\" }\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn words(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = Cron::parse(&text);
    let _ = duration::parse(&text);
    let _ = text.parse::<Oid>();
    if let Ok(host) = Host::parse(&text) {
        let target = host.target(623);
        assert!(!target.name.is_empty() && target.port != 0);
    }
}

fn mqtt_topic(bytes: &[u8]) {
    if let Ok(key) = topic::routing_key("on", bytes) {
        assert!(key.split('.').all(|word| !word.is_empty()));
        assert!(!key.contains(['/', '+', '#', '\0']));
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && topic::check_response_topic(text).is_ok()
    {
        assert!(!text.contains(['+', '#', '\0']) && !text.starts_with('$'));
    }
}

/// JSON cannot say every number that a sensor may have: whatever it is, the text is JSON.
fn publish(reading: &Reading) {
    let text = reading_value(reading, None).to_string();
    assert!(text.len() < 4 << 20, "a result of {} bytes", text.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_seeds_pass() {
        for target in targets() {
            for seed in (target.seeds)() {
                assert!(seed.len() <= target.longest, "{}: a seed of {} bytes", target.name, seed.len());
                (target.run)(&seed);
            }
        }
    }
}
