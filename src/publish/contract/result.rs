use rackpoll_model::{Fault, Oid, Reading};
use serde_json::{Map, Value, json};

use super::{
    good::Good,
    poll::{Accounting, poll_value},
    reading::reading_value,
    reply::error_event,
};
use crate::{
    job::{Outcome, Topic},
    publish::{Exchange, Message, MessageKind},
};

/// A good result's `value` without `_poll`: what `rackpoll poll --output json` prints. A failure has no reading in it.
pub fn result_value(outcome: &Outcome) -> Value {
    match &outcome.reading {
        Ok(reading) => {
            Value::Object(with_reading(outcome, reading_value(reading, outcome.subject.names.as_deref())))
        }
        Err(_) => Value::Object(outcome.subject.value.clone()),
    }
}

fn with_reading(outcome: &Outcome, said: Value) -> Map<String, Value> {
    let mut value = outcome.subject.value.clone();
    value.insert(reading_key(&outcome.subject.topic).to_owned(), said);
    if let Some(errors) = metric_errors(outcome) {
        value.insert("errors".to_owned(), errors);
    }
    value
}

/// What a metric could not read although it has a result: its rows lack these columns.
pub(super) fn metric_errors(outcome: &Outcome) -> Option<Value> {
    let reading = outcome.reading.as_deref().ok()?;
    match reading {
        Reading::Metric(reading) if !reading.errors.is_empty() => {
            Some(reading.errors.iter().map(metric_error).collect())
        }
        _ => None,
    }
}

fn metric_error((source, fault): &(Oid, Fault)) -> Value {
    json!({ "source": source.to_string(), "name": fault.kind.name(), "message": fault.message })
}

/// The messages of a good poll: the result, and a copy for whoever asked with `reply_to`.
pub fn result(good: &Good<'_>) -> Vec<Message> {
    let outcome = good.outcome;
    let mut body = String::from("{\"value\":");
    good.write(&[], None, &mut body);
    body.push('}');
    let body = body.into_bytes();
    let reply = outcome.subject.reply.as_ref().map(|reply| Message {
        exchange: Exchange::Reply,
        routing_key: reply.address.clone(),
        kind: MessageKind::Result,
        correlation: reply.correlation.clone(),
        body: body.clone(),
    });
    let message = Message {
        exchange: Exchange::Task,
        routing_key: routing_key(outcome, "result"),
        kind: MessageKind::Result,
        correlation: None,
        body,
    };
    std::iter::once(message).chain(reply).collect()
}

/// The messages of a poll that failed or a command that was refused. Nothing where the outcome is a good one.
pub fn failure(outcome: &Outcome, accounting: Accounting<'_>) -> Vec<Message> {
    let Err(fault) = &outcome.reading else { return Vec::new() };
    let mut value = outcome.subject.value.clone();
    value.insert(
        "error".to_owned(),
        json!({
            "name": fault.kind.name(),
            "message": fault.message,
            "blame": fault.kind.blame().as_str(),
            "retry": fault.kind.retry(),
        }),
    );
    value.insert("_poll".to_owned(), poll_value(outcome, accounting));
    let message = Message {
        exchange: Exchange::Task,
        routing_key: routing_key(outcome, "failed"),
        kind: MessageKind::Result,
        correlation: None,
        body: json!({ "value": value }).to_string().into_bytes(),
    };
    let reply = outcome
        .subject
        .reply
        .as_ref()
        .map(|reply| error_event(fault.kind.name(), &fault.message, None, reply));
    std::iter::once(message).chain(reply).collect()
}

/// What a waiting poll has found so far (additive): the reading, or why there is none.
pub fn progress(outcome: &Outcome) -> Message {
    let mut value = result_value(outcome);
    if let (Err(fault), Some(value)) = (&outcome.reading, value.as_object_mut()) {
        value.insert("error".to_owned(), json!({ "name": fault.kind.name(), "message": fault.message }));
    }
    Message {
        exchange: Exchange::Task,
        routing_key: routing_key(outcome, "progress"),
        kind: MessageKind::Result,
        correlation: None,
        body: json!({ "value": value }).to_string().into_bytes(),
    }
}

fn routing_key(outcome: &Outcome, word: &str) -> String {
    let graph_id = &outcome.subject.graph_id;
    match &outcome.subject.topic {
        Topic::Ipmi(command) => format!("ipmi.command.{command}.{word}.{graph_id}"),
        Topic::Snmp => format!("snmp.command.{word}.{graph_id}"),
        Topic::Metric(name) => format!("metric.{name}.{word}.{graph_id}"),
    }
}

/// The key of `value` under which the reading goes.
pub(super) fn reading_key(topic: &Topic) -> &str {
    match topic {
        Topic::Ipmi(command) => command,
        Topic::Snmp | Topic::Metric(_) => "result",
    }
}
