//! SNMP: sessions over async-snmp's shared socket, walks, and values as net-snmp prints them.
//!
//! `agent` is the seam to the library: what an agent can be asked, and how it can fail. `session` puts it on the wire, `walk`
//! asks for more than one exchange can hold, `device` is what a poll talks to.

mod agent;
mod device;
mod habits;
mod pace;
mod session;
mod sockets;
mod text;
mod walk;
mod wire;

pub use device::SnmpDevice;
pub use session::Credentials;
pub use sockets::SnmpSockets;
pub use text::{oid_text, value_text};
