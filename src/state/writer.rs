use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use rackpoll_model::{Fault, FaultKind};
use rusqlite::ErrorCode;
use tokio::sync::{Notify, mpsc, oneshot};

use super::{Counters, Disk, record::Book};
use crate::{
    job::Outcome,
    outcome::{
        polls::Configured,
        profile::{self, Kept},
    },
    publish::{
        Message,
        outbox::{Depth, Draft, Run},
    },
};

/// Changes in one transaction. A commit waits for the disk: 3,500 a second one by one, 79,000 by hundreds (docs/decisions).
pub(super) const GROUP: usize = 256;
/// What a schedule has brought waits so long for others to share its transaction. Commands are not kept waiting.
const GATHER: Duration = Duration::from_millis(10);
/// Where others came in that time, all of them wait so long for more: with as many polls a transaction every 10 ms costs
/// more than what is in it. Confirmed messages, for which nobody waits, are not gone sooner either.
const GATHER_MORE: Duration = Duration::from_millis(40);
/// After a failed transaction the same changes are tried again, after this long and then ever longer.
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// A waiting writer looks this often whether the agent stops.
const LOOK: Duration = Duration::from_millis(50);
/// What lasts is told again after this long: a disk that stays full, an outbox that stays full.
const TELL_AGAIN: Duration = Duration::from_secs(30);

/// What changes the file.
#[derive(Debug)]
pub(super) enum Change {
    Record(Box<Outcome>),
    Remove { ids: Vec<u64>, done: Option<oneshot::Sender<()>> },
    Configured(Box<Configured>),
    Look(SystemTime),
    Heartbeat(Box<Message>),
    Profile(Box<Kept>),
    Publish(Box<Message>),
    Close,
}

/// How a change ended that could not be made with all the others.
enum Ending {
    Settled,
    GivenUp,
}

pub(super) struct Writer {
    pub(super) disk: Disk,
    pub(super) book: Book,
    pub(super) added: Arc<Notify>,
    pub(super) counters: Arc<Counters>,
    pub(super) depth: Depth,
    /// Id of the next message.
    pub(super) next: u64,
    /// The newest of the outbox, for the publisher.
    pub(super) newest: Arc<Mutex<Run>>,
    /// Changes that are on their way to remove messages.
    pub(super) removing: Arc<AtomicU64>,
    /// Set when the agent stops: a disk that cannot be written is then not waited for.
    pub(super) closing: Arc<AtomicBool>,
    /// When it was last told that the outbox is full.
    pub(super) told_full: Option<Instant>,
    /// Id of the last heartbeat in the outbox.
    pub(super) heartbeat: Option<u64>,
}

impl Writer {
    /// The writer thread's life: takes what is there, commits it as one, and tells everybody.
    pub(super) fn run(mut self, mut changes: mpsc::Receiver<Change>) {
        let mut group = Vec::with_capacity(GROUP);
        let mut open = true;
        while open && changes.blocking_recv_many(&mut group, GROUP) > 0 {
            gather(&mut changes, &mut group);
            if let Some(close) = group.iter().position(|change| matches!(change, Change::Close)) {
                group.truncate(close);
                open = false;
            }
            for change in &group {
                if let Change::Configured(configured) = change {
                    self.book.segments = Arc::clone(&configured.segments);
                }
            }
            self.make(&mut group);
        }
        self.disk.tidy();
    }

    /// Makes these changes, as one where that works: nothing is told before it is on disk.
    fn make(&mut self, group: &mut Vec<Change>) {
        if self.commit(group).is_ok() {
            group.drain(..).for_each(|change| self.tell(change));
            return;
        }
        // One of them may be the reason, so each is on its own now.
        let mut lost = 0;
        for mut change in group.drain(..) {
            match self.insist(&mut change) {
                Ending::Settled => self.tell(change),
                // Its command stays with the broker, and its messages stay in the outbox.
                Ending::GivenUp => lost += 1,
            }
        }
        if lost > 0 {
            self.counters.lost.fetch_add(lost, Ordering::Relaxed);
            tracing::error!(lost, "the agent stops and the state file cannot be written: outcomes are lost");
        }
    }

    /// Tries until the change is on disk. Nothing is dropped because a disk is full; what cannot ever be written becomes
    /// a failure of the poll, and where not even that can be written, a count and a line in the log.
    fn insist(&mut self, change: &mut Change) -> Ending {
        let mut wait = FIRST_RETRY;
        let mut told: Option<Instant> = None;
        let mut replaced = false;
        loop {
            let error = match self.commit(std::slice::from_ref(change)) {
                Ok(()) => break,
                Err(error) => error,
            };
            if !may_heal(&error) {
                match change {
                    Change::Record(outcome) if !replaced => {
                        replaced = true;
                        tracing::error!(%error, poller = poller(outcome), "a result cannot be kept; a failure takes its place");
                        let message = format!("the agent could not keep the result: {error}");
                        outcome.reading = Err(Fault::new(FaultKind::Internal, message));
                        continue;
                    }
                    Change::Record(outcome) => {
                        self.counters.lost.fetch_add(1, Ordering::Relaxed);
                        tracing::error!(%error, poller = poller(outcome), "a poll's outcome is lost: it cannot be kept");
                    }
                    Change::Configured(_) | Change::Look(_) | Change::Heartbeat(_) | Change::Publish(_) => {
                        tracing::error!(%error, "an event cannot be kept, and is told when its time comes again");
                    }
                    Change::Profile(kept) => {
                        tracing::error!(%error, peer = kept.peer, "what was learned about a BMC is not kept");
                    }
                    Change::Remove { .. } | Change::Close => {
                        tracing::error!(%error, "confirmed messages stay in the outbox and go out again");
                    }
                }
                return Ending::Settled;
            }
            if self.closing.load(Ordering::Relaxed) {
                return Ending::GivenUp;
            }
            if told.is_none_or(|at| at.elapsed() >= TELL_AGAIN) {
                tracing::error!(%error, "the state file cannot be written; polls wait, and it is tried again");
                told = Some(Instant::now());
            }
            self.rest(wait);
            wait = wait.saturating_mul(2).min(LONGEST_RETRY);
        }
        if told.is_some() {
            tracing::info!("the state file can be written again");
        }
        Ending::Settled
    }

    fn rest(&self, wait: Duration) {
        let end = Instant::now() + wait;
        while Instant::now() < end && !self.closing.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK);
        }
    }

    fn commit(&mut self, group: &[Change]) -> rusqlite::Result<()> {
        if group.is_empty() {
            return Ok(());
        }
        let mut outbox = Draft::new(self.depth, self.next);
        let mut heartbeat = self.heartbeat;
        let dropped = self.disk.transaction(|disk| {
            for change in group {
                match change {
                    Change::Record(outcome) => self.book.record(disk, outcome, &mut outbox)?,
                    Change::Remove { ids, .. } => {
                        for (first, last) in runs(ids) {
                            outbox.remove(disk, first, last)?;
                        }
                    }
                    Change::Heartbeat(message) => {
                        heartbeat = Some(outbox.replace(disk, heartbeat, Message::clone(message))?);
                    }
                    Change::Publish(message) => drop(outbox.add(disk, Message::clone(message))?),
                    Change::Look(now) => self.book.look(disk, *now, &mut outbox)?,
                    Change::Profile(kept) => profile::keep(disk, kept)?,
                    Change::Configured(configured) => self.book.configure(disk, configured, &mut outbox)?,
                    Change::Close => {}
                }
            }
            self.make_room(disk, &mut outbox)
        })?;
        let Draft { depth, next, added, removed } = outbox;
        self.depth = depth;
        self.next = next;
        {
            let mut newest = lock(&self.newest);
            newest.extend(added);
            for (first, last) in removed {
                newest.forget(first, last);
            }
        }
        self.heartbeat = heartbeat;
        self.counters.waiting.store(depth.messages, Ordering::Relaxed);
        if dropped > 0 {
            self.tell_full(dropped);
        }
        if group.iter().any(is_news) {
            self.added.notify_one();
        }
        Ok(())
    }

    /// The newest are worth most to whoever watches a rack, so the oldest go.
    fn make_room(&self, disk: &Disk, outbox: &mut Draft) -> rusqlite::Result<u64> {
        let limits = &self.book.limits;
        let mut dropped = 0;
        while outbox.depth.messages > limits.outbox_messages || outbox.depth.bytes > limits.outbox_bytes {
            if !outbox.remove_oldest(disk)? {
                break;
            }
            dropped += 1;
        }
        Ok(dropped)
    }

    /// Tells whoever wants to know that the change is settled.
    fn tell(&self, change: Change) {
        match change {
            Change::Record(outcome) => {
                let Outcome { subject, reading, .. } = *outcome;
                if let Some(ticket) = subject.ticket {
                    ticket.finish(&reading);
                }
                if let Some(recorded) = subject.recorded {
                    // A command whose connection is gone comes again.
                    let _ = recorded.send(());
                }
            }
            Change::Remove { done, .. } => {
                self.removing.fetch_sub(1, Ordering::Release);
                if let Some(done) = done {
                    let _ = done.send(());
                }
            }
            Change::Configured(_)
            | Change::Look(_)
            | Change::Heartbeat(_)
            | Change::Profile(_)
            | Change::Publish(_)
            | Change::Close => {}
        }
    }

    fn tell_full(&mut self, dropped: u64) {
        let total = self.counters.dropped.fetch_add(dropped, Ordering::Relaxed) + dropped;
        if self.told_full.is_none_or(|at| at.elapsed() >= TELL_AGAIN) {
            tracing::error!(
                total,
                "the outbox is full: its oldest messages are dropped until a broker takes them"
            );
            self.told_full = Some(Instant::now());
        }
    }
}

/// Waits for others that share the transaction of these, unless somebody waits for one of them.
fn gather(changes: &mut mpsc::Receiver<Change>, group: &mut Vec<Change>) {
    let begun = Instant::now();
    let mut wait = GATHER;
    loop {
        while group.len() < GROUP
            && let Ok(change) = changes.try_recv()
        {
            group.push(change);
        }
        if group.len() >= GROUP || group.iter().any(is_urgent) {
            return;
        }
        let waited = begun.elapsed();
        if waited >= GATHER && group.iter().filter(|change| is_news(change)).count() != 1 {
            wait = GATHER_MORE;
        }
        if waited >= wait {
            return;
        }
        // Whoever brings something urgent, or the last that has room, ends it.
        std::thread::park_timeout(wait.saturating_sub(waited));
    }
}

/// Whether it may have something to tell.
fn is_news(change: &Change) -> bool {
    !matches!(change, Change::Remove { .. } | Change::Profile(_) | Change::Close)
}

/// The ids as runs without a gap, each from its first to its last.
fn runs(ids: &[u64]) -> Vec<(u64, u64)> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for id in ids {
        match runs.last_mut() {
            Some((_, last)) if id <= last.saturating_add(1) => *last = id,
            _ => runs.push((id, id)),
        }
    }
    runs
}

/// A thread that panicked while it held this left it whole: each of its changes is made at once.
pub(super) fn lock(newest: &Mutex<Run>) -> MutexGuard<'_, Run> {
    newest.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether somebody waits for it.
pub(super) fn is_urgent(change: &Change) -> bool {
    match change {
        Change::Remove { done, .. } => done.is_some(),
        Change::Record(outcome) => outcome.subject.recorded.is_some() || outcome.subject.reply.is_some(),
        Change::Close => true,
        _ => false,
    }
}

fn poller(outcome: &Outcome) -> &str {
    outcome.subject.work_item_id.as_deref().unwrap_or("")
}

/// Whether the same statement may work later. Of what is left, SQLite's limits and our own types, nothing changes by waiting.
fn may_heal(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => !matches!(
            error.code,
            ErrorCode::TooBig
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::ParameterOutOfRange
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_removed_by_runs() {
        assert_eq!(runs(&[]), []);
        assert_eq!(runs(&[7, 5, 6, 6, 9, 1]), [(1, 1), (5, 7), (9, 9)]);
        assert_eq!(runs(&[u64::MAX, u64::MAX - 1]), [(u64::MAX - 1, u64::MAX)]);
    }
}
