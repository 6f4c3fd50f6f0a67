//! `_poll.sequence`: counts a poller's results and failures, so that a consumer sees gaps and doubles. A result's number is
//! in its row of the cache; only a failure, which has none, is written down here.

use rusqlite::{OptionalExtension, params};

use super::cache;
use crate::state::Disk;

pub(crate) const TABLE: &str =
    "CREATE TABLE sequence (poller TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/// The last number of each poller, for whoever opens the file.
pub(crate) const VIEW: &str = "CREATE VIEW last_sequence (poller, last) AS
    SELECT poller, max(number) FROM (
        SELECT poller, last AS number FROM sequence UNION ALL SELECT poller, sequence FROM cache
    ) GROUP BY poller;";

/// The next number of this poller, from 1. It counts once a result with it is in the cache, or a failure is kept.
pub(crate) fn next(disk: &Disk, poller: &str) -> rusqlite::Result<u64> {
    if let Some(results) = disk.known().results.get_mut(poller) {
        results.last = results.last.saturating_add(1);
        return Ok(results.last);
    }
    let mut results = cache::known(disk, poller)?;
    let failed: Option<u64> = disk
        .prepare("SELECT last FROM sequence WHERE poller = ?1")?
        .query_row([poller], |row| row.get(0))
        .optional()?;
    results.last = results.last.max(failed.unwrap_or(0)).saturating_add(1);
    let last = results.last;
    let mut known = disk.known();
    known.places += results.rows.len();
    known.results.insert(poller.to_owned(), results);
    Ok(last)
}

/// A failure had this number.
pub(crate) fn keep(disk: &Disk, poller: &str, sequence: u64) -> rusqlite::Result<()> {
    disk.prepare(
        "INSERT INTO sequence (poller, last) VALUES (?1, ?2) ON CONFLICT (poller) DO UPDATE SET last = ?2",
    )?
    .execute(params![poller, sequence])?;
    Ok(())
}
