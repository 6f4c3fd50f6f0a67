//! The poller cache (contract.md, section 4).

use rusqlite::{Connection, params};

use crate::state::Disk;

pub(crate) const TABLE: &str = "CREATE TABLE cache (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    poller TEXT NOT NULL,
    entry TEXT NOT NULL
) STRICT;
CREATE INDEX cache_poller ON cache (poller, id);";

/// Adds an entry and forgets the oldest beyond `keep`.
pub(crate) fn add(disk: &Disk, poller: &str, entry: &str, keep: usize) -> rusqlite::Result<()> {
    disk.prepare("INSERT INTO cache (poller, entry) VALUES (?1, ?2)")?.execute([poller, entry])?;
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    disk.prepare(
        "DELETE FROM cache WHERE poller = ?1 AND id <=
           (SELECT id FROM cache WHERE poller = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )?
    .execute(params![poller, keep])?;
    Ok(())
}

/// The newest entries of a poller, oldest of them first.
pub(crate) fn latest(file: &Connection, poller: &str, limit: i64) -> rusqlite::Result<Vec<String>> {
    let mut entries: Vec<String> = file
        .prepare_cached("SELECT entry FROM cache WHERE poller = ?1 ORDER BY id DESC LIMIT ?2")?
        .query_map(params![poller, limit], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    entries.reverse();
    Ok(entries)
}

/// Every entry with its poller, oldest first.
pub(crate) fn all(file: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    file.prepare("SELECT poller, entry FROM cache ORDER BY id")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
