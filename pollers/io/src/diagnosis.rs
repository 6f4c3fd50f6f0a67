use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use rackpoll_ipmi::wire::asf;
use tokio::{
    net::UdpSocket,
    sync::Semaphore,
    time::{Duration, timeout},
};

/// How long the network has to say that there is no way. A host on the same segment that does not exist is told of
/// after three ARP requests, a second each; the first datagram has started those.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Why a peer stays silent, where the network says so (ICMP): that nobody listens on the port, or that there is no way
/// to the host. The shared sockets cannot hear that; a connected one of its own can, for one peer at a time. None:
/// nothing was heard, or somebody else is asking.
pub async fn why_silent(peer: SocketAddr, service: Service, permits: &Semaphore) -> Option<String> {
    let _permit = permits.try_acquire().ok()?;
    let error = timeout(PATIENCE, knock(peer, service)).await.ok()?.err()?;
    explain(peer, service, &error)
}

/// What is asked for at the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// RMCP+.
    Ipmi,
    /// Any version of SNMP.
    Snmp,
}

impl Service {
    /// A datagram that may be sent to anybody: RMCP's presence ping, SNMPv3's engine discovery (RFC 3414, clause 4).
    fn knock(self) -> Vec<u8> {
        match self {
            Self::Ipmi => {
                let mut ping = Vec::new();
                asf::Message::Ping { tag: 0 }.encode(&mut ping);
                ping
            }
            Self::Snmp => DISCOVERY.to_vec(),
        }
    }

    fn is_enabled(self) -> &'static str {
        match self {
            Self::Ipmi => "IPMI over LAN is enabled",
            Self::Snmp => "an SNMP agent runs there",
        }
    }
}

/// A reportable request of security level noAuthNoPriv to an engine whose id is not known, for nothing.
const DISCOVERY: &[u8] =
    b"\x30\x39\x02\x01\x03\x30\x0f\x02\x02\x07\xd1\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01\x03\
      \x04\x10\x30\x0e\x04\x00\x02\x01\x00\x02\x01\x00\x04\x00\x04\x00\x04\x00\
      \x30\x11\x04\x00\x04\x00\xa0\x0b\x02\x01\x01\x02\x01\x00\x02\x01\x00\x30\x00";

/// The sentence for an error that says that the peer cannot be reached; none for other errors.
pub(crate) fn explain(peer: SocketAddr, service: Service, error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(format!(
            "the host is up and nobody listens on UDP port {}; check the port, and that {}",
            peer.port(),
            service.is_enabled()
        )),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Some(format!("the network has no way to the host ({error}); check address and routes"))
        }
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::InvalidInput | io::ErrorKind::PermissionDenied => {
            Some(format!(
                "this machine will not send there ({error}); check the address, and the local firewall"
            ))
        }
        _ => None,
    }
}

async fn knock(peer: SocketAddr, service: Service) -> io::Result<()> {
    let local: SocketAddr =
        if peer.is_ipv6() { (Ipv6Addr::UNSPECIFIED, 0).into() } else { (Ipv4Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(peer).await?;
    socket.send(&service.knock()).await?;
    socket.recv(&mut [0; 64]).await.map(drop)
}
