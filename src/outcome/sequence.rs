//! `_poll.sequence`: counts a poller's results and failures, so that a consumer sees gaps and doubles.

use crate::{job::Outcome, publish::contract, state::Disk};

pub(crate) const TABLE: &str =
    "CREATE TABLE sequence (poller TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/// The next number of the outcome's poller, from 1.
pub(crate) fn next(disk: &Disk, outcome: &Outcome) -> rusqlite::Result<u64> {
    disk.prepare(
        "INSERT INTO sequence (poller, last) VALUES (?1, 1)
         ON CONFLICT (poller) DO UPDATE SET last = last + 1 RETURNING last",
    )?
    .query_row([contract::cache_id(outcome)], |row| row.get(0))
}
