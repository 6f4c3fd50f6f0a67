//! What an outcome changes in the state file: cache, last power states, sequence numbers; and the rules that make
//! alerts of it.

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) mod access;
pub(crate) mod alerts;
pub(crate) mod cache;
pub(crate) mod polls;
pub(crate) mod power;
pub mod profile;
pub mod rules;
pub(crate) mod sel_cursor;
pub(crate) mod sequence;
pub(crate) mod steady;

fn unix_millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
