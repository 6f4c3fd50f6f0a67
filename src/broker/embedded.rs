//! The default broker: rumqttd on loopback, inside the agent, for as long as the process lives (it has no stop call).
//!
//! It keeps sessions and retained messages in memory only, so it is a way to get going and no production broker
//! (docs/decisions). Of its listeners only the one for MQTT 5 is opened: a message with properties that reaches a
//! 3.1.1 client panics it (field-notes, "Bus").

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

use super::mqtt;

/// Largest packet that it takes. A result of `sdr` for a server with 105 sensors has about 150 KB, a walk of a big
/// switch a few times that.
const LARGEST_PACKET: usize = 4 * 1024 * 1024;

/// What it keeps of each subscription's messages for subscribers that are slow; the oldest segment goes when all are
/// full, and with it what a subscriber has not fetched. 16 MiB hold some 100 of the largest usual results.
const SEGMENTS: usize = 8;
const SEGMENT_SIZE: usize = 2 * 1024 * 1024;

/// Connections at once. Far more than people and programs on one machine need.
const MOST_CONNECTIONS: usize = 1_000;

/// How long the listener may take to open.
const START_TIME: Duration = Duration::from_secs(5);

/// A broker that runs inside the agent.
#[derive(Debug, Clone, Copy)]
pub struct Embedded {
    address: SocketAddr,
}

/// Why there is no embedded broker.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Something listens there already.
    #[error(
        "port {0} on 127.0.0.1 is taken, perhaps by another MQTT broker: set embedded-port to a free one, or give the broker's address as bus.url"
    )]
    PortTaken(u16),
    /// The operating system does not let us listen there.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// Its reason.
        source: io::Error,
    },
    /// The thread cannot be started.
    #[error("cannot start the embedded broker's thread: {0}")]
    Thread(io::Error),
    /// The listener did not open.
    #[error("the embedded broker did not open port {0} within 5 s")]
    NotUp(u16),
}

impl Embedded {
    /// Starts a broker on 127.0.0.1, on a port of the system's choice where `port` is 0. Returns when it listens.
    ///
    /// # Errors
    /// The port is taken, or the broker does not come up.
    pub fn start(port: u16) -> Result<Self, EmbeddedError> {
        let address = free_address(port)?;
        let config = config(address);
        let broker = thread::Builder::new()
            .name("embedded-broker".into())
            .spawn(move || Broker::new(config).start().map_err(Box::new))
            .map_err(EmbeddedError::Thread)?;
        let begin = Instant::now();
        while TcpStream::connect_timeout(&address, START_TIME).is_err() {
            if broker.is_finished() || begin.elapsed() > START_TIME {
                return Err(EmbeddedError::NotUp(address.port()));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Self { address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How the agent reaches it.
    pub fn settings(&self, prefix: impl Into<String>, agent: impl Into<String>) -> mqtt::Settings {
        mqtt::Settings {
            largest_packet: LARGEST_PACKET,
            ..mqtt::Settings::new(self.address.ip().to_string(), self.address.port(), prefix, agent)
        }
    }
}

/// rumqttd only logs that it cannot listen, so that is found out before it starts.
fn free_address(port: u16) -> Result<SocketAddr, EmbeddedError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).and_then(|listener| listener.local_addr()).map_err(
        |source| match source.kind() {
            io::ErrorKind::AddrInUse => EmbeddedError::PortTaken(port),
            _ => EmbeddedError::Listen { port, source },
        },
    )
}

fn config(listen: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5_000,
        max_payload_size: LARGEST_PACKET,
        max_inflight_count: 100,
        auth: None,
        external_auth: None,
        dynamic_filters: false,
    };
    let server = ServerSettings {
        name: "embedded".into(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections,
    };
    Config {
        router: RouterConfig {
            max_connections: MOST_CONNECTIONS,
            max_outgoing_packet_count: 200,
            max_segment_size: SEGMENT_SIZE,
            max_segment_count: SEGMENTS,
            // Without a filter that matches, rumqttd ends the publisher's connection, or keeps a log for each topic.
            initialized_filters: Some(vec!["#".into()]),
            ..RouterConfig::default()
        },
        v5: Some(HashMap::from([("embedded".into(), server)])),
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_told_before_anything_starts() {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = holder.local_addr().unwrap().port();
        let error = Embedded::start(port).unwrap_err();
        assert!(matches!(error, EmbeddedError::PortTaken(taken) if taken == port), "{error}");
        assert!(error.to_string().contains("embedded-port"));
    }

    #[test]
    fn listens_on_loopback_only() {
        let broker = Embedded::start(0).unwrap();
        assert!(broker.address().ip().is_loopback());
        assert_ne!(broker.address().port(), 0);
        assert!(matches!(Embedded::start(broker.address().port()), Err(EmbeddedError::PortTaken(_))));
    }
}
