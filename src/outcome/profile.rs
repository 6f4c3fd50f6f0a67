//! What was learned about each BMC, kept for the next run of the agent.

use rusqlite::{Connection, OptionalExtension, params};

use crate::state::Disk;

pub(crate) const TABLE: &str = "CREATE TABLE profile (
    peer TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    sensors BLOB,
    changed INTEGER NOT NULL
) STRICT;";

/// What is known of a long event log, so that a poll that reads on from there comes to its end some time.
pub(crate) const LOG: &str = "ALTER TABLE profile ADD COLUMN log BLOB;";

/// Which of the large parts are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// What is known of its sensors.
    pub sensors: bool,
    /// What is known of its event log.
    pub log: bool,
}

/// What is kept of one BMC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Address and port.
    pub peer: String,
    /// What its sessions have learned, as JSON.
    pub session: String,
    /// What is known of its sensors, in the bytes of `SdrProfile`.
    pub sensors: Option<Vec<u8>>,
    /// What is known of its event log, where that could not be read in one poll, in the bytes of the log's memory.
    pub log: Option<Vec<u8>>,
    /// When something of it last changed, in milliseconds since 1970.
    pub changed: i64,
}

/// Keeps it. Sensors and log that are not given stay as they were.
pub(crate) fn keep(disk: &Disk, kept: &Kept) -> rusqlite::Result<()> {
    disk.prepare(
        "INSERT INTO profile (peer, session, sensors, log, changed) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (peer) DO UPDATE
         SET session = ?2, sensors = coalesce(?3, sensors), log = coalesce(?4, log), changed = ?5",
    )?
    .execute(params![kept.peer, kept.session, kept.sensors, kept.log, kept.changed])?;
    Ok(())
}

/// What is kept of this BMC; its sensors and its log only where they are wanted, because they may be large.
pub(crate) fn of(file: &Connection, peer: &str, wanted: Wanted) -> rusqlite::Result<Option<Kept>> {
    file.prepare_cached(
        "SELECT peer, session, CASE WHEN ?2 THEN sensors END, CASE WHEN ?3 THEN log END, changed FROM profile WHERE peer = ?1",
    )?
    .query_row(params![peer, wanted.sensors, wanted.log], kept)
    .optional()
}

/// What is kept of every BMC.
pub(crate) fn all(file: &Connection) -> rusqlite::Result<Vec<Kept>> {
    file.prepare("SELECT peer, session, sensors, log, changed FROM profile ORDER BY peer")?
        .query_map([], kept)?
        .collect()
}

fn kept(row: &rusqlite::Row<'_>) -> rusqlite::Result<Kept> {
    Ok(Kept {
        peer: row.get(0)?,
        session: row.get(1)?,
        sensors: row.get(2)?,
        log: row.get(3)?,
        changed: row.get(4)?,
    })
}
