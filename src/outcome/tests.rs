//! Alerts and node events as the state file makes them, over restarts.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rackpoll_model::{Fault, FaultKind, Oid, OidWalk, Reading, VarBind};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::rules::{Budget, Calm, Compiler, RuleKind, Rules, Segments, Watch, Window};
use crate::{
    config::{Config, ScheduledPoll, Surroundings},
    device::testing,
    job::{Outcome, Priority, Topic},
    publish::Exchange,
    state::{Limits, State},
};

fn open(folder: &Path) -> State {
    State::open(folder, "agent", Limits::default()).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn outcome(id: &str, seconds: u64, reading: Result<Reading, Fault>) -> Outcome {
    let mut job = testing::job(id, Priority::Schedule);
    job.subject.value.insert("host".to_owned(), "192.0.2.1".into());
    job.subject.value.insert("user".to_owned(), "admin".into());
    Outcome {
        subject: job.subject,
        target: Some(job.target),
        peer: None,
        started_at: at(seconds),
        finished_at: at(seconds),
        attempts: 1,
        reading: reading.map(Arc::new),
    }
}

fn values(seconds: u64, value: i32, rules: &Value) -> Outcome {
    let oid: Oid = "1.3.6.1".parse().unwrap();
    let walk = OidWalk {
        source: ".1.3.6".to_owned(),
        root: oid.clone(),
        varbinds: vec![VarBind { oid, value: rackpoll_model::Value::Integer(value) }],
        error: None,
    };
    let mut outcome = outcome("walk", seconds, Ok(Reading::Oids(vec![walk])));
    outcome.subject.topic = Topic::Snmp;
    outcome.subject.watch = watch(RuleKind::Values, rules);
    outcome
}

fn watch(kind: RuleKind, rules: &Value) -> Arc<Watch> {
    let mut compiler = Compiler::default();
    let rules = Rules::read(kind, rules, "alerts", &mut compiler, Budget::of_configuration()).unwrap();
    Arc::new(Watch { rules: vec![Arc::new(rules)], ..Watch::default() })
}

/// Records, and what it puts on `on.events`, with the keys.
async fn events(state: &State, mut outcome: Outcome) -> Vec<(String, Value)> {
    let (recorded, done) = oneshot::channel();
    outcome.subject.recorded = Some(recorded);
    state.record(outcome).await;
    done.await.unwrap();
    taken(state).await
}

/// Takes the events out of the outbox; each alert has to be there on its other key, too.
async fn taken(state: &State) -> Vec<(String, Value)> {
    let batch = state.batch(None, 1_000).await;
    state.confirm(batch.iter().map(|pending| pending.id).collect()).await;
    let body = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    let (events, tasks): (Vec<_>, Vec<_>) = batch
        .into_iter()
        .map(|pending| pending.message)
        .partition(|message| message.exchange == Exchange::Events);
    let alerts: Vec<Value> = tasks
        .iter()
        .filter(|message| message.routing_key.starts_with("poller.alert."))
        .map(|message| body(&message.body)["value"].clone())
        .collect();
    let events: Vec<_> =
        events.into_iter().map(|message| (message.routing_key, body(&message.body))).collect();
    let polleralerts: Vec<&Value> =
        events.iter().map(|(_, event)| event).filter(|event| event["type"] == "polleralert").collect();
    assert_eq!(polleralerts, alerts.iter().collect::<Vec<_>>());
    events
}

#[tokio::test]
async fn an_episode_survives_a_restart() {
    let rules = json!([{ ".1.3.6.1": { "greaterThan": 5, "severity": "warning", "desc": "too many" } }]);
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    assert_eq!(events(&state, values(0, 5, &rules)).await, []);
    let first = events(&state, values(1, 6, &rules)).await;
    let [(key, event)] = first.as_slice() else { panic!("{first:?}") };
    assert_eq!(key, "polleralert.snmp.updated.warning.walk");
    assert_eq!(
        *event,
        json!({
            "type": "polleralert", "action": "snmp.updated", "typeId": "walk", "nodeId": null, "severity": "warning",
            "data": {
                "host": "192.0.2.1", "oid": ".1.3.6.1", "value": "6", "matched": { "greaterThan": 5 },
                "description": "too many",
            },
            "version": "1.0", "createdAt": "2027-01-15T08:00:01.000Z",
            "episode": { "id": event["episode"]["id"], "state": "open", "count": 1 },
        })
    );
    state.close().await;

    let state = open(folder.path());
    assert_eq!(events(&state, values(2, 6, &rules)).await, [], "nothing has changed");
    let again = events(&state, values(3, 7, &rules)).await;
    assert_eq!(again[0].1["episode"], json!({ "id": event["episode"]["id"], "state": "repeat", "count": 2 }));
    assert_eq!(events(&state, values(4, 5, &rules)).await, []);
    let anew = events(&state, values(5, 6, &rules)).await;
    assert_eq!(anew[0].1["episode"]["state"], "open");
    assert_ne!(anew[0].1["episode"]["id"], event["episode"]["id"]);
    state.close().await;
}

#[tokio::test]
async fn power_that_is_switched_in_a_maintenance_window_is_told_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    let window = Window::Once { from: millis(10), until: millis(20) };
    let watch = Arc::new(Watch { maintenance: vec![Arc::new(window)], ..Watch::default() });
    let power = |seconds, on| {
        let mut outcome = outcome("p", seconds, Ok(Reading::Power(on)));
        outcome.subject.watch = Arc::clone(&watch);
        outcome
    };
    assert_eq!(events(&state, power(0, true)).await, []);
    assert_eq!(events(&state, power(10, false)).await, []);
    assert_eq!(events(&state, power(19, false)).await, []);
    let told = events(&state, power(20, false)).await;
    assert_eq!(told[0].1["data"]["states"], json!({ "last": "ON", "current": "OFF" }));
    assert_eq!(told[0].0, "polleralert.chassispower.updated.information.p");
}

fn millis(seconds: u64) -> i64 {
    i64::try_from(at(seconds).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn of_node(poller: &str, node: &str, seconds: u64, good: bool) -> Outcome {
    let reading = if good { Ok(Reading::Power(true)) } else { Err(Fault::new(FaultKind::Timeout, "silent")) };
    let mut outcome = outcome(poller, seconds, reading);
    outcome.subject.node = Some(node.to_owned());
    outcome.subject.watch = Arc::new(Watch { node_type: Some("compute".into()), ..Watch::default() });
    outcome
}

fn keys(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(key, _)| key.as_str()).collect()
}

#[tokio::test]
async fn a_node_is_accessible_while_one_of_its_pollers_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = open(folder.path());
    let up = "node.accessible.information.n.n";
    let down = "node.inaccessible.information.n.n";
    for (seconds, (poller, good, told)) in [
        ("a", true, &[up][..]),
        ("b", true, &[]),
        ("a", false, &[]),
        ("a", false, &[]),
        ("b", false, &[down]),
        ("b", false, &[]),
        ("a", true, &[up]),
    ]
    .into_iter()
    .enumerate()
    {
        let seconds = u64::try_from(seconds).unwrap();
        let events = events(&state, of_node(poller, "n", seconds, good)).await;
        assert_eq!(keys(&events), told, "{seconds}");
        for (_, event) in &events {
            assert_eq!(event["data"], json!({ "nodeType": "compute" }));
            assert_eq!((&event["type"], &event["nodeId"]), (&json!("node"), &json!("n")));
        }
        state.close().await;
        state = open(folder.path());
    }
}

/// Sets the state up for these pollers and segments, and waits until what that changes is on disk.
async fn configure(state: &State, polls: &[Arc<ScheduledPoll>], segments: Arc<Segments>, seconds: u64) {
    state.configure(polls.iter().map(|poll| &**poll), segments, "graph".to_owned(), at(seconds)).await;
    state.confirm(Vec::new()).await;
}

/// Looks, and waits until what that changes is on disk.
async fn look(state: &State, seconds: u64) {
    state.look(at(seconds)).await;
    state.confirm(Vec::new()).await;
}

fn segments(nodes: &[&str]) -> Arc<Segments> {
    let rack: Arc<str> = "rack".into();
    let nodes: BTreeSet<Arc<str>> = nodes.iter().map(|node| Arc::from(*node)).collect();
    let of_node: HashMap<_, _> =
        nodes.iter().map(|node| (Arc::clone(node), vec![Arc::clone(&rack)])).collect();
    Arc::new(Segments {
        hold: Duration::from_secs(10),
        share: 60,
        least: 2,
        nodes: [(rack, nodes)].into(),
        of_node,
    })
}

#[tokio::test]
async fn nodes_that_vanish_together_are_told_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = open(folder.path());
    let rack = segments(&["a", "b", "c", "d"]);
    configure(&state, &[], Arc::clone(&rack), 0).await;
    let up = |node: &'static str, seconds| of_node(node, node, seconds, true);
    let down = |node: &'static str, seconds| of_node(node, node, seconds, false);
    for node in ["a", "b", "c", "d"] {
        assert_eq!(events(&state, up(node, 0)).await.len(), 1);
    }
    // One alone is told by itself, once it has been held back; one that comes back meanwhile is not told at all.
    assert_eq!(events(&state, down("a", 100)).await, []);
    assert_eq!(events(&state, down("b", 101)).await, []);
    assert_eq!(events(&state, up("b", 102)).await, []);
    look(&state, 109).await;
    assert_eq!(taken(&state).await, []);
    look(&state, 110).await;
    assert_eq!(keys(&taken(&state).await), ["node.inaccessible.information.a.a"]);
    assert_eq!(keys(&events(&state, up("a", 120)).await), ["node.accessible.information.a.a"]);

    // Three of four, over a restart.
    for node in ["a", "b", "c"] {
        assert_eq!(events(&state, down(node, 200)).await, []);
    }
    state.close().await;
    state = open(folder.path());
    configure(&state, &[], rack, 205).await;
    look(&state, 210).await;
    let told = taken(&state).await;
    let [(key, event)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(key, "segment.inaccessible.critical.rack");
    assert_eq!(event["data"], json!({ "nodes": ["a", "b", "c"], "of": 4 }));
    assert_eq!((&event["episode"]["state"], &event["episode"]["count"]), (&json!("open"), &json!(1)));
    // A straggler joins.
    assert_eq!(events(&state, down("d", 211)).await, []);
    look(&state, 221).await;
    let more = taken(&state).await;
    assert_eq!(more[0].1["data"], json!({ "nodes": ["a", "b", "c", "d"], "of": 4 }));
    assert_eq!(more[0].1["episode"]["id"], event["episode"]["id"]);
    assert_eq!(
        (&more[0].1["episode"]["state"], &more[0].1["episode"]["count"]),
        (&json!("repeat"), &json!(2))
    );
    // Back, until it is no longer most of the rack; the rest is told one by one.
    assert_eq!(events(&state, up("a", 300)).await, []);
    let told = events(&state, up("b", 301)).await;
    assert_eq!(
        keys(&told),
        [
            "segment.accessible.information.rack",
            "node.inaccessible.information.c.c",
            "node.inaccessible.information.d.d",
        ]
    );
    assert_eq!(told[0].1["data"], json!({ "nodes": ["a", "b"], "of": 4 }));
    assert_eq!(told[0].1["episode"]["id"], event["episode"]["id"]);
    assert_eq!(keys(&events(&state, up("c", 302)).await), ["node.accessible.information.c.c"]);
    state.look(at(1_000)).await;
    assert_eq!(taken(&state).await, []);
    state.close().await;
}

#[tokio::test]
async fn nodes_that_leave_a_segment_are_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    configure(&state, &[], segments(&["a", "b", "c", "d"]), 0).await;
    for node in ["a", "b", "c", "d"] {
        assert_eq!(events(&state, of_node(node, node, 0, true)).await.len(), 1);
    }
    for node in ["a", "b", "c"] {
        assert_eq!(events(&state, of_node(node, node, 100, false)).await, []);
    }
    look(&state, 110).await;
    let told = taken(&state).await;
    assert_eq!(keys(&told), ["segment.inaccessible.critical.rack"]);
    let episode = &told[0].1["episode"]["id"];
    state.close().await;

    // One of the three leaves: two of three are still most of it.
    let state = open(folder.path());
    configure(&state, &[], segments(&["b", "c", "d"]), 200).await;
    assert_eq!(keys(&taken(&state).await), ["node.inaccessible.information.a.a"]);
    // Another one: one of two is not.
    configure(&state, &[], segments(&["c", "d"]), 300).await;
    let over = taken(&state).await;
    let expected = [
        "segment.accessible.information.rack",
        "node.inaccessible.information.b.b",
        "node.inaccessible.information.c.c",
    ];
    assert_eq!(keys(&over), expected);
    assert_eq!((&over[0].1["episode"]["id"], &over[0].1["data"]["nodes"]), (episode, &json!(["d"])));
    assert_eq!(
        keys(&events(&state, of_node("c", "c", 400, true)).await),
        ["node.accessible.information.c.c"]
    );
    // The same configuration again says nothing.
    configure(&state, &[], segments(&["c", "d"]), 500).await;
    assert_eq!(taken(&state).await, []);
    state.close().await;
}

fn polls(pollers: &str) -> Vec<Arc<ScheduledPoll>> {
    let text = format!(
        "[[credential]]\nname = \"c\"\ncommunity = \"x\"\n\
         [[device]]\nname = \"d\"\nhost = \"192.0.2.1\"\ncredential = \"c\"\nnode = \"n\"\n{pollers}"
    );
    let surroundings = Surroundings { variable: &|_| None, host_name: "test".to_owned() };
    Config::parse(&text, "test.toml".as_ref(), &surroundings).unwrap().polls
}

fn walking(id: &str, more: &str) -> String {
    format!(
        "[[poller]]\nid = \"{id}\"\ndevices = \"d\"\nsnmp = {{ oids = [\".1.3.6\"] }}\nevery = \"1m\"\n{more}\n"
    )
}

#[tokio::test]
async fn what_a_poller_left_open_that_is_gone_is_told_as_over() {
    let rules = json!([{ ".1.3.6.1": { "greaterThan": 5, "severity": "warning" } }]);
    let folder = tempfile::tempdir().unwrap();
    for (tell, told) in [("calm = { tell-cleared-values = true }", 1), ("", 0)] {
        let state = open(folder.path());
        let both = polls(&(walking("walk", tell) + &walking("other", tell)));
        configure(&state, &both, Arc::default(), 0).await;
        let opened = events(&state, values(1, 6, &rules)).await;
        assert_eq!(opened[0].1["episode"]["state"], "open");
        state.close().await;

        // A restart with the same ends nothing; without the poller, its episode is over.
        let state = open(folder.path());
        configure(&state, &both, Arc::default(), 2).await;
        assert_eq!(taken(&state).await, []);
        configure(&state, &polls(&walking("other", tell)), Arc::default(), 3).await;
        let over = taken(&state).await;
        assert_eq!(over.len(), told);
        for (key, event) in &over {
            assert_eq!(key, "polleralert.snmp.updated.warning.walk.n");
            assert_eq!(event["data"], json!({ "host": "192.0.2.1", "oid": ".1.3.6.1", "value": null }));
            assert_eq!(event["episode"]["id"], opened[0].1["episode"]["id"]);
            assert_eq!((&event["episode"]["state"], &event["nodeId"]), (&json!("clear"), &json!("n")));
        }
        // Where it comes back, it begins anew.
        configure(&state, &both, Arc::default(), 4).await;
        assert_eq!(taken(&state).await, []);
        let anew = events(&state, values(5, 6, &rules)).await;
        assert_eq!(anew[0].1["episode"]["state"], "open");
        assert_ne!(anew[0].1["episode"]["id"], opened[0].1["episode"]["id"]);
        configure(&state, &[], Arc::default(), 6).await;
        taken(&state).await;
        state.close().await;
    }
}

#[tokio::test]
async fn a_rule_that_is_gone_or_ignores_now_ends_its_episode() {
    let watch_of = |rules: &Value, tell| {
        let calm = Calm { tell_value_cleared: tell, ..Calm::default() };
        let watch = Watch::clone(&watch(RuleKind::Values, rules));
        Arc::new(Watch { calm: Arc::new(calm), ..watch })
    };
    let bound = |least: u32, severity: &str| json!([{ ".1.3.6.1": { "min": least, "severity": severity } }]);
    for (rules, told) in [
        // Another bound is another rule.
        (bound(2, "warning"), &["warning open", "warning clear"][..]),
        (json!([]), &["warning clear"]),
        (json!([{ ".1.3.6.1": { "severity": "ignore" } }]), &["warning clear"]),
        // The same rule with another severity goes on, and is told so when the value changes.
        (bound(1, "critical"), &[]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let state = open(folder.path());
        let poll = |seconds, rules: &Value| {
            let mut outcome = values(seconds, 6, rules);
            outcome.subject.watch = watch_of(rules, true);
            outcome
        };
        assert_eq!(events(&state, poll(0, &bound(1, "warning"))).await.len(), 1);
        let events = events(&state, poll(1, &rules)).await;
        let words = |event: &Value| {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{} {}", word(&event["severity"]), word(&event["episode"]["state"]))
        };
        let found: Vec<String> = events.iter().map(|(_, event)| words(event)).collect();
        assert_eq!(found, told, "{rules}");
        state.close().await;
    }
}

#[tokio::test]
async fn an_episode_that_is_open_when_maintenance_begins_goes_on_after_it() {
    let rules = json!([{ ".1.3.6.1": { "greaterThan": 5 } }]);
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    let window = Window::Once { from: millis(10), until: millis(20) };
    let calm = Calm { tell_value_cleared: true, ..Calm::default() };
    let rules = Watch::clone(&watch(RuleKind::Values, &rules));
    let watch = Arc::new(Watch { maintenance: vec![Arc::new(window)], calm: Arc::new(calm), ..rules });
    let mut told = Vec::new();
    let mut ids = Vec::new();
    for (seconds, value) in [(0, 6), (10, 7), (12, 8), (20, 8), (21, 5), (30, 6), (31, 5)] {
        let mut outcome = values(seconds, value, &json!([]));
        outcome.subject.watch = Arc::clone(&watch);
        for (_, event) in events(&state, outcome).await {
            told.push((seconds, event["episode"]["state"].as_str().unwrap().to_owned()));
            ids.push(event["episode"]["id"].clone());
        }
    }
    let expected = [(0, "open"), (20, "repeat"), (21, "clear"), (30, "open"), (31, "clear")];
    assert_eq!(told, expected.map(|(seconds, state)| (seconds, state.to_owned())));
    assert_eq!((&ids[0], &ids[1]), (&ids[1], &ids[2]));
    // What clears in a window is told: it needs nobody's hands.
    let state_of = async |seconds, value| {
        let mut outcome = values(seconds, value, &json!([]));
        outcome.subject.watch = Arc::clone(&watch);
        events(&state, outcome).await.len()
    };
    assert_eq!(state_of(5, 6).await, 1);
    assert_eq!(state_of(11, 5).await, 1);
    state.close().await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_while_the_agent_was_away_holds_nothing_up_for_long() {
    let rules = json!([{ ".1.3.6.1": { "greaterThan": 5, "for": "30s" } }]);
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    assert_eq!(events(&state, values(10_000, 6, &rules)).await, []);
    state.close().await;
    let state = open(folder.path());
    assert_eq!(events(&state, values(0, 6, &rules)).await, []);
    assert_eq!(events(&state, values(29, 6, &rules)).await, []);
    assert_eq!(events(&state, values(30, 6, &rules)).await.len(), 1);
    // A node's poller that was seen in the future says nothing of its node.
    assert_eq!(events(&state, of_node("old", "n", 200_000, true)).await.len(), 1);
    assert_eq!(
        keys(&events(&state, of_node("new", "n", 0, true)).await),
        ["node.accessible.information.n.n"]
    );
    assert_eq!(
        keys(&events(&state, of_node("new", "n", 1, false)).await),
        ["node.inaccessible.information.n.n"]
    );
    state.close().await;
}
