use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{
    outcome::cache,
    publish::outbox::{self, Pending},
};

/// What is asked of the file. It is answered beside the writer, so that a caller never waits for a disk.
#[derive(Debug)]
pub(super) enum Question {
    Cached { id: String, limit: i64, answer: oneshot::Sender<Vec<String>> },
    Batch { after: i64, limit: usize, answer: oneshot::Sender<Vec<Pending>> },
}

/// The reader thread's life.
pub(super) fn run(file: &Connection, mut questions: mpsc::Receiver<Question>) {
    while let Some(question) = questions.blocking_recv() {
        // A caller that has gone wants no answer.
        match question {
            Question::Cached { id, limit, answer } => {
                let _ = answer.send(told(cache::latest(file, &id, limit)));
            }
            Question::Batch { after, limit, answer } => {
                let _ = answer.send(told(outbox::batch(file, after, limit)));
            }
        }
    }
}

fn told<T>(found: rusqlite::Result<Vec<T>>) -> Vec<T> {
    found.unwrap_or_else(|error| {
        tracing::error!(%error, "the state file could not be read");
        Vec::new()
    })
}
