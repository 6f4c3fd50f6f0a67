use futures_util::{StreamExt, stream::FuturesUnordered};
use lapin::{Channel, options::BasicConsumeOptions, types::FieldTable};
use tokio::sync::oneshot;

use super::{Broken, Settings, commands::reply_to, publisher};
use crate::broker::{Intake, RpcRequest};

/// Takes requests in and answers them at once. A request whose answer is lost with the connection is not asked again by
/// us: its caller has given up by then.
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
    let queue = settings.requests_queue();
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut consumer =
        channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default()).await?;
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            delivery = consumer.next() => {
                let delivery = delivery.ok_or_else(|| Broken(format!("the queue {queue} is gone")))??;
                let Some(reply_to) = reply_to(&delivery.properties) else {
                    tracing::warn!(routing_key = %delivery.routing_key, "a request without reply_to was dropped");
                    continue;
                };
                let (answer, answered) = oneshot::channel();
                open.push(answered);
                let request = RpcRequest {
                    routing_key: delivery.routing_key.to_string(),
                    body: delivery.data,
                    reply_to,
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
