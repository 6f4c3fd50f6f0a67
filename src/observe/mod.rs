//! What the operator sees of the agent: its log.

pub mod log;
