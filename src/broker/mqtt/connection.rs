//! rumqttc's event loop as a stream: one connection, never a second. What rumqttc keeps for a reconnect it may also
//! throw away (field-notes, "Bus"), so each connection gets an event loop of its own and the outbox is read anew.

use std::{pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use rumqttc::{
    Transport,
    v5::{
        AsyncClient, Event, EventLoop, Incoming, MqttOptions,
        mqttbytes::{
            QoS,
            v5::{ConnAck, ConnectProperties, LastWill},
        },
    },
};
use tokio::time::timeout;

use super::{Identity, Settings, Tls, window::MOST_MESSAGES};

/// Largest body of a command. The longest sensible one, hundreds of oids with alert rules, has a tenth of it.
pub(super) const LARGEST_COMMAND: usize = 256 * 1024;

/// Largest packet that is read at all, told to the broker (which then keeps larger ones to itself). Above what the
/// embedded broker lets in, since rumqttd heeds no limit of its clients.
const LARGEST_PACKET: u32 = 5 * 1024 * 1024;

/// Commands that the broker may send without an acknowledgement, as the prefetch of contract.md, section 2.
const MOST_COMMANDS: u16 = 1_000;

/// A broker keeps the session, and queues commands, for a day: older ones nobody waits for.
const SESSION_EXPIRY: u32 = 24 * 60 * 60;

/// Connection, TLS and CONNACK together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A dead peer is noticed within two of these.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Which of the agent's two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Commands and the outbox: a session that outlives the connection, a last will, acknowledgements of our own.
    Main,
    /// Requests that are answered from memory: nothing is kept, for nobody waits longer than a second.
    Requests,
}

/// The events of one connection.
pub(super) struct Connection {
    // rumqttc's `poll` must not be dropped half way (a packet could be counted as sent and not be written): the stream
    // keeps it while we wait for other things.
    events: Pin<Box<dyn Stream<Item = Result<Event, String>> + Send>>,
}

impl Connection {
    /// A connection that opens when its first event is asked for; `capacity` is the request channel's. Tries of
    /// rising numbers go through the hosts.
    ///
    /// # Errors
    /// The operating system has no usable certificate authorities.
    pub(super) fn new(
        settings: &Settings,
        role: Role,
        attempt: usize,
        capacity: usize,
    ) -> Result<(AsyncClient, Self), String> {
        let (client, event_loop) = AsyncClient::new(options(settings, role, attempt)?, capacity);
        let events = stream::unfold(event_loop, |mut event_loop: EventLoop| async move {
            let event = event_loop.poll().await.map_err(|error| error.to_string());
            Some((event, event_loop))
        });
        Ok((client, Self { events: Box::pin(events) }))
    }

    /// Waits for CONNACK.
    ///
    /// # Errors
    /// No connection, a refusal, or another packet.
    pub(super) async fn opened(&mut self) -> Result<ConnAck, String> {
        match timeout(CONNECT_TIMEOUT, self.next()).await {
            Ok(Ok(Event::Incoming(Incoming::ConnAck(connack)))) => Ok(connack),
            Ok(Ok(_)) => Err("the broker's first packet is no CONNACK".into()),
            Ok(Err(reason)) => Err(reason),
            Err(_) => Err("no CONNACK within 10 s".into()),
        }
    }

    /// The next event. Losing interest half way loses nothing.
    ///
    /// # Errors
    /// The connection is gone; there is no next event.
    pub(super) async fn next(&mut self) -> Result<Event, String> {
        self.events.next().await.unwrap_or_else(|| Err("the connection is closed".into()))
    }
}

fn options(settings: &Settings, role: Role, attempt: usize) -> Result<MqttOptions, String> {
    let client_id = match role {
        Role::Main => format!("rackpoll-{}", settings.agent),
        Role::Requests => format!("rackpoll-{}-requests", settings.agent),
    };
    // rumqttc puts a colon and the port behind it.
    let (host, port) = settings.host(attempt)?;
    let host = match host.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => host.to_owned(),
    };
    let mut options = MqttOptions::new(client_id, host, port);
    options.set_keep_alive(KEEP_ALIVE);
    options.set_connection_timeout(CONNECT_TIMEOUT.as_secs());
    options.set_outgoing_inflight_upper_limit(MOST_MESSAGES);
    options.set_connect_properties(ConnectProperties {
        session_expiry_interval: (role == Role::Main).then_some(SESSION_EXPIRY),
        receive_maximum: Some(MOST_COMMANDS),
        max_packet_size: Some(LARGEST_PACKET),
        ..ConnectProperties::new()
    });
    if role == Role::Main {
        options.set_clean_start(false);
        options.set_manual_acks(true);
        let (topic, body) = settings.status("offline");
        options.set_last_will(LastWill::new(topic, body, QoS::AtLeastOnce, true, None));
    }
    if let Some(user) = &settings.user {
        let password = match &settings.password {
            Some(password) => password.expose_str().ok_or("the broker's password is not UTF-8")?,
            None => "",
        };
        options.set_credentials(user.clone(), password);
    }
    if let Some(tls) = &settings.tls {
        options
            .set_transport(Transport::tls_with_config(tls_config(tls, settings.identity.as_ref())?.into()));
    }
    Ok(options)
}

fn tls_config(tls: &Tls, identity: Option<&Identity>) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    match tls {
        Tls::System => {
            // Some platforms' stores hold certificates that nobody can read: the others count.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Tls::Authorities(certificates) => {
            roots.add_parsable_certificates(certificates.iter().cloned());
        }
    }
    if roots.is_empty() {
        return Err("no certificate authority to trust for mqtts".into());
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    match identity {
        None => Ok(config.with_no_client_auth()),
        Some(Identity { certificates, key }) => config
            .with_client_auth_cert(certificates.clone(), key.clone_key())
            .map_err(|error| format!("the agent's own certificate: {error}")),
    }
}
