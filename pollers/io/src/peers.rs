use std::{
    collections::HashMap,
    net::{SocketAddr, SocketAddrV6},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Instant,
};

use rackpoll_ipmi::session::Session;

use crate::{bell::Bell, pace::Bucket, sockets::Shared, talk::Talk};

/// One session with one peer: what a device and the tasks of the sockets share.
pub(crate) struct Channel {
    pub(crate) peer: SocketAddr,
    talk: Mutex<Talk>,
    /// Told when the device's task has to look.
    pub(crate) wake: Bell,
    /// Why the operating system would not send, the last time it would not.
    unsendable: Mutex<Option<std::io::Error>>,
}

impl Channel {
    pub(crate) fn new(peer: SocketAddr, session: Session) -> Arc<Self> {
        let talk = Mutex::new(Talk::new(session));
        Arc::new(Self { peer: canonical(peer), talk, wake: Bell::default(), unsendable: Mutex::new(None) })
    }

    /// The session and its conversation. A panic in another holder leaves a state machine that its own checks keep
    /// sound.
    pub(crate) fn talk(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The operating system would not send.
    pub(crate) fn cannot_send(&self, error: std::io::Error) {
        *self.unsendable.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        self.wake.ring();
    }

    /// Why it would not, told once.
    pub(crate) fn take_unsendable(&self) -> Option<std::io::Error> {
        self.unsendable.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Moves time on, where it is due, and sends what comes of it.
    pub(crate) fn run_timer(&self, shared: &Shared, now: Instant) {
        let mut talk = self.talk();
        if talk.handle_timeout(now) {
            let look = talk.advance(now);
            shared.flush(self, &mut talk.session);
            if look {
                self.wake.ring();
            }
        }
    }
}

/// Who talks with whom. Two credentials of one BMC are two channels of one peer.
#[derive(Default)]
pub(crate) struct Peers {
    channels: RwLock<HashMap<SocketAddr, Peer>>,
}

#[derive(Default, Clone)]
struct Peer {
    channels: Vec<Arc<Channel>>,
    /// Held during a poll: one command in flight a BMC, whatever the credentials, and all of them at one pace.
    turn: Arc<tokio::sync::Mutex<Bucket>>,
}

impl Peers {
    /// Adds a channel and answers the lock that its polls take turns by.
    pub(crate) fn add(&self, channel: &Arc<Channel>) -> Arc<tokio::sync::Mutex<Bucket>> {
        let mut peers = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        let peer = peers.entry(channel.peer).or_default();
        peer.channels.push(Arc::clone(channel));
        Arc::clone(&peer.turn)
    }

    pub(crate) fn remove(&self, channel: &Arc<Channel>) {
        let mut peers = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = peers.get_mut(&channel.peer) {
            peer.channels.retain(|other| !Arc::ptr_eq(other, channel));
            if peer.channels.is_empty() {
                peers.remove(&channel.peer);
            }
        }
    }

    /// Offers something to each channel of the peer until one takes it.
    pub(crate) fn offer(&self, peer: SocketAddr, mut take: impl FnMut(&Channel) -> bool) -> bool {
        let peers = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        peers.get(&canonical(peer)).is_some_and(|peer| peer.channels.iter().any(|channel| take(channel)))
    }

    /// Every channel, as they are now.
    pub(crate) fn all(&self) -> Vec<Arc<Channel>> {
        let peers = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        peers.values().flat_map(|peer| peer.channels.iter().cloned()).collect()
    }
}

/// One form for one peer: no IPv4 inside IPv6, no flow label.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::from((v4, v6.port())),
            None => SocketAddr::V6(SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id())),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_has_one_form() {
        let form = |text: &str| canonical(text.parse().unwrap());
        assert_eq!(form("[::ffff:192.0.2.1]:623"), form("192.0.2.1:623"));
        assert_ne!(form("[::1]:623"), form("127.0.0.1:623"));
        assert_ne!(form("192.0.2.1:623"), form("192.0.2.1:624"));
    }
}
