//! Sockets and conversations with devices: the only room of the pollers that has sockets, timers and tasks.
//!
//! One UDP socket an address family serves all BMCs. A task reads it and hands each datagram straight to the session
//! of the peer that sent it; handshakes, retransmissions and the next command of a poll's conversation go out from
//! there, and the device's own task wakes only when its poll is over.

mod bell;
mod burst;
mod device;
mod diagnosis;
mod entropy;
mod keeper;
mod outbound;
mod pace;
mod peers;
mod sockets;
mod talk;

pub use device::IpmiDevice;
pub use diagnosis::{Service, why_silent};
pub use pace::Pace;
pub use rackpoll_ipmi::{
    command::Privilege,
    crypto::{CipherSuite, IPMI_15_PASSWORD, Ipmi15Authentication},
    sdr::{Key as SdrKey, SdrProfile, SensorMemory},
    sel::Memory as SelMemory,
    session::{Options, Profile, Statistics, Timing, Workaround},
};
pub use rackpoll_snmp::{SnmpDevice, SnmpSockets, SnmpStatistics};
pub use sockets::{IpmiSockets, SocketStatistics};
