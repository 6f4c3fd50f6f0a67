//! Where each poller is in its device's SEL. It changes in the transaction of the poll that moved it, so that no entry is
//! told twice and none is passed over, whatever happens to the agent.

use rackpoll_model::{Reading, SelLog, SelTime};
use rusqlite::{OptionalExtension, params};

use super::{
    power,
    rules::sel_log::{self, Cursor, News, Reach},
};
use crate::{job::Outcome, state::Disk};

pub(crate) const TABLE: &str = "CREATE TABLE sel_cursor (
    poller TEXT NOT NULL,
    command TEXT NOT NULL,
    record BLOB,
    erased INTEGER NOT NULL,
    overflow INTEGER NOT NULL,
    PRIMARY KEY (poller, command)
) STRICT, WITHOUT ROWID;";

/// Pollers whose place is known already have had their first look.
pub(crate) const HISTORY: &str = "ALTER TABLE sel_cursor ADD COLUMN in_history INTEGER NOT NULL DEFAULT 0;";

/// What a reading of the SEL tells its poller, and the cursor moved; none for other readings.
pub(crate) fn follow(disk: &Disk, outcome: &Outcome, reading: &Reading) -> rusqlite::Result<Option<News>> {
    let (log, command, reach) = match reading {
        Reading::Sel(log) => (log, "sel", Reach::Newest),
        Reading::SelEntries(log) => (log, "selEntries", Reach::All),
        _ => return Ok(None),
    };
    let poller = power::key(outcome);
    let before = cursor(disk, &poller, command)?;
    let news = sel_log::news(before.as_ref(), log, reach);
    if before != Some(news.cursor) {
        keep(disk, &poller, command, &news.cursor)?;
    }
    Ok(Some(news))
}

/// The reading for its poller alone: `selEntries` has only what is new.
pub(crate) fn for_poller(reading: &Reading, news: Option<&News>) -> Option<Reading> {
    let (Reading::SelEntries(log), Some(news)) = (reading, news) else { return None };
    let old = log.entries.len().saturating_sub(news.entries);
    Some(Reading::SelEntries(SelLog {
        information: log.information,
        manufacturer: log.manufacturer,
        entries: log.entries.iter().skip(old).cloned().collect(),
        from_start: log.from_start && old == 0,
        to_end: log.to_end,
    }))
}

fn cursor(disk: &Disk, poller: &str, command: &'static str) -> rusqlite::Result<Option<Cursor>> {
    let key = (poller.to_owned(), command);
    if let Some(cursor) = disk.known().cursors.get(&key) {
        return Ok(*cursor);
    }
    let cursor = disk
        .prepare(
            "SELECT record, erased, overflow, in_history FROM sel_cursor WHERE poller = ?1 AND command = ?2",
        )?
        .query_row([poller, command], |row| {
            Ok(Cursor {
                record: row.get(0)?,
                erased: SelTime(row.get(1)?),
                overflow: row.get(2)?,
                in_history: row.get(3)?,
            })
        })
        .optional()?;
    disk.known().cursors.insert(key, cursor);
    Ok(cursor)
}

fn keep(disk: &Disk, poller: &str, command: &'static str, cursor: &Cursor) -> rusqlite::Result<()> {
    disk.prepare(
        "INSERT INTO sel_cursor (poller, command, record, erased, overflow, in_history)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (poller, command) DO UPDATE SET record = ?3, erased = ?4, overflow = ?5, in_history = ?6",
    )?
    .execute(params![poller, command, cursor.record, cursor.erased.0, cursor.overflow, cursor.in_history])?;
    disk.known().cursors.insert((poller.to_owned(), command), Some(*cursor));
    Ok(())
}
