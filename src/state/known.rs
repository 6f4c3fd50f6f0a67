use std::collections::{HashMap, VecDeque};

use crate::outcome::rules::{Action, access::Standing, sel_log::Cursor};

/// Entries that are known at most, some 200 bytes each. 30,000 pollers have 90,000.
const MOST: usize = 200_000;
/// Places of rows that are known at most, 8 bytes each.
const MOST_PLACES: usize = 4_000_000;

/// What the writer has read from the file or written to it, and so need not read again. It is as the open transaction
/// sees the file: where that fails, all of it is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By the poller's id in the cache.
    pub(crate) results: HashMap<String, Results>,
    /// By the key of `power`; none where there is no row.
    pub(crate) power: HashMap<String, Option<bool>>,
    /// By poller; none where there is no row.
    pub(crate) access: HashMap<String, Option<Access>>,
    /// By poller and command; none where there is no row.
    pub(crate) cursors: HashMap<(String, &'static str), Option<Cursor>>,
    /// Places of rows in `results`, at most.
    pub(crate) places: usize,
    /// By poller, the kinds of conditions of which there are none.
    pub(crate) calm: HashMap<String, Vec<Action>>,
}

/// What is known of a poller's results.
#[derive(Debug, Default)]
pub(crate) struct Results {
    /// Number of the last one, failures counted.
    pub(crate) last: u64,
    /// Rows of the cache, that of the oldest result first.
    pub(crate) rows: VecDeque<i64>,
}

/// A row of `access`.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) node: String,
    pub(crate) standing: Standing,
    pub(crate) seen: i64,
}

impl Known {
    /// Forgets all where it has become too much; what is needed is read again.
    pub(super) fn bound(&mut self) {
        let rows = self.results.len() + self.power.len() + self.access.len();
        let more = self.cursors.len() + self.calm.len();
        if rows + more > MOST || self.places > MOST_PLACES {
            self.forget();
        }
    }

    /// Forgets all.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}
