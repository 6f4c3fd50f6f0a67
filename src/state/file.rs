use std::{
    fs::{File, OpenOptions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rackpoll_snmp::traps::new_engine_id;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use uuid::Uuid;

use super::StateError;
use crate::{
    outcome::{access, alerts, cache, polls, power, profile, sel_cursor, sequence},
    publish::outbox::{self, Depth},
};

/// The file's name in the state folder.
const NAME: &str = "rackpoll.db";
/// Held for as long as the agent runs.
const LOCK: &str = "rackpoll.lock";

/// How long SQLite waits for a lock. Only an operator's own `sqlite3` can hold one.
const BUSY: std::time::Duration = std::time::Duration::from_secs(5);

const SETTINGS: &str =
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;";

/// What made the tables, step by step. A file's version, SQLite's user_version, is how many of these it has seen. A new
/// table or a changed one is a new step at the end; a step that was released is never touched again, because files that
/// have seen it will not see it a second time.
const STEPS: &[&[&str]] = &[
    &[SETTINGS, cache::TABLE, power::TABLE, sequence::TABLE, outbox::TABLE],
    &[alerts::TABLE],
    &[access::TABLE],
    &[sel_cursor::TABLE],
    &[profile::TABLE],
    &[sel_cursor::HISTORY],
    &[polls::TABLE],
    &[profile::LOG],
    &[cache::RING, sequence::VIEW],
];

/// An open state file.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) writer: Connection,
    pub(super) cache: Connection,
    pub(super) backlog: Connection,
    pub(super) lock: File,
    pub(super) graph_id: String,
    pub(super) engine: Engine,
    pub(super) outbox: Depth,
    /// The largest id that a message has had.
    pub(super) last_message: u64,
}

/// The agent's own SNMP engine (RFC 3411, clause 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// snmpEngineID, made once.
    pub id: Vec<u8>,
    /// snmpEngineBoots: how many times the agent was started on this file (RFC 3414, clause 2.2.2).
    pub boots: u32,
}

/// The last number that a life of an engine can have (RFC 3414, clause 2.2.2).
const LAST_BOOTS: u32 = i32::MAX.cast_unsigned();

pub(super) fn open(folder: &Path) -> Result<Opened, StateError> {
    let wrong_folder = |source| StateError::Folder { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(wrong_folder)?;
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join(LOCK))
        .map_err(wrong_folder)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Err(StateError::InUse(folder.join(NAME))),
        Err(std::fs::TryLockError::Error(source)) => return Err(wrong_folder(source)),
    }
    let path = folder.join(NAME);
    // Made by us first, so that nobody else can ever read it; SQLite gives its journals the same mode.
    let made = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    made.and_then(|file| file.set_permissions(std::fs::Permissions::from_mode(0o600)))
        .map_err(wrong_folder)?;
    let database = |source| StateError::Database { path: path.clone(), source };
    let writer = Connection::open(&path).map_err(database)?;
    prepare(&writer).map_err(database)?;
    migrate(&writer, &path)?;
    let graph_id = graph_id(&writer).map_err(database)?;
    let engine = engine(&writer).map_err(database)?;
    let outbox = Depth::of(&writer).map_err(database)?;
    let last_message = outbox::last_id(&writer).map_err(database)?;
    let cache = reader(&path).map_err(database)?;
    let backlog = reader(&path).map_err(database)?;
    Ok(Opened { path, writer, cache, backlog, lock, graph_id, engine, outbox, last_message })
}

pub(super) fn cached_results(folder: &Path) -> Result<Vec<(String, String)>, StateError> {
    let path = folder.join(NAME);
    let read = || -> rusqlite::Result<_> { cache::all(&reader(&path)?) };
    read().map_err(|source| StateError::Database { path: path.clone(), source })
}

/// The profiles in the state file of this folder, whoever uses it just now.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub fn kept_profiles(folder: &Path) -> Result<Vec<profile::Kept>, StateError> {
    let path = folder.join(NAME);
    let database = |source| StateError::Database { path: path.clone(), source };
    let file = reader(&path).map_err(database)?;
    profile::all(&file).map_err(database)
}

fn prepare(file: &Connection) -> rusqlite::Result<()> {
    file.busy_timeout(BUSY)?;
    file.pragma_update(None, "journal_mode", "WAL")?;
    // A result counts as kept only when it survives a loss of power.
    file.pragma_update(None, "synchronous", "FULL")?;
    file.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    file.busy_timeout(BUSY)?;
    Ok(file)
}

fn migrate(file: &Connection, path: &Path) -> Result<(), StateError> {
    let database = |source| StateError::Database { path: PathBuf::from(path), source };
    let found: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(database)?;
    let known = STEPS.len();
    let seen = usize::try_from(found).ok().filter(|seen| *seen <= known).ok_or_else(|| {
        let known = i64::try_from(known).unwrap_or(i64::MAX);
        StateError::Newer { path: path.to_owned(), found, known }
    })?;
    for (version, step) in (1..).zip(STEPS).skip(seen) {
        // A step is there whole, with its version, or not at all.
        let tables = step.concat();
        file.execute_batch(&format!("BEGIN; {tables} PRAGMA user_version = {version}; COMMIT;"))
            .map_err(database)?;
    }
    Ok(())
}

fn graph_id(file: &Connection) -> rusqlite::Result<String> {
    let known: Option<String> = file
        .query_row("SELECT value FROM settings WHERE key = 'graph-id'", [], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    let fresh = Uuid::new_v4().to_string();
    file.execute("INSERT INTO settings (key, value) VALUES ('graph-id', ?1)", params![fresh])?;
    Ok(fresh)
}

/// The engine, one life on: the file has the number before anybody is told of it.
fn engine(file: &Connection) -> rusqlite::Result<Engine> {
    let known: Option<(Vec<u8>, u32)> = file
        .query_row(
            "SELECT unhex(i.value), CAST(b.value AS INTEGER) FROM settings i, settings b
             WHERE i.key = 'snmp-engine-id' AND b.key = 'snmp-engine-boots'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let (id, before) = known.unwrap_or_else(|| (new_engine_id(Uuid::new_v4().into_bytes()), 0));
    let boots = before.saturating_add(1).min(LAST_BOOTS);
    file.execute(
        "INSERT INTO settings (key, value) VALUES ('snmp-engine-id', hex(?1)), ('snmp-engine-boots', ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![id, boots.to_string()],
    )?;
    Ok(Engine { id, boots })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(file: &Connection) -> Vec<String> {
        file.prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap()
    }

    fn version(file: &Connection) -> usize {
        file.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap()
    }

    #[test]
    fn a_file_of_every_earlier_version_ends_with_the_same_tables_and_keeps_its_rows() {
        let path = Path::new("state");
        let fresh = Connection::open_in_memory().unwrap();
        migrate(&fresh, path).unwrap();
        assert_eq!(version(&fresh), STEPS.len());
        for seen in 1..=STEPS.len() {
            let file = Connection::open_in_memory().unwrap();
            for step in &STEPS[..seen] {
                file.execute_batch(&step.concat()).unwrap();
            }
            file.pragma_update(None, "user_version", i64::try_from(seen).unwrap()).unwrap();
            file.execute("INSERT INTO settings (key, value) VALUES ('graph-id', 'kept')", []).unwrap();
            migrate(&file, path).unwrap();
            assert_eq!(version(&file), STEPS.len());
            assert_eq!(tables(&file), tables(&fresh), "from version {seen}");
            assert_eq!(graph_id(&file).unwrap(), "kept");
        }
    }

    #[test]
    fn results_of_a_file_that_numbered_its_rows_keep_their_order_and_their_numbers() {
        let file = Connection::open_in_memory().unwrap();
        for step in &STEPS[..8] {
            file.execute_batch(&step.concat()).unwrap();
        }
        file.pragma_update(None, "user_version", 8).unwrap();
        let entry = |sequence: &str| format!("{{\"power\":true,\"_poll\":{{\"sequence\":{sequence}}}}}");
        let entries = [
            ("b", entry("1")),
            ("a", entry("7")),
            ("b", entry("2")),
            ("a", entry("9")),
            // Nothing that we write, and nothing that keeps the agent from its start.
            ("c", "no JSON".to_owned()),
            ("d", entry("\"x\"")),
            ("e", "{}".to_owned()),
        ];
        for (poller, entry) in &entries {
            file.execute("INSERT INTO cache (poller, entry) VALUES (?1, ?2)", [poller, entry.as_str()])
                .unwrap();
        }
        file.execute("INSERT INTO sequence (poller, last) VALUES ('a', 9), ('b', 5)", []).unwrap();
        migrate(&file, Path::new("state")).unwrap();
        assert_eq!(cache::latest(&file, "a", 10).unwrap(), [entry("7"), entry("9")]);
        assert_eq!(cache::latest(&file, "b", 1).unwrap(), [entry("2")]);
        assert_eq!(cache::all(&file).unwrap().len(), entries.len());
        let disk = super::super::Disk::new(file);
        let next = |poller: &str| sequence::next(&disk, poller).unwrap();
        // A failure may have been the last.
        assert_eq!((next("a"), next("b"), next("c"), next("new")), (10, 6, 1, 1));
    }

    #[test]
    fn a_newer_file_and_a_nonsense_version_are_refused() {
        for found in [i64::try_from(STEPS.len()).unwrap() + 1, i64::from(i32::MAX), -1] {
            let file = Connection::open_in_memory().unwrap();
            file.pragma_update(None, "user_version", found).unwrap();
            let refused = migrate(&file, Path::new("state"));
            assert!(matches!(refused, Err(StateError::Newer { found: told, .. }) if told == found));
            assert!(tables(&file).is_empty());
        }
    }

    #[test]
    fn the_engine_keeps_its_id_and_has_a_higher_number_in_each_life() {
        let file = Connection::open_in_memory().unwrap();
        migrate(&file, Path::new("state")).unwrap();
        let first = engine(&file).unwrap();
        assert_eq!((first.id.len(), first.boots), (21, 1));
        assert_eq!(engine(&file).unwrap(), Engine { id: first.id.clone(), boots: 2 });
        assert_eq!(engine(&file).unwrap().boots, 3);
        let last = LAST_BOOTS.to_string();
        file.execute("UPDATE settings SET value = ?1 WHERE key = 'snmp-engine-boots'", [last]).unwrap();
        assert_eq!(engine(&file).unwrap(), Engine { id: first.id, boots: LAST_BOOTS });
    }
}
