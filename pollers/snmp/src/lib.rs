//! SNMP: sessions over async-snmp's shared socket, walks, and values as net-snmp prints them.
//!
//! `agent` is the seam to the library: what an agent can be asked, and how it can fail. `session` puts it on the wire, `walk`
//! asks for more than one exchange can hold, `device` is what a poll talks to. `metric` and `names` are pure: what the
//! metric pollers ask and make of it, and what MIBs call it. `traps` listens for what agents say unasked.

mod agent;
mod device;
mod elements;
mod habits;
mod keys;
pub mod metric;
pub mod names;
mod pace;
mod report;
mod session;
mod sockets;
mod text;
pub mod traps;
mod walk;
mod wire;

pub use device::{SnmpDevice, SnmpStatistics};
pub use sockets::SnmpSockets;
pub use text::{oid_text, value_text};
pub use wire::mend;
