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
pub(crate) async fn why_silent(peer: SocketAddr, permits: &Semaphore) -> Option<String> {
    let _permit = permits.try_acquire().ok()?;
    let error = timeout(PATIENCE, knock(peer)).await.ok()?.err()?;
    explain(peer, &error)
}

/// The sentence for an error that says that the peer cannot be reached; none for other errors.
pub(crate) fn explain(peer: SocketAddr, error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(format!(
            "the host is up and nobody listens on UDP port {}; check the port, and that IPMI over LAN is enabled",
            peer.port()
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

async fn knock(peer: SocketAddr) -> io::Result<()> {
    let local: SocketAddr =
        if peer.is_ipv6() { (Ipv6Addr::UNSPECIFIED, 0).into() } else { (Ipv4Addr::UNSPECIFIED, 0).into() };
    let socket = UdpSocket::bind(local).await?;
    socket.connect(peer).await?;
    let mut ping = Vec::new();
    asf::Message::Ping { tag: 0 }.encode(&mut ping);
    socket.send(&ping).await?;
    socket.recv(&mut [0; 64]).await.map(drop)
}
