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

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    config::ScheduledPoll,
    intake::{
        Schedule,
        request::RequestFault,
        tighten::{Tighten, unknown},
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
    /// What is asked of it while it runs.
    asked: Option<mpsc::Receiver<Asked>>,
    /// All pollers rest.
    paused: bool,
    graph_id: String,
    clock: C,
    last_seen: i64,
}

/// What is asked of a timetable that runs. Whoever asks hears what came of it.
#[derive(Debug)]
pub enum Asked {
    /// To change a poller; answered with the number of its polls.
    Change(Arc<Tighten>, oneshot::Sender<Result<usize, RequestFault>>),
    /// To let all pollers rest, or go on; where nothing is said, only whether they rest.
    Pause(Option<bool>, oneshot::Sender<bool>),
    /// How the polls of this poller stand.
    Look(String, oneshot::Sender<Result<Vec<PollStanding>, RequestFault>>),
}

/// How one poll stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollStanding {
    /// `workItemId` of its results.
    pub work_item_id: String,
    /// Its interval; none where it goes by a crontab.
    pub every: Option<Duration>,
    /// Whether it rests.
    pub paused: bool,
    /// When it is due next, in Unix milliseconds.
    pub next: Option<i64>,
    /// Whether it differs from the configuration.
    pub changed: bool,
    /// Until when, where that ends by itself, in Unix milliseconds.
    pub until: Option<i64>,
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
    change: Option<Change>,
}

/// What a poller does otherwise.
struct Change {
    /// Until this moment, where it ends by itself.
    until: Option<i64>,
    schedule: Schedule,
    watch: Arc<Watch>,
    paused: bool,
}

impl Entry {
    fn schedule(&self) -> &Schedule {
        self.change.as_ref().map_or(&self.poll.schedule, |change| &change.schedule)
    }

    fn is_paused(&self) -> bool {
        self.change.as_ref().map_or(self.poll.paused, |change| change.paused)
    }

    /// When something is to be done: the time of a run, or before that the end of a change.
    fn moment(&self, run: Option<i64>) -> Option<i64> {
        let until = self.change.as_ref().and_then(|change| change.until);
        let run = run.filter(|_| !self.is_paused());
        run.into_iter().chain(until).min()
    }

    /// Goes back to what is configured, where its time is over.
    fn revert(&mut self, now: i64) -> bool {
        let until = self.change.as_ref().and_then(|change| change.until);
        let is_over = until.is_some_and(|until| now >= until);
        if is_over {
            tracing::info!(poller = self.poll.work_item_id, "as it is configured again");
            self.change = None;
        }
        is_over
    }
}

impl<C: Fn() -> SystemTime> Timetable<C> {
    /// A timetable of these polls by this clock. Results go out under `graph_id`.
    pub fn new(polls: impl IntoIterator<Item = Arc<ScheduledPoll>>, graph_id: &str, clock: C) -> Self {
        let (ended_sender, ended) = mpsc::unbounded_channel();
        let now = unix_millis(clock());
        let mut timetable = Self {
            entries: Vec::new(),
            due: BTreeSet::new(),
            ended_sender,
            ended,
            asked: None,
            paused: false,
            graph_id: graph_id.to_owned(),
            clock,
            last_seen: now,
        };
        for poll in polls {
            let index = timetable.entries.len();
            timetable.entries.push(Entry {
                poll,
                next: None,
                running: None,
                failures: 0,
                skipped: 0,
                change: None,
            });
            timetable.plan_after(index, now);
        }
        timetable
    }

    /// Does what is asked of it while it runs.
    #[must_use]
    pub fn asked_by(self, asked: mpsc::Receiver<Asked>) -> Self {
        Self { asked: Some(asked), ..self }
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
                Some(asked) = next(&mut self.asked) => self.answer(asked),
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
        while let Some((at, index)) = self.first_due().filter(|(at, _)| *at <= now) {
            if self.entries.get_mut(index).is_some_and(|entry| entry.revert(now)) {
                // What the configuration wants at this very moment is not missed.
                self.plan_after(index, at.saturating_sub(1));
                continue;
            }
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

    fn answer(&mut self, asked: Asked) {
        // Whoever asked may have gone, and then wants no answer.
        match asked {
            Asked::Change(change, told) => {
                let _ = told.send(self.change(&change));
            }
            Asked::Pause(pause, told) => {
                if let Some(pause) = pause {
                    self.pause(pause);
                }
                let _ = told.send(self.paused);
            }
            Asked::Look(poller, told) => {
                let entries = self.places(&poller);
                let standings = entries.map(|places| self.standings(&places));
                let _ = told.send(standings);
            }
        }
    }

    /// The entries of a poller.
    fn places(&self, poller: &str) -> Result<Vec<usize>, RequestFault> {
        let is_it = |entry: &Entry| entry.poll.work_item_id == poller || entry.poll.poller.as_str() == poller;
        let all = self.entries.iter().enumerate();
        let places: Vec<usize> = all.filter(|(_, entry)| is_it(entry)).map(|(place, _)| place).collect();
        if places.is_empty() { Err(unknown(poller)) } else { Ok(places) }
    }

    fn standings(&self, places: &[usize]) -> Vec<PollStanding> {
        let entries = places.iter().filter_map(|place| self.entries.get(*place));
        let standing = |entry: &Entry| PollStanding {
            work_item_id: entry.poll.work_item_id.clone(),
            every: entry.schedule().interval(),
            paused: entry.is_paused(),
            next: entry.next.filter(|_| !self.paused && !entry.is_paused()),
            changed: entry.change.is_some(),
            until: entry.change.as_ref().and_then(|change| change.until),
        };
        entries.map(standing).collect()
    }

    /// Lets all pollers rest or go on. What they would have polled meanwhile was not missed: nobody wanted it.
    fn pause(&mut self, pause: bool) {
        if std::mem::replace(&mut self.paused, pause) == pause {
            return;
        }
        tracing::info!(paused = pause, "schedules");
        let now = self.look_at_clock();
        for index in 0..self.entries.len() {
            if let Some(entry) = self.entries.get_mut(index).filter(|_| !pause) {
                entry.revert(now);
                self.plan_after(index, now);
            }
        }
    }

    /// Changes every poll of a poller, in place of earlier changes; how many there are.
    fn change(&mut self, change: &Tighten) -> Result<usize, RequestFault> {
        let now = self.look_at_clock();
        let places = self.places(&change.poller)?;
        let first = places.first().and_then(|place| self.entries.get(*place));
        let rules = change.rules(&first.ok_or_else(|| unknown(&change.poller))?.poll.request)?;
        let until = change
            .lasts
            .map(|lasts| now.saturating_add(i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX)));
        for place in &places {
            let Some(entry) = self.entries.get_mut(*place) else { continue };
            let poll = &entry.poll;
            let schedule = match change.every {
                Some(every) => Schedule::every(every, every, &poll.work_item_id),
                None => poll.schedule.clone(),
            };
            let mut watch = Arc::clone(&poll.watch);
            if let Some(rules) = &rules {
                Arc::make_mut(&mut watch).rules.push(Arc::clone(rules));
            }
            let paused = change.paused.unwrap_or(poll.paused);
            entry.change = Some(Change { until, schedule, watch, paused });
            self.plan_after(*place, now);
        }
        let Tighten { poller, every, paused, lasts, .. } = change;
        tracing::info!(poller, polls = places.len(), ?every, ?paused, ?lasts, "changed");
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
        if let Some(change) = &entry.change {
            job.subject.watch = Arc::clone(&change.watch);
        }
        job.subject.ticket = Some(Ticket::new(index, skipped, self.ended_sender.clone()));
        self.plan_after(index, now.max(at));
        Some(job)
    }

    /// Counts the times that came while the run before was still out.
    fn miss(&mut self, index: usize, at: i64, now: i64) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        let (passed, _) = entry.schedule().passed(at, now);
        entry.skipped = entry.skipped.saturating_add(passed).saturating_add(1);
        self.plan_after(index, now.max(at));
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

    /// Plans the first run after this moment.
    fn plan_after(&mut self, index: usize, moment: i64) {
        let next = self.entries.get(index).and_then(|entry| entry.schedule().next_after(moment));
        self.plan(index, next);
    }

    fn plan(&mut self, index: usize, run: Option<i64>) {
        let Some(entry) = self.entries.get_mut(index) else { return };
        let next = entry.moment(run);
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
                self.plan_after(index, now);
            }
        }
        self.last_seen = now;
        now
    }

    /// What comes first; nothing while all rest.
    fn first_due(&self) -> Option<(i64, usize)> {
        self.due.first().copied().filter(|_| !self.paused)
    }

    fn until_next(&self) -> Duration {
        let Some((at, _)) = self.first_due() else { return LONGEST_SLEEP };
        let now = unix_millis((self.clock)());
        Duration::from_millis(u64::try_from(at.saturating_sub(now)).unwrap_or(0)).min(LONGEST_SLEEP)
    }
}

/// What is asked next; nothing, where nobody can ask.
async fn next(asked: &mut Option<mpsc::Receiver<Asked>>) -> Option<Asked> {
    match asked {
        Some(asked) => asked.recv().await,
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
