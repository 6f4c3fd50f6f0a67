use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    os::fd::AsRawFd,
};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use rackpoll_ipmi::wire::MAX_DATAGRAM;
use tokio::{io::Interest, net::UdpSocket};

/// Datagrams that one system call takes. Of 32 each costs two thirds of what it costs alone; more save little.
const AT_ONCE: usize = 32;

/// Where datagrams are received: the first of a burst by a call of its own, because it mostly is the only one, and the
/// rest together.
pub(crate) struct Buffers {
    /// One byte more than any datagram that is ours: a longer one is cut, and then no format fits it.
    bytes: Box<[[u8; MAX_DATAGRAM + 1]; AT_ONCE]>,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Self { bytes: Box::new([[0; MAX_DATAGRAM + 1]; AT_ONCE]) }
    }

    /// Hands on what has come, some `AT_ONCE` datagrams at most. `WouldBlock`: that was all.
    pub(crate) fn receive(
        &mut self,
        socket: &UdpSocket,
        mut take: impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<()> {
        let [first, ..] = &mut *self.bytes;
        let (length, peer) = socket.try_recv_from(first)?;
        take(peer, first.get(..length).unwrap_or_default());
        socket.try_io(Interest::READABLE, || self.receive_together(socket, take))
    }

    fn receive_together(
        &mut self,
        socket: &UdpSocket,
        mut take: impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<()> {
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(AT_ONCE, None);
        let mut slices = self.bytes.each_mut().map(|bytes| [IoSliceMut::new(bytes)]);
        let received =
            recvmmsg(socket.as_raw_fd(), &mut headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)?;
        let mut count = 0;
        for message in received {
            count += 1;
            if let (Some(peer), Some(bytes)) =
                (message.address.as_ref().and_then(address), message.iovs().next())
            {
                take(peer, bytes);
            }
        }
        // The socket is empty: saying so here saves asking it.
        if count < AT_ONCE { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::from((v4.ip(), v4.port())));
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| std::net::SocketAddrV6::from(*v6).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent_and_received(bind: &str, sizes: &[usize]) -> Vec<(SocketAddr, usize)> {
        let socket = UdpSocket::bind(bind).await.unwrap();
        let sender = std::net::UdpSocket::bind(bind).unwrap();
        for size in sizes {
            sender.send_to(&vec![7; *size], socket.local_addr().unwrap()).unwrap();
        }
        socket.readable().await.unwrap();
        let (mut buffers, mut taken) = (Buffers::new(), Vec::new());
        while buffers
            .receive(&socket, |peer, bytes| {
                assert_eq!(peer, sender.local_addr().unwrap());
                assert!(bytes.iter().all(|byte| *byte == 7));
                taken.push((peer, bytes.len()));
            })
            .is_ok()
        {}
        taken
    }

    #[tokio::test]
    async fn every_datagram_of_a_burst_comes_once_in_order_with_its_length_and_peer() {
        for count in [1, 2, AT_ONCE, AT_ONCE + 1, AT_ONCE + 2, 3 * AT_ONCE] {
            let sizes: Vec<usize> = (1..=count).collect();
            let taken = sent_and_received("127.0.0.1:0", &sizes).await;
            assert_eq!(taken.iter().map(|(_, size)| *size).collect::<Vec<_>>(), sizes);
        }
        assert_eq!(sent_and_received("[::1]:0", &[5, 6, 7]).await.len(), 3);
    }

    #[tokio::test]
    async fn longer_ones_are_cut_to_a_length_that_none_of_ours_has() {
        let taken = sent_and_received("127.0.0.1:0", &[9, 4000, 9]).await;
        assert_eq!(taken.iter().map(|(_, size)| *size).collect::<Vec<_>>(), [9, MAX_DATAGRAM + 1, 9]);
    }
}
