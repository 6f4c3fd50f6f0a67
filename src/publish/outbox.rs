//! The outbox: messages that no broker has confirmed yet, in the state file, in the order in which they have to go out.

use rusqlite::{Connection, params};

use super::{Exchange, Message, MessageKind};
use crate::state::Disk;

/// A message that waits for the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its place in the outbox; ids only grow.
    pub id: u64,
    /// What goes out.
    pub message: Message,
}

/// The table. AUTOINCREMENT: an id is never used twice, or a late confirm could remove another message.
pub(crate) const TABLE: &str = "CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    exchange INTEGER NOT NULL,
    routing_key TEXT NOT NULL,
    kind INTEGER NOT NULL,
    correlation BLOB,
    body BLOB NOT NULL
) STRICT;";

/// Bytes that are read at once: some thousand results of `power`, or a dozen of `sdr`, which are some 300 KB each.
const BATCH_BYTES: usize = 4 << 20;

/// How much the outbox holds, kept in step with the table by its writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Depth {
    /// Messages.
    pub(crate) messages: u64,
    /// Their bodies' bytes.
    pub(crate) bytes: u64,
}

impl Depth {
    /// One message more.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// One message less.
    pub(crate) fn forget(&mut self, bytes: u64) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Counts the table, once at the start.
    pub(crate) fn of(file: &Connection) -> rusqlite::Result<Self> {
        file.query_row("SELECT count(*), coalesce(sum(length(body)), 0) FROM outbox", [], |row| {
            Ok(Self { messages: row.get(0)?, bytes: row.get(1)? })
        })
    }
}

/// Adds a message at the end.
pub(crate) fn add(disk: &Disk, message: &Message) -> rusqlite::Result<()> {
    disk.prepare(
        "INSERT INTO outbox (exchange, routing_key, kind, correlation, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        exchange_number(message.exchange),
        message.routing_key,
        kind_number(message.kind),
        message.correlation,
        message.body
    ])?;
    Ok(())
}

/// Adds a message in place of an older one, where that still waits: nobody wants yesterday's heartbeats when the broker
/// is back. The new one's id, and the bytes of the older.
pub(crate) fn replace(
    disk: &Disk,
    older: Option<u64>,
    message: &Message,
) -> rusqlite::Result<(u64, Option<u64>)> {
    let removed = older.map(|older| remove(disk, older)).transpose()?.flatten();
    add(disk, message)?;
    let id = disk.prepare("SELECT max(id) FROM outbox")?.query_row([], |row| row.get(0))?;
    Ok((id, removed))
}

/// Removes a message; how many bytes it had, or nothing where it was gone.
pub(crate) fn remove(disk: &Disk, id: u64) -> rusqlite::Result<Option<u64>> {
    let Ok(id) = i64::try_from(id) else { return Ok(None) };
    let mut statement = disk.prepare("DELETE FROM outbox WHERE id = ?1 RETURNING length(body)")?;
    let mut rows = statement.query([id])?;
    let bytes = rows.next()?.map(|row| row.get(0)).transpose()?;
    Ok(bytes)
}

/// Removes the oldest message; how many bytes it had.
pub(crate) fn remove_oldest(disk: &Disk) -> rusqlite::Result<Option<u64>> {
    let mut statement =
        disk.prepare("DELETE FROM outbox WHERE id = (SELECT min(id) FROM outbox) RETURNING length(body)")?;
    let mut rows = statement.query([])?;
    let bytes = rows.next()?.map(|row| row.get(0)).transpose()?;
    Ok(bytes)
}

/// The oldest messages after this id: at most `limit`, and no more once they have `BATCH_BYTES`. Empty only where there
/// are none.
pub(crate) fn batch(file: &Connection, after: i64, limit: usize) -> rusqlite::Result<Vec<Pending>> {
    let mut statement = file.prepare_cached(
        "SELECT id, exchange, routing_key, kind, correlation, body FROM outbox WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES
        && let Some(row) = rows.next()?
    {
        let message = Message {
            exchange: exchange_of(row.get(1)?),
            routing_key: row.get(2)?,
            kind: kind_of(row.get(3)?),
            correlation: row.get(4)?,
            body: row.get(5)?,
        };
        bytes += message.body.len();
        batch.push(Pending { id: row.get(0)?, message });
    }
    Ok(batch)
}

fn exchange_number(exchange: Exchange) -> i64 {
    match exchange {
        Exchange::Task => 0,
        Exchange::Events => 1,
        Exchange::Reply => 2,
    }
}

fn exchange_of(number: i64) -> Exchange {
    match number {
        0 => Exchange::Task,
        1 => Exchange::Events,
        _ => Exchange::Reply,
    }
}

fn kind_number(kind: MessageKind) -> i64 {
    match kind {
        MessageKind::Result => 0,
        MessageKind::ErrorEvent => 1,
        MessageKind::Object => 2,
    }
}

fn kind_of(number: i64) -> MessageKind {
    match number {
        0 => MessageKind::Result,
        1 => MessageKind::ErrorEvent,
        _ => MessageKind::Object,
    }
}
