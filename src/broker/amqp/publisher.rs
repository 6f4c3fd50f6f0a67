use std::collections::VecDeque;

use lapin::{
    BasicProperties, Channel, Confirmation, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Broken, Settings};
use crate::{
    broker::outlet::{Outlet, Pending},
    publish::{Exchange, Message},
};

/// Messages that the broker has and has not confirmed. 735 a second one by one, 6,100 with 100, 9,600 with 1,000 (measured,
/// 1 KB each).
const WINDOW: usize = 1_000;
/// Messages that are read from disk at once.
const BATCH: usize = 250;
/// Confirmed messages are forgotten on disk in groups, because each group is waited for.
const FORGET: usize = 250;
/// After `stop` what is in the outbox may go out for this long.
const FLUSH_LIMIT: std::time::Duration = std::time::Duration::from_millis(1_000);

/// Longest routing key (a short string of AMQP).
const LONGEST_KEY: usize = 255;

/// Publishes the outbox in its order, and forgets what the broker has confirmed. On any error the connection ends, and
/// the next one begins with the oldest message that was not confirmed: nothing is lost, and the order of what is
/// published first is kept.
pub(super) async fn run<O: Outlet>(
    channel: &Channel,
    settings: &Settings,
    outlet: &O,
    mut blocked: watch::Receiver<bool>,
    stop: &CancellationToken,
) -> Result<(), Broken> {
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut in_flight: VecDeque<(u64, PublisherConfirm)> = VecDeque::with_capacity(WINDOW);
    let mut confirmed: Vec<u64> = Vec::with_capacity(FORGET);
    let mut last = None;
    let mut more = true;
    let mut end = None;
    loop {
        if stop.is_cancelled() && end.is_none() {
            end = Some(tokio::time::Instant::now() + FLUSH_LIMIT);
        }
        let may_publish = !*blocked.borrow_and_update() && in_flight.len() < WINDOW;
        if more && may_publish {
            let batch = outlet.batch(last, BATCH.min(WINDOW - in_flight.len())).await;
            more = !batch.is_empty();
            for pending in batch {
                last = Some(pending.id);
                publish(channel, settings, outlet, pending, &mut in_flight).await?;
            }
        }
        if confirmed.len() >= FORGET || (in_flight.is_empty() && !confirmed.is_empty()) {
            outlet.confirm(std::mem::take(&mut confirmed)).await;
        }
        if end.is_some() && in_flight.is_empty() && !more {
            return Ok(());
        }
        let deadline =
            end.unwrap_or_else(|| tokio::time::Instant::now() + std::time::Duration::from_secs(3_600));
        tokio::select! {
            biased;
            confirmation = next(&mut in_flight) => match confirmation? {
                (id, Confirmation::Ack(_)) => confirmed.push(id),
                (id, _) => {
                    outlet.confirm(std::mem::take(&mut confirmed)).await;
                    return Err(Broken(format!("the broker refused message {id} of the outbox")));
                }
            },
            () = std::future::ready(()), if more && may_publish => {}
            () = outlet.added(), if !more => more = true,
            _ = blocked.changed() => {}
            () = stop.cancelled(), if end.is_none() => {}
            () = tokio::time::sleep_until(deadline), if end.is_some() => {
                outlet.confirm(std::mem::take(&mut confirmed)).await;
                return Ok(());
            }
        }
    }
}

/// Waits for the oldest confirmation; for ever where there is none.
async fn next(in_flight: &mut VecDeque<(u64, PublisherConfirm)>) -> Result<(u64, Confirmation), Broken> {
    let Some((id, confirm)) = in_flight.front_mut() else { return std::future::pending().await };
    let confirmation = confirm.await?;
    let id = *id;
    in_flight.pop_front();
    Ok((id, confirmation))
}

async fn publish<O: Outlet>(
    channel: &Channel,
    settings: &Settings,
    outlet: &O,
    pending: Pending,
    in_flight: &mut VecDeque<(u64, PublisherConfirm)>,
) -> Result<(), Broken> {
    let Pending { id, message } = pending;
    if message.routing_key.len() > LONGEST_KEY {
        outlet.discard(id).await;
        return Ok(());
    }
    let confirm = send(channel, settings, &message).await?;
    in_flight.push_back((id, confirm));
    Ok(())
}

/// Puts a message on the wire.
pub(super) async fn send(
    channel: &Channel,
    settings: &Settings,
    message: &Message,
) -> lapin::Result<PublisherConfirm> {
    let exchange = match message.exchange {
        Exchange::Task => settings.exchange("task"),
        Exchange::Events => settings.exchange("events"),
        Exchange::Reply => String::new(),
    };
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_type(message.kind.as_str().into())
        // Persistent: it survives a restart of the broker in a durable queue.
        .with_delivery_mode(2);
    // A short string on the wire; one that is none came in over MQTT and cannot come back here.
    let correlation = message.correlation.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let properties = match correlation {
        Some(correlation) => properties.with_correlation_id(correlation.into()),
        None => properties,
    };
    channel
        .basic_publish(
            exchange.into(),
            message.routing_key.as_str().into(),
            BasicPublishOptions::default(),
            &message.body,
            properties,
        )
        .await
}
