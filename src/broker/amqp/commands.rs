use std::convert::Infallible;

use futures_util::{StreamExt, stream::FuturesUnordered};
use lapin::{
    Acker, Channel,
    options::{BasicAckOptions, BasicNackOptions, BasicQosOptions},
};
use tokio::sync::oneshot;

use super::{
    Broken, Settings,
    consumer::{Acknowledged, Consumer, reply_to},
};
use crate::broker::{Delivery, Intake};

/// Commands at once: enough that those for dead devices do not hold up others (contract.md, section 2).
const PREFETCH: u16 = 1_000;

/// Takes commands in and acknowledges each when its outcome is on disk. Returns only when something is wrong; what was
/// not acknowledged then comes again.
pub(super) async fn run(
    channel: &Channel,
    settings: &Settings,
    intake: &Intake,
) -> Result<Infallible, Broken> {
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let mut consumer = Consumer::start(channel, settings.commands_queue(), Acknowledged::ByUs).await?;
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            delivery = consumer.next() => {
                let delivery = delivery?;
                let (recorded, outcome) = oneshot::channel();
                let command = Delivery {
                    routing_key: delivery.routing_key.to_string(),
                    reply_to: reply_to(&delivery),
                    body: delivery.data,
                    recorded,
                };
                open.push(settled(delivery.acker, outcome));
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
