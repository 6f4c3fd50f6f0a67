use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rackpoll_model::{Fault, FaultKind, Reading};
use serde_json::Value;

use super::*;
use crate::{
    device::testing,
    job::{Outcome, Priority, ReplyTo},
    publish::Exchange,
};

fn outcome(id: &str, reading: Result<Reading, Fault>) -> Outcome {
    let job = testing::job(id, Priority::Schedule);
    Outcome {
        subject: job.subject,
        target: Some(job.target),
        peer: None,
        started_at: SystemTime::UNIX_EPOCH,
        finished_at: SystemTime::UNIX_EPOCH,
        attempts: 1,
        reading: reading.map(Arc::new),
    }
}

fn power(id: &str, on: bool) -> Outcome {
    outcome(id, Ok(Reading::Power(on)))
}

/// Records and waits until it is on disk.
async fn record(state: &State, mut outcome: Outcome) {
    let (recorded, done) = oneshot::channel();
    outcome.subject.recorded = Some(recorded);
    state.record(outcome).await;
    done.await.unwrap();
}

fn open(folder: &Path) -> State {
    State::open(folder, "agent", Limits::default()).unwrap()
}

async fn keys(state: &State) -> Vec<String> {
    state.batch(None, 1_000).await.into_iter().map(|pending| pending.message.routing_key).collect()
}

/// All that a client can see of the file.
async fn seen(state: &State, ids: &[&str]) -> (Vec<Pending>, Vec<Vec<String>>) {
    let mut cached = Vec::new();
    for id in ids {
        cached.push(state.cached(id, false).await);
    }
    (state.batch(None, 1_000).await, cached)
}

#[tokio::test]
async fn a_result_is_in_the_cache_and_in_the_outbox() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    record(&state, power("p", true)).await;
    assert_eq!(keys(&state).await, ["ipmi.command.power.result.00000000-0000-4000-8000-000000000000"]);
    let cached = state.cached("p", false).await;
    assert_eq!(cached.len(), 1);
    let entry: Value = serde_json::from_str(&cached[0]).unwrap();
    assert_eq!(entry["power"], true);
    assert_eq!(entry["_poll"]["sequence"], 1);
    assert_eq!(entry["timestamp"], "Thu Jan 01 1970 00:00:00 GMT+0000 (Coordinated Universal Time)");
}

#[tokio::test]
async fn a_failure_goes_out_and_is_not_cached() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    record(&state, outcome("p", Err(Fault::new(FaultKind::Timeout, "silent")))).await;
    assert_eq!(keys(&state).await, ["ipmi.command.power.failed.00000000-0000-4000-8000-000000000000"]);
    assert!(state.cached("p", false).await.is_empty());
}

#[tokio::test]
async fn the_cache_keeps_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    for _ in 0..13 {
        record(&state, power("p", true)).await;
    }
    let numbers: Vec<u64> = state
        .cached("p", false)
        .await
        .iter()
        .map(|entry| serde_json::from_str::<Value>(entry).unwrap()["_poll"]["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (4..=13).collect::<Vec<u64>>());
    assert_eq!(state.cached("p", true).await.len(), 1);
}

#[tokio::test]
async fn a_power_change_is_told_once_on_both_keys_and_never_without_a_last_state() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    for on in [false, false, true, true] {
        record(&state, power("p", on)).await;
    }
    let alerts: Vec<_> = state
        .batch(None, 100)
        .await
        .into_iter()
        .filter(|pending| pending.message.routing_key.contains("alert"))
        .collect();
    let keys: Vec<&str> = alerts.iter().map(|alert| alert.message.routing_key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "poller.alert.00000000-0000-4000-8000-000000000000",
            "polleralert.chassispower.updated.information.p"
        ]
    );
    assert_eq!(alerts[1].message.exchange, Exchange::Events);
    let event: Value = serde_json::from_slice(&alerts[1].message.body).unwrap();
    assert_eq!(event["data"]["states"], serde_json::json!({ "last": "OFF", "current": "ON" }));
}

#[tokio::test]
async fn everything_survives_a_restart_and_makes_no_false_alert() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    record(&state, power("p", true)).await;
    let graph = state.graph_id().to_owned();
    let before = seen(&state, &["p"]).await;
    state.close().await;

    let state = open(folder.path());
    assert_eq!(state.graph_id(), graph);
    assert_eq!(seen(&state, &["p"]).await, before);
    record(&state, power("p", true)).await;
    let after = state.batch(None, 100).await;
    assert_eq!(after.len(), 2, "the second result and no alert");
    let second: Value = serde_json::from_slice(&after[1].message.body).unwrap();
    assert_eq!(second["value"]["_poll"]["sequence"], 2);
}

#[tokio::test]
async fn a_fault_at_any_statement_leaves_nothing_of_the_poll_and_its_retry_all() {
    // The largest outcome: a result, a reply and both alerts.
    let largest = || {
        let mut outcome = power("p", false);
        outcome.subject.reply = Some(ReplyTo { address: "q".into(), correlation: None });
        outcome
    };
    let mut statement = 1;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let faults = Faults::some();
        let state = State::open_with(folder.path(), "agent", Limits::default(), faults.clone()).unwrap();
        record(&state, power("p", true)).await;
        let before = seen(&state, &["p"]).await;
        faults.fail_from(statement);
        let (recorded, mut done) = oneshot::channel();
        let mut outcome = largest();
        outcome.subject.recorded = Some(recorded);
        state.record(outcome).await;
        let failed = tokio::time::timeout(Duration::from_millis(120), &mut done).await.is_err();
        if failed {
            assert_eq!(seen(&state, &["p"]).await, before, "statement {statement}");
            faults.heal();
            done.await.unwrap();
        }
        let (outbox, cached) = seen(&state, &["p"]).await;
        assert_eq!(outbox.len(), 5, "statement {statement}: the first result; result, reply and two alerts");
        assert_eq!(cached[0].len(), 2, "statement {statement}");
        assert!(cached[0][1].contains("\"sequence\":2"), "statement {statement}: {}", cached[0][1]);
        if !failed {
            break;
        }
        statement += 1;
    }
    assert!(statement >= 7, "only {} statements failed", statement - 1);
}

#[tokio::test]
async fn a_full_outbox_drops_its_oldest_and_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { outbox_messages: 3, ..Limits::default() };
    let state = State::open(folder.path(), "agent", limits).unwrap();
    for id in ["a", "b", "c", "d", "e"] {
        record(&state, power(id, true)).await;
    }
    let left = state.batch(None, 100).await;
    let ids: Vec<String> = left
        .iter()
        .map(|pending| {
            serde_json::from_slice::<Value>(&pending.message.body).unwrap()["value"]["_poll"]["sequence"]
                .to_string()
        })
        .collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(left[0].id, 3);
    assert_eq!(state.counters().dropped.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn confirmed_messages_are_gone_and_their_ids_never_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    record(&state, power("a", true)).await;
    state.confirm(vec![1, 99]).await;
    assert!(state.batch(None, 10).await.is_empty());
    record(&state, power("a", true)).await;
    assert_eq!(state.batch(None, 10).await[0].id, 2);
    assert!(state.batch(Some(2), 10).await.is_empty());
}

#[tokio::test]
async fn two_agents_cannot_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    let second = State::open(folder.path(), "other", Limits::default());
    assert!(matches!(second, Err(StateError::InUse(_))));
    state.close().await;
    open(folder.path());
}

#[tokio::test]
async fn nobody_else_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let _state = open(folder.path());
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
    }
}
