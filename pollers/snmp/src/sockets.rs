use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use rackpoll_model::{Fault, FaultKind};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::{keys::Keys, line::Line, names::Names};

/// What all polls under way may hold, in KiB: walks of some hundred switches with 48 ports, or 500 GETs. A poll more
/// waits until others are done.
const ROOM: usize = 8 << 10;

/// The one socket that serves all SNMP agents, and a second one for those with IPv6 addresses. Each is opened when it is
/// needed first. A socket per device would run out of descriptors.
#[derive(Clone)]
pub struct SnmpSockets {
    sockets: Arc<Sockets>,
}

struct Sockets {
    v4: OnceCell<Arc<Line>>,
    v6: OnceCell<Arc<Line>>,
    room: Arc<Semaphore>,
    keys: Keys,
    names: Option<Arc<Names>>,
}

impl Default for SnmpSockets {
    fn default() -> Self {
        Self::open(None)
    }
}

impl SnmpSockets {
    /// No socket yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// No socket yet; oids may be asked by these names.
    pub fn with_names(names: Arc<Names>) -> Self {
        Self::open(Some(names))
    }

    fn open(names: Option<Arc<Names>>) -> Self {
        let sockets = Sockets {
            v4: OnceCell::new(),
            v6: OnceCell::new(),
            room: Arc::new(Semaphore::new(ROOM)),
            keys: Keys::default(),
            names,
        };
        Self { sockets: Arc::new(sockets) }
    }

    pub(crate) fn names(&self) -> Arc<Names> {
        self.sockets.names.clone().unwrap_or_else(Names::shared)
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.sockets.keys
    }

    /// Room for answers of so many bytes, when there is some; of more than there is at all, all of it.
    pub(crate) async fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kilobytes = bytes.div_ceil(1 << 10).clamp(1, ROOM);
        let kilobytes = u32::try_from(kilobytes).unwrap_or(u32::MAX);
        // It is never closed.
        Arc::clone(&self.sockets.room).acquire_many_owned(kilobytes).await.ok()
    }

    /// The way to agents of this one's address family.
    pub(crate) async fn line(&self, peer: SocketAddr) -> Result<Arc<Line>, Fault> {
        let (slot, local) = match peer {
            SocketAddr::V4(_) => (&self.sockets.v4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            SocketAddr::V6(_) => (&self.sockets.v6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
        };
        slot.get_or_try_init(|| async { Line::open(local).map(Arc::new) })
            .await
            .map(Arc::clone)
            .map_err(|error| Fault::new(FaultKind::Internal, format!("no socket for SNMP: {error}")))
    }
}
