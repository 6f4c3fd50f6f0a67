use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
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
        outbox::{self, Depth},
    },
};

/// Changes in one transaction. A commit waits for the disk: 3,500 a second one by one, 79,000 by hundreds (docs/decisions).
const GROUP: usize = 256;
/// What a schedule has brought waits so long for others to share its transaction. Commands are not kept waiting.
const GATHER: Duration = Duration::from_millis(10);
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
    Remove { ids: Vec<u64>, done: oneshot::Sender<()> },
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
            if group.len() < GROUP && !group.iter().any(is_urgent) {
                std::thread::sleep(GATHER);
                while group.len() < GROUP
                    && let Ok(change) = changes.try_recv()
                {
                    group.push(change);
                }
            }
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
            group.drain(..).for_each(tell);
            return;
        }
        // One of them may be the reason, so each is on its own now.
        let mut lost = 0;
        for mut change in group.drain(..) {
            match self.insist(&mut change) {
                Ending::Settled => tell(change),
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
        let mut depth = self.depth;
        let mut heartbeat = self.heartbeat;
        let dropped = self.disk.transaction(|disk| {
            for change in group {
                match change {
                    Change::Record(outcome) => self.book.record(disk, outcome, &mut depth)?,
                    Change::Remove { ids, .. } => {
                        for id in ids {
                            if let Some(bytes) = outbox::remove(disk, *id)? {
                                depth.forget(bytes);
                            }
                        }
                    }
                    Change::Heartbeat(message) => {
                        let (id, removed) = outbox::replace(disk, heartbeat, message)?;
                        if let Some(bytes) = removed {
                            depth.forget(bytes);
                        }
                        depth.add(message.body.len());
                        heartbeat = Some(id);
                    }
                    Change::Publish(message) => {
                        outbox::add(disk, message)?;
                        depth.add(message.body.len());
                    }
                    Change::Look(now) => self.book.look(disk, *now, &mut depth)?,
                    Change::Profile(kept) => profile::keep(disk, kept)?,
                    Change::Configured(configured) => self.book.configure(disk, configured, &mut depth)?,
                    Change::Close => {}
                }
            }
            self.make_room(disk, &mut depth)
        })?;
        self.depth = depth;
        self.heartbeat = heartbeat;
        self.counters.waiting.store(depth.messages, Ordering::Relaxed);
        if dropped > 0 {
            self.tell_full(dropped);
        }
        if group
            .iter()
            .any(|change| !matches!(change, Change::Remove { .. } | Change::Profile(_) | Change::Close))
        {
            self.added.notify_one();
        }
        Ok(())
    }

    /// The newest are worth most to whoever watches a rack, so the oldest go.
    fn make_room(&self, disk: &Disk, depth: &mut Depth) -> rusqlite::Result<u64> {
        let limits = &self.book.limits;
        let mut dropped = 0;
        while depth.messages > limits.outbox_messages || depth.bytes > limits.outbox_bytes {
            let Some(bytes) = outbox::remove_oldest(disk)? else { break };
            depth.forget(bytes);
            dropped += 1;
        }
        Ok(dropped)
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

/// Whether somebody waits for it.
fn is_urgent(change: &Change) -> bool {
    match change {
        Change::Record(outcome) => outcome.subject.recorded.is_some() || outcome.subject.reply.is_some(),
        Change::Close => true,
        _ => false,
    }
}

fn tell(change: Change) {
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
            let _ = done.send(());
        }
        Change::Configured(_)
        | Change::Look(_)
        | Change::Heartbeat(_)
        | Change::Profile(_)
        | Change::Publish(_)
        | Change::Close => {}
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
