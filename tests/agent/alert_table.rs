//! Every validation rule through the whole agent, on texts of SNMP, on typed values of a metric and on fields of a SEL entry:
//! a value that it matches and one that it does not, and the set of events that has to come on both keys.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Map, Value, json};

use crate::{
    agent::Setup,
    alerts::{DRIVE_ENTRY, FAN_ENTRY, SOON, recording},
    bus::{Bus, Listener},
    peers::{ipmi::Model, process::Folder, rabbitmq, snmp},
    secrets::random_secret,
};

/// How many validation rules contract.md, section 5, names.
const WORDS: usize = 38;

/// A validation rule, its argument, a text that it matches, and one that it does not; none where no text is one.
fn texts() -> Vec<(&'static str, Value, Option<&'static str>, Option<&'static str>)> {
    vec![
        ("greaterThan", json!(5), Some("5.5"), Some("5")),
        ("greaterThan", json!(1), Some("18446744073709551615"), Some("many")),
        ("lessThan", json!(5), Some("-1"), Some("5")),
        ("lessThan", json!(5), Some("4"), Some("")),
        ("min", json!(5), Some("5"), Some("4")),
        ("max", json!(5), Some("5"), Some("6")),
        ("equals", json!("up"), Some("up"), Some("Up")),
        ("equals", json!(2), Some("2.0"), Some("two")),
        ("contains", json!("ou"), Some("router"), Some("switch")),
        ("notContains", json!("ou"), Some("switch"), Some("router")),
        ("in", json!(["a", 7]), Some("7"), Some("b")),
        ("notIn", json!(["a", 7]), Some("b"), Some("a")),
        ("regex", json!("^sw[0-9]+$"), Some("sw12"), Some("sw")),
        ("notRegex", json!("^sw"), Some("rt1"), Some("sw1")),
        ("len", json!([2, 3]), Some("abc"), Some("abcd")),
        ("len", json!(2), Some("abcd"), Some("a")),
        ("minLength", json!(3), Some("abc"), Some("ab")),
        ("maxLength", json!(3), Some("abc"), Some("abcd")),
        ("integer", json!(true), Some("-42"), Some("4.5")),
        ("int", json!(true), Some("42"), Some("x")),
        ("float", json!(true), Some("4.5"), Some("4.5 V")),
        ("decimal", json!(true), Some("4.5"), Some("4,5")),
        ("number", json!(true), Some("1e3"), Some("NaN")),
        ("finite", json!(true), Some("12"), Some("inf")),
        ("numeric", json!(true), Some("0"), Some("0x10")),
        ("string", json!(true), Some("a text"), None),
        ("ip", json!(true), Some("192.0.2.7"), Some("192.0.2.256")),
        ("ipv4", json!(true), Some("192.0.2.7"), Some("2001:db8::1")),
        ("ipv6", json!(true), Some("2001:db8::1"), Some("192.0.2.7")),
        ("boolean", json!(true), None, Some("true")),
        ("required", json!(true), Some("x"), Some("")),
        ("empty", json!(true), Some(""), Some("x")),
        ("notEmpty", json!(true), Some("x"), Some("")),
        ("null", json!(true), None, Some("null")),
        ("notNull", json!(true), Some("null"), None),
        ("truthy", json!(true), Some("0"), Some("")),
        ("falsey", json!(true), Some(""), Some("0")),
        ("alpha", json!(true), Some("Abc"), Some("a1")),
        ("alphanumeric", json!(true), Some("a1"), Some("a-1")),
        ("hexadecimal", json!(true), Some("dEadb33f"), Some("xyz")),
        ("lowercase", json!(true), Some("abc 1"), Some("aBc")),
        ("uppercase", json!(true), Some("ABC 1"), Some("AbC")),
    ]
}

/// What an alert says, as far as the table says it: oid, value, what matched, severity, description.
type Told = BTreeSet<String>;

fn told(oid: &str, value: &Value, matched: &Value, severity: &str, description: &Value) -> String {
    format!("{oid} = {value}: {matched} {severity} {description}")
}

fn of_event(event: &Value) -> String {
    let data = &event["data"];
    let oid = data["oid"].as_str().expect("an oid");
    let severity = event["severity"].as_str().expect("a word");
    told(oid, &data["value"], &data["matched"], severity, &data["description"])
}

/// All that came on both keys, once as many are there as are wanted and no more come; the same on both.
async fn heard(events: &mut Listener, alerts: &mut Listener, wanted: &Told) -> Told {
    let mut by_event = Vec::new();
    let mut by_task = Vec::new();
    while by_event.len() < wanted.len()
        && let Some(event) = events.try_next(Duration::from_secs(10)).await
    {
        by_event.push(event);
        by_task.push(alerts.next(SOON).await.value().clone());
    }
    by_event.extend(events.rest(Duration::from_millis(500)).await);
    by_task.extend(alerts.rest(Duration::from_millis(100)).await.iter().map(|one| one.value().clone()));
    let severity = |event: &crate::bus::Received| event.body["severity"].as_str().map(str::to_owned);
    for event in &by_event {
        let severity = severity(event).expect("a severity");
        assert_eq!(event.routing_key, format!("polleralert.snmp.updated.{severity}.table.n1"));
        assert_eq!(event.body["episode"]["state"], "open");
    }
    let ids: BTreeSet<String> =
        by_event.iter().map(|event| event.body["episode"]["id"].to_string()).collect();
    assert_eq!(ids.len(), by_event.len(), "an episode of its own for each");
    let bodies: Vec<&Value> = by_event.iter().map(|event| &event.body).collect();
    assert_eq!(bodies, by_task.iter().collect::<Vec<_>>(), "both generations of clients hear the same");
    let set: Told = by_event.iter().map(|event| of_event(&event.body)).collect();
    assert_eq!(set.len(), by_event.len(), "told twice");
    set
}

/// Recorded texts, rules on them, and what is to come of it.
#[derive(Default)]
struct Table {
    lines: String,
    rules: Vec<Value>,
    wanted: Told,
    rows: u32,
}

impl Table {
    /// A text of its own; its oid.
    fn text(&mut self, text: &str) -> String {
        self.rows += 1;
        let oid = format!("1.3.6.1.4.1.99999.7.{}.0", self.rows);
        self.lines.push_str(&format!("{oid}|4|{text}\n"));
        format!(".{oid}")
    }

    /// A rule that is to tell the text.
    fn tells(&mut self, oid: &str, text: &str, rule: &Value) {
        self.rules.push(Value::Object(Map::from_iter([(oid.to_owned(), rule.clone())])));
        let mut matched = rule.clone();
        let severity = rule["severity"].as_str().unwrap_or("information");
        if let Some(words) = matched.as_object_mut() {
            words.remove("severity");
            words.remove("desc");
        }
        self.wanted.insert(told(oid, &text.into(), &matched, severity, &rule["desc"]));
    }

    /// A rule that is to be silent about it.
    fn silent(&mut self, oid: &str, rule: &Value) {
        self.rules.push(Value::Object(Map::from_iter([(oid.to_owned(), rule.clone())])));
    }
}

fn table() -> Table {
    let mut table = Table::default();
    for (word, argument, matches, differs) in texts() {
        let rule = json!({ word: argument });
        if let Some(text) = matches {
            let oid = table.text(text);
            table.tells(&oid, text, &rule);
        }
        if let Some(text) = differs {
            let oid = table.text(text);
            table.silent(&oid, &rule);
        }
    }
    let oid = table.text("lab 7");
    table.tells(&oid, "lab 7", &json!("lab 7"));
    table.silent(&oid, &json!("lab"));
    table.silent(&oid, &json!("Lab 7"));
    table.tells(&oid, "lab 7", &json!("/^lab [0-9]$/"));
    table.tells(&oid, "lab 7", &json!("/LAB/i"));
    table.silent(&oid, &json!("/LAB/"));
    // Several validation rules, which all have to hold, with severities and a description.
    let oid = table.text("70");
    table.tells(&oid, "70", &json!({ "min": 60, "max": 80, "severity": "critical", "desc": "hot" }));
    table.tells(&oid, "70", &json!({ "integer": true, "severity": "warning" }));
    table.tells(&oid, "70", &json!({ "greaterThan": 10, "severity": "information" }));
    table.silent(&oid, &json!({ "min": 60, "max": 65 }));
    // A severity alone tells every value.
    let oid = table.text("anything");
    table.tells(&oid, "anything", &json!({ "severity": "warning" }));
    // Ignored by one rule is ignored, whatever others say; but only where that rule matches.
    let oid = table.text("noise");
    table.silent(&oid, &json!("/noise/"));
    table.silent(&oid, &json!({ "equals": "noise", "severity": "ignore" }));
    let oid = table.text("signal");
    table.tells(&oid, "signal", &json!("/signal/"));
    table.silent(&oid, &json!({ "equals": "noise", "severity": "ignore" }));
    table
}

#[tokio::test(flavor = "multi_thread")]
async fn every_validation_rule_tells_what_it_matches_and_nothing_else() {
    let words: BTreeSet<&str> = texts().into_iter().map(|(word, ..)| word).collect();
    assert_eq!(words.len(), WORDS, "{words:?}");
    let vhost = rabbitmq::shared();
    let folder = Folder::new("recording");
    let community = random_secret();
    let mut table = table();
    // An expression for oids, and oids without their leading dot.
    let last = table.text("by expression");
    let expression = format!("/^{}$/", last.replace('.', "\\."));
    table.rules.push(json!({ expression: "/^by/" }));
    table.wanted.insert(told(&last, &json!("by expression"), &json!("/^by/"), "information", &Value::Null));
    let device = snmp::start_snmpsim(&[(&community, &recording(&folder, &table.lines))]);
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = uuid::Uuid::new_v4().to_string();
    let mut events = bus.listen("on.events", "polleralert.#").await;
    let mut alerts = bus.listen("on.task", &format!("poller.alert.{graph}")).await;
    let mut results = bus.listen("on.task", &format!("snmp.command.result.{graph}")).await;
    let command = json!({
        "host": device.host(), "community": community, "node": "n1", "workItemId": "table",
        "config": { "oids": [".1.3.6.1.4.1.99999.7"], "alerts": table.rules },
    });
    let key = format!("run.snmp.command.{graph}");
    bus.command(&key, &command).await;
    let result = results.next(SOON).await;
    let values = result.value()["result"][0]["values"].as_object().expect("a walk");
    assert_eq!(values.len(), usize::try_from(table.rows).expect("few"), "every text of the table was read");
    let told = heard(&mut events, &mut alerts, &table.wanted).await;
    assert_eq!(told, table.wanted);

    // Neither new nor changed: nothing is told a second time.
    bus.command(&key, &command).await;
    results.next(SOON).await;
    assert_eq!(events.rest(Duration::from_millis(500)).await, []);
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[&community], &bus.all_heard());
}

/// An interface that is down though it should be up, and one without an MTU.
const INTERFACES: &str = "1.3.6.1.2.1.2.2.1.1.1|2|1\n\
    1.3.6.1.2.1.2.2.1.1.2|2|2\n\
    1.3.6.1.2.1.2.2.1.2.1|4|eth0\n\
    1.3.6.1.2.1.2.2.1.2.2|4|eth1\n\
    1.3.6.1.2.1.2.2.1.4.1|2|1500\n\
    1.3.6.1.2.1.2.2.1.7.1|2|1\n\
    1.3.6.1.2.1.2.2.1.7.2|2|1\n\
    1.3.6.1.2.1.2.2.1.8.1|2|2\n\
    1.3.6.1.2.1.2.2.1.8.2|2|1\n\
    1.3.6.1.2.1.31.1.1.1.1.1|4|eth0\n\
    1.3.6.1.2.1.31.1.1.1.1.2|4|eth1\n";

#[tokio::test(flavor = "multi_thread")]
async fn typed_values_of_metrics_are_matched_by_their_types() {
    let vhost = rabbitmq::shared();
    let folder = Folder::new("recording");
    let community = random_secret();
    let device = snmp::start_snmpsim(&[(&community, &recording(&folder, INTERFACES))]);
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    for (metric, key, value, matching, differing) in [
        (
            "snmp-interface-state",
            "eth0.linkError",
            json!(true),
            vec!["boolean", "truthy", "notNull", "notEmpty", "required"],
            vec!["falsey", "string", "null", "number", "empty"],
        ),
        (
            "snmp-interface-state",
            "eth0.mtu",
            json!(1_500),
            vec!["integer", "int", "number", "finite", "float", "hexadecimal", "truthy"],
            vec!["boolean", "string", "alpha", "null", "ip"],
        ),
        // The second interface says nothing of it.
        (
            "snmp-interface-state",
            "eth1.mtu",
            Value::Null,
            vec!["null", "empty", "falsey"],
            vec!["notNull", "truthy", "required", "notEmpty", "number", "string", "boolean"],
        ),
    ] {
        let graph = uuid::Uuid::new_v4().to_string();
        let mut events = bus.listen("on.events", "polleralert.#").await;
        let mut alerts = bus.listen("on.task", &format!("poller.alert.{graph}")).await;
        let words = matching.iter().chain(&differing);
        let rules: Vec<Value> = words.map(|word| json!({ key: { *word: true } })).collect();
        let command = json!({
            "host": device.host(), "community": community, "node": "n1", "workItemId": "table",
            "config": { "metric": metric, "alerts": rules },
        });
        let mut results = bus.listen("on.task", &format!("metric.{metric}.*.{graph}")).await;
        bus.command(&format!("run.snmp.command.{graph}"), &command).await;
        let result = results.next(SOON).await;
        let (interface, name) = key.split_once('.').expect("an interface's value");
        assert_eq!(result.value()["result"][interface].get(name), Some(&value), "{result:?}");
        let wanted: Told = matching
            .iter()
            .map(|word| told(key, &value, &json!({ *word: true }), "information", &Value::Null))
            .collect();
        assert_eq!(heard(&mut events, &mut alerts, &wanted).await, wanted, "{metric}");
    }
    agent.terminate(Duration::from_secs(5));
}

/// Rules on the fields of a fan's entry (Event Data 520608, Sensor Type Fan, EvM Revision 04, Event Type Code 01), and
/// whether they match.
fn fields() -> Vec<(&'static str, Value, bool)> {
    let mut rows = vec![
        ("Event Data", json!({ "greaterThan": 520_607 }), true),
        ("Sensor Type", json!({ "greaterThan": 0 }), false),
        ("Event Data", json!({ "lessThan": 520_609 }), true),
        ("Event Data", json!({ "lessThan": 520_608 }), false),
        ("Event Data", json!({ "min": 520_608 }), true),
        ("Event Data", json!({ "min": 520_609 }), false),
        ("Event Data", json!({ "max": 520_608 }), true),
        ("Event Data", json!({ "max": 520_607 }), false),
        ("Sensor Type", json!({ "equals": "Fan" }), true),
        ("Sensor Type", json!({ "equals": "fan" }), false),
        ("Sensor Type", json!({ "contains": "an" }), true),
        ("Sensor Type", json!({ "contains": "on" }), false),
        ("Sensor Type", json!({ "notContains": "on" }), true),
        ("Sensor Type", json!({ "notContains": "an" }), false),
        ("Sensor Type", json!({ "in": ["Fan", "Voltage"] }), true),
        ("Sensor Type", json!({ "in": ["Voltage"] }), false),
        ("Sensor Type", json!({ "notIn": ["Voltage"] }), true),
        ("Sensor Type", json!({ "notIn": ["Fan"] }), false),
        ("Sensor Type", json!({ "regex": "^F" }), true),
        ("Sensor Type", json!({ "regex": "^V" }), false),
        ("Sensor Type", json!({ "notRegex": "^V" }), true),
        ("Sensor Type", json!({ "notRegex": "^F" }), false),
        ("Sensor Type", json!({ "len": [3, 3] }), true),
        ("Sensor Type", json!({ "len": 4 }), false),
        ("Sensor Type", json!({ "minLength": 3 }), true),
        ("Sensor Type", json!({ "minLength": 4 }), false),
        ("Sensor Type", json!({ "maxLength": 3 }), true),
        ("Sensor Type", json!({ "maxLength": 2 }), false),
        ("Sensor Type", json!("Fan"), true),
        ("Sensor Type", json!("Fa"), false),
        ("Description", json!("/CRITICAL/i"), true),
        ("Description", json!("/CRITICAL/"), false),
        ("No Such Field", json!({ "null": true }), false),
    ];
    let kinds = [
        (
            "Event Data",
            "integer int float decimal number finite numeric string hexadecimal alphanumeric",
            true,
        ),
        ("Sensor Type", "integer int float decimal number finite numeric hexadecimal", false),
        ("Sensor Type", "string required notEmpty notNull truthy alpha alphanumeric", true),
        ("Sensor Type", "ip ipv4 ipv6 boolean empty null falsey lowercase uppercase", false),
        ("Event Data", "alpha ip ipv4 ipv6 boolean empty null falsey", false),
        ("Event Data", "lowercase uppercase required notEmpty notNull truthy", true),
    ];
    for (field, words, matches) in kinds {
        rows.extend(words.split(' ').map(|word| (field, json!({ word: true }), matches)));
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn every_validation_rule_is_asked_about_the_fields_of_a_sel_entry() {
    let rows = fields();
    let words: BTreeMap<&String, ()> = rows
        .iter()
        .filter_map(|(_, rule, _)| rule.as_object()?.keys().next())
        .map(|word| (word, ()))
        .collect();
    assert_eq!(words.len(), WORDS, "{words:?}");
    let vhost = rabbitmq::shared();
    let sim = Model::own().start(&random_secret());
    let bus = Bus::connect(&vhost).await;
    let setup = Setup::amqp(&vhost);
    let agent = setup.start_on(&bus).await;
    let graph = uuid::Uuid::new_v4().to_string();
    let mut events = bus.listen("on.events", "polleralert.sel.updated.#").await;
    let mut alerts = bus.listen("on.task", &format!("poller.alert.{graph}")).await;
    let mut results = bus.listen("on.task", &format!("ipmi.command.selEntries.result.{graph}")).await;
    let drive = json!({ "Sensor Type Code": "0d", "action": "ignore" });
    let rules: Vec<Value> = rows
        .iter()
        .map(|(field, rule, _)| json!({ *field: rule, "action": "warning" }))
        .chain([drive])
        .collect();
    let command = json!({
        "host": sim.host(), "user": "admin", "password": sim.password(), "workItemId": "table", "node": "n1",
        "alerts": rules,
    });
    let key = format!("ipmi.command.selEntries.{graph}");
    bus.command(&key, &command).await;
    // What the log held before the first poll is listed, and told by no rule.
    let history = results.next(SOON).await;
    assert_eq!(history.value()["selEntries"].as_array().map(Vec::len), Some(4));
    // One rule that ignores an entry has the last word on it.
    sim.console(DRIVE_ENTRY);
    sim.console(FAN_ENTRY);
    bus.command(&key, &command).await;
    let event = events.next(SOON).await;
    assert_eq!(event.routing_key, "polleralert.sel.updated.warning.table.n1");
    let alert = &event.body["data"]["alert"];
    assert_eq!(alert["reading"]["Event Data"], "520608");
    let wanted: Vec<Value> = rows
        .iter()
        .filter(|(.., matches)| *matches)
        .map(|(field, rule, _)| json!({ *field: rule }))
        .collect();
    assert_eq!(alert["matches"], json!(wanted));
    assert_eq!(alerts.next(SOON).await.value(), &event.body);
    assert_eq!(events.rest(Duration::from_millis(500)).await, []);
    agent.terminate(Duration::from_secs(5));
    setup.assert_no_secret(&[sim.password()], &bus.all_heard());
}
