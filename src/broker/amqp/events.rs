use std::convert::Infallible;

use lapin::Channel;

use super::{
    Broken, Settings,
    consumer::{Acknowledged, Consumer},
};
use crate::broker::{BusEvent, Intake};

/// Hears the events that triggers want. One that comes while the agent is away is not made up for: what it would have
/// started is polled on schedule.
pub(super) async fn run(
    channel: &Channel,
    settings: &Settings,
    intake: &Intake,
) -> Result<Infallible, Broken> {
    if settings.event_keys.is_empty() {
        return std::future::pending().await;
    }
    let mut consumer = Consumer::start(channel, settings.events_queue(), Acknowledged::BySending).await?;
    loop {
        let delivery = consumer.next().await?;
        intake.event(BusEvent { routing_key: delivery.routing_key.to_string(), body: delivery.data });
    }
}
