use futures_util::{StreamExt, stream::FuturesUnordered};
use lapin::{
    Acker, Channel,
    options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::sync::oneshot;

use super::{Broken, Settings};
use crate::{
    broker::{Delivery, Intake},
    job::ReplyTo,
};

/// Commands at once: enough that those for dead devices do not hold up others (contract.md, section 2).
const PREFETCH: u16 = 1_000;

/// Takes commands in and acknowledges each when its outcome is on disk. Returns only when something is wrong; what was
/// not acknowledged then comes again.
pub(super) async fn run(channel: &Channel, settings: &Settings, intake: &Intake) -> Broken {
    match serve(channel, settings, intake).await {
        Ok(never) => match never {},
        Err(broken) => broken,
    }
}

async fn serve(
    channel: &Channel,
    settings: &Settings,
    intake: &Intake,
) -> Result<std::convert::Infallible, Broken> {
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let queue = settings.commands_queue();
    let mut consumer = channel
        .basic_consume(
            queue.as_str().into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            delivery = consumer.next() => {
                let delivery = delivery.ok_or_else(|| Broken(format!("the queue {queue} is gone")))??;
                let (recorded, outcome) = oneshot::channel();
                open.push(settled(delivery.acker, outcome));
                let command = Delivery {
                    routing_key: delivery.routing_key.to_string(),
                    reply_to: reply_to(&delivery.properties),
                    body: delivery.data,
                    recorded,
                };
                if intake.commands.send(command).await.is_err() {
                    return Err(Broken("the agent takes no more commands".to_owned()));
                }
            }
            Some(settled) = open.next() => settled?,
        }
    }
}

async fn settled(acker: Acker, outcome: oneshot::Receiver<()>) -> lapin::Result<()> {
    if outcome.await.is_ok() {
        acker.ack(BasicAckOptions::default()).await?;
    } else {
        // The agent stops, or nobody will ever know: another agent, or the next start, takes it.
        acker.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await?;
    }
    Ok(())
}

/// Where the caller wants the answer.
pub(super) fn reply_to(properties: &lapin::BasicProperties) -> Option<ReplyTo> {
    let address = properties.reply_to().as_ref()?.to_string();
    let correlation = properties.correlation_id().as_ref().map(|id| id.to_string().into_bytes());
    Some(ReplyTo { address, correlation })
}
