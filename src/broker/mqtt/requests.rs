//! The second connection: requests that are answered from memory (`methods.requestPollerCache`). They have one of
//! their own so that they wait neither behind a thousand results on their way out nor behind commands for dead devices.

use std::{collections::VecDeque, future::Future, pin::Pin, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use rumqttc::{
    Outgoing,
    v5::{
        AsyncClient, Event, Incoming,
        mqttbytes::{
            QoS,
            v5::{Filter, Publish, RetainForwardRule},
        },
    },
};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Settings,
    connection::{Connection, LARGEST_COMMAND, Role},
    packet, topic,
};
use crate::{
    broker::{Intake, RpcRequest, backoff::Backoff},
    job::ReplyTo,
    publish::{Exchange, Message},
};

/// Requests that are being answered, and answers that wait to be written; more are dropped, and their callers told
/// nothing, as at a broker that is away.
const MOST_OPEN: usize = 1_000;

/// Nobody waits longer than a second for an answer (contract.md, section 1).
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// Answers in rumqttc's channel.
const CHANNEL: usize = 64;

type Answer = Pin<Box<dyn Future<Output = Option<Message>> + Send>>;

/// Answers requests until the agent stops, over as many connections as it takes.
pub(super) async fn run(settings: &Settings, intake: &Intake, stop: &CancellationToken) {
    let mut backoff = Backoff::default();
    for attempt in 0.. {
        let served = async {
            let (client, connection) = Connection::new(settings, Role::Requests, attempt, CHANNEL + 4)?;
            Requests {
                settings,
                intake,
                client,
                connection,
                answers: FuturesUnordered::new(),
                unsent: VecDeque::new(),
                in_channel: 0,
            }
            .serve(&mut backoff)
            .await
        };
        let ended: Result<(), String> = tokio::select! {
            () = stop.cancelled() => return,
            ended = served => ended,
        };
        if let Err(reason) = ended {
            tracing::debug!(%reason, "MQTT connection for requests lost");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.wait()) => {}
        }
    }
}

struct Requests<'a> {
    settings: &'a Settings,
    intake: &'a Intake,
    client: AsyncClient,
    connection: Connection,
    answers: FuturesUnordered<Answer>,
    unsent: VecDeque<Publish>,
    in_channel: usize,
}

impl Requests<'_> {
    async fn serve(&mut self, backoff: &mut Backoff) -> Result<(), String> {
        self.connection.opened().await?;
        let filters = self.settings.request_filters().map(|path| Filter {
            retain_forward_rule: RetainForwardRule::Never,
            ..Filter::new(path, QoS::AtLeastOnce)
        });
        self.client.try_subscribe_many(filters).map_err(|error| error.to_string())?;
        loop {
            while self.in_channel < CHANNEL {
                let Some(answer) = self.unsent.pop_front() else { break };
                let topic = String::from_utf8_lossy(&answer.topic).into_owned();
                let properties = answer.properties.unwrap_or_default();
                self.client
                    .try_publish_with_properties(topic, QoS::AtLeastOnce, false, answer.payload, properties)
                    .map_err(|error| error.to_string())?;
                self.in_channel = self.in_channel.saturating_add(1);
            }
            tokio::select! {
                event = self.connection.next() => match event? {
                    Event::Incoming(Incoming::Publish(publish)) => self.on_publish(&publish),
                    Event::Incoming(Incoming::SubAck(_)) => backoff.reset(),
                    Event::Outgoing(Outgoing::Publish(_)) => self.in_channel = self.in_channel.saturating_sub(1),
                    _ => {}
                },
                Some(answer) = self.answers.next(), if !self.answers.is_empty() => self.on_answer(answer),
            }
        }
    }

    fn on_publish(&mut self, publish: &Publish) {
        match self.request(publish) {
            Ok(answer) => self.answers.push(answer),
            Err(refusal) => tracing::debug!(%refusal, size = publish.payload.len(), "request refused"),
        }
    }

    fn request(&self, publish: &Publish) -> Result<Answer, String> {
        if publish.retain {
            return Err("it is a retained message".into());
        }
        if publish.payload.len() > LARGEST_COMMAND {
            return Err("its body is larger than 256 KiB".into());
        }
        if self.answers.len().saturating_add(self.unsent.len()) >= MOST_OPEN {
            return Err("too many requests are open".into());
        }
        let routing_key = topic::request_key(&self.settings.prefix, &publish.topic)
            .map_err(|reason| format!("malformed topic: {reason}"))?;
        let reply_to = packet::reply_to(publish)
            .map_err(|reason| format!("malformed response topic: {reason}"))?
            .ok_or("it has no response topic")?;
        let (answer, receiver) = oneshot::channel();
        let request = RpcRequest {
            routing_key,
            body: publish.payload.to_vec(),
            reply_to: Some(reply_to.clone()),
            answer,
        };
        self.intake.requests.try_send(request).map_err(|_| "too many requests are open")?;
        Ok(Box::pin(answered(receiver, reply_to)))
    }

    fn on_answer(&mut self, answer: Option<Message>) {
        let Some(message) = answer else { return };
        match packet::publish(&self.settings.prefix, message) {
            Ok(publish) => self.unsent.push_back(publish),
            Err(reason) => tracing::debug!(%reason, "answer dropped"),
        }
    }
}

async fn answered(receiver: oneshot::Receiver<Message>, reply_to: ReplyTo) -> Option<Message> {
    let message = timeout(ANSWER_TIME, receiver).await.ok()?.ok()?;
    // Whoever answers need not know how the answer travels.
    Some(Message {
        exchange: Exchange::Reply,
        routing_key: reply_to.address,
        correlation: reply_to.correlation,
        ..message
    })
}
