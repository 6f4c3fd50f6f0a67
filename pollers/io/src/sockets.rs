use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rackpoll_ipmi::{sdr::Library, session::Session};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::UdpSocket, runtime::Handle, sync::Semaphore, task::AbortHandle};

use crate::{
    burst::Buffers,
    keeper,
    outbound::{Batch, Outbound, send_one},
    pace::Pace,
    peers::{Channel, Peers},
};

/// Wanted size of the socket's buffers. 4 MiB holds the answers of some 10,000 BMCs that answer in one moment; the
/// kernel gives what its limits allow.
const BUFFER: usize = 4 << 20;

/// Datagrams taken in one go before other tasks have their turn.
const BURST: usize = 256;

/// So many answers at once make it worth while to send the next requests together.
const WORTH_A_BATCH: usize = 3;

/// How long the reader rests after an error of the socket that is no datagram's fault.
const AFTER_ERROR: Duration = Duration::from_millis(10);

/// The UDP sockets that serve all BMCs: one for IPv4, and one for IPv6 as soon as a BMC needs it. Clones share them;
/// with the last one, and the last device, they are gone.
#[derive(Clone)]
pub struct IpmiSockets {
    pub(crate) shared: Arc<Shared>,
    _tasks: Arc<Tasks>,
}

pub(crate) struct Shared {
    pub(crate) peers: Peers,
    pub(crate) diagnoses: Semaphore,
    pace: std::sync::Mutex<Option<Pace>>,
    pub(crate) library: Arc<Library>,
    v4: OnceLock<Option<Arc<Line>>>,
    v6: OnceLock<Option<Arc<Line>>>,
    counters: Counters,
}

/// One socket, and what waits to be sent over it.
struct Line {
    socket: UdpSocket,
    outbound: Outbound,
    /// One thread runs all devices: then what they ask at one time can go out together. Of several threads each had to
    /// wait for the others, and what one system call saves, the waking of threads costs (docs/benchmarks.md).
    batches: bool,
}

#[derive(Default)]
struct Counters {
    sent: AtomicU64,
    unsent: AtomicU64,
    received: AtomicU64,
    foreign: AtomicU64,
    refused: AtomicU64,
}

/// What went over the sockets since they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SocketStatistics {
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams that the operating system would not take.
    pub unsent: u64,
    /// Datagrams received from BMCs that are ours and taken by a session.
    pub received: u64,
    /// Datagrams from addresses that are no BMC of ours.
    pub foreign: u64,
    /// Datagrams from BMCs of ours that no session took: late, doubled, malformed.
    pub dropped: u64,
}

/// Ends the tasks with the last handle.
struct Tasks {
    runtime: Handle,
    readers: std::sync::Mutex<Vec<AbortHandle>>,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        let readers = self.readers.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        for reader in readers {
            reader.abort();
        }
    }
}

impl IpmiSockets {
    /// Opens the IPv4 socket and starts its reader. Needs a tokio runtime around it.
    pub fn bind() -> io::Result<Self> {
        let shared = Arc::new(Shared {
            peers: Peers::default(),
            diagnoses: Semaphore::new(1),
            pace: std::sync::Mutex::default(),
            library: Arc::new(Library::new()),
            v4: OnceLock::new(),
            v6: OnceLock::new(),
            counters: Counters::default(),
        });
        let tasks = Arc::new(Tasks { runtime: Handle::current(), readers: std::sync::Mutex::default() });
        let sockets = Self { shared, _tasks: tasks };
        let v4 = sockets.open((Ipv4Addr::UNSPECIFIED, 0).into())?;
        let _ = sockets.shared.v4.set(Some(v4));
        let keeper = keeper::run(Arc::downgrade(&sockets.shared));
        sockets.start(keeper);
        Ok(sockets)
    }

    /// No BMC has to bear more commands than this from now on; by default there is no limit.
    #[must_use]
    pub fn paced(self, pace: Option<Pace>) -> Self {
        *self.shared.pace.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = pace;
        self
    }

    /// What went over the sockets so far.
    pub fn statistics(&self) -> SocketStatistics {
        let counters = &self.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SocketStatistics {
            sent: read(&counters.sent),
            unsent: read(&counters.unsent),
            received: read(&counters.received),
            foreign: read(&counters.foreign),
            dropped: read(&counters.refused),
        }
    }

    /// Makes sure that there is a socket of this peer's family. Where there can be none, sending fails and says so.
    pub(crate) fn prepare(&self, peer: SocketAddr) {
        if peer.is_ipv6() {
            self.shared.v6.get_or_init(|| match self.open((Ipv6Addr::UNSPECIFIED, 0).into()) {
                Ok(line) => Some(line),
                Err(error) => {
                    tracing::warn!(%error, "no IPv6 socket: BMCs with IPv6 addresses cannot be polled");
                    None
                }
            });
        }
    }

    fn open(&self, local: SocketAddr) -> io::Result<Arc<Line>> {
        let socket = Socket::new(Domain::for_address(local), Type::DGRAM, Some(Protocol::UDP))?;
        if local.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        // Smaller buffers than wanted are a matter of speed, not of right and wrong.
        let _ = socket.set_recv_buffer_size(BUFFER);
        let _ = socket.set_send_buffer_size(BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&local.into())?;
        let _entered = self._tasks.runtime.enter();
        let socket = UdpSocket::from_std(socket.into())?;
        let batches = self._tasks.runtime.metrics().num_workers() == 1;
        let line = Arc::new(Line { socket, outbound: Outbound::default(), batches });
        self.start(read(Arc::clone(&line), Arc::downgrade(&self.shared)));
        Ok(line)
    }

    fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self._tasks.runtime.spawn(task).abort_handle();
        self._tasks.readers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(handle);
    }
}

impl Shared {
    pub(crate) fn pace(&self) -> Option<Pace> {
        *self.pace.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn line(&self, peer: SocketAddr) -> Option<&Line> {
        let slot = if peer.is_ipv6() { &self.v6 } else { &self.v4 };
        slot.get()?.as_deref()
    }

    /// Sends what the session wants sent. What the socket does not take now is lost like any datagram: the session's
    /// timer sends it again.
    pub(crate) fn flush(&self, channel: &Channel, session: &mut Session) {
        while let Some(datagram) = session.poll_transmit() {
            let sent = match self.line(channel.peer) {
                Some(line) => send_one(&line.socket, channel.peer, datagram),
                None => Err(io::ErrorKind::AddrNotAvailable.into()),
            };
            self.note_sent(sent, |error| channel.cannot_send(error));
        }
    }

    /// The same, with the next batch where one is being collected.
    pub(crate) fn flush_batched(&self, channel: &Channel, session: &mut Session) {
        if let Some(line) = self.line(channel.peer) {
            line.outbound.collect(channel.peer, session);
        }
        self.flush(channel, session);
    }

    /// Sends what was collected.
    fn send_batch(&self, line: &Line, batch: &mut Batch) {
        batch.send(&line.socket, |peer, sent| {
            self.note_sent(sent, |error| {
                self.peers.offer(peer, |channel| {
                    channel.cannot_send(io::Error::from(error.kind()));
                    false
                });
            });
        });
    }

    fn note_sent(&self, sent: io::Result<()>, tell: impl FnOnce(io::Error)) {
        match sent {
            Ok(()) => count(&self.counters.sent),
            Err(error) => {
                count(&self.counters.unsent);
                if error.kind() != io::ErrorKind::WouldBlock {
                    tell(error);
                }
            }
        }
    }

    /// Gives a datagram to the session that it is for, and collects what that and its conversation say to it.
    fn deliver(&self, now: std::time::Instant, peer: SocketAddr, datagram: &[u8], said: &mut Batch) {
        let mut known = false;
        let taken = self.peers.offer(peer, |channel| {
            known = true;
            let mut talk = channel.talk();
            if talk.session.handle_datagram(now, datagram).is_err() {
                return false;
            }
            let look = talk.advance(now);
            said.collect(channel.peer, &mut talk.session);
            self.flush(channel, &mut talk.session);
            if look {
                channel.wake.ring();
            }
            true
        });
        count(match (taken, known) {
            (true, _) => &self.counters.received,
            (false, true) => &self.counters.refused,
            (false, false) => &self.counters.foreign,
        });
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Reads a socket for as long as somebody holds its sockets.
///
/// What the answers of one system call set off at once, the next command of each conversation, goes out by one system
/// call too. Polls that are over wake their devices together; what those ask next is collected as well: the reader lets
/// them run and then sends what they have left.
async fn read(line: Arc<Line>, shared: Weak<Shared>) {
    let (mut buffers, mut said) = (Buffers::new(), Batch::default());
    loop {
        if line.socket.readable().await.is_err() {
            tokio::time::sleep(AFTER_ERROR).await;
            continue;
        }
        let Some(shared) = shared.upgrade() else { return };
        let mut taken = 0;
        while taken < BURST {
            let now = tokio::time::Instant::now().into_std();
            let received = buffers.receive(&line.socket, |peer, datagram| {
                taken += 1;
                if taken == WORTH_A_BATCH && line.batches {
                    line.outbound.begin();
                }
                shared.deliver(now, peer, datagram, &mut said);
            });
            shared.send_batch(&line, &mut said);
            match received {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::debug!(%error, "reading the IPMI socket");
                    break;
                }
            }
        }
        if taken >= WORTH_A_BATCH && line.batches {
            tokio::task::yield_now().await;
            shared.send_batch(&line, &mut line.outbound.take());
        }
        drop(shared);
        tokio::task::consume_budget().await;
    }
}
