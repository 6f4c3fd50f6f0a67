use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rackpoll_model::{FaultKind, Reading};
use tokio::sync::mpsc;

use super::*;
use crate::{
    device::testing::{Fleet, job, job_with},
    job::Priority,
};

fn fleet() -> Fleet {
    Fleet { takes: Duration::from_secs(1), ..Fleet::default() }
}

fn dispatcher(fleet: Fleet) -> (Dispatcher, mpsc::Receiver<Outcome>) {
    let (sender, outcomes) = mpsc::channel(200);
    (Dispatcher::new(Arc::new(fleet), 100, Box::new(|_| Ok(())), sender), outcomes)
}

#[tokio::test(start_paused = true)]
async fn identical_jobs_are_one_poll_and_an_outcome_each() {
    let fleet = fleet();
    let polls = Arc::clone(&fleet.polls);
    let (dispatcher, mut outcomes) = dispatcher(fleet);
    for id in ["a", "b", "c"] {
        dispatcher.submit(job(id, Priority::Command)).await;
    }
    let mut ids = Vec::new();
    for _ in 0..3 {
        let outcome = outcomes.recv().await.unwrap();
        assert_eq!(*outcome.reading.unwrap(), Reading::Power(true));
        ids.extend(outcome.subject.work_item_id);
    }
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(polls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_comes_during_the_poll_shares_it() {
    let fleet = fleet();
    let polls = Arc::clone(&fleet.polls);
    let (dispatcher, mut outcomes) = dispatcher(fleet);
    dispatcher.submit(job("a", Priority::Command)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    dispatcher.submit(job("b", Priority::Command)).await;
    outcomes.recv().await.unwrap();
    outcomes.recv().await.unwrap();
    assert_eq!(polls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_never_gets_the_other_jobs_data() {
    let fleet = fleet();
    let most = Arc::clone(&fleet.most_at_once);
    let (dispatcher, mut outcomes) = dispatcher(fleet);
    dispatcher.submit(job("good", Priority::Command)).await;
    dispatcher.submit(job_with("bad", Priority::Command, "guess")).await;
    for _ in 0..2 {
        let outcome = outcomes.recv().await.unwrap();
        match outcome.subject.work_item_id.as_deref() {
            Some("good") => assert!(outcome.reading.is_ok()),
            _ => assert_eq!(outcome.reading.unwrap_err().kind, FaultKind::WrongPassword),
        }
    }
    assert_eq!(most.load(Ordering::SeqCst), 1, "one command in flight per device");
}

#[tokio::test(start_paused = true)]
async fn a_full_mailbox_refuses_at_once() {
    let (dispatcher, mut outcomes) = dispatcher(fleet());
    for n in 0..200 {
        dispatcher.submit(job_with(&n.to_string(), Priority::Command, &n.to_string())).await;
    }
    let first = outcomes.recv().await.unwrap();
    assert_eq!(first.reading.unwrap_err().kind, FaultKind::MailboxFull);
    let mut rest = 1;
    while rest < 200 {
        outcomes.recv().await.unwrap();
        rest += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_every_line() {
    let fleet = fleet();
    let closed = Arc::clone(&fleet.closed);
    let (dispatcher, mut outcomes) = dispatcher(fleet);
    dispatcher.submit(job("a", Priority::Command)).await;
    outcomes.recv().await.unwrap();
    dispatcher.stop(Duration::from_secs(3)).await;
    assert_eq!(closed.load(Ordering::SeqCst), 1);
    dispatcher.submit(job("late", Priority::Command)).await;
    assert_eq!(outcomes.recv().await.unwrap().reading.unwrap_err().kind, FaultKind::ShuttingDown);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_retired_is_replaced() {
    let (dispatcher, mut outcomes) = dispatcher(fleet());
    dispatcher.submit(job("a", Priority::Command)).await;
    outcomes.recv().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    dispatcher.submit(job("b", Priority::Command)).await;
    assert!(outcomes.recv().await.unwrap().reading.is_ok());
}
