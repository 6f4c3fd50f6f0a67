use std::{sync::Arc, time::SystemTime};

use super::{Disk, Limits};
use crate::{
    job::Outcome,
    outcome::{access, alerts, cache, rules::Segments, sel_cursor, sequence},
    publish::{
        Message,
        contract::{self, Accounting},
        outbox::{self, Depth},
    },
};

/// What recording an outcome needs besides the outcome.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) agent: String,
    pub(super) limits: Limits,
    pub(super) segments: Arc<Segments>,
}

impl Book {
    /// Everything that one outcome changes, inside a transaction. Its messages are added to `depth`.
    pub(super) fn record(&self, disk: &Disk, outcome: &Outcome, depth: &mut Depth) -> rusqlite::Result<()> {
        let sequence = sequence::next(disk, outcome)?;
        let accounting = Accounting { agent: &self.agent, sequence };
        let mut messages = Vec::with_capacity(2);
        match &outcome.reading {
            Ok(reading) => {
                let news = sel_cursor::follow(disk, outcome, reading)?;
                let own = sel_cursor::for_poller(reading, news.as_ref());
                let said = contract::reading_value(
                    own.as_ref().unwrap_or(reading),
                    outcome.subject.names.as_deref(),
                );
                let entry = contract::cache_entry(outcome, &said, accounting);
                cache::add(disk, &contract::cache_id(outcome), &entry, self.limits.cache_entries)?;
                messages.extend(contract::result(outcome, &said, accounting));
                for alert in alerts::of(disk, outcome, reading, &said, news.as_ref(), sequence)? {
                    messages.extend(contract::alert(outcome, alert));
                }
            }
            Err(_) => messages.extend(contract::failure(outcome, accounting)),
        }
        messages.extend(access::of(disk, outcome, &self.segments)?);
        add(disk, &messages, depth)
    }

    /// Everything that time alone changes, inside a transaction.
    pub(super) fn look(&self, disk: &Disk, now: SystemTime, depth: &mut Depth) -> rusqlite::Result<()> {
        add(disk, &access::look(disk, &self.segments, now)?, depth)
    }
}

fn add(disk: &Disk, messages: &[Message], depth: &mut Depth) -> rusqlite::Result<()> {
    for message in messages {
        outbox::add(disk, message)?;
        depth.add(message.body.len());
    }
    Ok(())
}
