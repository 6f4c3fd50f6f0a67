//! Messages as MQTT 5 publishes, and what is read from the ones that come in (contract.md, sections 1 and 10).

use rumqttc::v5::mqttbytes::{
    QoS,
    v5::{Publish, PublishProperties},
};

use super::topic::{self, BadTopic};
use crate::{
    job::ReplyTo,
    publish::{Message, MessageKind},
};

/// A message as a publish with QoS 1.
///
/// # Errors
/// Its routing key is no topic.
pub(super) fn publish(prefix: &str, message: Message) -> Result<Publish, BadTopic> {
    let topic = topic::of_message(prefix, &message)?;
    let properties = properties(message.kind, message.correlation);
    Ok(Publish::new(topic, QoS::AtLeastOnce, message.body, Some(properties)))
}

/// Properties of everything that the agent publishes.
pub(super) fn properties(kind: MessageKind, correlation: Option<Vec<u8>>) -> PublishProperties {
    PublishProperties {
        content_type: Some("application/json".into()),
        user_properties: vec![("type".into(), kind.as_str().into())],
        correlation_data: correlation.map(Into::into),
        ..PublishProperties::default()
    }
}

/// Where the sender of this wants an answer, if anywhere.
///
/// # Errors
/// A response topic that cannot be published on.
pub(super) fn reply_to(publish: &Publish) -> Result<Option<ReplyTo>, BadTopic> {
    let Some(properties) = &publish.properties else { return Ok(None) };
    let Some(address) = &properties.response_topic else { return Ok(None) };
    topic::check_response_topic(address)?;
    let correlation = properties.correlation_data.as_ref().map(|data| data.to_vec());
    Ok(Some(ReplyTo { address: address.clone(), correlation }))
}
