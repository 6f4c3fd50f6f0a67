//! The last known power states: previous values of `chassispower.updated`.

use rusqlite::{OptionalExtension, params};

use crate::{job::Outcome, state::Disk};

pub(crate) const TABLE: &str =
    "CREATE TABLE power (key TEXT PRIMARY KEY, on_ INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

/// Whose power it is: the poller's, or the device's where there is no poller (contract.md, section 5).
pub(crate) fn key(outcome: &Outcome) -> String {
    match (&outcome.subject.work_item_id, &outcome.target) {
        (Some(id), _) => id.clone(),
        (None, Some(target)) => format!("{}:{}", target.name, target.port),
        (None, None) => String::new(),
    }
}

/// The last known state, if any.
pub(crate) fn last(disk: &Disk, key: &str) -> rusqlite::Result<Option<bool>> {
    if let Some(last) = disk.known().power.get(key) {
        return Ok(*last);
    }
    let last = disk
        .prepare("SELECT on_ FROM power WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    disk.known().power.insert(key.to_owned(), last);
    Ok(last)
}

/// Remembers the state; the one before, if any.
pub(crate) fn replace(disk: &Disk, key: &str, on: bool) -> rusqlite::Result<Option<bool>> {
    let last = last(disk, key)?;
    if last != Some(on) {
        disk.prepare(
            "INSERT INTO power (key, on_) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET on_ = ?2",
        )?
        .execute(params![key, on])?;
        disk.known().power.insert(key.to_owned(), Some(on));
    }
    Ok(last)
}
