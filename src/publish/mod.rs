//! What goes out: messages made from outcomes (`contract`), kept until the broker has them (`outbox`).

pub mod contract;
pub mod outbox;

/// One message for the bus, broker-neutral.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Which exchange.
    pub exchange: Exchange,
    /// Routing key; for `Exchange::Reply` the caller's queue or response topic.
    pub routing_key: String,
    /// The AMQP property `type` (MQTT: user property `type`).
    pub kind: MessageKind,
    /// Goes out as correlation id, where the request had one.
    pub correlation: Option<Vec<u8>>,
    /// UTF-8 JSON.
    pub body: Vec<u8>,
}

/// The exchanges that the agent publishes to, without the configurable prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exchange {
    /// `on.task`
    Task,
    /// `on.events`
    Events,
    /// The default exchange: an answer to a request.
    Reply,
}

/// The property `type` (contract.md, section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// `{"value": ..}`
    Result,
    /// `{"name", "message", "stack", "context"}`
    ErrorEvent,
    /// An event on `on.events`.
    Object,
}

impl MessageKind {
    /// The property's text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Result => "Result",
            Self::ErrorEvent => "ErrorEvent",
            Self::Object => "Object",
        }
    }
}
