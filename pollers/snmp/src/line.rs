use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::UdpSocket,
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::AbortHandle,
};

use crate::message;

/// Receive buffer that is asked of the system: some thousand answers of one Ethernet frame. It gives what
/// `net.core.rmem_max` allows.
const BUFFER: usize = 4 << 20;
/// What the kernel takes of the buffer for an answer that fills a frame: the page that the data is in, half of it mostly,
/// and its own notes (`truesize`).
const FRAME: usize = 2_304;
/// Most answers that are waited for at once. More make nothing faster: at 20 ms an answer these are 25,000 a second.
const MOST: usize = 512;
/// Datagrams taken in one go before other tasks have their turn.
const BURST: usize = 256;
/// How long the reader rests after an error of the socket that is no datagram's fault.
const AFTER_ERROR: Duration = Duration::from_millis(10);
/// Answers to one request that nobody has looked at yet; the rest is dropped.
const MOST_ANSWERS: usize = 16;

/// One socket that serves all agents of an address family: a task reads it, and hands each datagram to who waits for it.
///
/// It asks for no more answers at a time than its receive buffer holds, because what comes beyond that the kernel drops.
pub(crate) struct Line {
    socket: Arc<UdpSocket>,
    local: SocketAddr,
    waiting: Arc<Waiting>,
    slots: Arc<Semaphore>,
    reader: AbortHandle,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Line {
    /// Opens the socket and starts its reader. Needs a tokio runtime around it.
    pub(crate) fn open(local: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP))?;
        if local.is_ipv6() {
            // For IPv4 addresses that are written as IPv6 ones, too.
            socket.set_only_v6(false)?;
        }
        let _ = socket.set_recv_buffer_size(BUFFER);
        let slots = slots(socket.recv_buffer_size()?);
        socket.set_nonblocking(true)?;
        socket.bind(&local.into())?;
        let socket = Arc::new(UdpSocket::from_std(socket.into())?);
        let local = socket.local_addr()?;
        let waiting = Arc::new(Waiting::default());
        let reader = tokio::spawn(read(Arc::clone(&socket), Arc::clone(&waiting))).abort_handle();
        Ok(Self { socket, local, waiting, slots: Arc::new(Semaphore::new(slots)), reader })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Leave to ask, when there is room for one answer more. First come, first served.
    pub(crate) async fn slot(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// The same, now or not at all.
    pub(crate) fn slot_now(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).try_acquire_owned().ok()
    }

    pub(crate) async fn send(&self, peer: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        self.socket.send_to(datagram, peer).await.map(drop)
    }

    /// From now on what comes with one of these ids is put aside. `None`: one of them is taken.
    pub(crate) fn expect(&self, ids: impl Iterator<Item = i32>) -> Option<Expected> {
        let mut expected = Expected {
            waiting: Arc::clone(&self.waiting),
            ids: Vec::with_capacity(1),
            mailbox: Arc::default(),
        };
        for id in ids {
            let mut mailboxes = self.waiting.mailboxes();
            if mailboxes.contains_key(&id) {
                return None;
            }
            mailboxes.insert(id, Arc::clone(&expected.mailbox));
            expected.ids.push(id);
        }
        Some(expected)
    }
}

/// How many answers a buffer of this size, as the kernel counts it, has room for. It gives a quarter of it back late.
fn slots(buffer: usize) -> usize {
    (buffer / 4 * 3 / FRAME).clamp(1, MOST)
}

/// Who waits for which id.
#[derive(Default)]
struct Waiting(Mutex<HashMap<i32, Arc<Mailbox>>>);

impl Waiting {
    fn mailboxes(&self) -> MutexGuard<'_, HashMap<i32, Arc<Mailbox>>> {
        // Nothing that holds the lock can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deliver(&self, datagram: &[u8], source: SocketAddr) {
        let Some(id) = message::id(datagram) else { return };
        let Some(mailbox) = self.mailboxes().get(&id).map(Arc::clone) else { return };
        {
            let mut answers = mailbox.answers();
            if answers.len() >= MOST_ANSWERS {
                return;
            }
            answers.push_back((Bytes::copy_from_slice(datagram), source));
        }
        mailbox.arrived.notify_one();
    }
}

#[derive(Default)]
struct Mailbox {
    answers: Mutex<VecDeque<(Bytes, SocketAddr)>>,
    arrived: Notify,
}

impl Mailbox {
    fn answers(&self) -> MutexGuard<'_, VecDeque<(Bytes, SocketAddr)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What comes for some ids, until it is dropped.
pub(crate) struct Expected {
    waiting: Arc<Waiting>,
    ids: Vec<i32>,
    mailbox: Arc<Mailbox>,
}

impl Expected {
    /// A datagram that has come, and from where.
    pub(crate) fn next(&self) -> Option<(Bytes, SocketAddr)> {
        self.mailbox.answers().pop_front()
    }

    /// Ends when there may be another.
    pub(crate) async fn arrived(&self) {
        self.mailbox.arrived.notified().await;
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let mut mailboxes = self.waiting.mailboxes();
        for id in &self.ids {
            mailboxes.remove(id);
        }
    }
}

/// Reads the socket until somebody ends the task.
async fn read(socket: Arc<UdpSocket>, waiting: Arc<Waiting>) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        if socket.readable().await.is_err() {
            tokio::time::sleep(AFTER_ERROR).await;
            continue;
        }
        for _ in 0..BURST {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, source)) => waiting.deliver(buffer.get(..length).unwrap_or_default(), source),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::debug!(%error, "reading the SNMP socket");
                    break;
                }
            }
        }
        tokio::task::consume_budget().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_buffer_has_room_for_few_answers() {
        // What Linux gives where nobody has raised rmem_max, and what it gives for 4 MiB.
        assert_eq!(slots(2 * 212_992), 138);
        assert_eq!(slots(8 << 20), MOST);
        assert_eq!(slots(0), 1);
    }
}
