use rackpoll_model::{Fault, FaultKind, SnmpCredential};
use tokio::{sync::OwnedSemaphorePermit, time::Duration};

use crate::SnmpSockets;

/// What a walk is taken to hold until it has been seen: the interface tables of a switch with 48 ports.
pub(crate) const USUAL: usize = 64 << 10;
/// A poll itself, and one answer: what it asks for, its future, and what the allocator wastes on them, so that no more GETs are under
/// way than the socket takes; over SNMPv3 the library's futures, too.
const LEAST: usize = 16 << 10;
const LEAST_V3: usize = 32 << 10;
/// An agent that is silent for so long lends its room to others until it answers: first, and once it has answered.
const UNHEARD: Duration = Duration::from_millis(250);
const HEARD: Duration = Duration::from_secs(1);

/// A poll's part of what all polls may hold of answers until they are whole.
pub(crate) struct Room {
    sockets: SnmpSockets,
    wanted: usize,
    held: usize,
    part: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// For a poll that holds so much of answers beside its last one.
    pub(crate) fn new(sockets: &SnmpSockets, credential: &SnmpCredential, answers: usize) -> Self {
        let least = if matches!(credential, SnmpCredential::V3(_)) { LEAST_V3 } else { LEAST };
        Self { sockets: sockets.clone(), wanted: answers.saturating_add(least), held: 0, part: None }
    }

    /// Ends when the poll has its part.
    pub(crate) async fn enter(&mut self) {
        if self.part.is_none() {
            self.part = self.sockets.room(self.wanted).await;
        }
    }

    /// Lends it to others.
    pub(crate) fn leave(&mut self) {
        self.part = None;
    }

    pub(crate) fn patience(&self) -> Duration {
        if self.held == 0 { UNHEARD } else { HEARD }
    }

    /// So many bytes of answers have come. More than it has asked for is not taken from it: it would have to wait for polls
    /// that wait for it.
    pub(crate) fn holds(&mut self, bytes: usize) {
        // Lists grow by doubling, so that a quarter of them is empty on average.
        self.held = self.held.saturating_add(bytes.saturating_add(bytes / 3));
    }

    /// What it has held, for the next poll.
    pub(crate) fn held(&self) -> Option<usize> {
        (self.held > 0).then_some(self.held)
    }
}

/// There was no room until the deadline.
pub(crate) fn no_room() -> Fault {
    let what = "polls of other devices took all room for answers until the deadline; poll less at a time";
    Fault::new(FaultKind::Internal, what)
}
