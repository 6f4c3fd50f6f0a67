use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use async_snmp::{Transport as _, UdpHandle, UdpTransport};
use rackpoll_model::{Fault, FaultKind};
use tokio::sync::OnceCell;

use crate::{keys::Keys, names::Names};

/// Receive buffer that is asked of the system: some thousand answers of one Ethernet frame. It may give less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The one socket that serves all SNMP agents, and a second one for those with IPv6 addresses. Each is opened when it is
/// needed first.
///
/// A socket per device would run out of descriptors, and async-snmp's own are bound in a way that lets two of them share
/// a port (docs/decisions/0002-async-snmp.md).
#[derive(Clone, Default)]
pub struct SnmpSockets {
    sockets: Arc<Sockets>,
}

#[derive(Default)]
struct Sockets {
    v4: OnceCell<UdpTransport>,
    v6: OnceCell<UdpTransport>,
    keys: Keys,
    names: Option<Arc<Names>>,
}

impl SnmpSockets {
    /// No socket yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// No socket yet; oids may be asked by these names.
    pub fn with_names(names: Arc<Names>) -> Self {
        Self { sockets: Arc::new(Sockets { names: Some(names), ..Sockets::default() }) }
    }

    pub(crate) fn names(&self) -> Arc<Names> {
        self.sockets.names.clone().unwrap_or_else(Names::shared)
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.sockets.keys
    }

    /// The way to one agent.
    pub(crate) async fn handle(&self, peer: SocketAddr) -> Result<UdpHandle, Fault> {
        let (slot, local) = match peer {
            SocketAddr::V4(_) => (&self.sockets.v4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            SocketAddr::V6(_) => (&self.sockets.v6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
        };
        let no_socket = |error: Box<async_snmp::Error>| {
            Fault::new(FaultKind::Internal, format!("no socket for SNMP: {error}"))
        };
        let transport = slot
            .get_or_try_init(|| {
                UdpTransport::builder()
                    .bind(local.to_string())
                    .recv_buffer_size(RECEIVE_BUFFER)
                    // Agents with several addresses answer from whichever they like; the request id tells.
                    .warn_on_source_mismatch(false)
                    .build()
            })
            .await
            .map_err(no_socket)?;
        let handle = transport.handle(peer).map_err(no_socket)?;
        debug_assert!(!handle.is_reliable(), "UDP");
        Ok(handle)
    }
}
