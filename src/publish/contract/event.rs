use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::time::rfc3339;
use crate::{
    job::Outcome,
    outcome::rules::{Alert, Episode, NodeChange, Severity, Stage},
    publish::{Exchange, Message, MessageKind},
};

/// Who tells an alert.
#[derive(Debug, Clone, Copy)]
pub struct Teller<'a> {
    /// The poller.
    pub id: &'a str,
    /// RackHD's node.
    pub node: Option<&'a str>,
    /// The graph (UUID).
    pub graph_id: &'a str,
    /// When.
    pub at: SystemTime,
}

impl<'a> Teller<'a> {
    /// The poller, which has this id, of an outcome.
    pub fn of(outcome: &'a Outcome, id: &'a str) -> Self {
        let Outcome { subject, finished_at, .. } = outcome;
        Self { id, node: subject.node.as_deref(), graph_id: &subject.graph_id, at: *finished_at }
    }
}

/// An alert on both keys, so that both generations of RackHD's clients hear it (contract.md, section 5).
pub fn alert(teller: &Teller<'_>, alert: Alert) -> [Message; 2] {
    let Teller { id, node, graph_id, at } = *teller;
    let action = alert.action.as_str();
    let mut routing_key = format!("polleralert.{action}.{}.{id}", alert.severity);
    if let Some(node) = node {
        routing_key.push('.');
        routing_key.push_str(node);
    }
    // Not by `json!`, which copies what it is given: a sensor, a SEL entry.
    let mut event = Map::with_capacity(9);
    for (key, value) in [
        ("type", "polleralert".into()),
        ("action", action.into()),
        ("typeId", id.into()),
        ("nodeId", node.into()),
        ("severity", alert.severity.as_str().into()),
        ("data", alert.data),
        ("version", "1.0".into()),
        ("createdAt", rfc3339(at).into()),
        ("episode", episode_value(&alert.episode)),
    ] {
        event.insert(key.to_owned(), value);
    }
    both(graph_id, routing_key, &Value::Object(event))
}

/// A poller's event under `poller.alert.<graphId>` on `on.task` and under its own key on `on.events`.
pub(super) fn both(graph_id: &str, routing_key: String, event: &Value) -> [Message; 2] {
    let event = event.to_string();
    [
        Message {
            exchange: Exchange::Task,
            routing_key: format!("poller.alert.{graph_id}"),
            kind: MessageKind::Result,
            correlation: None,
            body: format!("{{\"value\":{event}}}").into_bytes(),
        },
        on_events(routing_key, event),
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

/// A node that can or cannot be reached any more.
#[derive(Debug, Clone, Copy)]
pub struct NodeEvent<'a> {
    /// RackHD's node.
    pub node: &'a str,
    /// RackHD's type of it.
    pub node_type: Option<&'a str>,
    /// Which of both.
    pub change: NodeChange,
    /// When.
    pub at: SystemTime,
}

/// `node.accessible` and `node.inaccessible` (contract.md, section 5).
pub fn node_event(event: &NodeEvent<'_>) -> Message {
    let NodeEvent { node, node_type, change, at } = *event;
    let body = json!({
        "type": "node",
        "action": change.as_str(),
        "typeId": node,
        "nodeId": node,
        "severity": "information",
        "data": { "nodeType": node_type },
        "version": "1.0",
        "createdAt": rfc3339(at),
    });
    on_events(format!("node.{}.information.{node}.{node}", change.as_str()), body.to_string())
}

/// Most nodes of a segment are gone together, or back.
#[derive(Debug, Clone)]
pub struct SegmentEvent<'a> {
    /// Its word: a tag, or a network with hyphens for dots.
    pub segment: &'a str,
    /// Which of both.
    pub change: NodeChange,
    /// The nodes that are.
    pub nodes: Vec<&'a str>,
    /// Of so many in all.
    pub of: usize,
    /// When.
    pub at: SystemTime,
    /// The episode's id.
    pub episode: &'a str,
    /// Where in its episode.
    pub state: Stage,
    /// Which event of the episode.
    pub count: u64,
}

/// `segment.inaccessible` and `segment.accessible`: in place of the events of its nodes.
pub fn segment_event(event: &SegmentEvent<'_>) -> Message {
    let severity = match event.change {
        NodeChange::Accessible => Severity::Information,
        NodeChange::Inaccessible => Severity::Critical,
    };
    let action = event.change.as_str();
    let body = json!({
        "type": "segment",
        "action": action,
        "typeId": event.segment,
        "severity": severity.as_str(),
        "data": { "nodes": event.nodes, "of": event.of },
        "version": "1.0",
        "createdAt": rfc3339(event.at),
        "episode": { "id": event.episode, "state": event.state.as_str(), "count": event.count },
    });
    on_events(format!("segment.{action}.{severity}.{}", event.segment), body.to_string())
}

fn on_events(routing_key: String, body: String) -> Message {
    Message {
        exchange: Exchange::Events,
        routing_key,
        kind: MessageKind::Object,
        correlation: None,
        body: body.into_bytes(),
    }
}
