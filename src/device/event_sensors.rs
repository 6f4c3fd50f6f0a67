//! When a BMC is asked for the records of the sensors that its event log speaks of. The log is good without them, and a BMC
//! has little time: it is asked only where that can tell something new.

use std::time::Duration;

use rackpoll_model::{SelBody, SelEntry};
use tokio::time::Instant;

/// Longest time that a poll of the log goes on for the sensors' sake.
const LONGEST: Duration = Duration::from_secs(5);
/// Polls that are left out after failures in a row, at most.
const LONGEST_REST: u8 = 63;

/// What is remembered of it from one poll of the log to the next.
#[derive(Debug, Default)]
pub(super) struct EventSensors {
    /// The log's newest record when the sensors were last known to be the BMC's.
    checked: Option<[u8; 16]>,
    /// How often in a row it failed, and how many polls are yet to be left out for it.
    failures: u8,
    rest: u8,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The records are those of the BMC now.
    Current,
    /// A deadline came, and there is more of the records than before.
    Further,
    /// Neither.
    Failed,
}

impl EventSensors {
    /// Whether to ask after a poll that read these entries; counts the poll. Where records are known, that is after news
    /// in the log; where none are, for entries that they would turn into values. Names alone are not worth a walk.
    pub(super) fn is_due(&mut self, entries: &[SelEntry], is_known: bool) -> bool {
        let due = if is_known {
            entries.last().is_some_and(|newest| self.checked != Some(newest.raw))
        } else {
            entries.iter().any(has_levels)
        };
        if due && self.rest > 0 {
            self.rest -= 1;
            return false;
        }
        due
    }

    /// What came of asking after a poll that read these entries.
    pub(super) fn asked(&mut self, entries: &[SelEntry], asked: Asked) {
        match asked {
            Asked::Current => {
                *self = Self { checked: entries.last().map(|newest| newest.raw), ..Self::default() };
            }
            Asked::Further => (self.failures, self.rest) = (0, 0),
            Asked::Failed => {
                let rest = 1u8.checked_shl(self.failures.into()).map_or(LONGEST_REST, |polls| polls - 1);
                self.rest = rest.min(LONGEST_REST);
                self.failures = self.failures.saturating_add(1);
            }
        }
    }
}

fn has_levels(entry: &SelEntry) -> bool {
    matches!(&entry.body, SelBody::Event(event) if event.has_levels())
}

/// Until when the sensors' records may be asked for, where the poll's own deadline is this: half of the time that is left
/// stays for what the poll's result still has to go through.
pub(super) fn deadline(now: Instant, poll: Instant) -> Instant {
    now + (poll.saturating_duration_since(now) / 2).min(LONGEST)
}

#[cfg(test)]
mod tests;
