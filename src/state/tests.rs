use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use rackpoll_model::{Fault, FaultKind, Reading};
use serde_json::Value;

use super::{faults::Faults, *};
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
        cached.push(state.cached(id, false).await.unwrap());
    }
    (state.batch(None, 1_000).await, cached)
}

#[tokio::test]
async fn a_result_is_in_the_cache_and_in_the_outbox() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    record(&state, power("p", true)).await;
    assert_eq!(keys(&state).await, ["ipmi.command.power.result.00000000-0000-4000-8000-000000000000"]);
    let cached = state.cached("p", false).await.unwrap();
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
    assert!(state.cached("p", false).await.unwrap().is_empty());
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
        .unwrap()
        .iter()
        .map(|entry| serde_json::from_str::<Value>(entry).unwrap()["_poll"]["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (4..=13).collect::<Vec<u64>>());
    assert_eq!(state.cached("p", true).await.unwrap().len(), 1);
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

fn open_faulty(folder: &Path) -> (State, Faults) {
    let faults = Faults::default();
    let disk_faults = faults.clone();
    let prepared = move |disk: Disk| disk.with_faults(disk_faults);
    (State::open_with(folder, "agent", Limits::default(), prepared).unwrap(), faults)
}

/// The outcome with the most statements: a result, a reply, both alerts, and a cache that is full.
fn largest() -> Outcome {
    let mut outcome = power("p", false);
    outcome.subject.reply = Some(ReplyTo { address: "q".into(), correlation: None });
    outcome
}

async fn full_cache(state: &State) {
    for _ in 0..10 {
        record(state, power("p", true)).await;
    }
    let all = state.batch(None, 1_000).await;
    state.confirm(all.iter().map(|pending| pending.id).collect()).await;
}

/// BEGIN; cache; power; result, reply and two alerts; COMMIT: what was before need not be read.
const STATEMENTS: u64 = 8;

#[tokio::test]
async fn a_disk_that_is_full_at_any_statement_leaves_nothing_of_the_poll_until_it_can_take_all() {
    let folder = tempfile::tempdir().unwrap();
    let (state, faults) = open_faulty(folder.path());
    full_cache(&state).await;
    faults.heal();
    record(&state, largest()).await;
    assert_eq!(faults.heal(), STATEMENTS);
    state.close().await;

    for statement in 1..=STATEMENTS {
        let folder = tempfile::tempdir().unwrap();
        let (state, faults) = open_faulty(folder.path());
        full_cache(&state).await;
        let before = seen(&state, &["p"]).await;
        faults.full_from(statement);
        let (recorded, mut done) = oneshot::channel();
        let mut outcome = largest();
        outcome.subject.recorded = Some(recorded);
        state.record(outcome).await;
        let waited = tokio::time::timeout(Duration::from_millis(120), &mut done).await;
        assert!(waited.is_err(), "statement {statement} did not fail");
        assert_eq!(seen(&state, &["p"]).await, before, "statement {statement}");
        faults.heal();
        done.await.unwrap();
        assert_all_of_the_largest(&state, statement).await;
        // What another process would find.
        state.close().await;
        assert_all_of_the_largest(&open(folder.path()), statement).await;
    }
}

async fn assert_all_of_the_largest(state: &State, statement: u64) {
    let (outbox, cached) = seen(state, &["p"]).await;
    assert_eq!(outbox.len(), 4, "statement {statement}: result, reply and two alerts");
    let sequences: Vec<u64> = cached[0].iter().map(|entry| sequence(entry)).collect();
    assert_eq!(sequences, (2..=11).collect::<Vec<u64>>(), "statement {statement}");
}

fn sequence(entry: &str) -> u64 {
    serde_json::from_str::<Value>(entry).unwrap()["_poll"]["sequence"].as_u64().unwrap()
}

#[tokio::test]
async fn polls_behind_a_full_disk_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let (state, faults) = open_faulty(folder.path());
    faults.full_from(1);
    for id in ["a", "b", "a", "b", "a"] {
        state.record(power(id, true)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(state.batch(None, 10).await.is_empty());
    faults.heal();
    record(&state, power("last", true)).await;
    let bodies = state.batch(None, 10).await;
    assert_eq!(bodies.len(), 6);
    for id in ["a", "b"] {
        let sequences: Vec<u64> =
            state.cached(id, false).await.unwrap().iter().map(|e| sequence(e)).collect();
        assert!(sequences.is_sorted(), "{id}: {sequences:?}");
    }
}

#[tokio::test]
async fn a_result_that_cannot_ever_be_written_becomes_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let (state, faults) = open_faulty(folder.path());
    faults.impossible("INSERT INTO cache");
    state.record(power("a", true)).await;
    state.record(outcome("b", Err(Fault::new(FaultKind::Timeout, "silent")))).await;
    record(&state, power("c", true)).await;
    let names: Vec<String> = state
        .batch(None, 10)
        .await
        .iter()
        .map(|pending| {
            assert!(pending.message.routing_key.contains(".failed."));
            let body: Value = serde_json::from_slice(&pending.message.body).unwrap();
            body["value"]["error"]["name"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names, ["InternalError", "TimeoutError", "InternalError"]);
}

#[tokio::test]
async fn an_outcome_that_cannot_ever_be_written_is_counted_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (state, faults) = open_faulty(folder.path());
    faults.impossible("INSERT INTO outbox");
    record(&state, power("a", true)).await;
    assert_eq!(state.counters().lost.load(Ordering::Relaxed), 1);
    faults.heal();
    record(&state, power("b", true)).await;
    assert_eq!(state.batch(None, 10).await.len(), 1);
    assert!(state.cached("a", false).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_full_disk_does_not_hold_up_the_end_and_what_it_did_not_take_counts_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (state, faults) = open_faulty(folder.path());
    faults.full_from(1);
    let (recorded, done) = oneshot::channel();
    let mut outcome = power("a", true);
    outcome.subject.recorded = Some(recorded);
    state.record(outcome).await;
    let counters = Arc::clone(&state.counters);
    tokio::time::timeout(Duration::from_secs(2), state.close()).await.unwrap();
    assert!(done.await.is_err(), "its command has to come again");
    assert_eq!(counters.lost.load(Ordering::Relaxed), 1);
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
async fn a_batch_of_large_messages_is_short_and_never_empty() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    for _ in 0..3 {
        let mut outcome = power("p", true);
        outcome.subject.value.insert("padding".into(), "x".repeat(3 << 20).into());
        record(&state, outcome).await;
    }
    let mut after = None;
    let mut ids = Vec::new();
    loop {
        let batch = state.batch(after, 100).await;
        let Some(last) = batch.last() else { break };
        assert!(batch.len() <= 2);
        after = Some(last.id);
        ids.extend(batch.iter().map(|pending| pending.id));
    }
    assert_eq!(ids, [1, 2, 3]);
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

/// A log with these records: id, and the lowest byte of the time stamp.
fn sel_entries(id: &str, erased: u32, records: &[(u16, u8)]) -> Outcome {
    let entries = records.iter().map(|(id, time)| {
        let [low, high] = id.to_le_bytes();
        rackpoll_ipmi::sel::decode([low, high, 2, *time, 0, 0, 0x69, 0x20, 0, 4, 1, 1, 1, 0x59, 0, 0])
    });
    let log = rackpoll_model::SelLog {
        information: rackpoll_model::SelInformation {
            version: 0x51,
            entries: u16::try_from(records.len()).unwrap(),
            free_space: 1_000,
            last_addition: rackpoll_model::SelTime(0),
            last_erase: rackpoll_model::SelTime(erased),
            operations: 0,
            allocation: None,
        },
        manufacturer: None,
        entries: entries.collect(),
        from_start: true,
        to_end: true,
    };
    let mut outcome = outcome(id, Ok(Reading::SelEntries(log)));
    outcome.subject.topic = crate::job::Topic::Ipmi("selEntries".into());
    outcome
}

/// The record ids of the poller's last result.
async fn told(state: &State, id: &str) -> Vec<String> {
    let cached = state.cached(id, true).await.unwrap();
    let entry: Value = serde_json::from_str(&cached[0]).unwrap();
    let entries = entry["selEntries"].as_array().unwrap();
    entries.iter().map(|entry| entry["SEL Record ID"].as_str().unwrap().to_owned()).collect()
}

async fn sel_alerts(state: &State) -> Vec<String> {
    let mut keys = keys(state).await;
    keys.retain(|key| key.contains("polleralert.sel."));
    keys
}

#[tokio::test]
async fn each_poller_follows_the_sel_on_its_own_and_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    record(&state, sel_entries("a", 7, &[(1, 1), (2, 2)])).await;
    assert_eq!(told(&state, "a").await, ["0001", "0002"]);
    record(&state, sel_entries("a", 7, &[(1, 1), (2, 2), (3, 3)])).await;
    assert_eq!(told(&state, "a").await, ["0003"]);
    // The same poll, merged, for somebody who has not asked before.
    record(&state, sel_entries("b", 7, &[(1, 1), (2, 2), (3, 3)])).await;
    assert_eq!(told(&state, "b").await, ["0001", "0002", "0003"]);
    state.close().await;
    let state = open(folder.path());
    record(&state, sel_entries("a", 7, &[(1, 1), (2, 2), (3, 3), (4, 4)])).await;
    assert_eq!(told(&state, "a").await, ["0004"]);
    record(&state, sel_entries("a", 7, &[(1, 1), (2, 2), (3, 3), (4, 4)])).await;
    assert_eq!(told(&state, "a").await, [] as [&str; 0]);
    assert_eq!(sel_alerts(&state).await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_cleared_and_a_rolled_sel_are_told_on_both_keys() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    record(&state, sel_entries("a", 7, &[(1, 1), (2, 2)])).await;
    record(&state, sel_entries("a", 8, &[(1, 3)])).await;
    assert_eq!(told(&state, "a").await, ["0001"]);
    assert_eq!(sel_alerts(&state).await, ["polleralert.sel.cleared.information.a"]);
    record(&state, sel_entries("a", 8, &[(5, 5), (6, 6)])).await;
    assert_eq!(told(&state, "a").await, ["0005", "0006"]);
    let alerts: Vec<Value> = state
        .batch(None, 100)
        .await
        .into_iter()
        .filter(|pending| pending.message.routing_key.starts_with("polleralert.sel.rolled.warning.a"))
        .map(|pending| serde_json::from_slice(&pending.message.body).unwrap())
        .collect();
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0]["data"]["lastLogId"], "1");
    assert_eq!(alerts[0]["data"]["entries"], 2);
    let on_task = keys(&state).await.iter().filter(|key| key.starts_with("poller.alert.")).count();
    assert_eq!(on_task, 2);
}

#[tokio::test]
async fn a_disk_that_is_full_at_any_statement_moves_the_sel_cursor_with_its_result_or_not_at_all() {
    let cleared = || sel_entries("a", 8, &[(1, 9)]);
    let before = || sel_entries("a", 7, &[(1, 1), (2, 2)]);
    let folder = tempfile::tempdir().unwrap();
    let (state, faults) = open_faulty(folder.path());
    record(&state, before()).await;
    faults.heal();
    record(&state, cleared()).await;
    let statements = faults.heal();
    let whole = seen(&state, &["a"]).await;
    assert_eq!(whole.0.len(), 4, "two results, an alert on both keys");
    for statement in 1..=statements {
        let folder = tempfile::tempdir().unwrap();
        let (state, faults) = open_faulty(folder.path());
        record(&state, before()).await;
        let first = seen(&state, &["a"]).await;
        faults.full_from(statement);
        let (recorded, done) = oneshot::channel();
        let mut outcome = cleared();
        outcome.subject.recorded = Some(recorded);
        state.record(outcome).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(seen(&state, &["a"]).await, first, "statement {statement}");
        faults.heal();
        done.await.unwrap();
        assert_eq!(seen(&state, &["a"]).await, whole, "statement {statement}");
    }
}

#[tokio::test]
async fn messages_are_handed_over_once_and_from_the_beginning_all_that_wait_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    let ids = |batch: &[Pending]| batch.iter().map(|pending| pending.id).collect::<Vec<_>>();
    for id in ["a", "b", "c"] {
        record(&state, power(id, true)).await;
    }
    let first = state.batch(None, 2).await;
    let second = state.batch(Some(2), 10).await;
    assert_eq!((ids(&first), ids(&second)), (vec![1, 2], vec![3]));
    assert!(state.batch(Some(3), 10).await.is_empty());
    record(&state, power("d", true)).await;
    assert_eq!(ids(&state.batch(Some(3), 10).await), [4]);
    // From the file this time, and the same.
    let again = state.batch(None, 10).await;
    assert_eq!(again[..3], [first, second].concat());
    state.forget(vec![3, 1]).await;
    assert_eq!(ids(&state.batch(None, 10).await), [2, 4]);
    state.forget(vec![2]).await;
    state.close().await;
    assert_eq!(ids(&open(folder.path()).batch(None, 10).await), [4]);
}

#[tokio::test]
async fn what_a_killed_agent_had_committed_and_not_published_or_not_confirmed_is_there_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    for id in ["a", "b", "c", "d"] {
        record(&state, power(id, true)).await;
    }
    let handed_over = state.batch(None, 2).await;
    state.confirm(vec![1]).await;
    // What is on disk when it is killed now.
    let killed = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        if !entry.file_name().to_string_lossy().ends_with("-shm") {
            std::fs::copy(entry.path(), killed.path().join(entry.file_name())).unwrap();
        }
    }
    let next = open(killed.path());
    let left = next.batch(None, 10).await;
    assert_eq!(left.iter().map(|pending| pending.id).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(left[0], handed_over[1]);
    assert_eq!(next.counters().waiting.load(Ordering::Relaxed), 3);
    record(&next, power("a", true)).await;
    let new = next.batch(Some(4), 10).await;
    assert_eq!(new.iter().map(|pending| pending.id).collect::<Vec<_>>(), [5]);
}

#[tokio::test]
async fn a_publisher_that_is_behind_reads_the_file_until_it_is_near_and_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = open(folder.path());
    let mut all = Vec::new();
    let mut after = None;
    for round in 0..6 {
        // Some 3 MB more than what was fetched: beyond what is held in memory from the second round on.
        for _ in 0..3 {
            let mut outcome = power("p", true);
            outcome.subject.value.insert("padding".into(), "x".repeat(2 << 20).into());
            record(&state, outcome).await;
        }
        let limit = if round % 2 == 0 { 1 } else { 2 };
        let batch = state.batch(after, limit).await;
        after = batch.last().map(|last| last.id).or(after);
        all.extend(batch.into_iter().map(|pending| pending.id));
    }
    while let Some(last) = state.batch(after, 100).await.last() {
        all.extend(after.unwrap_or(0) + 1..=last.id);
        after = Some(last.id);
    }
    assert_eq!(all, (1..=18).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_transaction_that_failed_hands_nothing_over() {
    let folder = tempfile::tempdir().unwrap();
    let (state, faults) = open_faulty(folder.path());
    record(&state, power("p", true)).await;
    assert_eq!(state.batch(None, 10).await.len(), 1);
    // BEGIN, and all but COMMIT.
    faults.impossible("COMMIT");
    record(&state, power("p", false)).await;
    assert_eq!(state.counters().lost.load(Ordering::Relaxed), 1);
    assert!(state.batch(Some(1), 10).await.is_empty());
    faults.heal();
    record(&state, power("p", false)).await;
    let told = state.batch(Some(1), 10).await;
    assert_eq!(told.len(), 3, "the result, and the alert on both keys: the power was not known to be off");
    assert_eq!(told[0].id, 2);
    assert!(String::from_utf8_lossy(&told[0].message.body).contains("\"sequence\":2,"));
    assert_eq!(told, state.batch(None, 10).await[1..]);
}

fn failure(id: &str) -> Outcome {
    outcome(id, Err(Fault::new(FaultKind::Timeout, "silent")))
}

async fn remembered(state: &State, id: &str) -> Vec<u64> {
    state.cached(id, false).await.unwrap().iter().map(|entry| sequence(entry)).collect()
}

#[tokio::test]
async fn new_results_take_the_rows_of_the_oldest_whatever_was_remembered_before() {
    let folder = tempfile::tempdir().unwrap();
    let open = |cache_entries| {
        let limits = Limits { cache_entries, ..Limits::default() };
        State::open(folder.path(), "agent", limits).unwrap()
    };
    let rows = || {
        let file = rusqlite::Connection::open(folder.path().join("rackpoll.db")).unwrap();
        let rows =
            file.query_row("SELECT count(*), max(id) FROM cache", [], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.unwrap()
    };
    let state = open(3);
    for id in ["a", "b", "a", "b", "a", "b", "a", "b"] {
        record(&state, power(id, true)).await;
    }
    // A failure has a number and no row.
    record(&state, failure("a")).await;
    record(&state, power("a", true)).await;
    assert_eq!(
        (remembered(&state, "a").await, remembered(&state, "b").await),
        (vec![3, 4, 6], vec![2, 3, 4])
    );
    assert_eq!(state.cached("a", true).await.unwrap().len(), 1);
    assert_eq!(sequence(&state.cached("a", true).await.unwrap()[0]), 6);
    state.close().await;
    assert_eq!(rows(), (6, 6));

    // The next run goes on where this one was: after a failure, too.
    let state = open(3);
    record(&state, failure("b")).await;
    state.close().await;
    let state = open(3);
    for id in ["a", "b"] {
        record(&state, power(id, true)).await;
    }
    assert_eq!(
        (remembered(&state, "a").await, remembered(&state, "b").await),
        (vec![4, 6, 7], vec![3, 4, 6])
    );
    state.close().await;
    assert_eq!(rows(), (6, 6));

    let state = open(5);
    for _ in 0..6 {
        record(&state, power("a", true)).await;
    }
    assert_eq!(remembered(&state, "a").await, [9, 10, 11, 12, 13]);
    state.close().await;
    let state = open(2);
    record(&state, power("a", true)).await;
    record(&state, power("a", true)).await;
    record(&state, power("a", true)).await;
    assert_eq!((remembered(&state, "a").await, remembered(&state, "b").await), (vec![15, 16], vec![3, 4, 6]));
    state.close().await;
    let all = cached_results(folder.path()).unwrap();
    let all: Vec<_> = all.iter().map(|(poller, entry)| (poller.as_str(), sequence(entry))).collect();
    assert_eq!(all, [("a", 15), ("a", 16), ("b", 3), ("b", 4), ("b", 6)]);
    let file = rusqlite::Connection::open(folder.path().join("rackpoll.db")).unwrap();
    let last = |poller: &str| -> u64 {
        let query = "SELECT last FROM last_sequence WHERE poller = ?1";
        file.query_row(query, [poller], |row| row.get(0)).unwrap()
    };
    assert_eq!((last("a"), last("b")), (16, 6));
}

#[tokio::test]
async fn what_is_known_of_the_file_goes_with_a_transaction_that_failed() {
    // A result, a failure that makes a node inaccessible, a power that changes: alone and one after another.
    let of_node = |mut outcome: Outcome| {
        outcome.subject.node = Some("n".to_owned());
        outcome
    };
    let folder = tempfile::tempdir().unwrap();
    let (state, faults) = open_faulty(folder.path());
    let outcomes = || [power("p", false), failure("p"), power("p", true), power("p", true)].map(of_node);
    record(&state, of_node(power("p", true))).await;
    faults.heal();
    for outcome in outcomes() {
        record(&state, outcome).await;
    }
    let statements = faults.heal();
    let told = |messages: Vec<Pending>| -> Vec<(u64, String)> {
        messages.into_iter().map(|pending| (pending.id, pending.message.routing_key)).collect()
    };
    let whole = told(state.batch(None, 1_000).await);
    let numbers = remembered(&state, "p").await;
    assert_eq!(numbers, [1, 2, 4, 5]);
    for statement in 1..=statements {
        let folder = tempfile::tempdir().unwrap();
        let (state, faults) = open_faulty(folder.path());
        record(&state, of_node(power("p", true))).await;
        faults.full_once(statement);
        for outcome in outcomes() {
            record(&state, outcome).await;
        }
        assert!(faults.heal() > statements, "statement {statement} did not fail");
        assert_eq!(told(state.batch(None, 1_000).await), whole, "statement {statement}");
        assert_eq!(remembered(&state, "p").await, numbers, "statement {statement}");
    }
}
