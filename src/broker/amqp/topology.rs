use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};

use super::Settings;

/// The agent's own exchanges (contract.md, section 1). It declares no others.
const EXCHANGES: [&str; 4] = ["task", "events", "logging", "configuration"];

/// Declares exchanges, queues and bindings. All of it is as RackHD declares it, so either side may come first.
pub(super) async fn declare(channel: &Channel, settings: &Settings) -> lapin::Result<()> {
    for name in EXCHANGES {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel
            .exchange_declare(
                settings.exchange(name).into(),
                ExchangeKind::Topic,
                options,
                FieldTable::default(),
            )
            .await?;
    }
    let task = settings.exchange("task");
    let commands = settings.commands_queue();
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(commands.as_str().into(), durable, FieldTable::default()).await?;
    for key in ["ipmi.command.*.*", "run.snmp.command.*"] {
        bind(channel, &commands, &task, key).await?;
    }
    // Requests are worth nothing when nobody is there to answer within a second: the queue goes with its last agent.
    let requests = settings.requests_queue();
    let passing = QueueDeclareOptions { auto_delete: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(requests.as_str().into(), passing, FieldTable::default()).await?;
    bind(channel, &requests, &task, "methods.requestPollerCache").await?;
    for key in ["methods.get", "methods.set"] {
        bind(channel, &requests, &settings.exchange("configuration"), key).await?;
    }
    if settings.event_keys.is_empty() {
        return Ok(());
    }
    // A key that no trigger wants any more leaves with the queue, and the queue with its last agent.
    let events = settings.events_queue();
    channel.queue_declare(events.as_str().into(), passing, FieldTable::default()).await?;
    for key in &settings.event_keys {
        bind(channel, &events, &settings.exchange("events"), key).await?;
    }
    Ok(())
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> lapin::Result<()> {
    channel
        .queue_bind(
            queue.into(),
            exchange.into(),
            key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
}
