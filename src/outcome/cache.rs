//! The poller cache (contract.md, section 4): the last results of each poller.

use rusqlite::{Connection, params};

use crate::state::{Disk, known::Results};

pub(crate) const TABLE: &str = "CREATE TABLE cache (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    poller TEXT NOT NULL,
    entry TEXT NOT NULL
) STRICT;
CREATE INDEX cache_poller ON cache (poller, id);";

/// Each poller has as many rows as results are remembered, and a new result takes the row of the oldest: no row moves, and
/// the index stays as it is. `id` says nothing of an entry's age any more; `sequence` does.
pub(crate) const RING: &str = "ALTER TABLE cache RENAME TO old_cache;
DROP INDEX cache_poller;
CREATE TABLE cache (
    id INTEGER PRIMARY KEY,
    poller TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    entry TEXT NOT NULL
) STRICT;
INSERT INTO cache (id, poller, sequence, entry)
    SELECT id, poller, CASE WHEN json_valid(entry)
        THEN CAST(coalesce(json_extract(entry, '$._poll.sequence'), 0) AS INTEGER) ELSE 0 END, entry
    FROM old_cache ORDER BY id;
DROP TABLE old_cache;
CREATE INDEX cache_poller ON cache (poller);";

/// What the file has of a poller's results.
pub(super) fn known(disk: &Disk, poller: &str) -> rusqlite::Result<Results> {
    let mut statement =
        disk.prepare("SELECT id, sequence FROM cache WHERE poller = ?1 ORDER BY sequence, id")?;
    let mut rows = statement.query([poller])?;
    let mut results = Results::default();
    while let Some(row) = rows.next()? {
        results.rows.push_back(row.get(0)?);
        results.last = results.last.max(row.get(1)?);
    }
    Ok(results)
}

/// Adds the result with this number, which is the poller's `sequence::next`, in place of the oldest where there are `keep`.
pub(crate) fn add(
    disk: &Disk,
    poller: &str,
    sequence: u64,
    entry: &str,
    keep: usize,
) -> rusqlite::Result<()> {
    let mut rows = disk.known().results.get_mut(poller).map(|known| std::mem::take(&mut known.rows));
    if rows.is_none() {
        rows = Some(known(disk, poller)?.rows);
    }
    let mut rows = rows.unwrap_or_default();
    let row = if rows.len() >= keep { rows.pop_front() } else { None };
    let is_more = row.is_none();
    let row = match row {
        Some(row) => {
            disk.prepare("UPDATE cache SET sequence = ?2, entry = ?3 WHERE id = ?1")?
                .execute(params![row, sequence, entry])?;
            row
        }
        None => {
            disk.prepare("INSERT INTO cache (poller, sequence, entry) VALUES (?1, ?2, ?3)")?
                .execute(params![poller, sequence, entry])?;
            disk.last_row()
        }
    };
    rows.push_back(row);
    // Fewer are remembered than before.
    while rows.len() > keep.max(1)
        && let Some(gone) = rows.pop_front()
    {
        disk.prepare("DELETE FROM cache WHERE id = ?1")?.execute([gone])?;
    }
    let mut known = disk.known();
    known.places += usize::from(is_more);
    if let Some(results) = known.results.get_mut(poller) {
        results.rows = rows;
    }
    Ok(())
}

/// The newest entries of a poller, oldest of them first.
pub(crate) fn latest(file: &Connection, poller: &str, limit: i64) -> rusqlite::Result<Vec<String>> {
    let mut entries: Vec<String> = file
        .prepare_cached(
            "SELECT entry FROM cache WHERE id IN
               (SELECT id FROM cache WHERE poller = ?1 ORDER BY sequence DESC, id DESC LIMIT ?2)
             ORDER BY sequence DESC, id DESC",
        )?
        .query_map(params![poller, limit], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    entries.reverse();
    Ok(entries)
}

/// Every entry with its poller, the pollers one after another, oldest first.
pub(crate) fn all(file: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    file.prepare("SELECT poller, entry FROM cache ORDER BY poller, sequence, id")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
