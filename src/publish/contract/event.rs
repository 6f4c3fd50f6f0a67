use serde_json::{Map, Value, json};

use super::time::rfc3339;
use crate::{
    job::Outcome,
    outcome::rules::{Alert, Episode},
    publish::{Exchange, Message, MessageKind},
};

/// An alert on both keys, so that both generations of RackHD's clients hear it (contract.md, section 5).
pub fn alert(outcome: &Outcome, alert: Alert) -> [Message; 2] {
    let subject = &outcome.subject;
    let id = super::cache_id(outcome);
    let action = alert.action.as_str();
    let mut routing_key = format!("polleralert.{action}.{}.{id}", alert.severity);
    if let Some(node) = &subject.node {
        routing_key.push('.');
        routing_key.push_str(node);
    }
    let event = json!({
        "type": "polleralert",
        "action": action,
        "typeId": id,
        "nodeId": subject.node,
        "severity": alert.severity.as_str(),
        "data": alert.data,
        "version": "1.0",
        "createdAt": rfc3339(outcome.finished_at),
        "episode": episode_value(&alert.episode),
    });
    let event = event.to_string();
    [
        Message {
            exchange: Exchange::Task,
            routing_key: format!("poller.alert.{}", subject.graph_id),
            kind: MessageKind::Result,
            correlation: None,
            body: format!("{{\"value\":{event}}}").into_bytes(),
        },
        Message {
            exchange: Exchange::Events,
            routing_key,
            kind: MessageKind::Object,
            correlation: None,
            body: event.into_bytes(),
        },
    ]
}

fn episode_value(episode: &Episode) -> Value {
    let mut value = Map::new();
    value.insert("id".to_owned(), episode.id.as_str().into());
    value.insert("state".to_owned(), episode.state.as_str().into());
    value.insert("count".to_owned(), episode.count.into());
    if episode.flapping {
        value.insert("flapping".to_owned(), true.into());
    }
    Value::Object(value)
}
