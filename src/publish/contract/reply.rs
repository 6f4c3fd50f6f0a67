use serde_json::{Value, json, value::RawValue};

use crate::{
    job::ReplyTo,
    publish::{Exchange, Message, MessageKind},
};

/// An error reply (contract.md, section 1). The agent has no stack to show: `stack` says name and message, as
/// JavaScript's first line does, because RackHD's consumers want a text there.
pub fn error_event(name: &str, message: &str, status: Option<u16>, reply: &ReplyTo) -> Message {
    let mut body = json!({
        "name": name,
        "message": message,
        "stack": format!("{name}: {message}"),
        "context": {},
    });
    if let (Some(status), Some(object)) = (status, body.as_object_mut()) {
        object.insert("status".to_owned(), Value::from(status));
    }
    answer(MessageKind::ErrorEvent, body.to_string(), reply)
}

/// The answer for a poller that has no results (contract.md, section 4; the missing blank is RackHD's).
pub fn no_cache_record(id: &str, reply: &ReplyTo) -> Message {
    let message =
        format!("There is no cache record for the poller with ID {id}.Perhaps it has not been run yet?");
    error_event("NotFoundError", &message, Some(404), reply)
}

/// The poller cache's entries, oldest first.
///
/// # Errors
/// An entry is no JSON, which the state file cannot hold unless it was damaged.
pub fn cache_answer(entries: &[String], reply: &ReplyTo) -> Result<Message, serde_json::Error> {
    let entries: Vec<&RawValue> =
        entries.iter().map(|entry| serde_json::from_str(entry)).collect::<Result<_, _>>()?;
    #[derive(serde::Serialize)]
    struct Answer<'a> {
        value: Vec<&'a RawValue>,
    }
    Ok(answer(MessageKind::Result, serde_json::to_string(&Answer { value: entries })?, reply))
}

/// The answer to `methods.get` and `methods.set`.
pub fn setting_answer(value: &Value, reply: &ReplyTo) -> Message {
    answer(MessageKind::Result, json!({ "value": value }).to_string(), reply)
}

fn answer(kind: MessageKind, body: String, reply: &ReplyTo) -> Message {
    Message {
        exchange: Exchange::Reply,
        routing_key: reply.address.clone(),
        kind,
        correlation: reply.correlation.clone(),
        body: body.into_bytes(),
    }
}
