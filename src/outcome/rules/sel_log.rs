//! `sel.cleared`, `sel.rolled`, and which entries of a log are new to a poller: its cursor and the log in, the news and
//! the next cursor out. Times are never compared for order, since the clocks of BMCs jump.

use rackpoll_model::{SelBody, SelEntry, SelLog, SelTime};
use serde_json::json;

use super::{
    alert::{Action, Alert, Device},
    episode::{Episode, Stage},
    severity::Severity,
};

/// Where a poller is in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The newest record that the poller knows, whole: a record id alone comes again after a clear. None where the log
    /// was empty.
    pub record: Option<[u8; 16]>,
    /// The log's erase stamp then.
    pub erased: SelTime,
    /// Events had been dropped for want of room.
    pub overflow: bool,
    /// The poller has not come to the end of what the log held when it first looked.
    pub in_history: bool,
}

/// What has become of the log since the poller's last poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Records were deleted, or all of them.
    Cleared(Sign),
    /// Records came and went unseen.
    Rolled(Loss),
}

/// What tells that a log was cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The erase stamp is another one.
    EraseTime,
    /// The newest record has a lower id than the one that was newest before.
    RecordIds,
    /// The record that was newest before is another one now.
    Record,
}

/// Why events are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The log goes round, and has overwritten the record that was newest before.
    Overwritten,
    /// The log is full, and the BMC has dropped events.
    Overflow,
    /// The log has more new entries than are remembered of it: the oldest of them were read for other pollers only, or
    /// before this one last asked.
    Behind,
}

/// How far back readings of the log go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To some of the newest entries (`sel`): it says nothing of those before.
    Newest,
    /// To the first entry, or as far as the log is remembered (`selEntries`).
    All,
}

/// What a poll has to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// How many of the log's entries, counted from the newest, are new.
    pub entries: usize,
    /// They are new to the poller only: the log held them before it first looked. They are listed, and no rule is
    /// asked about them: a poller that is new to a device would else tell years of the past as if it were now. What is
    /// wrong still is told by the sensors themselves, whose states `sdr` tells from its first poll on.
    pub is_history: bool,
    /// The log's changes.
    pub changes: Vec<Change>,
    /// The id of the record that was newest before.
    pub last_known: Option<u16>,
    /// How many entries the log says that it has.
    pub held: u16,
    /// Where the poller is now.
    pub cursor: Cursor,
}

/// The news of a log for a poller, from readings that go so far back. Without a cursor all entries are new, as history, and nothing has changed.
pub fn news(cursor: Option<&Cursor>, log: &SelLog, reach: Reach) -> News {
    let information = &log.information;
    let is_past = cursor.is_none_or(|before| before.in_history);
    let now = Cursor {
        record: log.entries.last().map(|entry| entry.raw),
        erased: information.last_erase,
        overflow: information.overflow(),
        // The rest of a long log comes with the next polls, and is as old.
        in_history: !log.to_end && is_past,
    };
    let last_known = cursor.and_then(|before| before.record).map(record_id);
    let news = |entries, changes: Vec<Change>, mut cursor: Cursor| {
        // What a cleared log holds was written after the first look.
        let cleared = changes.iter().any(|change| matches!(change, Change::Cleared(_)));
        cursor.in_history &= !cleared;
        let is_history = is_past && !cleared;
        News { entries, is_history, changes, last_known, held: information.entries, cursor }
    };
    let Some(before) = cursor else {
        return news(log.entries.len(), Vec::new(), now);
    };
    let erased = before.erased != information.last_erase;
    let mut changes = Vec::new();
    let entries = match before.record {
        None => {
            changes.extend(erased.then_some(Change::Cleared(Sign::EraseTime)));
            log.entries.len()
        }
        Some(record) => match since(&record, log, erased) {
            Some(entries) => {
                changes.extend(erased.then_some(Change::Cleared(Sign::EraseTime)));
                entries
            }
            // The rest of a long log comes with the next polls, and the known record may be in it.
            None if !log.to_end => return news(0, changes, *before),
            None => {
                changes.extend(fate(&record, log, erased, reach));
                log.entries.len()
            }
        },
    };
    // The flag stays while the log is full; only its coming is news.
    changes.extend((now.overflow && !before.overflow).then_some(Change::Rolled(Loss::Overflow)));
    news(entries, changes, now)
}

fn record_id([low, high, ..]: [u8; 16]) -> u16 {
    u16::from_le_bytes([low, high])
}

/// How many entries came after this record, if it is still there.
fn since(record: &[u8; 16], log: &SelLog, erased: bool) -> Option<usize> {
    log.entries.iter().rev().position(|entry| entry.raw == *record && !(erased && is_ambiguous(entry)))
}

/// A BMC that does not know the time writes the same first records after each clear.
fn is_ambiguous(entry: &SelEntry) -> bool {
    match entry.body {
        SelBody::Event(event) => event.time.is_pre_init() || event.time == SelTime::UNSPECIFIED,
        SelBody::OemTimestamped { time, .. } => time.is_pre_init() || time == SelTime::UNSPECIFIED,
        SelBody::Oem { .. } => true,
    }
}

/// Why a record is gone, as far as the log tells.
fn fate(record: &[u8; 16], log: &SelLog, erased: bool, reach: Reach) -> Option<Change> {
    let id = record_id(*record);
    if erased {
        return Some(Change::Cleared(Sign::EraseTime));
    }
    let newest = log.entries.last().map(|entry| entry.record_id);
    // After the highest id come the lowest again; then a lower id tells nothing.
    let ids_wrap = log.entries.windows(2).any(|pair| matches!(pair, [a, b] if b.record_id < a.record_id));
    if newest.is_none_or(|newest| newest < id) && !ids_wrap {
        return Some(Change::Cleared(Sign::RecordIds));
    }
    if log.entries.iter().any(|entry| entry.record_id == id) {
        return Some(Change::Cleared(Sign::Record));
    }
    match reach {
        _ if log.from_start => Some(Change::Rolled(Loss::Overwritten)),
        Reach::All => Some(Change::Rolled(Loss::Behind)),
        // The record may be in the rest.
        Reach::Newest => None,
    }
}

impl News {
    /// An alert for each change of the log. `id` makes an episode's id from the action and a word.
    pub(crate) fn alerts(&self, device: Device<'_>, id: impl Fn(Action, &str) -> String) -> Vec<Alert> {
        let alert = |change: &Change| {
            let (action, severity, word, reason) = match change {
                Change::Cleared(sign) => (Action::SelCleared, Severity::Information, "", sign.as_str()),
                Change::Rolled(Loss::Overwritten) => {
                    (Action::SelRolled, Severity::Warning, "overwritten", Loss::Overwritten.as_str())
                }
                Change::Rolled(Loss::Overflow) => {
                    (Action::SelRolled, Severity::Warning, "overflow", Loss::Overflow.as_str())
                }
                Change::Rolled(Loss::Behind) => {
                    (Action::SelRolled, Severity::Warning, "behind", Loss::Behind.as_str())
                }
            };
            let data = json!({
                "user": device.user,
                "host": device.host,
                "reason": reason,
                "lastLogId": self.last_known.map(|id| format!("{id:x}")),
                "entries": self.held,
            });
            // It has no end: it happened.
            let episode = Episode { id: id(action, word), state: Stage::Open, count: 1, flapping: false };
            Alert { action, severity, data, episode }
        };
        self.changes.iter().map(alert).collect()
    }
}

impl Sign {
    /// The word in `data.reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EraseTime => "erase time changed",
            Self::RecordIds => "record ids went back",
            Self::Record => "last known record replaced",
        }
    }
}

impl Loss {
    /// The word in `data.reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overwritten => "last known record overwritten",
            Self::Overflow => "log full, events dropped",
            Self::Behind => "more new entries than are remembered",
        }
    }
}

#[cfg(test)]
mod tests;
