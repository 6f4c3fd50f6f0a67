use std::convert::Infallible;

use futures_util::{StreamExt, stream::FuturesUnordered};
use lapin::Channel;
use tokio::sync::oneshot;

use super::{
    Broken, Settings,
    consumer::{Acknowledged, Consumer, reply_to},
    publisher,
};
use crate::broker::{Intake, RpcRequest};

/// Takes requests in and answers them at once. A request whose answer is lost with the connection is not asked again by
/// us: its caller has given up by then.
pub(super) async fn run(
    channel: &Channel,
    settings: &Settings,
    intake: &Intake,
) -> Result<Infallible, Broken> {
    let mut consumer = Consumer::start(channel, settings.requests_queue(), Acknowledged::BySending).await?;
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            delivery = consumer.next() => {
                let delivery = delivery?;
                let (answer, answered) = oneshot::channel();
                open.push(answered);
                let request = RpcRequest {
                    routing_key: delivery.routing_key.to_string(),
                    reply_to: reply_to(&delivery),
                    body: delivery.data,
                    answer,
                };
                if intake.requests.send(request).await.is_err() {
                    return Err(Broken("the agent takes no more requests".to_owned()));
                }
            }
            Some(answer) = open.next() => {
                if let Ok(message) = answer {
                    publisher::send(channel, settings, &message).await?;
                }
            }
        }
    }
}
