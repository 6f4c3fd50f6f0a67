use futures_util::StreamExt;
use lapin::{Channel, options::BasicConsumeOptions, types::FieldTable};

use super::{Broken, Settings};
use crate::broker::{BusEvent, Intake};

/// Hears the events that triggers want. One that comes while the agent is away is not made up for: what it would have
/// started is polled on schedule.
pub(super) async fn run(channel: &Channel, settings: &Settings, intake: &Intake) -> Broken {
    if settings.event_keys.is_empty() {
        return std::future::pending().await;
    }
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
    let queue = settings.events_queue();
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut consumer =
        channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default()).await?;
    loop {
        let delivery =
            consumer.next().await.ok_or_else(|| Broken(format!("the queue {queue} is gone")))??;
        let event = BusEvent { routing_key: delivery.routing_key.to_string(), body: delivery.data };
        intake.event(event);
    }
}
