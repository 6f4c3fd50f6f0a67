//! The bus: `amqp`, `mqtt` and `embedded`. Each is the sole owner of its connection: it declares, consumes,
//! publishes from the outbox, confirms, and reconnects for ever with back-off.

pub mod amqp;
mod backoff;
pub mod embedded;
pub mod mqtt;
mod outlet;

pub use outlet::{Outlet, Pending};
use tokio::sync::{mpsc, oneshot};

use crate::{job::ReplyTo, publish::Message};

/// A command that came in from the bus.
pub struct Delivery {
    /// Routing key with dots, whatever the broker.
    pub routing_key: String,
    /// Message body as it came.
    pub body: Vec<u8>,
    /// Where an answer is wanted.
    pub reply_to: Option<ReplyTo>,
    /// Sent when the outcome is in the outbox: the broker then acknowledges the command. Dropped: it stays unacknowledged.
    pub recorded: oneshot::Sender<()>,
}

// The body may hold a password.
impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("routing_key", &self.routing_key)
            .field("body_length", &self.body.len())
            .field("reply_to", &self.reply_to)
            .finish_non_exhaustive()
    }
}

/// A request that is answered from memory: `methods.requestPollerCache`, `methods.get`, `methods.set`.
#[derive(Debug)]
pub struct RpcRequest {
    /// Routing key with dots.
    pub routing_key: String,
    /// Message body as it came.
    pub body: Vec<u8>,
    /// Where the answer goes; RackHD sets without asking for one.
    pub reply_to: Option<ReplyTo>,
    /// The answer, which the broker publishes at once (not through the outbox).
    pub answer: oneshot::Sender<Message>,
}

/// An event that somebody published on `on.events`.
#[derive(Debug)]
pub struct BusEvent {
    /// Routing key with dots.
    pub routing_key: String,
    /// Message body as it came.
    pub body: Vec<u8>,
}

/// The agent's side of a broker: where what it hears goes. All channels are bounded.
#[derive(Debug, Clone)]
pub struct Intake {
    /// Commands.
    pub commands: mpsc::Sender<Delivery>,
    /// Requests.
    pub requests: mpsc::Sender<RpcRequest>,
    /// Events that triggers want.
    pub events: mpsc::Sender<BusEvent>,
}

impl Intake {
    /// Takes an event in. A flood of them is cut: they only hurry what is polled anyway.
    fn event(&self, event: BusEvent) {
        if let Err(mpsc::error::TrySendError::Full(event)) = self.events.try_send(event) {
            tracing::warn!(routing_key = event.routing_key, "an event was dropped: too many wait already");
        }
    }
}
