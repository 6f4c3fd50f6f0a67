use std::cell::{RefCell, RefMut};

use rusqlite::{CachedStatement, Connection};

use super::known::Known;

/// The state file as its one writer uses it: statement by statement, so that a test can let any of them fail.
#[derive(Debug)]
pub(crate) struct Disk {
    file: Connection,
    known: RefCell<Known>,
    #[cfg(test)]
    faults: super::faults::Faults,
}

impl Disk {
    pub(super) fn new(file: Connection) -> Self {
        Self {
            file,
            known: RefCell::default(),
            #[cfg(test)]
            faults: super::faults::Faults::default(),
        }
    }

    #[cfg(test)]
    pub(super) fn with_faults(self, faults: super::faults::Faults) -> Self {
        Self { faults, ..self }
    }

    /// A statement that is about to be executed, once.
    pub(crate) fn prepare(&self, statement: &str) -> rusqlite::Result<CachedStatement<'_>> {
        #[cfg(test)]
        self.faults.statement(statement)?;
        self.file.prepare_cached(statement)
    }

    /// What need not be read from the file. Whoever changes a row of it changes both, in this order: the row, and what is
    /// known of it.
    pub(crate) fn known(&self) -> RefMut<'_, Known> {
        self.known.borrow_mut()
    }

    /// The row that the last INSERT has made.
    pub(crate) fn last_row(&self) -> i64 {
        self.file.last_insert_rowid()
    }

    /// Everything that `changes` does, on the disk for good, or nothing of it.
    pub(super) fn transaction<T>(
        &self,
        changes: impl FnOnce(&Self) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.roll_back();
        self.prepare("BEGIN IMMEDIATE")?.execute([])?;
        let done = changes(self).and_then(|done| {
            self.prepare("COMMIT")?.execute([])?;
            Ok(done)
        });
        match &done {
            Ok(_) => self.known().bound(),
            Err(_) => {
                self.known().forget();
                self.roll_back();
            }
        }
        done
    }

    /// Some errors (a full disk) make SQLite roll back by itself, others leave the transaction open.
    fn roll_back(&self) {
        if !self.file.is_autocommit()
            && let Err(error) = self.file.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction cannot be rolled back yet");
        }
    }

    /// Moves the write-ahead log into the file, so that the next start and an operator's copy need only the file.
    pub(super) fn tidy(&self) {
        let moved = self.file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err(error) = moved {
            tracing::debug!(%error, "the write-ahead log stays for the next start");
        }
    }
}
