use std::{
    io::{self, IoSlice},
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rackpoll_ipmi::session::Session;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use tokio::net::UdpSocket;

/// Datagrams that wait for each other, at most; then they are sent one by one again. More than a burst can ask for.
const MOST: usize = 512;

/// Datagrams that are sent together, by one system call instead of one each.
#[derive(Default)]
pub(crate) struct Outbound(Mutex<Batch>);

#[derive(Default)]
struct Batch {
    /// Somebody has promised to send it soon.
    open: bool,
    bytes: Vec<u8>,
    /// Whom to, and where in `bytes` each one ends.
    datagrams: Vec<(SocketAddr, usize)>,
}

impl Outbound {
    /// Begins to collect. Whoever calls it calls `send` soon.
    pub(crate) fn begin(&self) {
        self.batch().open = true;
    }

    /// Takes what the session wants sent, while a batch is being collected.
    pub(crate) fn collect(&self, peer: SocketAddr, session: &mut Session) {
        let mut batch = self.batch();
        let batch = &mut *batch;
        while batch.open && batch.datagrams.len() < MOST {
            let Some(datagram) = session.poll_transmit() else { return };
            batch.bytes.extend_from_slice(datagram);
            batch.datagrams.push((peer, batch.bytes.len()));
        }
    }

    /// Sends what was collected, and tells of each datagram how that went.
    pub(crate) fn send(&self, socket: &UdpSocket, mut tell: impl FnMut(SocketAddr, io::Result<()>)) {
        let Batch { bytes, datagrams, .. } = std::mem::take(&mut *self.batch());
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
            match sendmmsg(socket, rest, SendFlags::DONTWAIT) {
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

    fn batch(&self) -> MutexGuard<'_, Batch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
