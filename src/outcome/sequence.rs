//! `_poll.sequence`: counts a poller's results and failures, so that a consumer sees gaps and doubles.

use rusqlite::Connection;

use crate::{job::Outcome, publish::contract};

pub(crate) const TABLE: &str =
    "CREATE TABLE sequence (poller TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/// The next number of the outcome's poller, from 1.
pub(crate) fn next(file: &Connection, outcome: &Outcome) -> rusqlite::Result<u64> {
    file.prepare_cached(
        "INSERT INTO sequence (poller, last) VALUES (?1, 1)
         ON CONFLICT (poller) DO UPDATE SET last = last + 1 RETURNING last",
    )?
    .query_row([contract::cache_id(outcome)], |row| row.get(0))
}
