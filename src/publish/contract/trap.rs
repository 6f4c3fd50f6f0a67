use std::time::SystemTime;

use rackpoll_model::{Fault, Notification, VarBind};
use rackpoll_snmp::{names::Names, value_text};
use serde_json::{Map, Value, json};

use super::{event::both, reading::reading_value, time::rfc3339};
use crate::{job::Outcome, outcome::rules::Severity, publish::Message};

/// Most variables of a trap that are told, and most bytes of them together.
const MOST_VARBINDS: usize = 64;
const LARGEST_VARBINDS: usize = 32 << 10;
/// Longest text of a value, characters.
const LONGEST_VALUE: usize = 1_024;
/// Largest result of a poll that goes into the event, bytes; it went out by itself anyway.
const LARGEST_RESULT: usize = 64 << 10;

/// A trap or an inform, and what the polls found that it raised.
#[derive(Debug)]
pub struct TrapEvent<'a> {
    /// The device's name.
    pub device: &'a str,
    /// RackHD's node of it.
    pub node: Option<&'a str>,
    /// Its place as it is written.
    pub host: &'a str,
    /// Last word of the key on `on.task`.
    pub graph_id: &'a str,
    /// What came.
    pub notification: &'a Notification,
    /// When.
    pub received_at: SystemTime,
    /// For how many that said the same it stands.
    pub count: u64,
    /// Whether the device has answered a poll since.
    pub is_verified: bool,
    /// What each poll found, by [`trap_poll`].
    pub polls: Vec<Value>,
    /// What MIB objects are called.
    pub names: &'a Names,
    /// Now.
    pub at: SystemTime,
}

/// `trap.received` (docs/traps.md): additive, on both keys as all alerts (contract.md, section 5).
pub fn trap(event: &TrapEvent<'_>) -> [Message; 2] {
    let TrapEvent { notification, names, .. } = event;
    let mut trap = Map::new();
    let mut put = |key: &str, value: Value| trap.insert(key.to_owned(), value);
    put("oid", notification.oid.to_string().into());
    if let Some(name) = name(names, &notification.oid) {
        put("name", name.into());
    }
    put("version", notification.version.as_str().into());
    put("inform", notification.is_inform.into());
    put("source", notification.source.to_string().into());
    if let Some(agent) = notification.agent {
        put("agentAddress", agent.to_string().into());
    }
    if let Some((user, level)) = &notification.user {
        put("user", user.as_str().into());
        put("securityLevel", level.as_str().into());
    }
    put("authenticated", notification.is_authenticated().into());
    if let Some(enterprise) = &notification.enterprise {
        put("enterprise", enterprise.to_string().into());
    }
    put("uptime", value_text(&rackpoll_model::Value::TimeTicks(notification.uptime)).into());
    put("receivedAt", rfc3339(event.received_at).into());
    put("count", event.count.into());
    let (varbinds, omitted) = varbinds(&notification.varbinds, names);
    put("varbinds", varbinds.into());
    if omitted > 0 {
        put("omitted", omitted.into());
    }
    let severity = Severity::Information;
    let body = json!({
        "type": "polleralert",
        "action": "trap.received",
        "typeId": event.device,
        "nodeId": event.node,
        "severity": severity.as_str(),
        "data": {
            "host": event.host,
            "verified": event.is_verified,
            "trap": trap,
            "polls": event.polls,
        },
        "version": "1.0",
        "createdAt": rfc3339(event.at),
    });
    let mut routing_key = format!("polleralert.trap.received.{severity}.{}", event.device);
    if let Some(node) = event.node {
        routing_key.push('.');
        routing_key.push_str(node);
    }
    both(event.graph_id, routing_key, &body)
}

/// What one poll found, for `polls` of the event.
pub fn trap_poll(work_item_id: &str, outcome: Result<&Outcome, &Fault>) -> Value {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(fault) => {
            let error = json!({ "name": fault.kind.name(), "message": fault.message });
            return json!({ "workItemId": work_item_id, "error": error });
        }
    };
    let Ok(reading) = &outcome.reading else { return Value::Null };
    let result = reading_value(reading, outcome.subject.names.as_deref());
    let (started_at, finished_at) = (rfc3339(outcome.started_at), rfc3339(outcome.finished_at));
    let mut poll = json!({ "workItemId": work_item_id, "startedAt": started_at, "finishedAt": finished_at });
    match result.to_string().len() {
        0..=LARGEST_RESULT => poll["result"] = result,
        _ => poll["tooLarge"] = true.into(),
    }
    poll
}

/// The name of an oid, where any of it has one of its own.
fn name(names: &Names, oid: &rackpoll_model::Oid) -> Option<String> {
    names.describe(oid).map(|_| names.label(oid))
}

/// As many as may be told, and how many are not.
fn varbinds(all: &[VarBind], names: &Names) -> (Vec<Value>, usize) {
    let mut told = Vec::with_capacity(all.len().min(MOST_VARBINDS));
    let mut size = 0;
    for varbind in all.iter().take(MOST_VARBINDS) {
        let mut value = Map::new();
        value.insert("oid".to_owned(), varbind.oid.to_string().into());
        if let Some(name) = name(names, &varbind.oid) {
            value.insert("name".to_owned(), name.into());
        }
        value.insert("value".to_owned(), shorten(value_text(&varbind.value)).into());
        if let Some(text) = names.text(varbind) {
            value.insert("text".to_owned(), shorten(text).into());
        }
        let value = Value::Object(value);
        size += value.to_string().len();
        if size > LARGEST_VARBINDS {
            break;
        }
        told.push(value);
    }
    let omitted = all.len().saturating_sub(told.len());
    (told, omitted)
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use rackpoll_model::{Oid, Value as Snmp};

    use super::*;

    #[test]
    fn what_a_trap_says_is_bounded() {
        let names = Names::builtin();
        let varbind = |value| VarBind { oid: Oid::new(&[2, 5, 4, 3]), value };
        let text = |length: usize| Snmp::OctetString("x".repeat(length).into_bytes().into());
        let many: Vec<VarBind> = (0..100).map(|number| varbind(Snmp::Counter32(number))).collect();
        let (told, omitted) = varbinds(&many, &names);
        assert_eq!((told.len(), omitted), (MOST_VARBINDS, 36));
        let (told, omitted) = varbinds(&[varbind(text(60_000)), varbind(text(1_024))], &names);
        let length = |value: &Value| value["value"].as_str().unwrap().chars().count();
        assert_eq!((length(&told[0]), length(&told[1]), omitted), (LONGEST_VALUE + 1, LONGEST_VALUE, 0));
        // Bytes are three characters each, and their lines have ends.
        let large: Vec<VarBind> =
            (0..60).map(|_| varbind(Snmp::OctetString(vec![0xff; 1_000].into()))).collect();
        let (told, omitted) = varbinds(&large, &names);
        assert!(Value::from(told).to_string().len() <= LARGEST_VARBINDS && omitted > 0);
        assert_eq!(varbinds(&[], &names), (Vec::new(), 0));
        assert_eq!(shorten("é".repeat(2_000)).chars().count(), LONGEST_VALUE + 1);
    }
}
