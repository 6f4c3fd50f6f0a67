//! Peers that are no good BMC, each on a socket of its own: every one has its own clear outcome within the deadline.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;

use rackpoll_io::{IpmiDevice, IpmiSockets};
use rackpoll_model::{Fault, FaultKind, IpmiCommand, Reading, Secret};
use tokio::{
    net::UdpSocket,
    time::{Duration, Instant},
};

const PASSWORD: &str = "never shown anywhere";

fn device(sockets: &IpmiSockets, peer: SocketAddr) -> IpmiDevice {
    IpmiDevice::new(sockets, peer, "admin", Secret::from(PASSWORD)).unwrap()
}

async fn poll(device: &mut IpmiDevice, limit: Duration) -> (Result<Reading, Fault>, Duration) {
    let begun = Instant::now();
    let result = device.poll(IpmiCommand::Power, begun + limit).await;
    (result, begun.elapsed())
}

async fn fault(peer: SocketAddr, limit: Duration) -> (Fault, Duration) {
    let sockets = IpmiSockets::bind().unwrap();
    let (result, took) = poll(&mut device(&sockets, peer), limit).await;
    let fault = result.unwrap_err();
    assert!(fault.message.contains(&peer.to_string()), "{fault}");
    assert!(!fault.message.contains(PASSWORD));
    (fault, took)
}

#[tokio::test]
async fn a_silent_port_times_out_at_the_deadline() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (fault, took) = fault(silent.local_addr().unwrap(), Duration::from_secs(2)).await;
    assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn a_closed_port_is_unreachable_and_said_so_before_the_deadline() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = socket.local_addr().unwrap();
    drop(socket);
    let (fault, took) = fault(peer, Duration::from_secs(20)).await;
    assert_eq!(fault.kind, FaultKind::Unreachable, "{fault}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn an_address_that_nothing_can_be_sent_to_fails_at_once() {
    // Broadcast needs a permission that the socket does not have.
    let (fault, took) = fault("255.255.255.255:623".parse().unwrap(), Duration::from_secs(20)).await;
    assert_eq!(fault.kind, FaultKind::Unreachable, "{fault}");
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn garbage_is_a_bad_answer() {
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = peer.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = peer.recv_from(&mut buffer).await {
            // An echo is the nearest thing to an answer that is none.
            for answer in [&b"what do you want?"[..], &[], &[6, 0, 0xff, 7, 6, 0xc0], &buffer[..length / 2]] {
                peer.send_to(answer, from).await.unwrap();
            }
        }
    });
    let (fault, took) = fault(address, Duration::from_secs(3)).await;
    assert_eq!(fault.kind, FaultKind::BadAnswer, "{fault}");
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn an_echo_is_no_bmc() {
    let peer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = peer.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = peer.recv_from(&mut buffer).await {
            peer.send_to(&buffer[..length], from).await.unwrap();
        }
    });
    let (fault, _) = fault(address, Duration::from_secs(2)).await;
    assert!(matches!(fault.kind, FaultKind::Timeout | FaultKind::BadAnswer), "{fault}");
}

#[tokio::test]
async fn datagrams_of_strangers_are_counted_and_do_no_harm() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let sockets = IpmiSockets::bind().unwrap();
    let mut device = device(&sockets, silent.local_addr().unwrap());
    let listening = async {
        // The first datagram tells where the agent's socket is.
        let mut buffer = [0; 2048];
        let (_, agent) = silent.recv_from(&mut buffer).await.unwrap();
        for _ in 0..100 {
            stranger.send_to(b"hello", agent).await.unwrap();
        }
    };
    let (_, (result, _)) = tokio::join!(listening, poll(&mut device, Duration::from_secs(1)));
    assert_eq!(result.unwrap_err().kind, FaultKind::Timeout);
    let statistics = sockets.statistics();
    assert_eq!((statistics.foreign, statistics.received, statistics.dropped), (100, 0, 0));
    assert!(statistics.sent >= 1);
}

#[tokio::test]
async fn a_poll_that_is_dropped_sends_nothing_more() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let sockets = IpmiSockets::bind().unwrap();
    let mut device = device(&sockets, silent.local_addr().unwrap());
    let limit = Duration::from_millis(100);
    let cut = tokio::time::timeout(limit, poll(&mut device, Duration::from_secs(60))).await;
    assert!(cut.is_err());
    let sent = sockets.statistics().sent;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(sockets.statistics().sent, sent);
    // And the next poll works like the first.
    let (result, _) = poll(&mut device, Duration::from_secs(1)).await;
    assert_eq!(result.unwrap_err().kind, FaultKind::Timeout);
    device.close().await;
}

#[tokio::test]
async fn two_credentials_of_one_bmc_take_turns() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = silent.local_addr().unwrap();
    let sockets = IpmiSockets::bind().unwrap();
    let (mut one, mut other) = (device(&sockets, peer), device(&sockets, peer));
    let (longer, shorter) = (Duration::from_millis(1500), Duration::from_secs(1));
    let ((first, _), (second, took)) = tokio::join!(poll(&mut one, longer), poll(&mut other, shorter));
    assert_eq!(first.unwrap_err().kind, FaultKind::Timeout);
    assert_eq!(second.unwrap_err().kind, FaultKind::Busy);
    assert!(took < longer, "{took:?}");
    assert_eq!((one.attempts(), other.attempts(), other.statistics().sent), (1, 0, 0));
}

#[tokio::test]
async fn ipv6_peers_have_a_socket_too() {
    let Ok(silent) = UdpSocket::bind("[::1]:0").await else {
        // A machine without IPv6 has nothing to show here.
        return;
    };
    let peer = silent.local_addr().unwrap();
    let heard = tokio::spawn(async move { silent.recv_from(&mut [0; 2048]).await.unwrap().1 });
    let (fault, _) = fault(peer, Duration::from_secs(1)).await;
    assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
    assert!(heard.await.unwrap().is_ipv6());
}

#[tokio::test]
async fn names_that_ipmi_cannot_carry_are_refused() {
    let sockets = IpmiSockets::bind().unwrap();
    let peer = "127.0.0.1:623".parse().unwrap();
    let Err(fault) = IpmiDevice::new(&sockets, peer, "a user of more than 16 bytes", Secret::from("p"))
    else {
        panic!("taken")
    };
    assert_eq!(fault.kind, FaultKind::MalformedCommand);
}
