//! One worker a device: its mailbox, its lines, and one poll at a time.

mod event_sensors;
mod ipmi;
pub(crate) mod learned;
mod line;
mod mailbox;
mod snmp;
mod sockets;
#[cfg(test)]
pub(crate) mod testing;
mod worker;

pub use line::{Line, Lines, PollFuture};
pub use sockets::SocketLines;
pub use worker::{DeviceKey, MAILBOX, Protocol, Worker};
