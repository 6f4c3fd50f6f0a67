//! Whatever comes in: no panic, and no secret in anything that can be printed or sent.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Cron, Fences, parse_command, parse_request};
use crate::{
    broker::Delivery,
    config::{Config, Host, Surroundings, duration},
};

/// xorshift64*: the same bytes on every machine for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

const GRAPH: &str = "3a1c8d32-2f5e-4c0e-9a51-6d0b8f0c4a11";

fn fences(text: &str) -> Fences {
    let surroundings = Surroundings { variable: &|_| None, host_name: "test".to_owned() };
    Fences::new(&Config::parse(text, "test.toml".as_ref(), &surroundings).unwrap())
}

const WITH_KEY: &str = "[encryption]\nkey = \"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\"";

/// Everything that is left of a command, printed.
fn leavings(fences: &Fences, key: &str, body: &[u8]) -> String {
    let delivery = Delivery {
        routing_key: key.to_owned(),
        body: body.to_vec(),
        reply_to: None,
        recorded: oneshot::channel().0,
    };
    let mut print = format!("{delivery:?}");
    match parse_command(delivery, fences, UNIX_EPOCH) {
        Ok(job) => print.push_str(&format!("{job:?} {}", Value::Object(job.subject.value.clone()))),
        Err(outcome) => {
            print.push_str(&format!("{outcome:?} {}", Value::Object(outcome.subject.value.clone())));
            print.push_str(&outcome.reading.as_ref().unwrap_err().to_string());
        }
    }
    print
}

/// Side by side: nothing of it is slow, and it is much.
#[test]
fn no_bytes_end_the_agent() {
    std::thread::scope(|scope| {
        for seed in
            [0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9, 0x94D0_49BB_1331_11EB, 0xD6E8_FEB8_6659_FD93]
        {
            scope.spawn(move || end_nothing_by_bytes(Dice(seed), 5_000));
        }
    });
}

fn end_nothing_by_bytes(mut dice: Dice, times: u32) {
    let fences = [fences(""), fences(WITH_KEY)];
    let seeds = [
        json!({ "value": { "host": "10.0.0.1", "user": "u", "password": "p", "node": "n", "workItemId": "w" } }).to_string(),
        json!({ "value": { "host": "[fd00::1]:161", "community": "AAECAwQFBgcICQoLDA0ODw==.+mPiGGeG4SFvJoPmmcl0Xw==",
            "config": { "oids": [".1.3.6", "1.3"], "alerts": [{ ".1": "/x/" }] } } })
        .to_string(),
        r#"{"value":"w1","options":{"latestOnly":true}}"#.to_owned(),
    ];
    let keys = [
        format!("ipmi.command.power.{GRAPH}"),
        format!("run.snmp.command.{GRAPH}"),
        "methods.requestPollerCache".to_owned(),
        "....".to_owned(),
    ];
    let names = rackpoll_snmp::names::Names::builtin();
    for _ in 0..times {
        let mut body = dice.pick(&seeds).clone().into_bytes();
        for _ in 0..=dice.below(6) {
            let at = dice.below(body.len());
            match dice.below(4) {
                0 => body[at] = dice.roll().to_le_bytes()[0],
                1 => body.truncate(at.max(1)),
                2 => body.insert(at, *dice.pick(b"{}[]\":,\\\0\xff09e-.")),
                _ => {
                    let piece: Vec<u8> = body[at..].iter().copied().take(9).collect();
                    body.splice(at..at, piece);
                }
            }
        }
        let key = dice.pick(&keys).clone();
        leavings(dice.pick(&fences), &key, &body);
        let _ = parse_request(&key, &body);
        let text = String::from_utf8_lossy(&body);
        let _ = (Host::parse(&text), Cron::parse(&text), duration::parse(&text), names.resolve(&text));
        let surroundings = Surroundings { variable: &|_| None, host_name: text.clone().into_owned() };
        let _ =
            Config::parse(&text, "fuzz.toml".as_ref(), &surroundings).map_err(|faults| faults.to_string());
    }
}

#[test]
fn depth_size_and_numbers_are_bounded() {
    let fences = fences("");
    let key = format!("ipmi.command.power.{GRAPH}");
    let open = "[".repeat(100_000);
    let nested = format!("{{\"value\":{{\"host\":\"h\",\"x\":{open}");
    let large = json!({ "value": { "host": "h", "x": "y".repeat(300_000) } }).to_string();
    let number = r#"{"value":{"host":"h","user":"u","password":"p","x":1e999}}"#;
    let many = format!("{{\"value\":{{{}}}}}", vec!["\"host\":\"10.0.0.1\""; 5_000].join(","));
    for body in [nested, large, number.to_owned(), many] {
        assert!(leavings(&fences, &key, body.as_bytes()).contains("MalformedCommand"));
    }
    let deep_toml = format!("x = {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let surroundings = Surroundings { variable: &|_| None, host_name: String::new() };
    assert!(Config::parse(&deep_toml, "deep.toml".as_ref(), &surroundings).is_err());
}

#[test]
fn no_secret_is_left_of_any_command() {
    let secret = "s3cr3t-Zq9";
    let fences = [fences(""), fences(WITH_KEY)];
    let places = [
        json!({ "password": secret }),
        json!({ "community": secret }),
        json!({ "password": secret, "community": secret }),
        json!({ "Password": secret, "COMMUNITY": secret }),
        json!({ "password": { "plain": secret } }),
        json!({ "community": [secret] }),
        json!({ "password": secret, "config": { "password": secret, "community": secret, "oids": [".1"] } }),
        json!({ "community": secret, "config": { "v3": [{ "authPassword": secret, "priv_key": secret }], "oids": [".1"] } }),
        json!({ "password": secret, "alerts": [{ "password": secret, "action": "warning" }] }),
        json!({ "host": format!("admin:{secret}@10.0.0.1") }),
        json!({ "host": format!("{secret}@10.0.0.1") }),
        json!({ "password": format!("{secret}{}", "x".repeat(600)) }),
    ];
    let base = [
        json!({}),
        json!({ "host": "10.0.0.1" }),
        json!({ "host": "10.0.0.1", "user": "u", "node": "n", "workItemId": "w" }),
        json!({ "host": "10.0.0.1", "user": 7, "node": "a.b", "config": 7 }),
        json!({ "host": "10.0.0.1", "config": { "oids": [".1"] } }),
        json!({ "host": "10.0.0.1", "credential": "none" }),
    ];
    let keys = [
        format!("ipmi.command.power.{GRAPH}"),
        format!("ipmi.command.reboot.{GRAPH}"),
        "ipmi.command.power.x".to_owned(),
        format!("run.snmp.command.{GRAPH}"),
        "nonsense".to_owned(),
    ];
    let mut jobs = 0;
    for fences in &fences {
        for key in &keys {
            for base in &base {
                for place in &places {
                    let mut value = base.clone();
                    for (name, content) in place.as_object().unwrap() {
                        value[name] = content.clone();
                    }
                    let body = json!({ "value": value }).to_string();
                    for body in [body.as_str(), &body[..body.len() - 1]] {
                        let left = leavings(fences, key, body.as_bytes());
                        assert!(!left.contains(secret), "{key} {body}: {left}");
                        jobs += usize::from(left.contains("Job {"));
                    }
                }
            }
        }
    }
    assert!(jobs > 10, "some of these have to be good commands: {jobs}");
}
