//! IPMI 2.0 without I/O: bytes and times go in, datagrams, timers and events come out.

pub mod command;
pub mod crypto;
pub mod fru;
pub mod sdr;
pub mod sel;
pub mod session;
mod text;
pub mod wire;
