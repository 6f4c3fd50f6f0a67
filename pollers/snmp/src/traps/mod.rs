//! Traps and informs: a listener on a thread of its own.
//!
//! async-snmp reads the socket, decodes, and does the user-based security model of SNMPv3; informs it answers by itself, once
//! the [judge](Judge) has taken them. Its loop does not leave its thread while datagrams keep coming, so it has one of
//! its own, of lower priority than polling, and may read [so many datagrams a second](READS_A_SECOND) and no more
//! (docs/decisions/0012-traps.md).

mod ear;
mod engine;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_snmp::{
    Error,
    notification::{
        Notification as Wire, NotificationAcceptance, NotificationEnvelope, NotificationReceiver,
        NotificationReceiverBuilder, ReceivedNotification,
    },
    v3,
};
use bytes::Bytes;
use rackpoll_model::{Notification, Oid, SecurityLevel, SnmpUser, SnmpVersion};
use tokio::sync::oneshot;

pub use ear::{Heard, READS_A_SECOND};
pub use engine::{LocalEngine, new_engine_id};

use crate::{keys, usm};
use ear::Ear;

/// snmpTrapAddress.0 (RFC 3584, clause 5).
const TRAP_ADDRESS: [u32; 10] = [1, 3, 6, 1, 6, 3, 18, 1, 3, 0];
/// How much later than polling the listener's thread has its turn: nice(1).
const NICENESS: i32 = 5;
/// The network says no: the socket is tried again after this long.
const SOCKET_REST: Duration = Duration::from_millis(100);

/// What is known of a notification before anybody has agreed to take it.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// Whence the datagram came.
    pub source: SocketAddr,
    /// Of which device it says it is.
    pub agent: Option<IpAddr>,
    /// What the sender knows.
    pub proof: Proof<'a>,
}

/// What the sender of a notification knows.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// A community, as it came; nothing has compared it yet.
    Community(&'a [u8]),
    /// A user at a security level, which async-snmp has proven. A user with keys may be named without them.
    User(&'a [u8], SecurityLevel),
}

impl std::fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Community(_) => f.write_str("Community(..)"),
            Self::User(name, level) => write!(f, "User({}, {level:?})", name.escape_ascii()),
        }
    }
}

/// Says whether a notification is taken. Informs that are not taken are not answered.
pub type Judge = Box<dyn Fn(&Envelope<'_>) -> bool + Send + Sync>;
/// Takes what was taken; it must not wait.
pub type Deliver = Box<dyn FnMut(Notification) + Send>;

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Users, keys, or the engine.
    #[error("{0}")]
    Library(String),
    /// There is no thread to be had.
    #[error("cannot start the thread: {0}")]
    Thread(std::io::Error),
}

/// Somebody listens until this is dropped.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    heard: Arc<Heard>,
    _stop: oneshot::Sender<()>,
}

impl Listener {
    /// Listens on this address; on `[::]` for IPv4, too. `users` are those of SNMPv3, each name once.
    ///
    /// # Errors
    /// The address is taken or not ours to take, or the library refuses the users.
    pub async fn start(
        address: SocketAddr,
        engine: &LocalEngine,
        users: &[SnmpUser],
        judge: Judge,
        deliver: Deliver,
    ) -> Result<Self, ListenError> {
        let heard = Arc::new(Heard::default());
        let ear = Arc::new(Ear::new(Arc::clone(&heard)));
        let builder = builder(address, engine, users, judge, Arc::clone(&ear))?;
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ListenError::Thread)?;
        std::thread::Builder::new()
            .name("snmp-traps".to_owned())
            .spawn(move || {
                // Where that is forbidden the thread is as important as any other.
                let _ = rustix::process::setpriority_process(None, NICENESS);
                let dispatch = tracing::Dispatch::new(Arc::clone(&ear));
                // The library's log is our way to learn what it drops; nobody else has to read a line a datagram.
                tracing::dispatcher::with_default(&dispatch, || {
                    runtime.block_on(listen(builder, address, ear, deliver, tell, stopped));
                });
            })
            .map_err(ListenError::Thread)?;
        let address =
            told.await.unwrap_or_else(|_| Err(ListenError::Library("the thread ended".to_owned())))?;
        Ok(Self { address, heard, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What did not get as far as the judge.
    pub fn heard(&self) -> &Heard {
        &self.heard
    }

    /// Datagrams that the system has dropped because the socket's buffer was full, where it says so.
    pub fn dropped_by_system(&self) -> Option<u64> {
        ear::dropped_by_system(self.address)
    }
}

fn builder(
    address: SocketAddr,
    engine: &LocalEngine,
    users: &[SnmpUser],
    judge: Judge,
    ear: Arc<Ear>,
) -> Result<NotificationReceiverBuilder, ListenError> {
    let policy = move |envelope: &NotificationEnvelope<'_>| {
        ear.pace();
        match judge(&opened(envelope)) {
            true => NotificationAcceptance::Accept,
            false => NotificationAcceptance::Reject,
        }
    };
    let mut builder = NotificationReceiver::builder()
        .bind(address.to_string())
        .acceptance_policy(policy)
        .authoritative_engine(engine.authoritative.clone());
    for user in users {
        let library =
            |error: v3::CryptoError| ListenError::Library(format!("the user {:?}: {error}", user.name));
        let keys = keys::master_keys(&user.security).map_err(library)?;
        builder = builder
            .usm_user(Bytes::copy_from_slice(user.name.as_bytes()), |usm| match keys {
                None => Ok(usm),
                Some(keys) => usm.with_master_keys(keys),
            })
            .map_err(library)?;
        if user.security.uses_des() {
            builder = builder.des_salt_state(engine.des_salt()?);
        }
    }
    Ok(builder)
}

async fn listen(
    builder: NotificationReceiverBuilder,
    address: SocketAddr,
    ear: Arc<Ear>,
    mut deliver: Deliver,
    tell: oneshot::Sender<Result<SocketAddr, ListenError>>,
    mut stopped: oneshot::Receiver<()>,
) {
    let receiver = match builder.build().await {
        Ok(receiver) => receiver,
        Err(error) => {
            let _ = tell.send(Err(match *error {
                Error::Network { source, .. } => ListenError::Bind { address, source },
                other => ListenError::Library(other.to_string()),
            }));
            return;
        }
    };
    if tell.send(Ok(receiver.local_addr())).is_err() {
        return;
    }
    loop {
        // Whoever drops `recv` between two datagrams loses none, and after this one there is no next.
        let received = tokio::select! {
            received = receiver.recv() => received,
            _ = &mut stopped => return,
        };
        match received {
            Ok(received) => {
                if let Some(notification) = read(received) {
                    deliver(notification);
                }
            }
            Err(_) => {
                ear.socket_failed();
                tokio::time::sleep(SOCKET_REST).await;
            }
        }
    }
}

fn opened<'a>(envelope: &'a NotificationEnvelope<'_>) -> Envelope<'a> {
    let proof = match (envelope.community, envelope.username) {
        (Some(community), _) => Proof::Community(community.as_bytes()),
        (None, name) => Proof::User(name.unwrap_or_default(), level(envelope.security_level)),
    };
    Envelope { source: envelope.source, agent: agent(envelope.notification()), proof }
}

fn level(level: Option<async_snmp::SecurityLevel>) -> SecurityLevel {
    match level {
        Some(async_snmp::SecurityLevel::AuthPriv) => SecurityLevel::AuthPriv,
        Some(async_snmp::SecurityLevel::AuthNoPriv) => SecurityLevel::AuthNoPriv,
        Some(async_snmp::SecurityLevel::NoAuthNoPriv) | None => SecurityLevel::NoAuthNoPriv,
    }
}

/// Of which device it says it is.
fn agent(notification: &Wire) -> Option<IpAddr> {
    if let Wire::TrapV1 { trap, .. } = notification {
        return Some(IpAddr::from(trap.agent_addr()));
    }
    notification.varbinds().iter().find_map(|varbind| match &varbind.value {
        async_snmp::Value::IpAddress(address) if *varbind.oid.arcs() == TRAP_ADDRESS => {
            Some(IpAddr::from(*address))
        }
        _ => None,
    })
}

/// `None` where an SNMPv1 trap has numbers that make no oid, or of a version that nobody knows.
fn read(received: ReceivedNotification) -> Option<Notification> {
    let ReceivedNotification { notification, source, wire_identity, .. } = received;
    let oid = Oid::new(notification.trap_oid().ok()?.arcs());
    let user = match &wire_identity.v3 {
        None => None,
        Some(v3) => {
            let name = String::from_utf8_lossy(&v3.username).into_owned();
            Some((name, level(Some(v3.security_level))))
        }
    };
    let enterprise = match &notification {
        Wire::TrapV1 { trap, .. } => Some(Oid::new(trap.enterprise().arcs())),
        _ => None,
    };
    Some(Notification {
        // A socket of IPv6 hears IPv4, too.
        source: SocketAddr::new(source.ip().to_canonical(), source.port()),
        agent: agent(&notification),
        version: match wire_identity.version {
            async_snmp::Version::V1 => SnmpVersion::V1,
            async_snmp::Version::V2c => SnmpVersion::V2c,
            async_snmp::Version::V3 => SnmpVersion::V3,
            _ => return None,
        },
        user,
        is_inform: notification.is_confirmed(),
        request_id: wire_identity.request_id,
        oid,
        enterprise,
        uptime: notification.uptime(),
        varbinds: notification.varbinds().iter().cloned().map(usm::varbind).collect(),
    })
}
