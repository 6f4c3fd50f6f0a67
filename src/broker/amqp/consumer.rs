use futures_util::StreamExt;
use lapin::{Channel, message::Delivery, options::BasicConsumeOptions, types::FieldTable};

use super::Broken;
use crate::job::ReplyTo;

/// A queue that is listened to.
pub(super) struct Consumer {
    queue: String,
    deliveries: lapin::Consumer,
}

/// Who says that a message was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// We do, message by message.
    ByUs,
    /// The broker takes it for taken when it is sent.
    BySending,
}

impl Consumer {
    pub(super) async fn start(
        channel: &Channel,
        queue: String,
        acknowledged: Acknowledged,
    ) -> Result<Self, Broken> {
        let no_ack = acknowledged == Acknowledged::BySending;
        let options = BasicConsumeOptions { no_ack, ..BasicConsumeOptions::default() };
        let deliveries =
            channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default()).await?;
        Ok(Self { queue, deliveries })
    }

    /// The next message. A queue that was deleted ends its consumer without an error of the broker's.
    pub(super) async fn next(&mut self) -> Result<Delivery, Broken> {
        let delivery = self.deliveries.next().await;
        Ok(delivery.ok_or_else(|| Broken(format!("the queue {} is gone", self.queue)))??)
    }
}

/// Where the sender wants the answer.
pub(super) fn reply_to(delivery: &Delivery) -> Option<ReplyTo> {
    let address = delivery.properties.reply_to().as_ref()?.to_string();
    let correlation = delivery.properties.correlation_id().as_ref().map(|id| id.to_string().into_bytes());
    Some(ReplyTo { address, correlation })
}
