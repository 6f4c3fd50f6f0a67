//! One MQTT connection from CONNACK to its end: commands in, the outbox out.

use std::{collections::VecDeque, future::Future, pin::Pin, time::Duration};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use rumqttc::{
    Outgoing,
    v5::{
        AsyncClient, Event, Incoming,
        mqttbytes::{
            QoS,
            v5::{ConnAck, Filter, PubAck, PubAckReason, Publish, RetainForwardRule, SubscribeReasonCode},
        },
    },
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Outlet, Pending, Settings,
    commands::{Commands, Received, Serial},
    connection::{Connection, LARGEST_COMMAND},
    packet,
    topic::{self, BadTopic},
    window::{Sent, Window},
};
use crate::{
    broker::{BusEvent, Delivery, Intake},
    publish::MessageKind,
};

/// Publishes, and apart from them acknowledgements, that rumqttc's channel holds at most.
const CHANNEL_SHARE: usize = 32;
/// Room in rumqttc's channel: both shares, and a few for subscribe and disconnect. `try_send` then always succeeds.
pub(super) const CHANNEL: usize = 2 * CHANNEL_SHARE + 4;

/// Messages read from the outbox at a time.
const BATCH: usize = 128;

/// Commands that wait for the intake. With QoS 1 the broker stops at our receive maximum; without, the rest is dropped.
const MOST_WAITING: usize = 2_000;

/// How long the outbox may still flow once the agent is to stop, out of the second that the whole agent has for it; the
/// rest stays on disk.
const LAST_WORDS: Duration = Duration::from_millis(700);

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// Because the agent stops.
    Stopped,
    /// It broke, or had to be broken.
    Broken {
        /// For the log.
        reason: String,
        /// It had worked: the next try may come soon.
        proven: bool,
    },
}

/// A command on its way to the outbox, with whether it arrived there.
type Recording = Pin<Box<dyn Future<Output = (Option<Serial>, bool)> + Send>>;

/// What of the commands outlives a connection.
#[derive(Default)]
pub(super) struct Inbound {
    commands: Commands,
    recordings: FuturesUnordered<Recording>,
    waiting: VecDeque<Delivery>,
}

/// One connection.
pub(super) struct Session<'a, O> {
    settings: &'a Settings,
    outlet: &'a O,
    intake: &'a Intake,
    inbound: &'a mut Inbound,
    client: AsyncClient,
    connection: Connection,
    window: Window,
    /// Read from the outbox and not handed to rumqttc.
    batch: VecDeque<Pending>,
    /// The last message that was read.
    cursor: Option<u64>,
    /// The last read gave nothing.
    drained: bool,
    confirmed: Vec<u64>,
    acks_in_channel: usize,
    largest_packet: usize,
    proven: bool,
}

impl<'a, O: Outlet> Session<'a, O> {
    /// A connection that is not open yet.
    pub(super) fn new(
        settings: &'a Settings,
        outlet: &'a O,
        intake: &'a Intake,
        inbound: &'a mut Inbound,
        (client, connection): (AsyncClient, Connection),
    ) -> Self {
        Self {
            settings,
            outlet,
            intake,
            inbound,
            client,
            connection,
            window: Window::default(),
            batch: VecDeque::new(),
            cursor: None,
            drained: false,
            confirmed: Vec::new(),
            acks_in_channel: 0,
            largest_packet: settings.largest_packet,
            proven: false,
        }
    }

    /// Opens the connection and serves it until it breaks, or the agent stops.
    pub(super) async fn run(mut self, stop: &CancellationToken) -> End {
        let end = match self.serve(stop).await {
            Ok(()) => End::Stopped,
            Err(reason) => End::Broken { reason, proven: self.proven },
        };
        self.inbound.commands.disconnected();
        self.flush_confirmed().await;
        end
    }

    async fn serve(&mut self, stop: &CancellationToken) -> Result<(), String> {
        let connack = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            opened = self.connection.opened() => opened?,
        };
        self.opened(&connack)?;
        let mut last_words: Option<Instant> = None;
        loop {
            self.hand_over().await?;
            if last_words.is_some_and(|end| Instant::now() >= end || self.all_said()) {
                return self.say_goodbye().await;
            }
            let deadline = last_words.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            let waiting = !self.inbound.waiting.is_empty();
            let drained = self.drained && self.batch.is_empty();
            tokio::select! {
                event = self.connection.next() => self.take_in(event?).await?,
                Some((serial, recorded)) = self.inbound.recordings.next(),
                    if !self.inbound.recordings.is_empty() => self.settle(serial, recorded)?,
                permit = self.intake.commands.reserve(), if waiting => {
                    // A closed intake drops the delivery, which so stays unacknowledged.
                    if let (Ok(permit), Some(delivery)) = (permit, self.inbound.waiting.pop_front()) {
                        permit.send(delivery);
                    } else {
                        self.inbound.waiting.clear();
                    }
                }
                () = self.outlet.added(), if drained => self.drained = false,
                () = stop.cancelled(), if last_words.is_none() => last_words = Some(Instant::now() + LAST_WORDS),
                () = sleep_until(deadline), if last_words.is_some() => {}
            }
        }
    }

    /// The first things after CONNACK: what is kept of the last connection, who we are, what we want to hear.
    fn opened(&mut self, connack: &ConnAck) -> Result<(), String> {
        if !connack.session_present {
            self.inbound.commands.session_lost();
        }
        let properties = connack.properties.as_ref();
        if let Some(size) = properties.and_then(|properties| properties.max_packet_size) {
            self.largest_packet = self.largest_packet.min(usize::try_from(size).unwrap_or(usize::MAX));
        }
        let filters = self.settings.command_filters().map(|path| Filter {
            // A retained command would be carried out again at every connection.
            retain_forward_rule: RetainForwardRule::Never,
            ..Filter::new(path, QoS::AtLeastOnce)
        });
        let events = self.settings.event_filters().into_iter().map(|path| Filter {
            retain_forward_rule: RetainForwardRule::Never,
            // The agent's own events start nothing.
            nolocal: true,
            ..Filter::new(path, QoS::AtMostOnce)
        });
        let filters = filters.into_iter().chain(events);
        self.client.try_subscribe_many(filters).map_err(|error| error.to_string())?;
        self.publish_status("online")?;
        tracing::info!(session_present = connack.session_present, "MQTT connected");
        Ok(())
    }

    /// Hands acknowledgements that are due and messages of the outbox to rumqttc, as far as there is room.
    async fn hand_over(&mut self) -> Result<(), String> {
        while self.acks_in_channel < CHANNEL_SHARE {
            let Some(pkid) = self.inbound.commands.next_ack() else { break };
            let publish = Publish { pkid, qos: QoS::AtLeastOnce, ..Publish::default() };
            self.client.try_ack(&publish).map_err(|error| error.to_string())?;
            self.acks_in_channel = self.acks_in_channel.saturating_add(1);
        }
        while self.window.has_room() && self.window.queued() < CHANNEL_SHARE {
            if self.batch.is_empty() && !self.drained {
                let read = self.outlet.batch(self.cursor, BATCH).await;
                self.drained = read.is_empty();
                self.cursor = read.last().map(|pending| pending.id).or(self.cursor);
                self.batch.extend(read);
            }
            let Some(pending) = self.batch.pop_front() else { break };
            self.publish(pending).await?;
        }
        Ok(())
    }

    async fn publish(&mut self, Pending { id, message }: Pending) -> Result<(), String> {
        let size = message.body.len();
        let key = message.routing_key.clone();
        let publish = match packet::publish(&self.settings.prefix, message) {
            Ok(publish) => publish,
            Err(reason) => {
                tracing::error!(routing_key = %key.escape_debug(), %reason, "message dropped: its routing key is no MQTT topic");
                self.outlet.discard(id).await;
                return Ok(());
            }
        };
        // Two more for the packet id, which it does not have yet.
        let packet_size = publish.size().saturating_add(2);
        if packet_size > self.largest_packet {
            tracing::error!(routing_key = %key, packet_size, most = self.largest_packet, "message dropped: larger than the broker takes");
            self.outlet.discard(id).await;
            return Ok(());
        }
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        let properties = publish.properties.unwrap_or_default();
        self.client
            .try_publish_with_properties(topic, QoS::AtLeastOnce, false, publish.payload, properties)
            .map_err(|error| error.to_string())?;
        self.window.queue(Sent::Stored { id, size });
        Ok(())
    }

    fn publish_status(&mut self, state: &str) -> Result<(), String> {
        let (topic, body) = self.settings.status(state);
        let properties = packet::properties(MessageKind::Object, None);
        self.client
            .try_publish_with_properties(topic, QoS::AtLeastOnce, true, body, properties)
            .map_err(|error| error.to_string())?;
        self.window.queue(Sent::Status);
        Ok(())
    }

    /// Takes an event, and those that are there already, so that many confirmations make one transaction.
    async fn take_in(&mut self, first: Event) -> Result<(), String> {
        self.on_event(first)?;
        while self.confirmed.len() < BATCH {
            let Some(event) = self.connection.next().now_or_never() else { break };
            self.on_event(event?)?;
        }
        self.flush_confirmed().await;
        Ok(())
    }

    async fn flush_confirmed(&mut self) {
        if !self.confirmed.is_empty() {
            self.outlet.confirm(std::mem::take(&mut self.confirmed)).await;
        }
    }

    fn on_event(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Incoming(Incoming::Publish(publish)) => self.on_publish(publish),
            Event::Incoming(Incoming::PubAck(ack)) => return self.on_puback(&ack),
            Event::Incoming(Incoming::SubAck(ack)) => {
                for reason in ack.return_codes {
                    if !matches!(reason, SubscribeReasonCode::Success(_)) {
                        tracing::error!(
                            ?reason,
                            "the broker refuses a subscription: commands will not be heard"
                        );
                    }
                }
            }
            Event::Outgoing(Outgoing::Publish(pkid)) if pkid != 0 => {
                self.window.written(pkid).map_err(|error| error.to_string())?;
            }
            Event::Outgoing(Outgoing::PubAck(_)) => {
                self.acks_in_channel = self.acks_in_channel.saturating_sub(1);
            }
            _ => {}
        }
        Ok(())
    }

    fn on_puback(&mut self, ack: &PubAck) -> Result<(), String> {
        let sent = self.window.acknowledged(ack.pkid).map_err(|error| error.to_string())?;
        match ack.reason {
            PubAckReason::Success | PubAckReason::NoMatchingSubscribers => {
                self.proven = true;
                if let Sent::Stored { id, .. } = sent {
                    self.confirmed.push(id);
                }
                Ok(())
            }
            // It stays in the outbox, and everything behind it too: an operator has to change rights or quota.
            reason => Err(format!("the broker refuses a message: {reason:?}")),
        }
    }

    fn on_publish(&mut self, publish: Publish) {
        if let Some(key) = topic::event_key(&self.settings.prefix, &publish.topic) {
            self.intake.event(BusEvent { routing_key: key, body: publish.payload.to_vec() });
            return;
        }
        let serial = if publish.qos == QoS::AtMostOnce {
            None
        } else {
            let (topic, body) = (&publish.topic, &publish.payload);
            match self.inbound.commands.received(publish.pkid, publish.dup, topic, body) {
                Received::New(serial) => Some(serial),
                Received::Again => return,
            }
        };
        match self.delivery(&publish) {
            Ok((delivery, recorded)) => {
                self.inbound.waiting.push_back(delivery);
                self.inbound.recordings.push(Box::pin(async move { (serial, recorded.await.is_ok()) }));
            }
            Err(refusal) => {
                let topic = publish.topic.get(..64).unwrap_or(&publish.topic).escape_ascii();
                tracing::warn!(%topic, size = publish.payload.len(), %refusal, "command refused");
                if let Some(serial) = serial {
                    self.inbound.commands.recorded(serial);
                }
            }
        }
    }

    fn delivery(&self, publish: &Publish) -> Result<(Delivery, oneshot::Receiver<()>), Refusal> {
        if publish.retain {
            return Err(Refusal::Retained);
        }
        if publish.payload.len() > LARGEST_COMMAND {
            return Err(Refusal::TooLarge);
        }
        if self.inbound.waiting.len() >= MOST_WAITING {
            return Err(Refusal::TooMany);
        }
        let routing_key =
            topic::routing_key(&self.settings.prefix, &publish.topic).map_err(Refusal::Topic)?;
        let reply_to = packet::reply_to(publish).map_err(Refusal::ResponseTopic)?;
        let (recorded, receiver) = oneshot::channel();
        Ok((Delivery { routing_key, body: publish.payload.to_vec(), reply_to, recorded }, receiver))
    }

    fn settle(&mut self, serial: Option<Serial>, recorded: bool) -> Result<(), String> {
        let Some(serial) = serial else { return Ok(()) };
        if recorded {
            self.inbound.commands.recorded(serial);
            return Ok(());
        }
        self.inbound.commands.forget(serial);
        if self.intake.commands.is_closed() {
            return Ok(());
        }
        // Only a new connection makes the broker send it again.
        Err("a command was dropped before its outcome was stored".into())
    }

    /// The outbox is empty and everything acknowledged, both ways.
    fn all_said(&self) -> bool {
        self.drained && self.batch.is_empty() && self.window.len() == 0 && self.acks_in_channel == 0
    }

    /// Says that the agent is off, and closes the connection so that the broker forgets the last will.
    async fn say_goodbye(&mut self) -> Result<(), String> {
        let goodbye = async {
            self.publish_status("offline")?;
            while self.window.len() > 0 {
                let event = self.connection.next().await?;
                self.on_event(event)?;
            }
            self.client.try_disconnect().map_err(|error| error.to_string())?;
            while !matches!(self.connection.next().await?, Event::Outgoing(Outgoing::Disconnect)) {}
            Ok(())
        };
        let said: Result<Result<(), String>, _> =
            tokio::time::timeout(Duration::from_millis(200), goodbye).await;
        if !matches!(said, Ok(Ok(()))) {
            tracing::debug!("the broker did not hear the goodbye; it will publish the last will");
        }
        Ok(())
    }
}

/// Why a command is not carried out. It is acknowledged all the same: it would not get better.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("malformed topic: {0}")]
    Topic(BadTopic),
    #[error("malformed response topic: {0}")]
    ResponseTopic(BadTopic),
    #[error("its body is larger than 256 KiB")]
    TooLarge,
    #[error("it is a retained message")]
    Retained,
    #[error("too many commands wait already")]
    TooMany,
}
