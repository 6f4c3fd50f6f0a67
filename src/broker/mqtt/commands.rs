//! Which commands are acknowledged when. No I/O.
//!
//! PUBACKs go out in the order in which the commands came in (MQTT 5, clause 4.6; rumqttd ends the connection of a
//! client that does otherwise), each once its outcome is recorded. A broker sends what was not acknowledged again when
//! the connection comes back: such a command, still being polled, is recognised and not polled twice.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
};

/// Names one command for as long as the agent runs, over all connections.
pub(super) type Serial = u64;

/// Commands that came in and are not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// Of this connection, oldest first.
    open: VecDeque<Open>,
    /// Of earlier connections, by packet id: the broker keeps the id when it sends again (clause 4.4).
    carried: HashMap<u16, Open>,
    last: Serial,
    hasher: RandomState,
}

#[derive(Debug)]
struct Open {
    serial: Serial,
    packet_id: u16,
    fingerprint: u64,
    recorded: bool,
}

/// What an incoming command is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// To be carried out.
    New(Serial),
    /// Sent again, and already being carried out.
    Again,
}

impl Commands {
    /// A command came in on this connection.
    pub(super) fn received(&mut self, packet_id: u16, dup: bool, topic: &[u8], body: &[u8]) -> Received {
        let fingerprint = self.hasher.hash_one((topic, body));
        let carried = self.carried.remove(&packet_id);
        if let Some(open) = carried.filter(|open| dup && open.fingerprint == fingerprint) {
            self.open.push_back(open);
            return Received::Again;
        }
        self.last = self.last.wrapping_add(1);
        let serial = self.last;
        self.open.push_back(Open { serial, packet_id, fingerprint, recorded: false });
        Received::New(serial)
    }

    /// The outcome of a command is in the outbox.
    pub(super) fn recorded(&mut self, serial: Serial) {
        if let Some(open) =
            self.open.iter_mut().chain(self.carried.values_mut()).find(|open| open.serial == serial)
        {
            open.recorded = true;
        }
    }

    /// The next packet id to acknowledge on this connection, if one is due.
    pub(super) fn next_ack(&mut self) -> Option<u16> {
        self.open.pop_front_if(|open| open.recorded).map(|open| open.packet_id)
    }

    /// The connection is gone.
    pub(super) fn disconnected(&mut self) {
        for open in self.open.drain(..) {
            self.carried.insert(open.packet_id, open);
        }
    }

    /// The broker knows nothing of the last connection: what comes now is new, whatever its packet id.
    pub(super) fn session_lost(&mut self) {
        self.carried.clear();
    }

    /// A command's outcome will never be recorded: when the broker sends it again, it is new.
    pub(super) fn forget(&mut self, serial: Serial) {
        self.open.retain(|open| open.serial != serial);
        self.carried.retain(|_, open| open.serial != serial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acks(commands: &mut Commands) -> Vec<u16> {
        std::iter::from_fn(|| commands.next_ack()).collect()
    }

    fn new(commands: &mut Commands, packet_id: u16, body: &[u8]) -> Serial {
        match commands.received(packet_id, false, b"t", body) {
            Received::New(serial) => serial,
            Received::Again => panic!("taken for a repetition"),
        }
    }

    #[test]
    fn acknowledged_in_order_of_arrival() {
        let mut commands = Commands::default();
        let (a, b, c) =
            (new(&mut commands, 7, b"a"), new(&mut commands, 8, b"b"), new(&mut commands, 9, b"c"));
        commands.recorded(b);
        commands.recorded(c);
        assert_eq!(acks(&mut commands), [0u16; 0]);
        commands.recorded(a);
        assert_eq!(acks(&mut commands), [7, 8, 9]);
        assert_eq!(acks(&mut commands), [0u16; 0]);
    }

    #[test]
    fn sent_again_after_a_reconnect_is_polled_once_and_acknowledged() {
        let mut commands = Commands::default();
        let (a, b) = (new(&mut commands, 1, b"a"), new(&mut commands, 2, b"b"));
        commands.disconnected();
        commands.recorded(a);
        assert_eq!(
            acks(&mut commands),
            [0u16; 0],
            "nothing is acknowledged on a connection it did not come on"
        );
        assert_eq!(commands.received(1, true, b"t", b"a"), Received::Again);
        assert_eq!(commands.received(2, true, b"t", b"b"), Received::Again);
        assert_eq!(acks(&mut commands), [1]);
        commands.recorded(b);
        assert_eq!(acks(&mut commands), [2]);
    }

    #[test]
    fn another_command_under_an_old_packet_id_is_new() {
        let mut commands = Commands::default();
        new(&mut commands, 1, b"a");
        new(&mut commands, 2, b"b");
        new(&mut commands, 3, b"c");
        commands.disconnected();
        assert!(matches!(commands.received(1, true, b"t", b"other"), Received::New(_)));
        assert!(matches!(commands.received(2, false, b"t", b"b"), Received::New(_)), "dup flag not set");
        commands.session_lost();
        assert!(matches!(commands.received(3, true, b"t", b"c"), Received::New(_)), "session lost");
    }

    #[test]
    fn a_forgotten_command_is_new_when_it_comes_again() {
        let mut commands = Commands::default();
        let a = new(&mut commands, 1, b"a");
        commands.forget(a);
        commands.disconnected();
        assert!(matches!(commands.received(1, true, b"t", b"a"), Received::New(_)));
    }
}
