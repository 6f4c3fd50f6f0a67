//! What was published and is not acknowledged yet, by packet id. No I/O.
//!
//! rumqttc gives the packet id: it reports `Outgoing::Publish(id)` once for each publish, in the order in which they
//! were handed to it, and that is how an id and a message are matched.

use std::collections::{HashMap, VecDeque};

/// Publishes in flight at most. field-notes: 735 a second one by one, 6,100 with a window of 100, 9,600 with 1,000.
pub(super) const MOST_MESSAGES: u16 = 1_000;

/// Bytes in flight at most (one message may exceed it): a thousand results of `sdr` would be 300 MB.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// What a publish was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// `on/status/<agent>`.
    Status,
    /// A message of the outbox.
    Stored {
        /// Its id there.
        id: u64,
        /// Bytes of its body.
        size: usize,
    },
}

impl Sent {
    fn size(self) -> usize {
        match self {
            Self::Status => 0,
            Self::Stored { size, .. } => size,
        }
    }
}

/// Publishes of one connection that wait for their PUBACK.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Handed to rumqttc, packet id not known yet.
    queued: VecDeque<Sent>,
    in_flight: HashMap<u16, Sent>,
    bytes: usize,
}

/// The bookkeeping does not match what rumqttc or the broker says: the connection has to begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("packet id {0} belongs to no publish of ours")]
pub(super) struct Mismatch(pub(super) u16);

impl Window {
    /// Whether another message may be published now.
    pub(super) fn has_room(&self) -> bool {
        self.len() < usize::from(MOST_MESSAGES) && self.bytes < MOST_BYTES
    }

    /// Publishes without a PUBACK.
    pub(super) fn len(&self) -> usize {
        self.queued.len().saturating_add(self.in_flight.len())
    }

    /// Publishes handed to rumqttc that it has not written.
    pub(super) fn queued(&self) -> usize {
        self.queued.len()
    }

    /// A publish was handed to rumqttc.
    pub(super) fn queue(&mut self, sent: Sent) {
        self.bytes = self.bytes.saturating_add(sent.size());
        self.queued.push_back(sent);
    }

    /// rumqttc has written the oldest queued publish under this packet id.
    ///
    /// # Errors
    /// Nothing was queued, or the id is still in use.
    pub(super) fn written(&mut self, packet_id: u16) -> Result<(), Mismatch> {
        let sent = self.queued.pop_front().ok_or(Mismatch(packet_id))?;
        match self.in_flight.insert(packet_id, sent) {
            None => Ok(()),
            Some(_) => Err(Mismatch(packet_id)),
        }
    }

    /// The broker has acknowledged this packet id.
    ///
    /// # Errors
    /// No publish has it.
    pub(super) fn acknowledged(&mut self, packet_id: u16) -> Result<Sent, Mismatch> {
        let sent = self.in_flight.remove(&packet_id).ok_or(Mismatch(packet_id))?;
        self.bytes = self.bytes.saturating_sub(sent.size());
        Ok(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(id: u64) -> Sent {
        Sent::Stored { id, size: 10 }
    }

    #[test]
    fn ids_are_matched_whatever_the_order_of_acknowledgement() {
        let mut window = Window::default();
        window.queue(Sent::Status);
        window.queue(stored(40));
        window.queue(stored(41));
        for packet_id in [1, 2, 3] {
            window.written(packet_id).unwrap();
        }
        assert_eq!(window.acknowledged(3), Ok(stored(41)));
        assert_eq!(window.acknowledged(1), Ok(Sent::Status));
        assert_eq!(window.acknowledged(2), Ok(stored(40)));
        assert_eq!(window.acknowledged(2), Err(Mismatch(2)));
        assert_eq!((window.len(), window.bytes), (0, 0));
    }

    #[test]
    fn what_nobody_published_is_a_mismatch() {
        let mut window = Window::default();
        assert_eq!(window.written(1), Err(Mismatch(1)));
        window.queue(stored(1));
        window.queue(stored(2));
        window.written(1).unwrap();
        assert_eq!(window.written(1), Err(Mismatch(1)));
    }

    #[test]
    fn full_by_number_and_by_bytes() {
        let mut window = Window::default();
        for id in 0..u64::from(MOST_MESSAGES) {
            assert!(window.has_room());
            window.queue(stored(id));
        }
        assert!(!window.has_room());

        let mut window = Window::default();
        window.queue(Sent::Stored { id: 1, size: MOST_BYTES });
        assert!(!window.has_room());
        window.written(1).unwrap();
        window.acknowledged(1).unwrap();
        assert!(window.has_room());
    }
}
