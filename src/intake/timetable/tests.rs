use std::sync::atomic::{AtomicI64, Ordering};

use rackpoll_model::{Fault, FaultKind};
use tokio::time::Instant;

use super::*;
use crate::{
    config::{Config, Surroundings},
    intake::Set,
};

/// 2026-11-24T00:00:00Z, on every grid below.
const START: i64 = 1_795_478_400_000;
const GRAPH: &str = "3a1c8d32-2f5e-4c0e-9a51-6d0b8f0c4a11";

fn polls(pollers: &str) -> Vec<Arc<ScheduledPoll>> {
    let text = format!(
        "[[credential]]\nname = \"c\"\nuser = \"u\"\npassword = \"p\"\n\
         [[device]]\nname = \"d1\"\nhost = \"10.0.0.1\"\ncredential = \"c\"\n\
         [[device]]\nname = \"d2\"\nhost = \"10.0.0.2\"\ncredential = \"c\"\n{pollers}"
    );
    let surroundings = Surroundings { variable: &|_| None, host_name: "test".to_owned() };
    Config::parse(&text, "test.toml".as_ref(), &surroundings).unwrap().polls
}

fn every(id: &str, interval: &str) -> String {
    format!(
        "[[poller]]\nid = \"{id}\"\ndevices = \"d1\"\nipmi = \"power\"\nevery = \"{interval}\"\nspread = false\n"
    )
}

/// A timetable that runs in virtual time, and what it sends.
struct Running {
    jobs: mpsc::Receiver<Job>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    shift: Arc<AtomicI64>,
}

fn start(polls: Vec<Arc<ScheduledPoll>>, room: usize) -> Running {
    let (sender, jobs) = mpsc::channel(room);
    let (stop, shift) = (CancellationToken::new(), Arc::new(AtomicI64::new(0)));
    let (begin, shifted) = (Instant::now(), Arc::clone(&shift));
    let clock = move || {
        let passed = i64::try_from(begin.elapsed().as_millis()).unwrap();
        system_time(START + passed + shifted.load(Ordering::Relaxed))
    };
    let timetable = Timetable::new(polls, GRAPH, clock);
    let task = tokio::spawn(timetable.run(sender, stop.clone()));
    Running { jobs, stop, task, shift }
}

impl Running {
    /// The next job and its due time in seconds after the start.
    async fn next(&mut self) -> (Job, f64) {
        let job = self.jobs.recv().await.unwrap();
        let due = unix_millis(job.subject.scheduled_at) - START;
        (job, std::ops::Div::div(due as f64, 1_000.0))
    }
}

fn finish(mut job: Job, reading: &Result<(), Fault>) {
    job.subject.ticket.take().unwrap().finish(reading);
}

fn failure(kind: FaultKind) -> Result<(), Fault> {
    Err(Fault::new(kind, "test"))
}

#[tokio::test(start_paused = true)]
async fn polls_come_on_the_grid_and_in_order() {
    let mut running = start(polls(&(every("a", "10s") + &every("b", "15s"))), 10);
    let mut seen = Vec::new();
    for _ in 0..6 {
        let (job, due) = running.next().await;
        seen.push((job.subject.work_item_id.clone().unwrap(), due));
        assert_eq!(job.subject.graph_id, GRAPH);
        finish(job, &Ok(()));
    }
    let expected = [("a", 10.0), ("b", 15.0), ("a", 20.0), ("a", 30.0), ("b", 30.0), ("a", 40.0)];
    assert_eq!(seen, expected.map(|(id, due)| (id.to_owned(), due)));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_still_out_makes_the_next_ones_skipped() {
    let mut running = start(polls(&every("a", "10s")), 10);
    let (first, due) = running.next().await;
    assert_eq!((due, first.subject.skipped), (10.0, 0));
    tokio::time::sleep(Duration::from_secs(35)).await;
    assert!(running.jobs.try_recv().is_err(), "it must not be queued twice");
    finish(first, &Ok(()));
    let (second, due) = running.next().await;
    // Due at 20, 30 and 40, and missed.
    assert_eq!((due, second.subject.skipped), (50.0, 3));
    finish(second, &Ok(()));
    let (third, due) = running.next().await;
    assert_eq!((due, third.subject.skipped), (60.0, 0));
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_and_a_good_run_ends_it() {
    let mut running = start(polls(&every("a", "10s")), 10);
    let mut dues = Vec::new();
    for _ in 0..5 {
        let (job, due) = running.next().await;
        assert_eq!(job.subject.skipped, 0, "times that the back-off takes out are not missed");
        dues.push(due);
        finish(job, &failure(FaultKind::Timeout));
    }
    assert_eq!(dues, [10.0, 30.0, 70.0, 150.0, 310.0]);
    let (job, due) = running.next().await;
    assert_eq!(due, 630.0);
    finish(job, &Ok(()));
    assert_eq!(running.next().await.1, 640.0);
}

#[tokio::test(start_paused = true)]
async fn the_agents_own_faults_and_lost_jobs_do_not_back_off() {
    let mut running = start(polls(&every("a", "10s")), 10);
    let (job, _) = running.next().await;
    finish(job, &failure(FaultKind::MailboxFull));
    let (job, due) = running.next().await;
    assert_eq!((due, job.subject.skipped), (20.0, 1));
    drop(job);
    let (job, due) = running.next().await;
    assert_eq!((due, job.subject.skipped), (30.0, 2), "nothing was told yet");
    finish(job, &failure(FaultKind::Timeout));
    let (job, due) = running.next().await;
    assert_eq!((due, job.subject.skipped), (50.0, 0), "the failure's message told it");
}

#[tokio::test(start_paused = true)]
async fn a_full_dispatcher_makes_polls_late_and_then_skipped() {
    let mut running = start(polls(&(every("a", "10s") + &every("b", "10s"))), 1);
    tokio::time::sleep(Duration::from_secs(45)).await;
    let (first, due) = running.next().await;
    assert_eq!((due, first.subject.skipped), (10.0, 0));
    finish(first, &Ok(()));
    // The other one waited for room from 10 to 45: it runs for 40, and 10, 20 and 30 were missed.
    let (second, due) = running.next().await;
    assert_eq!(second.subject.work_item_id.as_deref(), Some("b"));
    assert_eq!((due, second.subject.skipped), (40.0, 3));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_is_followed_both_ways() {
    let mut running = start(polls(&every("a", "60s")), 10);
    let (job, _) = running.next().await;
    finish(job, &Ok(()));
    running.shift.store(600_000, Ordering::Relaxed);
    let before = Instant::now();
    let (job, due) = running.next().await;
    assert!(before.elapsed() < Duration::from_secs(10), "seen within the longest sleep");
    assert_eq!((due, job.subject.skipped), (660.0, 9));
    finish(job, &Ok(()));
    running.shift.store(-600_000, Ordering::Relaxed);
    let before = Instant::now();
    let (_, due) = running.next().await;
    assert!(before.elapsed() <= Duration::from_secs(66), "not twenty minutes later: {:?}", before.elapsed());
    assert!(due < 0.0);
}

#[tokio::test(start_paused = true)]
async fn paused_pollers_stay_out_and_stop_stops() {
    let mut running = start(polls(&(every("a", "10s") + "paused = true\n")), 10);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(running.jobs.try_recv().is_err());
    running.stop.cancel();
    running.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nobody_takes_polls() {
    let running = start(polls(&every("a", "10s")), 10);
    drop(running.jobs);
    tokio::time::timeout(Duration::from_secs(60), running.task).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn stop_does_not_wait_for_room() {
    let running = start(polls(&(every("a", "10s") + &every("b", "10s"))), 1);
    tokio::time::sleep(Duration::from_secs(20)).await;
    running.stop.cancel();
    tokio::time::timeout(Duration::from_secs(1), running.task).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_devices_are_spread_over_their_interval() {
    let mut text = String::from("[[credential]]\nname = \"c\"\nuser = \"u\"\npassword = \"p\"\n");
    for device in 0..10_000 {
        let (high, low) = (device / 250, device % 250 + 1);
        text.push_str(&format!(
            "[[device]]\nname = \"n{device}\"\nhost = \"10.1.{high}.{low}\"\ncredential = \"c\"\n"
        ));
    }
    text.push_str("[[poller]]\nid = \"power\"\ndevices = \"*\"\nipmi = \"power\"\nevery = \"10s\"\n");
    let surroundings = Surroundings { variable: &|_| None, host_name: "test".to_owned() };
    let polls = Config::parse(&text, "test.toml".as_ref(), &surroundings).unwrap().polls;
    assert_eq!(polls.len(), 10_000);
    let mut running = start(polls, 64);
    let begin = Instant::now();
    let mut by_second = [0_u32; 10];
    let mut seen = std::collections::HashSet::new();
    for _ in 0..10_000 {
        let (job, due) = running.next().await;
        by_second[(due * 10.0).div_euclid(10.0) as usize % 10] += 1;
        assert!(seen.insert(job.subject.work_item_id.clone().unwrap()));
        finish(job, &Ok(()));
    }
    assert!(begin.elapsed() <= Duration::from_secs(11));
    assert!(by_second.iter().all(|count| (850..1_150).contains(count)), "{by_second:?}");
}

#[tokio::test(start_paused = true)]
async fn a_poller_is_polled_more_often_for_a_time() {
    let (changes, changes_in) = mpsc::channel(1);
    let (sender, mut jobs) = mpsc::channel(10);
    let stop = CancellationToken::new();
    let begin = Instant::now();
    let clock = move || system_time(START + i64::try_from(begin.elapsed().as_millis()).unwrap());
    let timetable = Timetable::new(polls(&every("p", "1m")), GRAPH, clock).asked_by(changes_in);
    let task = tokio::spawn(timetable.run(sender, stop.clone()));
    let mut due = async || {
        let job: Job = jobs.recv().await.unwrap();
        let found = (unix_millis(job.subject.scheduled_at) - START, job.subject.watch.rules.len());
        finish(job, &Ok(()));
        found
    };
    assert_eq!(due().await, (60_000, 0));
    let set = async |body: &str| {
        let (tell, told) = tokio::sync::oneshot::channel();
        let Ok(Set::Poller(change)) = Set::parse(body.as_bytes()) else { panic!("{body}") };
        changes.send(Asked::Change(change, tell)).await.unwrap();
        told.await.unwrap()
    };
    let fault = set(r#"{"value":{"poller":"q","every":"10s","for":"25s"}}"#).await.unwrap_err();
    assert_eq!(fault.status, 404);
    let fault = set(r#"{"value":{"poller":"p","alerts":[{"a":7}],"for":"25s"}}"#).await.unwrap_err();
    assert!(fault.message.starts_with("`alerts[0].a`: needs a text"), "{fault}");
    assert_eq!(
        set(r#"{"value":{"poller":"p","every":"10s","alerts":[{"a":"x"}],"for":"25s"}}"#).await,
        Ok(1)
    );
    let (first, rules) = due().await;
    assert!(first > 60_000 && first <= 70_000 && rules == 1, "{first} {rules}");
    assert_eq!(due().await, (first + 10_000, 1));
    // It ends to the moment, and from there on it is as configured.
    let mut next = due().await;
    while next.1 > 0 {
        assert!(next.0 < 85_000, "{next:?}");
        next = due().await;
    }
    assert_eq!(next, (120_000, 0));
    assert_eq!(due().await, (180_000, 0));
    // What is polled less often for a time is back when that is over, and not at its next run.
    assert_eq!(set(r#"{"value":{"poller":"p","every":"1d","for":"150s"}}"#).await, Ok(1));
    assert_eq!(due().await, (360_000, 0));
    // A run that is due at the moment when it ends is not missed.
    assert_eq!(set(r#"{"value":{"poller":"p","every":"1d","for":"60s"}}"#).await, Ok(1));
    assert_eq!(due().await, (420_000, 0));
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn pollers_rest_and_go_on() {
    let (asks, asked) = mpsc::channel(1);
    let (sender, mut jobs) = mpsc::channel(10);
    let stop = CancellationToken::new();
    let begin = Instant::now();
    let clock = move || system_time(START + i64::try_from(begin.elapsed().as_millis()).unwrap());
    let resting = format!("{}paused = true\n", every("q", "1m"));
    let timetable = Timetable::new(polls(&(every("p", "1m") + &resting)), GRAPH, clock).asked_by(asked);
    let task = tokio::spawn(timetable.run(sender, stop.clone()));
    let mut due = async || {
        let job: Job = jobs.recv().await.unwrap();
        let found =
            (unix_millis(job.subject.scheduled_at) - START, job.subject.work_item_id.clone().unwrap());
        assert_eq!(job.subject.skipped, 0, "a pause is not missed");
        finish(job, &Ok(()));
        found
    };
    let set = async |body: &str| {
        let (tell, told) = oneshot::channel();
        let Ok(Set::Poller(change)) = Set::parse(body.as_bytes()) else { panic!("{body}") };
        asks.send(Asked::Change(change, tell)).await.unwrap();
        told.await.unwrap()
    };
    let pause = async |pause| {
        let (tell, told) = oneshot::channel();
        asks.send(Asked::Pause(pause, tell)).await.unwrap();
        told.await.unwrap()
    };
    let look = async |poller: &str| {
        let (tell, told) = oneshot::channel();
        asks.send(Asked::Look(poller.to_owned(), tell)).await.unwrap();
        told.await.unwrap()
    };
    let run = |seconds: i64, poller: &str| (seconds * 1_000, poller.to_owned());
    assert_eq!(due().await, run(60, "p"));
    let standing = |poller: &str, paused, next: Option<i64>, until: Option<i64>| PollStanding {
        work_item_id: poller.to_owned(),
        every: Some(Duration::from_secs(60)),
        paused,
        next: next.map(|next| START + next * 1_000),
        changed: until.is_some(),
        until: until.map(|until| START + until * 1_000),
    };
    assert_eq!(look("p").await.unwrap(), [standing("p", false, Some(120), None)]);
    assert_eq!(look("q").await.unwrap(), [standing("q", true, None, None)]);
    assert_eq!(look("r").await.unwrap_err().status, 404);

    // One rests for a time, another goes on that the configuration lets rest.
    assert_eq!(set(r#"{"value":{"poller":"p","paused":true,"for":"90s"}}"#).await, Ok(1));
    assert_eq!(look("p").await.unwrap(), [standing("p", true, None, Some(150))]);
    assert_eq!(set(r#"{"value":{"poller":"q","paused":false}}"#).await, Ok(1));
    assert_eq!(due().await, run(120, "q"));
    assert_eq!(due().await, run(180, "p"));
    assert_eq!(due().await, run(180, "q"));
    assert_eq!(set(r#"{"value":{"poller":"q","paused":true}}"#).await, Ok(1));

    // All rest, whatever their own settings say.
    assert!(!pause(None).await);
    assert!(pause(Some(true)).await);
    assert_eq!(look("p").await.unwrap(), [standing("p", false, None, None)]);
    assert_eq!(set(r#"{"value":{"poller":"q","paused":false,"for":"10m"}}"#).await, Ok(1));
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(pause(None).await);
    assert!(!pause(Some(false)).await);
    assert_eq!(due().await, run(540, "p"));
    assert_eq!(due().await, run(540, "q"));
    stop.cancel();
    task.await.unwrap();
}
