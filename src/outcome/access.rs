//! Which pollers are up, and so which nodes are accessible; and the events that are held back for their segments.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use rusqlite::{OptionalExtension, params};

use super::rules::{
    NodeChange, Segments,
    access::{self, Standing},
};
use crate::{
    job::Outcome,
    outcome::unix_millis,
    publish::{
        Message,
        contract::{self, NodeEvent, SegmentEvent},
    },
    state::{Disk, known::Access},
};

pub(crate) const TABLE: &str = "CREATE TABLE access (
    poller TEXT PRIMARY KEY,
    node TEXT NOT NULL,
    up INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    since INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_node ON access (node, poller);
CREATE TABLE held (
    node TEXT PRIMARY KEY,
    node_type TEXT,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE segment (
    segment TEXT PRIMARY KEY,
    episode TEXT NOT NULL,
    count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE segment_node (
    segment TEXT NOT NULL,
    node TEXT NOT NULL,
    node_type TEXT,
    PRIMARY KEY (segment, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX segment_of ON segment_node (node);";

/// A poller that has not polled for so long says nothing of its node any more: nobody tells the agent when RackHD
/// retires one.
const FORGOTTEN: i64 = 86_400_000;

/// What an outcome says of its node, in its transaction; `now` is when it ended, by a steady clock.
pub(crate) fn of(
    disk: &Disk,
    outcome: &Outcome,
    segments: &Segments,
    now: i64,
) -> rusqlite::Result<Vec<Message>> {
    let subject = &outcome.subject;
    let (Some(node), Some(poller)) = (&subject.node, &subject.work_item_id) else { return Ok(Vec::new()) };
    let Some(up) = access::is_up(&outcome.reading) else { return Ok(Vec::new()) };
    let (before, seen) = standing(disk, poller, node)?.unzip();
    if !up
        && subject.watch.is_quiet(unix_millis(outcome.finished_at))
        && before.is_none_or(|before| before.up)
    {
        return Ok(Vec::new());
    }
    let after = access::stand(before, up, now, &subject.watch.calm);
    // Most polls are as good as the one before, and then a row a poll would cost more than the poll.
    let is_fresh = seen.is_some_and(|seen: i64| (0..FORGOTTEN / 4).contains(&now.saturating_sub(seen)));
    let is_same = before.is_some_and(|before| before.up && before.failures == 0) && after.up;
    if is_same && is_fresh {
        return Ok(Vec::new());
    }
    let change = access::change(before, after, others(disk, poller, node, now)?);
    keep(disk, poller, node, after, now)?;
    let Some(change) = change else { return Ok(Vec::new()) };
    let event =
        NodeEvent { node, node_type: subject.watch.node_type.as_deref(), change, at: outcome.finished_at };
    let told = || vec![contract::node_event(&event)];
    match change {
        NodeChange::Inaccessible if segments.has(node) => {
            disk.prepare(
                "INSERT INTO held (node, node_type, since) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute(params![node, event.node_type, now])?;
            Ok(Vec::new())
        }
        NodeChange::Inaccessible => Ok(told()),
        NodeChange::Accessible => {
            if disk.prepare("DELETE FROM held WHERE node = ?1")?.execute([node])? > 0 {
                // Nobody was told that it was gone.
                return Ok(Vec::new());
            }
            let segment: Option<String> = disk
                .prepare("SELECT segment FROM segment_node WHERE node = ?1")?
                .query_row([node], |row| row.get(0))
                .optional()?;
            match segment {
                Some(segment) => back(disk, &segment, node, segments, &event),
                None => Ok(told()),
            }
        }
    }
}

fn standing(disk: &Disk, poller: &str, node: &str) -> rusqlite::Result<Option<(Standing, i64)>> {
    let of_node =
        |row: Option<&Access>| row.filter(|row| row.node == node).map(|row| (row.standing, row.seen));
    if let Some(row) = disk.known().access.get(poller) {
        return Ok(of_node(row.as_ref()));
    }
    let row = disk
        .prepare("SELECT node, up, failures, since, seen FROM access WHERE poller = ?1")?
        .query_row([poller], |row| {
            Ok(Access {
                node: row.get(0)?,
                standing: Standing { up: row.get(1)?, failures: row.get(2)?, since: row.get(3)? },
                seen: row.get(4)?,
            })
        })
        .optional()?;
    let standing = of_node(row.as_ref());
    disk.known().access.insert(poller.to_owned(), row);
    Ok(standing)
}

fn others(disk: &Disk, poller: &str, node: &str, now: i64) -> rusqlite::Result<Option<bool>> {
    // What was seen long after now was seen before the clock was set back.
    disk.prepare("SELECT max(up) FROM access WHERE node = ?1 AND poller <> ?2 AND seen > ?3 AND seen < ?4")?
        .query_row(
            params![node, poller, now.saturating_sub(FORGOTTEN), now.saturating_add(FORGOTTEN)],
            |row| row.get(0),
        )
}

fn keep(disk: &Disk, poller: &str, node: &str, standing: Standing, now: i64) -> rusqlite::Result<()> {
    disk.prepare(
        "INSERT INTO access (poller, node, up, failures, since, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (poller) DO UPDATE SET node = ?2, up = ?3, failures = ?4, since = ?5, seen = ?6",
    )?
    .execute(params![poller, node, standing.up, standing.failures, standing.since, now])?;
    let row = Access { node: node.to_owned(), standing, seen: now };
    disk.known().access.insert(poller.to_owned(), Some(row));
    Ok(())
}

/// A node of a segment that was told as gone is back. Once the rest is no longer most of the segment, that is told, and
/// the rest one by one.
fn back(
    disk: &Disk,
    segment: &str,
    node: &str,
    segments: &Segments,
    event: &NodeEvent<'_>,
) -> rusqlite::Result<Vec<Message>> {
    disk.prepare("DELETE FROM segment_node WHERE node = ?1")?.execute([node])?;
    let left = gone(disk, segment)?;
    if segments.is_gone(segment, left.len()) {
        return Ok(Vec::new());
    }
    close(disk, segment, &left, segments, event.at)
}

/// The nodes of a segment that was told as gone, with their types.
fn gone(disk: &Disk, segment: &str) -> rusqlite::Result<BTreeMap<String, Option<String>>> {
    let mut statement = disk.prepare("SELECT node, node_type FROM segment_node WHERE segment = ?1")?;
    statement.query_map([segment], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Tells that a segment is back, and the nodes that are not one by one.
fn close(
    disk: &Disk,
    segment: &str,
    left: &BTreeMap<String, Option<String>>,
    segments: &Segments,
    at: SystemTime,
) -> rusqlite::Result<Vec<Message>> {
    let (episode, count): (String, u64) = disk
        .prepare("DELETE FROM segment WHERE segment = ?1 RETURNING episode, count")?
        .query_row([segment], |row| Ok((row.get(0)?, row.get(1)?)))?;
    disk.prepare("DELETE FROM segment_node WHERE segment = ?1")?.execute([segment])?;
    let all = segments.nodes.get(segment);
    let here = all.into_iter().flatten().filter(|node| !left.contains_key(&***node)).map(|node| &**node);
    let mut messages = vec![contract::segment_event(&SegmentEvent {
        segment,
        change: NodeChange::Accessible,
        nodes: here.collect(),
        of: all.map_or(0, BTreeSet::len),
        at,
        episode: &episode,
        state: super::rules::Stage::Clear,
        count,
    })];
    messages.extend(left.iter().map(|(node, node_type)| inaccessible(node, node_type.as_deref(), at)));
    Ok(messages)
}

fn inaccessible(node: &str, node_type: Option<&str>, at: SystemTime) -> Message {
    contract::node_event(&NodeEvent { node, node_type, change: NodeChange::Inaccessible, at })
}

/// The segments may be other ones than before: what is left of one that was told as gone is told, where it is no longer most
/// of it. Nodes that left it count no more, and would be waited for in vain.
pub(crate) fn configured(disk: &Disk, segments: &Segments, at: SystemTime) -> rusqlite::Result<Vec<Message>> {
    let open: Vec<String> = {
        let mut statement = disk.prepare("SELECT segment FROM segment ORDER BY segment")?;
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
    };
    let mut messages = Vec::new();
    for segment in &open {
        let all = segments.nodes.get(segment.as_str());
        let is_of = |node: &str| all.is_some_and(|all| all.contains(node));
        let all_gone = gone(disk, segment)?;
        let (still, left): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all_gone.clone().into_iter().partition(|(node, _)| is_of(node));
        if !segments.is_gone(segment, still.len()) {
            messages.extend(close(disk, segment, &all_gone, segments, at)?);
            continue;
        }
        for (node, node_type) in &left {
            disk.prepare("DELETE FROM segment_node WHERE segment = ?1 AND node = ?2")?
                .execute([segment, node])?;
            messages.push(inaccessible(node, node_type.as_deref(), at));
        }
    }
    Ok(messages)
}

/// Tells what was held back long enough, by itself or as a segment; `millis` is now by a steady clock.
pub(crate) fn look(
    disk: &Disk,
    segments: &Segments,
    now: SystemTime,
    millis: i64,
) -> rusqlite::Result<Vec<Message>> {
    let hold = i64::try_from(segments.hold.as_millis()).unwrap_or(i64::MAX);
    let mut held = BTreeMap::new();
    let mut due = BTreeSet::new();
    {
        let mut statement = disk.prepare("SELECT node, node_type, since FROM held")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (node, since): (String, i64) = (row.get(0)?, row.get(2)?);
            // A clock that was set back must not hold an event for ever.
            if !(0..hold).contains(&millis.saturating_sub(since)) {
                due.insert(node.clone());
            }
            held.insert(node, row.get::<_, Option<String>>(1)?);
        }
    }
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let mut open: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    {
        let mut statement = disk.prepare("SELECT segment, node FROM segment_node")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            open.entry(row.get(0)?).or_default().insert(row.get(1)?);
        }
    }
    let verdicts = segments.judge(&due, &held.keys().cloned().collect(), &open);
    let mut messages = Vec::new();
    let release = |node: &str| -> rusqlite::Result<()> {
        disk.prepare("DELETE FROM held WHERE node = ?1")?.execute([node])?;
        Ok(())
    };
    for (segment, nodes) in &verdicts.segments {
        let (episode, count): (String, u64) = disk
            .prepare(
                "INSERT INTO segment (segment, episode, count) VALUES (?1, ?2, 1)
                 ON CONFLICT (segment) DO UPDATE SET count = count + 1 RETURNING episode, count",
            )?
            .query_row([segment, &format!("segment.inaccessible:{segment}:{millis}")], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        for node in nodes {
            disk.prepare("INSERT INTO segment_node (segment, node, node_type) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
                .execute(params![segment, node, held.get(node).cloned().flatten()])?;
            release(node)?;
        }
        let told = open.get(segment).into_iter().flatten();
        let all: BTreeSet<&str> = told.chain(nodes).map(String::as_str).collect();
        messages.push(contract::segment_event(&SegmentEvent {
            segment,
            change: NodeChange::Inaccessible,
            nodes: all.into_iter().collect(),
            of: segments.nodes.get(segment.as_str()).map_or(0, BTreeSet::len),
            at: now,
            episode: &episode,
            state: if count == 1 { super::rules::Stage::Open } else { super::rules::Stage::Repeat },
            count,
        }));
    }
    for node in &verdicts.single {
        messages.push(inaccessible(node, held.get(node).and_then(Option::as_deref), now));
        release(node)?;
    }
    Ok(messages)
}
