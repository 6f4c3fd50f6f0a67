//! RabbitMQ over AMQP 0-9-1, as RackHD's bus has it (contract.md, sections 1, 2 and 4).
//!
//! A connection is made of four channels, so that each does one thing and none holds up another: results out, in the
//! outbox's order and with publisher confirms; commands in; requests in and their answers out; events in. Whatever goes wrong on
//! one of them ends the connection, and everything is built anew: nothing else is sure to be right after an error.

mod commands;
mod consumer;
mod events;
mod publisher;
mod requests;
mod topology;

use std::{fmt, time::Duration};

use futures_util::StreamExt;
use lapin::{
    Connection, ConnectionProperties, Event,
    tcp::OwnedTLSConfig,
    uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo},
};
use rackpoll_model::Secret;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Intake, backoff::Backoff, outlet::Outlet};

/// Connecting and declaring may take so long before the next host is tried.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// Two heartbeats missed and the connection counts as lost; RabbitMQ suggests 60 s, and says that 5 to 20 s suit most.
const HEARTBEAT: u16 = 10;
/// How long the goodbye may take.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// Which broker, and who we are there.
#[derive(Clone)]
pub struct Settings {
    /// Name or address, without brackets, and port. Tried in turn.
    pub hosts: Vec<(String, u16)>,
    /// `amqps`: the authorities to trust in PEM, the system's where that is empty.
    pub tls: Option<String>,
    /// User name.
    pub user: String,
    /// The user's password.
    pub password: Secret,
    /// Virtual host.
    pub vhost: String,
    /// First word of the exchanges' names.
    pub prefix: String,
    /// Agents of one zone share its queues.
    pub zone: String,
    /// The agent's name, for the broker's list of connections.
    pub agent: String,
    /// Patterns of the events that triggers want.
    pub event_keys: Vec<String>,
}

impl Settings {
    fn uri(&self, host: &str, port: u16) -> AMQPUri {
        AMQPUri {
            scheme: if self.tls.is_some() { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo {
                    username: self.user.clone(),
                    password: self.password.expose_str().unwrap_or_default().to_owned(),
                },
                host: host.to_owned(),
                port,
            },
            vhost: self.vhost.clone(),
            query: AMQPQueryString { heartbeat: Some(HEARTBEAT), ..AMQPQueryString::default() },
        }
    }

    fn exchange(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    fn commands_queue(&self) -> String {
        format!("rackpoll.{}.commands", self.zone)
    }

    fn events_queue(&self) -> String {
        format!("rackpoll.{}.events", self.zone)
    }

    fn requests_queue(&self) -> String {
        format!("rackpoll.{}.requests", self.zone)
    }
}

/// Why a connection ended. Its text is for the log and holds no secret.
#[derive(Debug)]
struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<lapin::Error> for Broken {
    fn from(error: lapin::Error) -> Self {
        Self(error.to_string())
    }
}

/// Serves the bus until `stop`: connects, and connects again for ever, with back-off.
pub async fn run<O: Outlet>(settings: &Settings, outlet: &O, intake: &Intake, stop: &CancellationToken) {
    let mut backoff = Backoff::default();
    for (host, port) in settings.hosts.iter().cycle() {
        if stop.is_cancelled() {
            return;
        }
        let broken = match connect(settings, host, *port, stop).await {
            None => return,
            Some(Err(broken)) => broken,
            Some(Ok(connection)) => {
                tracing::info!(broker = %format_args!("{host}:{port}"), "AMQP connected");
                backoff.reset();
                match serve(&connection, settings, outlet, intake, stop).await {
                    Ok(()) => {
                        let _ = tokio::time::timeout(
                            CLOSE_LIMIT,
                            connection.close(200, "the agent stops".into()),
                        )
                        .await;
                        return;
                    }
                    Err(broken) => broken,
                }
            }
        };
        let wait = backoff.wait();
        tracing::warn!(broker = %format_args!("{host}:{port}"), reason = %broken, again_in = ?wait, "no AMQP connection; results wait on disk");
        let _ = stop.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
}

async fn connect(
    settings: &Settings,
    host: &str,
    port: u16,
    stop: &CancellationToken,
) -> Option<Result<Connection, Broken>> {
    let name = format!("rackpoll {}", settings.agent);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let tls = OwnedTLSConfig {
        identity: None,
        cert_chain: settings.tls.clone().filter(|authorities| !authorities.is_empty()),
    };
    let connecting = Connection::connect_uri_with_config(
        settings.uri(host, port),
        properties,
        tls,
        lapin::runtime::default_runtime().map_err(|error| Broken(error.to_string())).ok()?,
    );
    let connected = stop.run_until_cancelled(tokio::time::timeout(CONNECT_LIMIT, connecting)).await?;
    Some(match connected {
        Err(_) => Err(Broken(format!("no answer within {} s", CONNECT_LIMIT.as_secs()))),
        Ok(connected) => connected.map_err(Broken::from),
    })
}

/// Until `stop` (good) or until anything goes wrong.
async fn serve<O: Outlet>(
    connection: &Connection,
    settings: &Settings,
    outlet: &O,
    intake: &Intake,
    stop: &CancellationToken,
) -> Result<(), Broken> {
    let events = connection.events_listener();
    let (blocked, may_publish) = watch::channel(connection.status().blocked());
    let declared = async {
        let outgoing = connection.create_channel().await?;
        let commands = connection.create_channel().await?;
        let requests = connection.create_channel().await?;
        let heard = connection.create_channel().await?;
        topology::declare(&outgoing, settings).await?;
        Ok::<_, lapin::Error>((outgoing, commands, requests, heard))
    };
    let (outgoing, commands, requests, heard) = tokio::time::timeout(CONNECT_LIMIT, declared)
        .await
        .map_err(|_| Broken("the broker does not answer declarations".to_owned()))??;
    let watched = async {
        tokio::pin!(events);
        while let Some(event) = events.next().await {
            match event {
                Event::ConnectionBlocked(reason) => {
                    tracing::warn!(reason, "the broker takes no messages for now; results wait on disk");
                    blocked.send_replace(true);
                }
                Event::ConnectionUnblocked => {
                    tracing::info!("the broker takes messages again");
                    blocked.send_replace(false);
                }
                Event::Error(error) => return Broken::from(error),
                _ => {}
            }
        }
        Broken("the connection has ended".to_owned())
    };
    // What listens ends only when something is wrong.
    let ended = tokio::select! {
        published = publisher::run(&outgoing, settings, outlet, may_publish, stop) => return published,
        ended = commands::run(&commands, settings, intake) => ended,
        ended = requests::run(&requests, settings, intake) => ended,
        ended = events::run(&heard, settings, intake) => ended,
        broken = watched => Err(broken),
    };
    ended.map(|never| match never {})
}
