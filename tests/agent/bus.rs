//! An AMQP client that does what RackHD's does: topic exchanges with its flags, exclusive queues, no acknowledgements,
//! `content_type: application/json`, a `type`, requests with `reply_to` and no correlation id (contract.md, section 1).

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ExchangeKind,
    options::{
        BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
        QueueBindOptions, QueueDeclareOptions,
    },
    types::FieldTable,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::peers::rabbitmq::Vhost;

/// RackHD declares all of these whenever it starts.
const EXCHANGES: [&str; 13] = [
    "configuration",
    "dhcp",
    "events",
    "http",
    "logging",
    "task-graph-runner",
    "scheduler",
    "task",
    "tftp",
    "waterline",
    "test",
    "ssdp",
    "heartbeat",
];

/// How long a broker on this machine may take for anything that it does at once.
const PROMPT: Duration = Duration::from_secs(20);

/// RackHD's client gives up after this long (contract.md, section 1).
pub const RACKHD_WAITS: Duration = Duration::from_millis(1000);

/// A client with its own connection.
pub struct Bus {
    connection: Connection,
    channel: Channel,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// A queue that is being listened to.
pub struct Listener {
    consumer: Consumer,
    queue: String,
    heard: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    pub exchange: String,
    pub routing_key: String,
    pub kind: Option<String>,
    pub content_type: Option<String>,
    pub persistent: bool,
    pub correlation: Option<String>,
    pub body: Value,
}

impl Received {
    /// `value` of a `Result`, with the envelope checked.
    pub fn value(&self) -> &Value {
        assert_eq!(self.content_type.as_deref(), Some("application/json"), "{self:?}");
        assert_eq!(self.kind.as_deref(), Some("Result"), "{self:?}");
        self.body.get("value").unwrap_or_else(|| panic!("a Result without value: {self:?}"))
    }
}

impl Bus {
    /// Connects and declares all exchanges as RackHD does: a difference in flags closes the channel.
    pub async fn connect(vhost: &Vhost) -> Self {
        let connection =
            Connection::connect(&vhost.full_url(), ConnectionProperties::default()).await.expect("RabbitMQ");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let flags = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        for name in EXCHANGES {
            let exchange = format!("on.{name}").into();
            channel
                .exchange_declare(exchange, ExchangeKind::Topic, flags, FieldTable::default())
                .await
                .expect("an exchange");
        }
        Self { connection, channel, heard: Arc::default() }
    }

    /// Listens on an exclusive queue of its own, bound to `key`.
    pub async fn listen(&self, exchange: &str, key: &str) -> Listener {
        let queue = format!("{exchange}:{key}:{}", &uuid::Uuid::new_v4().simple().to_string()[..7]);
        let options =
            QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        self.declare(&queue, options).await;
        self.bind(&queue, exchange, key).await;
        self.consume(&queue).await
    }

    /// A durable queue, bound to `key`: what a consumer that is away would find when it comes back.
    pub async fn durable(&self, queue: &str, exchange: &str, key: &str) {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        self.declare(queue, options).await;
        self.bind(queue, exchange, key).await;
    }

    /// Listens on a queue that is there.
    pub async fn consume(&self, queue: &str) -> Listener {
        let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..BasicConsumeOptions::default() };
        let consumer = self
            .channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await
            .expect("a consumer");
        Listener { consumer, queue: queue.to_owned(), heard: Arc::clone(&self.heard) }
    }

    async fn declare(&self, queue: &str, options: QueueDeclareOptions) {
        self.channel.queue_declare(queue.into(), options, FieldTable::default()).await.expect("a queue");
    }

    async fn bind(&self, queue: &str, exchange: &str, key: &str) {
        self.channel
            .queue_bind(
                queue.into(),
                exchange.into(),
                key.into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await
            .expect("a binding");
    }

    /// Publishes a command: `{"value": ..}`, type `Result`.
    pub async fn command(&self, key: &str, value: &Value) {
        self.publish(key, json!({ "value": value }).to_string().as_bytes(), BasicProperties::default()).await;
    }

    /// Publishes an event to `on.events`.
    pub async fn event(&self, key: &str, event: &Value) {
        let properties = BasicProperties::default().with_type("Object".into());
        self.publish_to("on.events", key, event.to_string().as_bytes(), properties).await;
    }

    /// Publishes any bytes to `on.task`, with RackHD's properties and `more`.
    pub async fn publish(&self, key: &str, body: &[u8], more: BasicProperties) {
        self.publish_to("on.task", key, body, more.with_type("Result".into())).await;
    }

    async fn publish_to(&self, exchange: &str, key: &str, body: &[u8], more: BasicProperties) {
        let properties = more.with_content_type("application/json".into());
        let confirm = self
            .channel
            .basic_publish(exchange.into(), key.into(), BasicPublishOptions::default(), body, properties)
            .await
            .expect("a publish");
        confirm.await.expect("RabbitMQ confirms");
    }

    /// Asks for a poller's cache as RackHD does; the answer has to come within RackHD's patience.
    pub async fn poller_cache(&self, work_item_id: &str, latest_only: bool) -> Received {
        let queue = format!(
            "on.task:methods.requestPollerCache.request:{}",
            &uuid::Uuid::new_v4().simple().to_string()[..7]
        );
        let options =
            QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        self.declare(&queue, options).await;
        let mut answers = self.consume(&queue).await;
        let mut request = json!({ "value": work_item_id });
        if latest_only {
            request["options"] = json!({ "latestOnly": true });
        }
        let asked = Instant::now();
        let reply_to = BasicProperties::default().with_reply_to(queue.as_str().into());
        self.publish("methods.requestPollerCache", request.to_string().as_bytes(), reply_to).await;
        let answer = answers.next(PROMPT).await;
        let waited = asked.elapsed();
        assert!(waited < RACKHD_WAITS, "RackHD's client had given up: the answer took {waited:?}");
        answer
    }

    /// Publishes to any exchange, and wants no answer.
    pub async fn tell(&self, exchange: &str, key: &str, body: &Value) {
        let properties = BasicProperties::default().with_type("Result".into());
        self.publish_to(exchange, key, body.to_string().as_bytes(), properties).await;
    }

    /// Asks for something on any exchange, and waits for the answer.
    pub async fn request(&self, exchange: &str, key: &str, value: &Value) -> Received {
        let queue = format!("{exchange}:{key}.request:{}", &uuid::Uuid::new_v4().simple().to_string()[..7]);
        let options =
            QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        self.declare(&queue, options).await;
        let mut answers = self.consume(&queue).await;
        let properties =
            BasicProperties::default().with_reply_to(queue.as_str().into()).with_type("Result".into());
        self.publish_to(exchange, key, json!({ "value": value }).to_string().as_bytes(), properties).await;
        answers.next(PROMPT).await
    }

    /// Consumers of a queue; 0 where there is no such queue.
    pub async fn consumers(&self, queue: &str) -> u32 {
        self.look_at(queue).await.map_or(0, |queue| queue.consumer_count())
    }

    /// Messages that wait in a queue.
    pub async fn depth(&self, queue: &str) -> u32 {
        self.look_at(queue).await.map_or(0, |queue| queue.message_count())
    }

    async fn look_at(&self, queue: &str) -> Option<lapin::Queue> {
        // A passive declare of a queue that is not there closes its channel, so it gets one of its own.
        let channel = self.connection.create_channel().await.expect("a channel");
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let found = channel.queue_declare(queue.into(), passive, FieldTable::default()).await.ok();
        if found.is_some() {
            drop(channel.close(200, "done".into()).await);
        }
        found
    }

    /// The bodies of all messages that came in, whoever listened.
    pub fn all_heard(&self) -> Vec<Vec<u8>> {
        self.heard.lock().expect("nobody panics with it").clone()
    }
}

impl Listener {
    /// The queue's name.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The next message; ends the test where none comes.
    pub async fn next(&mut self, within: Duration) -> Received {
        self.try_next(within).await.unwrap_or_else(|| panic!("nothing came to {} in {within:?}", self.queue))
    }

    /// The next message, or none within that time.
    pub async fn try_next(&mut self, within: Duration) -> Option<Received> {
        let delivery = timeout(within, self.consumer.next())
            .await
            .ok()?
            .expect("the queue lives")
            .expect("the channel lives");
        self.heard.lock().expect("nobody panics with it").push(delivery.data.clone());
        let properties = &delivery.properties;
        Some(Received {
            exchange: delivery.exchange.to_string(),
            routing_key: delivery.routing_key.to_string(),
            kind: properties.kind().as_ref().map(ToString::to_string),
            content_type: properties.content_type().as_ref().map(ToString::to_string),
            persistent: *properties.delivery_mode() == Some(2),
            correlation: properties.correlation_id().as_ref().map(ToString::to_string),
            body: serde_json::from_slice(&delivery.data).expect("UTF-8 JSON"),
        })
    }

    /// All that comes until nothing has come for `quiet`.
    pub async fn rest(&mut self, quiet: Duration) -> Vec<Received> {
        let mut all = Vec::new();
        while let Some(message) = self.try_next(quiet).await {
            all.push(message);
        }
        all
    }
}
