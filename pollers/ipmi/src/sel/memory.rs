use std::collections::VecDeque;

use rackpoll_model::SelTime;

use super::record_read::Manner;

/// Records remembered of one log, newest kept: 64 KiB a BMC at most. Most BMCs have 512 to 4,096.
pub(super) const RECORDS: usize = 4_096;

/// A record with the id under which the BMC gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) id: u16,
    pub(super) raw: [u8; 16],
}

/// What is remembered of a BMC's log from one poll to the next: the records read so far, so that the next poll reads
/// only what came after them.
#[derive(Debug, Default)]
pub struct Memory {
    /// Without a gap, oldest first.
    pub(super) records: VecDeque<Known>,
    /// The first of them was the log's first when it was read, or the log's older ones were dropped for want of room.
    pub(super) from_start: bool,
    /// The log's erase stamp while they were read.
    pub(super) erased: Option<SelTime>,
    /// How the BMC gives its records.
    pub(super) manner: Manner,
    /// Its record ids do not follow each other.
    pub(super) gaps: bool,
}

impl Memory {
    /// Nothing is known of the log any more.
    pub(super) fn forget(&mut self) {
        self.records.clear();
        self.from_start = false;
    }

    /// A record after the last one.
    pub(super) fn append(&mut self, record: Known, bound: usize) {
        self.records.push_back(record);
        while self.records.len() > bound {
            self.records.pop_front();
            self.from_start = false;
        }
    }
}
