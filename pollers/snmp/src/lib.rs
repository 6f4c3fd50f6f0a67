//! SNMP: sessions over one shared socket, walks, and values as net-snmp prints them.
//!
//! `agent` is what an agent can be asked, and how it can fail. `session` puts it on the wire: `message` speaks SNMPv1 and v2c,
//! `usm` is the seam to async-snmp, which speaks v3. `line` is the socket, `wire` what one device sees of it. `walk`
//! asks for more than one exchange can hold, `device` is what a poll talks to. `metric` and `names` are pure: what the
//! metric pollers ask and make of it, and what MIBs call it. `traps` listens for what agents say unasked.

mod agent;
mod device;
mod elements;
mod habits;
mod keys;
mod line;
mod message;
pub mod metric;
pub mod names;
mod pace;
mod report;
mod room;
mod session;
mod sockets;
mod text;
pub mod traps;
mod usm;
mod varbinds;
mod walk;
mod wire;

pub use device::{SnmpDevice, SnmpStatistics};
pub use message::read_varbinds;
pub use sockets::SnmpSockets;
pub use text::{oid_text, value_text};
