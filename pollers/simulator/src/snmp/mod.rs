//! SNMP agents (v1 and v2c) as state machines without I/O: a datagram in, a datagram out. The codec is our own and no
//! client's, so that a client's mistakes show.

mod agent;
mod ber;
mod content;
mod tables;
mod tree;

pub use agent::{Agent, AgentCounters};
pub use ber::Value;
pub use content::{AgentModel, all_models};
