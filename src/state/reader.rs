use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{
    outcome::{
        cache,
        profile::{self, Kept, Wanted},
    },
    publish::outbox::{self, Pending},
};

/// An answer, or SQLite's reason why there is none.
pub(super) type Answer<T> = oneshot::Sender<rusqlite::Result<Vec<T>>>;

/// What is asked of the file. It is answered beside the writer, so that a caller never waits for a disk; and requests
/// beside the outbox, so that none waits until megabytes of backlog have been read.
#[derive(Debug)]
pub(super) enum Question {
    Cached { id: String, limit: i64, answer: Answer<String> },
    Batch { after: i64, limit: usize, answer: Answer<Pending> },
    Profile { peer: String, wanted: Wanted, answer: Answer<Kept> },
}

/// A reader thread's life.
pub(super) fn run(file: &Connection, mut questions: mpsc::Receiver<Question>) {
    while let Some(question) = questions.blocking_recv() {
        // A caller that has gone wants no answer.
        match question {
            Question::Cached { id, limit, answer } => {
                let _ = answer.send(cache::latest(file, &id, limit));
            }
            Question::Batch { after, limit, answer } => {
                let _ = answer.send(outbox::batch(file, after, limit));
            }
            Question::Profile { peer, wanted, answer } => {
                let kept = profile::of(file, &peer, wanted);
                let _ = answer.send(kept.map(|kept| kept.into_iter().collect()));
            }
        }
    }
}
