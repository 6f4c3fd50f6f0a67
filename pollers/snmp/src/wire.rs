use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_snmp::{
    Candidate, Error, ReceiveLimits, RequestRegistration, Transport, UDP_RECEIVE_LIMITS,
    transport::ResponseIdentity,
};
use bytes::Bytes;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep_until},
};

use crate::{line::Line, pace::Pace, report::Report};

/// The shared socket as one device sees it. It sends again what is not answered.
#[derive(Clone)]
pub(crate) struct Wire {
    line: Arc<Line>,
    peer: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

/// What has come back from the device.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pace: Pace,
    slot: Option<OwnedSemaphorePermit>,
    /// Bytes of the last answer that was taken.
    pub(crate) size: usize,
    /// Answers to the exchange under way that were dropped: not decodable, or of a sender who cannot prove it is the device.
    pub(crate) dropped: u32,
    /// The report that came in place of an answer to the exchange under way.
    pub(crate) report: Option<Report>,
    /// Whether an answer that is not believed ends the exchange, so that the agent's engine is asked for anew.
    pub(crate) may_ask_anew: bool,
    /// Whether there was ever an answer.
    pub(crate) ever: bool,
    /// Requests, and how many of them were sent again.
    pub(crate) sent: u64,
    pub(crate) resent: u64,
}

/// What is to be done with a datagram that came with the right id.
pub(crate) enum Seen<T> {
    /// It is the answer.
    Answer(T),
    /// It is for somebody else.
    Stranger,
    /// It is for us, and nothing can be made of it.
    Bad,
}

/// An answer that comes later is none of many that come at once, so its room in the receive buffer is free for others.
const CROWD: Duration = Duration::from_millis(100);
/// When to look again for room to send once more.
const BUSY: Duration = Duration::from_millis(20);

impl Wire {
    pub(crate) fn new(line: Arc<Line>, peer: SocketAddr) -> Self {
        Self { line, peer, heard: Arc::default() }
    }

    /// Another way to the same device, which hears for itself.
    pub(crate) fn beside(&self) -> Self {
        Self::new(Arc::clone(&self.line), self.peer)
    }

    pub(crate) fn heard(&self) -> MutexGuard<'_, Heard> {
        // Nothing that holds the lock can panic, and what is in it is never half written.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when the socket has room for an answer, which is kept for the next exchange.
    pub(crate) async fn ready(&self) {
        let slot = self.line.slot().await;
        self.heard().slot = slot;
    }

    /// Gives back what `ready` has kept and no exchange has taken.
    pub(crate) fn release(&self) {
        self.heard().slot = None;
    }

    /// Sends a request, again and again, until there is an answer to it.
    ///
    /// # Errors
    /// The socket does not take it, the id is taken, or what `look` says.
    pub(crate) async fn exchange<T>(
        &self,
        ids: impl Iterator<Item = i32>,
        request: &[u8],
        mut look: impl FnMut(Bytes, SocketAddr) -> async_snmp::Result<Seen<T>>,
    ) -> async_snmp::Result<T> {
        let kept = self.heard().slot.take();
        let mut slot = match kept {
            None => self.line.slot().await,
            kept => kept,
        };
        let expected = self.line.expect(ids).ok_or_else(|| self.no_id())?;
        let begun = Instant::now();
        let mut wait = {
            let mut heard = self.heard();
            heard.dropped = 0;
            heard.report = None;
            heard.sent += 1;
            heard.pace.first_wait()
        };
        self.line
            .send(self.peer, request)
            .await
            .map_err(|source| Error::Network { target: self.peer, source }.boxed())?;
        let (mut due, mut again) = (begun + wait, false);
        let mut timer = std::pin::pin!(sleep_until(begun + CROWD.min(wait)));
        loop {
            while let Some((datagram, source)) = expected.next() {
                let size = datagram.len();
                match look(datagram, source)? {
                    Seen::Answer(answer) => {
                        let mut heard = self.heard();
                        heard.size = size;
                        heard.ever = true;
                        if !again {
                            heard.pace.measured(begun.elapsed());
                        }
                        return Ok(answer);
                    }
                    Seen::Stranger => {}
                    Seen::Bad => {
                        let mut heard = self.heard();
                        heard.dropped = heard.dropped.saturating_add(1);
                    }
                }
            }
            tokio::select! {
                biased;
                () = expected.arrived() => {}
                () = timer.as_mut() => {
                    let now = Instant::now();
                    // It has been there for a crowd's time, or is not ours any more.
                    drop(slot.take());
                    if now >= due {
                        slot = self.line.slot_now();
                        if slot.is_none() {
                            due = now + BUSY;
                        } else {
                            again = true;
                            self.heard().resent += 1;
                            // The same bytes with the same id: an answer to any of them is an answer. What the socket does
                            // not take is lost like any datagram.
                            let _ = self.line.send(self.peer, request).await;
                            wait = Pace::next_wait(wait);
                            due = now + wait;
                        }
                    }
                    let next = if slot.is_some() { due.min(now + CROWD) } else { due };
                    Sleep::reset(timer.as_mut(), next);
                }
            }
        }
    }

    fn no_id(&self) -> Box<Error> {
        Error::Config(format!("{}: all request ids are taken", self.peer).into()).boxed()
    }
}

/// What async-snmp needs for SNMPv3.
impl Transport for Wire {
    async fn send(&self, data: &[u8]) -> async_snmp::Result<()> {
        self.line
            .send(self.peer, data)
            .await
            .map_err(|source| Error::Network { target: self.peer, source }.boxed())
    }

    async fn request_with<T, F>(
        &self,
        data: &[u8],
        registration: RequestRegistration,
        mut validate: F,
    ) -> async_snmp::Result<T>
    where
        T: Send,
        F: FnMut(Bytes, SocketAddr) -> async_snmp::Result<Candidate<T>> + Send,
    {
        let ids = std::iter::once(registration.request_id()).chain(registration.aliases().iter().copied());
        let look = |datagram: Bytes, source| {
            let identity = registration.evaluate_response_identity(&datagram, source == self.peer);
            if identity == ResponseIdentity::Reject {
                return Ok(Seen::Stranger);
            }
            if let Candidate::Accept(answer) = validate(datagram.clone(), source)? {
                return Ok(Seen::Answer(answer));
            }
            let mut heard = self.heard();
            let worth_it = |report: &Report| *report != Report::Unbelieved || heard.may_ask_anew;
            if let Some(report) = Report::read(&datagram).filter(worth_it) {
                heard.dropped = heard.dropped.saturating_add(1);
                heard.report = Some(report);
                heard.ever = true;
                // Asking again with the same keys brings the same report.
                return Err(Error::Auth { target: source }.boxed());
            }
            drop(heard);
            Ok(Seen::Bad)
        };
        self.exchange(ids, data, look).await
    }

    fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    fn local_addr(&self) -> SocketAddr {
        self.line.local()
    }

    fn is_reliable(&self) -> bool {
        false
    }

    fn receive_limits(&self) -> ReceiveLimits {
        // What agents are told of; longer ones are taken, too.
        ReceiveLimits::udp(FRAME).unwrap_or(UDP_RECEIVE_LIMITS)
    }

    fn send_capacity(&self) -> usize {
        FRAME
    }
}

/// Payload of one Ethernet frame: no request is longer.
pub(crate) const FRAME: usize = 1_472;

/// How long an exchange may last at all; whoever asks brings a deadline of their own, which is shorter.
pub(crate) const LONGEST_EXCHANGE: Duration = Duration::from_secs(3_600);
