//! One task that knows when every poller is due.
//!
//! A poll that is due goes to the dispatcher as a job with a [`Ticket`]; until that comes back the poller is running, and
//! the times that it misses are counted, not queued. The dispatcher's queue is bounded: where it is full the timetable
//! waits, so that polls get late, and what gets too late is counted as skipped.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    config::ScheduledPoll,
    intake::{
        Schedule,
        request::RequestFault,
        tighten::{Tighten, Tightening, unknown},
    },
    job::{Ending, Job, RunEnded, Ticket},
    outcome::rules::Watch,
};

/// Longest sleep: a clock that is set shows within this time.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// A clock that goes back by more than this has been set, and every time is made anew.
const CLOCK_SET_BACK: i64 = 1_000;

/// The times of all pollers.
pub struct Timetable<C> {
    entries: Vec<Entry>,
    /// Time and index of every entry that has a next time.
    due: BTreeSet<(i64, usize)>,
    ended_sender: mpsc::UnboundedSender<RunEnded>,
    /// Unbounded in type alone: no entry has more than one ticket out.
    ended: mpsc::UnboundedReceiver<RunEnded>,
    /// Changes for a time.
    tightenings: Option<mpsc::Receiver<Tightening>>,
    graph_id: String,
    clock: C,
    last_seen: i64,
}

struct Entry {
    poll: Arc<ScheduledPoll>,
    /// Its time in `due`.
    next: Option<i64>,
    /// The time of the run that is out.
    running: Option<i64>,
    /// Consecutive failures.
    failures: u32,
    /// Times missed that no result has told of yet.
    skipped: u64,
    /// What it does otherwise for a time.
    tightened: Option<Tightened>,
}

/// What a poller does otherwise, until a moment.
struct Tightened {
    until: i64,
    schedule: Schedule,
    watch: Arc<Watch>,
}

impl Entry {
    fn schedule(&self) -> &Schedule {
        self.tightened.as_ref().map_or(&self.poll.schedule, |tightened| &tightened.schedule)
    }

    /// Goes back to what is configured, where its time is over.
    fn revert(&mut self, now: i64) {
        if self.tightened.as_ref().is_some_and(|tightened| now >= tightened.until) {
            tracing::info!(poller = self.poll.work_item_id, "back to its configured interval and rules");
            self.tightened = None;
        }
    }
}

impl<C: Fn() -> SystemTime> Timetable<C> {
    /// A timetable of these polls (paused ones stay out) by this clock. Results go out under `graph_id`.
    pub fn new(polls: impl IntoIterator<Item = Arc<ScheduledPoll>>, graph_id: &str, clock: C) -> Self {
        let (ended_sender, ended) = mpsc::unbounded_channel();
        let now = unix_millis(clock());
        let mut timetable = Self {
            entries: Vec::new(),
            due: BTreeSet::new(),
            ended_sender,
            ended,
            tightenings: None,
            graph_id: graph_id.to_owned(),
            clock,
            last_seen: now,
        };
        for poll in polls.into_iter().filter(|poll| !poll.paused) {
            let next = poll.schedule.next_after(now);
            let index = timetable.entries.len();
            timetable.entries.push(Entry {
                poll,
                next: None,
                running: None,
                failures: 0,
                skipped: 0,
                tightened: None,
            });
            timetable.plan(index, next);
        }
        timetable
    }

    /// Listens to changes for a time.
    #[must_use]
    pub fn tightened_by(self, tightenings: mpsc::Receiver<Tightening>) -> Self {
        Self { tightenings: Some(tightenings), ..self }
    }

    /// Hands every poll to `dispatcher` when it is due, until `stop` or until nobody takes them any more.
    pub async fn run(mut self, dispatcher: mpsc::Sender<Job>, stop: CancellationToken) {
        loop {
            let sleep = self.until_next();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                // Never `None`: this timetable holds a sender itself.
                Some(ended) = self.ended.recv() => self.end(&ended),
                Some((tighten, told)) = next(&mut self.tightenings) => {
                    // Whoever asked may have gone.
                    let _ = told.send(self.tighten(&tighten));
                }
                () = tokio::time::sleep(sleep) => {
                    let sent = tokio::select! {
                        biased;
                        () = stop.cancelled() => return,
                        sent = self.send_due(&dispatcher) => sent,
                    };
                    if sent.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Sends what is due now.
    async fn send_due(&mut self, dispatcher: &mpsc::Sender<Job>) -> Result<(), mpsc::error::SendError<()>> {
        let mut now = self.look_at_clock();
        while let Some((at, index)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            if self.entries.get(index).is_none_or(|entry| entry.running.is_some()) {
                self.miss(index, at, now);
                continue;
            }
            let room = dispatcher.reserve().await?;
            // It may have got late while there was no room.
            now = self.look_at_clock();
            if let Some(job) = self.start(index, at, now) {
                room.send(job);
            }
            while let Ok(ended) = self.ended.try_recv() {
                self.end(&ended);
            }
        }
        Ok(())
    }

    /// Changes every poll of a poller; how many there are.
    fn tighten(&mut self, tighten: &Tighten) -> Result<usize, RequestFault> {
        let now = self.look_at_clock();
        let until = now.saturating_add(i64::try_from(tighten.lasts.as_millis()).unwrap_or(i64::MAX));
        let is_it = |entry: &Entry| {
            entry.poll.work_item_id == tighten.poller || entry.poll.poller.as_str() == tighten.poller
        };
        let places: Vec<usize> = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| is_it(entry))
            .map(|(place, _)| place)
            .collect();
        let first = places.first().and_then(|place| self.entries.get(*place));
        let rules = tighten.rules(&first.ok_or_else(|| unknown(&tighten.poller))?.poll.request)?;
        for place in &places {
            let Some(entry) = self.entries.get_mut(*place) else { continue };
            let poll = &entry.poll;
            let schedule = match tighten.every {
                Some(every) => Schedule::every(every, every, &poll.work_item_id),
                None => poll.schedule.clone(),
            };
            let watch = match &rules {
                None => Arc::clone(&poll.watch),
                Some(rules) => {
                    let mut watch = Watch::clone(&poll.watch);
                    watch.rules.push(Arc::clone(rules));
                    Arc::new(watch)
                }
            };
            let next = schedule.next_after(now);
            entry.tightened = Some(Tightened { until, schedule, watch });
            self.plan(*place, next);
        }
        tracing::info!(poller = tighten.poller, polls = places.len(), ?tighten.every, ?tighten.lasts, "changed for a time");
        Ok(places.len())
    }

    /// Starts a run: of several times that have passed, for the last.
    fn start(&mut self, index: usize, at: i64, now: i64) -> Option<Job> {
        let entry = self.entries.get_mut(index)?;
        let (passed, last) = entry.schedule().passed(at, now);
        let at = last.unwrap_or(at);
        let skipped = entry.skipped.saturating_add(passed);
        entry.skipped = skipped;
        entry.running = Some(at);
        let mut job = entry.poll.job(&self.graph_id, system_time(at), skipped);
        entry.revert(now);
        if let Some(tightened) = &entry.tightened {
            job.subject.watch = Arc::clone(&tightened.watch);
        }
        job.subject.ticket = Some(Ticket::new(index, skipped, self.ended_sender.clone()));
        let next = entry.schedule().next_after(now.max(at));
        self.plan(index, next);
        Some(job)
    }

    /// Counts the times that came while the run before was still out.
    fn miss(&mut self, index: usize, at: i64, now: i64) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        let (passed, _) = entry.schedule().passed(at, now);
        entry.revert(now);
        entry.skipped = entry.skipped.saturating_add(passed).saturating_add(1);
        let next = entry.schedule().next_after(now.max(at));
        self.plan(index, next);
    }

    fn end(&mut self, ended: &RunEnded) {
        let now = self.look_at_clock();
        let Some(entry) = self.entries.get_mut(ended.index) else { return };
        let Some(at) = entry.running.take() else { return };
        match ended.ending {
            Ending::Good => entry.failures = 0,
            Ending::Failed => entry.failures = entry.failures.saturating_add(1),
            Ending::NeverRan => {
                entry.skipped = entry.skipped.saturating_add(1);
                return;
            }
        }
        entry.skipped = entry.skipped.saturating_sub(ended.told);
        if ended.ending == Ending::Failed {
            let next = entry.schedule().next_after_run(at, now, entry.failures);
            self.plan(ended.index, next);
        }
    }

    fn plan(&mut self, index: usize, next: Option<i64>) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        if let Some(before) = entry.next.take() {
            self.due.remove(&(before, index));
        }
        entry.next = next;
        if let Some(next) = next {
            self.due.insert((next, index));
        }
    }

    /// The time; where the clock was set back, every poller is planned anew.
    fn look_at_clock(&mut self) -> i64 {
        let now = unix_millis((self.clock)());
        if now < self.last_seen.saturating_sub(CLOCK_SET_BACK) {
            for index in 0..self.entries.len() {
                let next = self.entries.get(index).and_then(|entry| entry.schedule().next_after(now));
                self.plan(index, next);
            }
        }
        self.last_seen = now;
        now
    }

    fn until_next(&self) -> Duration {
        let Some((at, _)) = self.due.first() else { return LONGEST_SLEEP };
        let now = unix_millis((self.clock)());
        Duration::from_millis(u64::try_from(at.saturating_sub(now)).unwrap_or(0)).min(LONGEST_SLEEP)
    }
}

/// The next change; never, where nobody can send one.
async fn next(tightenings: &mut Option<mpsc::Receiver<Tightening>>) -> Option<Tightening> {
    match tightenings {
        Some(tightenings) => tightenings.recv().await,
        None => std::future::pending().await,
    }
}

fn unix_millis(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
    }
}

fn system_time(millis: i64) -> SystemTime {
    let distance = Duration::from_millis(millis.unsigned_abs());
    let time = if millis < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    time.unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
