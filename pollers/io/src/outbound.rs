use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    os::fd::AsFd,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rackpoll_ipmi::session::Session;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg, sendto};

/// Datagrams that wait for each other, at most; then they are sent one by one again. More than a burst can ask for.
const MOST: usize = 512;

/// Datagrams that are sent together, by one system call instead of one each.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Whom to, and where in `bytes` each one ends.
    datagrams: Vec<(SocketAddr, usize)>,
}

impl Batch {
    /// Takes what the session wants sent, as far as there is room.
    pub(crate) fn collect(&mut self, peer: SocketAddr, session: &mut Session) {
        while self.datagrams.len() < MOST {
            let Some(datagram) = session.poll_transmit() else { return };
            self.bytes.extend_from_slice(datagram);
            self.datagrams.push((peer, self.bytes.len()));
        }
    }

    /// Sends what was collected, and tells of each datagram how that went. It is empty after that.
    pub(crate) fn send(&mut self, socket: impl AsFd, mut tell: impl FnMut(SocketAddr, io::Result<()>)) {
        match self.datagrams[..] {
            [] => return,
            [(peer, _)] => tell(peer, send_one(socket, peer, &self.bytes)),
            _ => self.send_together(socket, tell),
        }
        self.bytes.clear();
        self.datagrams.clear();
    }

    fn send_together(&self, socket: impl AsFd, mut tell: impl FnMut(SocketAddr, io::Result<()>)) {
        let Self { bytes, datagrams } = self;
        let mut start = 0;
        let slices: Vec<_> = datagrams
            .iter()
            .map(|(_, end)| {
                [IoSlice::new(bytes.get(std::mem::replace(&mut start, *end)..*end).unwrap_or_default())]
            })
            .collect();
        let peers: Vec<SocketAddrAny> = datagrams.iter().map(|(peer, _)| (*peer).into()).collect();
        let mut nothing: Vec<_> = datagrams.iter().map(|_| SendAncillaryBuffer::default()).collect();
        let mut messages: Vec<_> = (peers.iter().zip(&slices).zip(&mut nothing))
            .map(|((peer, slice), nothing)| MMsgHdr::new_with_addr(peer, slice, nothing))
            .collect();
        let mut done = 0;
        while let Some((peer, _)) = datagrams.get(done) {
            let rest = messages.get_mut(done..).unwrap_or_default();
            match sendmmsg(&socket, rest, SendFlags::DONTWAIT) {
                // At least one: the system call says 0 only when it is asked for none.
                Ok(count) => {
                    for (peer, _) in datagrams.iter().skip(done).take(count.max(1)) {
                        tell(*peer, Ok(()));
                    }
                    done += count.max(1);
                }
                // It is about the first of the rest.
                Err(error) => {
                    tell(*peer, Err(error.into()));
                    done += 1;
                }
            }
        }
    }
}

/// Sends a datagram by itself. Past tokio, whose sockets refuse to send until their first readiness event has come
/// round.
pub(crate) fn send_one(socket: impl AsFd, peer: SocketAddr, datagram: &[u8]) -> io::Result<()> {
    Ok(sendto(socket, datagram, SendFlags::DONTWAIT, &peer).map(drop)?)
}

/// A batch that several tasks fill while somebody has promised to send it soon.
#[derive(Default)]
pub(crate) struct Outbound(Mutex<Option<Batch>>);

impl Outbound {
    /// Begins to collect. Whoever calls it calls `take` soon.
    pub(crate) fn begin(&self) {
        self.batch().get_or_insert_default();
    }

    /// Takes what the session wants sent, while a batch is being collected.
    pub(crate) fn collect(&self, peer: SocketAddr, session: &mut Session) {
        if let Some(batch) = &mut *self.batch() {
            batch.collect(peer, session);
        }
    }

    /// What was collected, to be sent.
    pub(crate) fn take(&self) -> Batch {
        self.batch().take().unwrap_or_default()
    }

    fn batch(&self) -> MutexGuard<'_, Option<Batch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rackpoll_ipmi::session::{Options, Profile};
    use rackpoll_model::Secret;

    use tokio::net::UdpSocket;

    use super::*;
    use crate::entropy::Entropy;

    /// A session that has one datagram to send.
    fn session() -> Session {
        let options = Options::new("admin", Secret::from("secret")).unwrap();
        let mut session = Session::new(options, Profile::default(), Box::new(Entropy::new()));
        let now = Instant::now();
        session.open(now, now + Duration::from_secs(1)).unwrap();
        session
    }

    #[tokio::test]
    async fn a_batch_goes_out_whole_and_each_failure_is_told_of_its_own_peer() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let bmcs: Vec<_> = (0..3).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        // From an address of 127/8 nothing goes to a documentation network.
        let nowhere: SocketAddr = "192.0.2.1:623".parse().unwrap();
        let mut peers: Vec<_> = bmcs.iter().map(|bmc| bmc.local_addr().unwrap()).collect();
        peers.insert(1, nowhere);

        let outbound = Outbound::default();
        outbound.begin();
        for peer in &peers {
            outbound.collect(*peer, &mut session());
        }
        let mut told = Vec::new();
        outbound.take().send(&socket, |peer, sent| told.push((peer, sent.is_ok())));
        assert_eq!(told, peers.iter().map(|peer| (*peer, *peer != nowhere)).collect::<Vec<_>>());
        for bmc in &bmcs {
            bmc.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            assert!(bmc.recv(&mut [0; 1500]).unwrap() > 0);
        }
    }

    #[tokio::test]
    async fn it_takes_nothing_before_it_begins_and_after_it_was_sent_and_no_more_than_its_bound() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let outbound = Outbound::default();
        let peer = socket.local_addr().unwrap();
        let taken = |session: &mut Session| {
            outbound.collect(peer, session);
            session.poll_transmit().is_none()
        };
        assert!(!taken(&mut session()));
        outbound.begin();
        assert!((0..MOST).all(|_| taken(&mut session())));
        assert!(!taken(&mut session()));
        let mut sent = 0;
        outbound.take().send(&socket, |_, _| sent += 1);
        assert_eq!(sent, MOST);
        assert!(!taken(&mut session()));
    }
}
