use serde_json::{Value, json};

use super::time::rfc3339;
use crate::{
    job::Outcome,
    publish::{Exchange, Message, MessageKind},
};

/// A power state that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerChange {
    /// Before.
    pub last: bool,
    /// Now.
    pub current: bool,
}

/// `chassispower.updated`, on both keys (contract.md, section 5). A switch is an episode of its own: it has no end but
/// the next switch. Its id is made of the poller and the sequence number, so a replay makes the same one.
pub fn chassis_power_updated(outcome: &Outcome, change: PowerChange, sequence: u64) -> Vec<Message> {
    let word = |on| if on { "ON" } else { "OFF" };
    let data = json!({ "states": { "last": word(change.last), "current": word(change.current) } });
    alert(outcome, "chassispower.updated", "information", data, sequence)
}

fn alert(outcome: &Outcome, action: &str, severity: &str, data: Value, sequence: u64) -> Vec<Message> {
    let subject = &outcome.subject;
    let id = super::cache_id(outcome);
    let event = json!({
        "type": "polleralert",
        "action": action,
        "typeId": id,
        "nodeId": subject.node,
        "severity": severity,
        "data": data,
        "version": "1.0",
        "createdAt": rfc3339(outcome.finished_at),
        "episode": { "id": format!("{action}:{id}:{sequence}"), "state": "open", "count": 1 },
    });
    let mut routing_key = format!("polleralert.{action}.{severity}.{id}");
    if let Some(node) = &subject.node {
        routing_key.push('.');
        routing_key.push_str(node);
    }
    vec![
        Message {
            exchange: Exchange::Task,
            routing_key: format!("poller.alert.{}", subject.graph_id),
            kind: MessageKind::Result,
            correlation: None,
            body: json!({ "value": event }).to_string().into_bytes(),
        },
        Message {
            exchange: Exchange::Events,
            routing_key,
            kind: MessageKind::Object,
            correlation: None,
            body: event.to_string().into_bytes(),
        },
    ]
}
