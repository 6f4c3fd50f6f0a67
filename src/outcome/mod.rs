//! What an outcome changes in the state file: cache, last power states, sequence numbers; and the rules that make
//! alerts of it.

pub(crate) mod alerts;
pub(crate) mod cache;
pub(crate) mod power;
pub mod rules;
pub(crate) mod sequence;
