use std::{
    fs::{File, OpenOptions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use uuid::Uuid;

use super::StateError;
use crate::{
    outcome::{cache, power, sequence},
    publish::outbox::{self, Depth},
};

/// The file's name in the state folder.
const NAME: &str = "rackpoll.db";
/// Held for as long as the agent runs.
const LOCK: &str = "rackpoll.lock";

/// Version of the tables, in SQLite's user_version.
const VERSION: i64 = 1;

/// How long SQLite waits for a lock. Only an operator's own `sqlite3` can hold one.
const BUSY: std::time::Duration = std::time::Duration::from_secs(5);

const SETTINGS: &str =
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;";

/// An open state file.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) writer: Connection,
    pub(super) cache: Connection,
    pub(super) backlog: Connection,
    pub(super) lock: File,
    pub(super) graph_id: String,
    pub(super) outbox: Depth,
}

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
    let outbox = Depth::of(&writer).map_err(database)?;
    let cache = reader(&path).map_err(database)?;
    let backlog = reader(&path).map_err(database)?;
    Ok(Opened { path, writer, cache, backlog, lock, graph_id, outbox })
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
    if found > VERSION {
        return Err(StateError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    if found == 0 {
        let tables = [SETTINGS, cache::TABLE, power::TABLE, sequence::TABLE, outbox::TABLE].concat();
        file.execute_batch(&format!("BEGIN; {tables} PRAGMA user_version = {VERSION}; COMMIT;"))
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
