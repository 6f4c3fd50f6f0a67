use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use rusqlite::Connection;

use super::Limits;
use crate::{
    job::Outcome,
    outcome::{cache, power, rules, sequence},
    publish::{
        Message,
        contract::{self, Accounting},
        outbox,
    },
};

/// A disk that fails: the n-th statement from now and all after it, until it is healed. For tests; `none` costs a branch.
#[derive(Debug, Clone, Default)]
pub struct Faults(Option<Arc<AtomicI64>>);

impl Faults {
    /// No faults.
    pub fn none() -> Self {
        Self(None)
    }

    /// Faults that `fail_from` sets.
    pub fn some() -> Self {
        Self(Some(Arc::new(AtomicI64::new(i64::MAX))))
    }

    /// All is well again.
    pub fn heal(&self) {
        self.fail_from(i64::MAX);
    }

    /// The `n`-th statement from now and all after it fail, counted from 1.
    pub fn fail_from(&self, n: i64) {
        if let Some(left) = &self.0 {
            left.store(n, Ordering::SeqCst);
        }
    }

    fn statement(&self) -> rusqlite::Result<()> {
        match &self.0 {
            Some(left) if left.fetch_sub(1, Ordering::SeqCst) <= 1 => Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR),
                None,
            )),
            _ => Ok(()),
        }
    }
}

/// What recording an outcome needs besides the outcome.
pub(super) struct Book {
    pub(super) agent: String,
    pub(super) limits: Limits,
    pub(super) faults: Faults,
}

impl Book {
    /// Everything that one outcome changes. The messages that it added, in order.
    pub(super) fn record(&self, file: &Connection, outcome: &Outcome) -> rusqlite::Result<Vec<Message>> {
        self.faults.statement()?;
        let sequence = sequence::next(file, outcome)?;
        let accounting = Accounting { agent: &self.agent, sequence };
        let mut messages = Vec::with_capacity(2);
        match &outcome.reading {
            Ok(reading) => {
                self.faults.statement()?;
                let entry = contract::cache_entry(outcome, accounting);
                cache::add(file, &contract::cache_id(outcome), &entry, self.limits.cache_entries)?;
                messages.extend(contract::result(outcome, accounting));
                if let Some(current) = rules::chassis::power_of(reading) {
                    self.faults.statement()?;
                    let key = power::key(outcome);
                    let last = power::replace(file, &key, current)?;
                    if let Some(change) = rules::chassis::power_changed(last, current) {
                        messages.extend(contract::chassis_power_updated(outcome, change, sequence));
                    }
                }
            }
            Err(_) => messages.extend(contract::failure(outcome, accounting)),
        }
        for message in &messages {
            self.faults.statement()?;
            outbox::add(file, message)?;
        }
        Ok(messages)
    }
}
