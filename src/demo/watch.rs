//! The demo's own subscriber: a client of the broker like any other, so that what it prints has been on the bus.

use std::time::Duration;

use rumqttc::v5::{
    AsyncClient, Event, Incoming, MqttOptions,
    mqttbytes::{QoS, v5::ConnectProperties},
};
use tokio::sync::mpsc;

use super::line::Line;

/// The largest result that the embedded broker takes, and its properties.
const LARGEST_PACKET: u32 = 5 * 1024 * 1024;

/// Subscribes at the broker on this port of 127.0.0.1 and sends a line for each message that people want to see, until
/// nobody receives them any more. A lost connection is opened again.
pub async fn watch(port: u16, prefix: &str, lines: mpsc::Sender<Line>) {
    while !lines.is_closed() {
        let mut options = MqttOptions::new("rackpoll-demo-watch", "127.0.0.1", port);
        options.set_connect_properties(ConnectProperties {
            max_packet_size: Some(LARGEST_PACKET),
            ..ConnectProperties::new()
        });
        let (client, mut events) = AsyncClient::new(options, 8);
        for topic in ["task/+/command/+/+/+", "task/+/command/+/+", "task/metric/+/+/+", "events/#"] {
            // The channel has room for all of them.
            let _ = client.try_subscribe(format!("{prefix}/{topic}"), QoS::AtLeastOnce);
        }
        while let Ok(event) = events.poll().await {
            let Event::Incoming(Incoming::Publish(publish)) = event else { continue };
            let Some(line) = Line::of(&String::from_utf8_lossy(&publish.topic), &publish.payload) else {
                continue;
            };
            if lines.send(line).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
