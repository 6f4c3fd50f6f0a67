use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::{Notify, mpsc, oneshot};

use super::{Counters, record::Book};
use crate::{
    job::Outcome,
    publish::outbox::{self, Depth},
};

/// Changes in one transaction. A commit waits for the disk: 3,500 a second one by one, 79,000 by hundreds (docs/decisions).
const GROUP: usize = 256;
/// After a failed transaction the same changes are tried again, after this long and then ever longer.
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// What changes the file.
#[derive(Debug)]
pub(super) enum Change {
    Record(Box<Outcome>),
    Remove { ids: Vec<u64>, done: oneshot::Sender<()> },
    Close,
}

pub(super) struct Writer {
    file: Connection,
    book: Book,
    added: Arc<Notify>,
    counters: Arc<Counters>,
    depth: Depth,
}

impl Writer {
    pub(super) fn new(
        file: Connection,
        book: Book,
        added: Arc<Notify>,
        counters: Arc<Counters>,
        depth: Depth,
    ) -> Self {
        Self { file, book, added, counters, depth }
    }

    /// The writer thread's life: takes what is there, commits it as one, and tells everybody.
    pub(super) fn run(mut self, mut changes: mpsc::Receiver<Change>) {
        let mut group = Vec::with_capacity(GROUP);
        loop {
            group.clear();
            if changes.blocking_recv_many(&mut group, GROUP) == 0 {
                break;
            }
            let close = group.iter().position(|change| matches!(change, Change::Close));
            if let Some(close) = close {
                group.truncate(close);
            }
            self.commit(&mut group);
            if close.is_some() {
                break;
            }
        }
        if let Err(error) = self.file.pragma_update(None, "wal_checkpoint", "TRUNCATE") {
            tracing::debug!(%error, "the write-ahead log stays for the next start");
        }
    }

    /// Until it is on disk: nothing of a group is told before, nothing is dropped because a disk is full.
    fn commit(&mut self, group: &mut Vec<Change>) {
        if group.is_empty() {
            return;
        }
        let mut wait = FIRST_RETRY;
        let mut told = false;
        let (depth, added) = loop {
            match self.transaction(group) {
                Ok(done) => break done,
                Err(error) => {
                    if !told {
                        tracing::error!(%error, waiting = group.len(), "the state file cannot be written; trying again");
                        told = true;
                    }
                    std::thread::sleep(wait);
                    wait = wait.saturating_mul(2).min(LONGEST_RETRY);
                }
            }
        };
        if told {
            tracing::info!("the state file can be written again");
        }
        self.depth = depth;
        for change in group.drain(..) {
            match change {
                Change::Record(outcome) => {
                    if let Some(ticket) = outcome.subject.ticket {
                        ticket.finish(&outcome.reading);
                    }
                    if let Some(recorded) = outcome.subject.recorded {
                        let _ = recorded.send(());
                    }
                }
                Change::Remove { done, .. } => {
                    let _ = done.send(());
                }
                Change::Close => {}
            }
        }
        if added {
            self.added.notify_one();
        }
    }

    fn transaction(&self, group: &[Change]) -> rusqlite::Result<(Depth, bool)> {
        let transaction = self.file.unchecked_transaction()?;
        let mut depth = self.depth;
        let mut added = false;
        for change in group {
            match change {
                Change::Record(outcome) => added |= self.record(outcome, &mut depth)?,
                Change::Remove { ids, .. } => {
                    for id in ids {
                        if let Some(bytes) = outbox::remove(&self.file, *id)? {
                            depth.forget(bytes);
                        }
                    }
                }
                Change::Close => {}
            }
        }
        let dropped = self.make_room(&mut depth)?;
        transaction.commit()?;
        if dropped > 0 {
            let total = self.counters.dropped.fetch_add(dropped, Ordering::Relaxed) + dropped;
            tracing::error!(dropped, total, "the outbox is full: the oldest messages were dropped");
        }
        Ok((depth, added))
    }

    fn record(&self, outcome: &Outcome, depth: &mut Depth) -> rusqlite::Result<bool> {
        let messages = self.book.record(&self.file, outcome)?;
        for message in &messages {
            depth.add(message.body.len());
        }
        Ok(!messages.is_empty())
    }

    fn make_room(&self, depth: &mut Depth) -> rusqlite::Result<u64> {
        let limits = &self.book.limits;
        let mut dropped = 0;
        while depth.messages > limits.outbox_messages || depth.bytes > limits.outbox_bytes {
            let Some(bytes) = outbox::remove_oldest(&self.file)? else { break };
            depth.forget(bytes);
            dropped += 1;
        }
        Ok(dropped)
    }
}
