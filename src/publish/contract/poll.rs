use serde_json::{Value, json};

use super::time::rfc3339;
use crate::job::Outcome;

/// What the agent adds to its account of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accounting<'a> {
    /// The agent's name.
    pub agent: &'a str,
    /// Counts per `workItemId`, from 1, and survives restarts.
    pub sequence: u64,
}

/// `_poll` (contract.md, section 3).
pub(super) fn poll_value(outcome: &Outcome, accounting: Accounting<'_>) -> Value {
    json!({
        "scheduledAt": rfc3339(outcome.subject.scheduled_at),
        "startedAt": rfc3339(outcome.started_at),
        "finishedAt": rfc3339(outcome.finished_at),
        "attempts": outcome.attempts,
        "agent": accounting.agent,
        "sequence": accounting.sequence,
        "skipped": outcome.subject.skipped,
    })
}
