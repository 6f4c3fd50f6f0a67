//! A disk that fails when a test says so.

use std::sync::{Arc, Mutex};

use rusqlite::ffi;

/// Which statement fails, and how. Clones are one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    executed: u64,
    failing: Option<Failing>,
}

#[derive(Debug)]
enum Failing {
    FullFrom(u64),
    FullOnce(u64),
    Impossible(&'static str),
}

impl Faults {
    /// The disk is full from the `n`-th statement from now on, counted from 1, until it is healed.
    pub(super) fn full_from(&self, n: u64) {
        self.plan(Some(Failing::FullFrom(n)));
    }

    /// The disk is full at the `n`-th statement from now on, counted from 1, and at no other.
    pub(super) fn full_once(&self, n: u64) {
        self.plan(Some(Failing::FullOnce(n)));
    }

    /// No statement that begins so can ever work.
    pub(super) fn impossible(&self, beginning: &'static str) {
        self.plan(Some(Failing::Impossible(beginning)));
    }

    /// All is well again. How many statements were executed since the last plan.
    pub(super) fn heal(&self) -> u64 {
        self.plan(None)
    }

    fn plan(&self, failing: Option<Failing>) -> u64 {
        let mut plan = self.0.lock().unwrap();
        std::mem::replace(&mut *plan, Plan { executed: 0, failing }).executed
    }

    pub(super) fn statement(&self, statement: &str) -> rusqlite::Result<()> {
        let mut plan = self.0.lock().unwrap();
        plan.executed += 1;
        let code = match plan.failing {
            Some(Failing::FullFrom(first)) if plan.executed >= first => ffi::SQLITE_FULL,
            Some(Failing::FullOnce(only)) if plan.executed == only => ffi::SQLITE_FULL,
            Some(Failing::Impossible(beginning)) if statement.starts_with(beginning) => ffi::SQLITE_TOOBIG,
            _ => return Ok(()),
        };
        Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }
}
