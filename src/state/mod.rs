//! The state file: one SQLite database with the poller cache, the last power states, the sequence numbers and the
//! outbox. What one poll changes is in one transaction, all of it or nothing; many polls share a transaction, because
//! each transaction costs a write to the disk that is waited for.

mod disk;
#[cfg(test)]
mod faults;
mod file;
pub(crate) mod known;
mod reader;
mod record;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::Thread,
    time::{Duration, SystemTime},
};

use tokio::sync::{Notify, mpsc, oneshot};

use crate::{
    config::ScheduledPoll,
    job::Outcome,
    outcome::{
        polls::Configured,
        profile::{Kept, Wanted},
        rules::Segments,
        steady::Steady,
    },
    publish::{
        Message,
        outbox::{Pending, Run},
    },
};

pub(crate) use disk::Disk;
pub use file::{Engine, kept_profiles};
use reader::Question;
use writer::{Change, GROUP, Writer, is_urgent, lock};

/// Changes that wait for the writer. Full: whoever brings one more waits, and with it the poll pipeline.
const CHANGES: usize = 1_024;
/// Questions that wait for a reader.
const QUESTIONS: usize = 1_024;
/// The outbox could not be read: it is tried again after this long.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Bounds of the state file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Results remembered for each poller.
    pub cache_entries: usize,
    /// Messages in the outbox. 1,000,000: nine thousand a second for almost two minutes, fifty for five hours.
    pub outbox_messages: u64,
    /// Bytes of messages in the outbox. 2 GiB.
    pub outbox_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cache_entries: 10, outbox_messages: 1_000_000, outbox_bytes: 2 << 30 }
    }
}

/// Why there is no state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The folder cannot be made or entered.
    #[error("the state folder {}: {source}; make it, or set agent.state-dir", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Another agent has it.
    #[error("the state file {} is in use by another agent; give each agent a state-dir of its own", .0.display())]
    InUse(PathBuf),
    /// A newer version of the agent has written it.
    #[error("the state file {} has version {found}, and this agent knows {known}; use the newer agent", .path.display())]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// SQLite's word.
    #[error("the state file {}: {source}", .path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// The file was closed.
    #[error("the state file is closed")]
    Closed,
    /// A thread cannot be started.
    #[error("cannot start the state file's thread: {0}")]
    Thread(std::io::Error),
}

/// The state's numbers, since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Messages in the outbox now.
    pub waiting: AtomicU64,
    /// Messages dropped because the outbox was full.
    pub dropped: AtomicU64,
    /// Messages that no broker would take.
    pub discarded: AtomicU64,
    /// Outcomes that could not be written and never will be.
    pub lost: AtomicU64,
}

/// The state file. Cheap to clone; the last clone closes it.
#[derive(Debug, Clone)]
pub struct State {
    changes: mpsc::Sender<Change>,
    cache: mpsc::Sender<Question>,
    backlog: mpsc::Sender<Question>,
    writer: Thread,
    newest: Arc<Mutex<Run>>,
    removing: Arc<AtomicU64>,
    added: Arc<Notify>,
    counters: Arc<Counters>,
    graph_id: Arc<str>,
    engine: Arc<Engine>,
    path: Arc<Path>,
    closing: Arc<AtomicBool>,
    closed: Arc<tokio::sync::Mutex<Option<oneshot::Receiver<()>>>>,
}

impl State {
    /// Opens the file in this folder, and makes both where they are not there. `agent` goes out in `_poll.agent`.
    ///
    /// # Errors
    /// The folder or the file cannot be used, or another agent uses it.
    pub fn open(folder: &Path, agent: &str, limits: Limits) -> Result<Self, StateError> {
        Self::open_with(folder, agent, limits, |disk| disk)
    }

    fn open_with(
        folder: &Path,
        agent: &str,
        limits: Limits,
        prepared: impl FnOnce(Disk) -> Disk,
    ) -> Result<Self, StateError> {
        let opened = file::open(folder)?;
        if opened.outbox.messages > 0 {
            tracing::info!(messages = opened.outbox.messages, "messages of the last run wait for the broker");
        }
        let (changes, changes_in) = mpsc::channel(CHANGES);
        let (cache, cache_in) = mpsc::channel(QUESTIONS);
        let (backlog, backlog_in) = mpsc::channel(QUESTIONS);
        let (closed_tell, closed) = oneshot::channel();
        let added = Arc::new(Notify::new());
        let counters = Arc::new(Counters::default());
        counters.waiting.store(opened.outbox.messages, Ordering::Relaxed);
        let closing = Arc::new(AtomicBool::new(false));
        let newest = Arc::new(Mutex::new(Run::after(opened.last_message)));
        let removing = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            disk: prepared(Disk::new(opened.writer)),
            book: record::Book {
                agent: agent.to_owned(),
                limits,
                segments: Arc::default(),
                clock: Steady::default(),
            },
            added: Arc::clone(&added),
            counters: Arc::clone(&counters),
            depth: opened.outbox,
            next: opened.last_message.saturating_add(1),
            newest: Arc::clone(&newest),
            removing: Arc::clone(&removing),
            closing: Arc::clone(&closing),
            told_full: None,
            heartbeat: None,
        };
        let writer = spawn("state-writer", move || {
            writer.run(changes_in);
            drop(opened.lock);
            let _ = closed_tell.send(());
        })?;
        spawn("state-cache", move || reader::run(&opened.cache, cache_in))?;
        spawn("state-backlog", move || reader::run(&opened.backlog, backlog_in))?;
        Ok(Self {
            changes,
            cache,
            backlog,
            writer,
            newest,
            removing,
            added,
            counters,
            graph_id: opened.graph_id.into(),
            engine: Arc::new(opened.engine),
            path: opened.path.into(),
            closing,
            closed: Arc::new(tokio::sync::Mutex::new(Some(closed))),
        })
    }

    /// The graph id of this agent's own polls, made once.
    pub fn graph_id(&self) -> &str {
        &self.graph_id
    }

    /// The agent's own SNMP engine. Each opening of the file is another life of it.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// This is the configuration from now on: what polls have left open that are not in it any more is told as over, and
    /// nodes of its segments are told together where they vanish together.
    pub async fn configure(
        &self,
        polls: impl Iterator<Item = &ScheduledPoll>,
        segments: Arc<Segments>,
        graph_id: String,
        at: SystemTime,
    ) {
        let configured = Configured { polls: polls.map(Into::into).collect(), segments, graph_id, at };
        // A file that is closed has nothing to tell any more.
        let _ = self.change(Change::Configured(Box::new(configured))).await;
    }

    /// Puts a message into the outbox that changes nothing else.
    pub async fn publish(&self, message: Message) {
        let _ = self.change(Change::Publish(Box::new(message))).await;
    }

    /// Puts a heartbeat into the outbox, in place of the one before where that still waits.
    pub async fn heartbeat(&self, heartbeat: Message) {
        let _ = self.change(Change::Heartbeat(Box::new(heartbeat))).await;
    }

    /// Tells what was held back long enough.
    pub async fn look(&self, now: SystemTime) {
        let _ = self.change(Change::Look(now)).await;
    }

    /// Keeps what was learned about a BMC.
    pub async fn keep_profile(&self, kept: Kept) {
        if self.change(Change::Profile(Box::new(kept))).await.is_err() {
            tracing::debug!("what was learned about a BMC is not kept: the state file is closed");
        }
    }

    /// What is kept of the BMC at this address, and of its sensors where they are wanted.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn profile(&self, peer: &str, wanted: Wanted) -> Result<Option<Kept>, StateError> {
        let peer = peer.to_owned();
        let kept = self.ask(&self.cache, |answer| Question::Profile { peer, wanted, answer }).await?;
        Ok(kept.into_iter().next())
    }

    /// Hands a change to the writer, and wakes it where it need not wait for others any more.
    async fn change(&self, change: Change) -> Result<(), StateError> {
        let is_urgent = is_urgent(&change);
        self.changes.send(change).await.map_err(|_| StateError::Closed)?;
        if is_urgent || self.changes.capacity() <= CHANGES - GROUP {
            self.writer.unpark();
        }
        Ok(())
    }

    /// Takes an outcome over. Returns once there is room for it; it is on disk when its `recorded` fires.
    pub async fn record(&self, outcome: Outcome) {
        if self.change(Change::Record(Box::new(outcome))).await.is_err() {
            self.counters.lost.fetch_add(1, Ordering::Relaxed);
            tracing::error!("a poll's outcome is lost: the state file is closed");
        }
    }

    /// The results remembered for a poller, oldest first, each one JSON; none where there never was one.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn cached(&self, id: &str, latest_only: bool) -> Result<Vec<String>, StateError> {
        let limit = if latest_only { 1 } else { i64::MAX };
        self.ask(&self.cache, |answer| Question::Cached { id: id.to_owned(), limit, answer }).await
    }

    /// The oldest messages with ids above `after`, in order, at most `limit`; fewer where they are large, and none only
    /// where there are none. From the beginning nothing comes that was forgotten before this was called.
    pub async fn batch(&self, after: Option<u64>, limit: usize) -> Vec<Pending> {
        if after.is_none() && self.removing.load(Ordering::Acquire) > 0 {
            self.confirm(Vec::new()).await;
        }
        let after = after.unwrap_or(0);
        if let Some(batch) = lock(&self.newest).take(after, limit) {
            return batch;
        }
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        loop {
            match self.ask(&self.backlog, |answer| Question::Batch { after, limit, answer }).await {
                Ok(batch) => return batch,
                Err(StateError::Closed) => return Vec::new(),
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read; trying again");
                    tokio::time::sleep(READ_AGAIN).await;
                }
            }
        }
    }

    async fn ask<T>(
        &self,
        reader: &mpsc::Sender<Question>,
        question: impl FnOnce(reader::Answer<T>) -> Question,
    ) -> Result<Vec<T>, StateError> {
        let (answer, answered) = oneshot::channel();
        reader.send(question(answer)).await.map_err(|_| StateError::Closed)?;
        let answer = answered.await.map_err(|_| StateError::Closed)?;
        answer.map_err(|source| StateError::Database { path: self.path.to_path_buf(), source })
    }

    /// The broker has these: they are forgotten when this returns.
    pub async fn confirm(&self, ids: Vec<u64>) {
        let (done, removed) = oneshot::channel();
        if self.remove(ids, Some(done)).await {
            let _ = removed.await;
        }
    }

    /// The broker has these: they are forgotten some time soon, and before `batch` begins at the beginning again.
    pub async fn forget(&self, ids: Vec<u64>) {
        self.remove(ids, None).await;
    }

    /// No broker will take this one: forgotten, counted and logged.
    pub async fn discard(&self, id: u64) {
        self.counters.discarded.fetch_add(1, Ordering::Relaxed);
        tracing::error!(id, "a message that no broker takes was dropped from the outbox");
        self.confirm(vec![id]).await;
    }

    async fn remove(&self, ids: Vec<u64>, done: Option<oneshot::Sender<()>>) -> bool {
        // Down again once the writer has it on disk.
        self.removing.fetch_add(1, Ordering::AcqRel);
        self.change(Change::Remove { ids, done }).await.is_ok()
    }

    /// Returns at once where messages were added since the last call, else when one is.
    pub async fn added(&self) {
        self.added.notified().await;
    }

    /// What waits, and what was lost since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Writes what is queued, and closes the file. Other clones must be gone or idle. A disk that cannot be written is
    /// not waited for: what it does not take is counted, told, and lost.
    pub async fn close(self) {
        self.closing.store(true, Ordering::Relaxed);
        let closed = self.closed.lock().await.take();
        let _ = self.change(Change::Close).await;
        if let Some(closed) = closed {
            let _ = closed.await;
        }
    }
}

/// Every result that the state file in this folder remembers with its poller, the pollers one after another, the oldest result
/// of each first. The file may be in use.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn cached_results(folder: &Path) -> Result<Vec<(String, String)>, StateError> {
    file::cached_results(folder)
}

fn spawn(name: &str, life: impl FnOnce() + Send + 'static) -> Result<Thread, StateError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(life);
    thread.map(|thread| thread.thread().clone()).map_err(StateError::Thread)
}

#[cfg(test)]
mod tests;
