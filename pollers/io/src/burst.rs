use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
    os::fd::AsRawFd,
};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use rackpoll_ipmi::wire::MAX_DATAGRAM;
use tokio::{io::Interest, net::UdpSocket};

/// Datagrams that one system call takes at most. Of 32 each costs two thirds of what it costs alone; more save little.
const AT_ONCE: usize = 32;

/// So many it takes at least: where one comes alone, room for a second one says in the same call that it was the last.
const AT_LEAST: usize = 2;

/// Where datagrams are received, as many by one system call as came together.
pub(crate) struct Buffers {
    /// One byte more than any datagram that is ours: a longer one is cut, and then no format fits it.
    bytes: Box<[[u8; MAX_DATAGRAM + 1]; AT_ONCE]>,
    /// How many are asked for next: more than came together the last time.
    ask: usize,
    /// How many have come since there was nothing.
    burst: usize,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Self { bytes: Box::new([[0; MAX_DATAGRAM + 1]; AT_ONCE]), ask: AT_LEAST, burst: 0 }
    }

    /// Hands on what has come, some `AT_ONCE` datagrams at most. `WouldBlock`: that was all.
    pub(crate) fn receive(
        &mut self,
        socket: &UdpSocket,
        take: impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<()> {
        socket.try_io(Interest::READABLE, || self.receive_together(socket, take))
    }

    fn receive_together(
        &mut self,
        socket: &UdpSocket,
        mut take: impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<()> {
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(self.ask, None);
        let mut slices = self.bytes.each_mut().map(|bytes| [IoSliceMut::new(bytes)]);
        let slices = slices.iter_mut().take(self.ask);
        let received = recvmmsg(socket.as_raw_fd(), &mut headers, slices, MsgFlags::MSG_DONTWAIT, None);
        let mut count: usize = 0;
        for message in received.inspect_err(|_| self.burst = 0)? {
            count += 1;
            if let (Some(peer), Some(bytes)) =
                (message.address.as_ref().and_then(address), message.iovs().next())
            {
                take(peer, bytes);
            }
        }
        self.burst += count;
        if count == self.ask {
            self.ask = (2 * self.ask).min(AT_ONCE);
            return Ok(());
        }
        // The socket is empty: saying so here saves asking it.
        self.ask = (std::mem::take(&mut self.burst) + 1).next_power_of_two().clamp(AT_LEAST, AT_ONCE);
        Err(io::ErrorKind::WouldBlock.into())
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
