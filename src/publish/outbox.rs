//! The outbox: messages that no broker has confirmed yet, in the state file, in the order in which they have to go out.

use std::collections::VecDeque;

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
/// Messages that are handed to the publisher in memory; what it has not fetched beyond is read from the file.
const RUN_MESSAGES: usize = 4_096;
/// Bytes of their bodies.
const RUN_BYTES: usize = 4 << 20;

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
    fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// So much less.
    fn forget(&mut self, gone: Self) {
        self.messages = self.messages.saturating_sub(gone.messages);
        self.bytes = self.bytes.saturating_sub(gone.bytes);
    }

    /// Counts the table, once at the start.
    pub(crate) fn of(file: &Connection) -> rusqlite::Result<Self> {
        file.query_row("SELECT count(*), coalesce(sum(length(body)), 0) FROM outbox", [], |row| {
            Ok(Self { messages: row.get(0)?, bytes: row.get(1)? })
        })
    }
}

/// What a transaction changes of the outbox. It counts once the transaction is on disk, and is thrown away with one that
/// failed.
#[derive(Debug)]
pub(crate) struct Draft {
    /// How much the outbox holds then.
    pub(crate) depth: Depth,
    /// The next message's id.
    pub(crate) next: u64,
    /// What was added, as far as it is handed over in memory.
    pub(crate) added: Run,
    /// What was removed, each from its first id to its last.
    pub(crate) removed: Vec<(u64, u64)>,
}

impl Draft {
    /// Nothing is changed yet.
    pub(crate) fn new(depth: Depth, next: u64) -> Self {
        Self { depth, next, added: Run::after(next.saturating_sub(1)), removed: Vec::new() }
    }

    /// Adds a message at the end; its id.
    pub(crate) fn add(&mut self, disk: &Disk, message: Message) -> rusqlite::Result<u64> {
        let id = self.next;
        disk.prepare(
            "INSERT INTO outbox (id, exchange, routing_key, kind, correlation, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            id,
            exchange_number(message.exchange),
            message.routing_key,
            kind_number(message.kind),
            message.correlation,
            message.body
        ])?;
        self.next = id.saturating_add(1);
        self.depth.add(message.body.len());
        self.added.push(Pending { id, message });
        Ok(id)
    }

    /// Adds a message in place of an older one, where that still waits: nobody wants yesterday's heartbeats when the
    /// broker is back. The new one's id.
    pub(crate) fn replace(
        &mut self,
        disk: &Disk,
        older: Option<u64>,
        message: Message,
    ) -> rusqlite::Result<u64> {
        if let Some(older) = older {
            self.remove(disk, older, older)?;
        }
        self.add(disk, message)
    }

    /// Removes the messages from the first of these ids to the last, as far as they are there.
    pub(crate) fn remove(&mut self, disk: &Disk, first: u64, last: u64) -> rusqlite::Result<()> {
        let (Ok(from), Ok(to)) = (i64::try_from(first), i64::try_from(last)) else { return Ok(()) };
        let gone = disk
            .prepare(
                "SELECT count(*), coalesce(sum(length(body)), 0) FROM outbox WHERE id BETWEEN ?1 AND ?2",
            )?
            .query_row([from, to], |row| Ok(Depth { messages: row.get(0)?, bytes: row.get(1)? }))?;
        if gone.messages > 0 {
            disk.prepare("DELETE FROM outbox WHERE id BETWEEN ?1 AND ?2")?.execute([from, to])?;
            self.depth.forget(gone);
            self.removed.push((first, last));
        }
        Ok(())
    }

    /// Removes the oldest message; whether there was one.
    pub(crate) fn remove_oldest(&mut self, disk: &Disk) -> rusqlite::Result<bool> {
        let gone = {
            let mut statement = disk.prepare(
                "DELETE FROM outbox WHERE id = (SELECT min(id) FROM outbox) RETURNING id, length(body)",
            )?;
            let mut rows = statement.query([])?;
            let gone: Option<(u64, u64)> =
                rows.next()?.map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?))).transpose()?;
            gone
        };
        let Some((id, bytes)) = gone else { return Ok(false) };
        self.depth.forget(Depth { messages: 1, bytes });
        self.removed.push((id, id));
        Ok(true)
    }
}

/// Messages in their order, as many of the newest as may be held in memory.
#[derive(Debug)]
pub(crate) struct Run {
    /// All that came after this id is here.
    after: u64,
    messages: VecDeque<Pending>,
    bytes: usize,
}

impl Run {
    /// None yet; the first will have a larger id.
    pub(crate) fn after(id: u64) -> Self {
        Self { after: id, messages: VecDeque::new(), bytes: 0 }
    }

    /// Adds one at the end, and lets go of the oldest that are too many then.
    fn push(&mut self, pending: Pending) {
        self.bytes = self.bytes.saturating_add(pending.message.body.len());
        self.messages.push_back(pending);
        while (self.messages.len() > RUN_MESSAGES || self.bytes > RUN_BYTES)
            && let Some(oldest) = self.pop()
        {
            self.after = oldest.id;
        }
    }

    fn pop(&mut self) -> Option<Pending> {
        let oldest = self.messages.pop_front()?;
        self.bytes = self.bytes.saturating_sub(oldest.message.body.len());
        Some(oldest)
    }

    /// Adds what came next.
    pub(crate) fn extend(&mut self, newer: Self) {
        let last = self.messages.back().map_or(self.after, |newest| newest.id);
        if newer.after > last {
            // Some between are not here.
            *self = newer;
        } else {
            newer.messages.into_iter().for_each(|pending| self.push(pending));
        }
    }

    /// Hands over the messages after this id: at most `limit`, and no more once they have `BATCH_BYTES`. None where some
    /// of them are not here. Each is handed over once, and then no longer here.
    pub(crate) fn take(&mut self, after: u64, limit: usize) -> Option<Vec<Pending>> {
        if after < self.after {
            return None;
        }
        while self.messages.front().is_some_and(|oldest| oldest.id <= after) {
            self.pop();
        }
        self.after = after;
        let mut batch = Vec::with_capacity(limit.min(self.messages.len()));
        let mut bytes = 0;
        while batch.len() < limit
            && bytes < BATCH_BYTES
            && let Some(oldest) = self.pop()
        {
            bytes += oldest.message.body.len();
            self.after = oldest.id;
            batch.push(oldest);
        }
        Some(batch)
    }

    /// Lets go of those from the first of these ids to the last: they wait no more.
    pub(crate) fn forget(&mut self, first: u64, last: u64) {
        let begin = self.messages.partition_point(|pending| pending.id < first);
        let end = self.messages.partition_point(|pending| pending.id <= last);
        for gone in self.messages.drain(begin..end) {
            self.bytes = self.bytes.saturating_sub(gone.message.body.len());
        }
    }
}

/// The largest id that a message in this file has had.
pub(crate) fn last_id(file: &Connection) -> rusqlite::Result<u64> {
    file.query_row(
        "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0),
                    coalesce((SELECT max(id) FROM outbox), 0))",
        [],
        |row| row.get(0),
    )
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(id: u64, bytes: usize) -> Pending {
        let message = Message {
            exchange: Exchange::Task,
            routing_key: String::new(),
            kind: MessageKind::Result,
            correlation: None,
            body: vec![0; bytes],
        };
        Pending { id, message }
    }

    fn run(ids: std::ops::RangeInclusive<u64>, bytes: usize) -> Run {
        let mut run = Run::after(ids.start() - 1);
        ids.for_each(|id| run.push(pending(id, bytes)));
        run
    }

    fn ids(batch: Option<Vec<Pending>>) -> Option<Vec<u64>> {
        batch.map(|batch| batch.into_iter().map(|pending| pending.id).collect())
    }

    #[test]
    fn only_who_is_not_behind_is_served_and_each_message_once() {
        let mut run = run(5..=9, 1);
        assert_eq!(ids(run.take(3, 9)), None);
        assert_eq!(ids(run.take(4, 2)), Some(vec![5, 6]));
        assert_eq!(ids(run.take(4, 2)), None);
        // It has read one in the file meanwhile.
        assert_eq!(ids(run.take(7, 9)), Some(vec![8, 9]));
        assert_eq!(ids(run.take(9, 9)), Some(vec![]));
        assert_eq!((run.bytes, run.after), (0, 9));
        // Read in the file before it came here.
        assert_eq!(ids(run.take(10, 9)), Some(vec![]));
        run.extend(self::run(10..=11, 1));
        assert_eq!(ids(run.take(10, 9)), Some(vec![11]));
    }

    #[test]
    fn the_oldest_go_where_there_are_too_many() {
        let most = u64::try_from(RUN_MESSAGES).unwrap();
        let mut many = run(1..=most + 2, 1);
        assert_eq!((many.messages.len(), many.bytes, many.after), (RUN_MESSAGES, RUN_MESSAGES, 2));
        many.extend(run(most + 3..=most + 3, 1));
        assert_eq!((many.messages.len(), many.after), (RUN_MESSAGES, 3));
        let mut large = run(1..=3, RUN_BYTES / 2);
        assert_eq!(ids(large.take(1, 9)), Some(vec![2, 3]));
        let mut larger = run(1..=1, RUN_BYTES + 1);
        assert_eq!(ids(larger.take(0, 9)), None);
        assert_eq!(ids(larger.take(1, 9)), Some(vec![]));
        // One transaction that has more than can be held: what is before it is of no use.
        let mut gap = run(1..=2, 1);
        gap.extend(run(3..=5, RUN_BYTES / 2));
        assert_eq!(ids(gap.take(0, 9)), None);
        assert_eq!(ids(gap.take(3, 9)), Some(vec![4, 5]));
    }

    #[test]
    fn what_waits_no_more_is_not_handed_over() {
        let mut run = run(1..=6, 10);
        run.forget(0, 1);
        run.forget(3, 4);
        run.forget(9, 12);
        assert_eq!(run.bytes, 30);
        assert_eq!(ids(run.take(0, 9)), Some(vec![2, 5, 6]));
    }
}
