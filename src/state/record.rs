use std::{sync::Arc, time::SystemTime};

use super::{Disk, Limits};
use crate::{
    job::Outcome,
    outcome::{
        access,
        alerts::{self, Recorded},
        cache,
        polls::{self, Configured},
        rules::Segments,
        sel_cursor, sequence,
        steady::Steady,
    },
    publish::{
        Message,
        contract::{self, Accounting, Good, Teller},
        outbox::Draft,
    },
};

/// What recording an outcome needs besides the outcome.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) agent: String,
    pub(super) limits: Limits,
    pub(super) segments: Arc<Segments>,
    pub(super) clock: Steady,
}

impl Book {
    /// Everything that one outcome changes, inside a transaction. Its messages go to the outbox.
    pub(super) fn record(&self, disk: &Disk, outcome: &Outcome, outbox: &mut Draft) -> rusqlite::Result<()> {
        let id = contract::cache_id(outcome);
        let sequence = sequence::next(disk, &id)?;
        let accounting = Accounting { agent: &self.agent, sequence };
        let now = self.clock.millis(outcome.finished_at);
        let recorded = Recorded { outcome, sequence, now };
        let teller = Teller::of(outcome, &id);
        let mut messages = Vec::with_capacity(2);
        match &outcome.reading {
            Ok(reading) => {
                let news = sel_cursor::follow(disk, outcome, reading)?;
                let own = sel_cursor::for_poller(reading, news.as_ref());
                let said = contract::reading_value(
                    own.as_ref().unwrap_or(reading),
                    outcome.subject.names.as_deref(),
                );
                let good = Good::new(outcome, &said, accounting);
                let entry = contract::cache_entry(&good);
                cache::add(disk, &id, sequence, &entry, self.limits.cache_entries)?;
                messages.extend(contract::result(&good));
                for alert in alerts::of(disk, &recorded, reading, &said, news.as_ref())? {
                    messages.extend(contract::alert(&teller, alert));
                }
            }
            Err(_) => {
                sequence::keep(disk, &id, sequence)?;
                messages.extend(contract::failure(outcome, accounting));
            }
        }
        messages.extend(access::of(disk, outcome, &self.segments, now)?);
        add(disk, messages, outbox)
    }

    /// Everything that time alone changes, inside a transaction.
    pub(super) fn look(&self, disk: &Disk, now: SystemTime, outbox: &mut Draft) -> rusqlite::Result<()> {
        let millis = self.clock.millis(now);
        add(disk, access::look(disk, &self.segments, now, millis)?, outbox)
    }

    /// Everything that another configuration changes, inside a transaction.
    pub(super) fn configure(
        &self,
        disk: &Disk,
        configured: &Configured,
        outbox: &mut Draft,
    ) -> rusqlite::Result<()> {
        let mut messages = polls::configured(disk, configured, self.clock.millis(configured.at))?;
        messages.extend(access::configured(disk, &configured.segments, configured.at)?);
        add(disk, messages, outbox)
    }
}

fn add(disk: &Disk, messages: Vec<Message>, outbox: &mut Draft) -> rusqlite::Result<()> {
    for message in messages {
        outbox.add(disk, message)?;
    }
    Ok(())
}
