use serde_json::{Map, Value};

use super::{
    poll::{Accounting, poll_value},
    result::{metric_errors, reading_key},
};
use crate::job::Outcome;

/// A good outcome on its way to the cache and to the bus. What it says is made into text once, and goes into each of them
/// as it is: a reading may have hundreds of kilobytes.
#[derive(Debug)]
pub struct Good<'a> {
    pub(super) outcome: &'a Outcome,
    /// The reading as JSON.
    said: String,
    /// `_poll` as JSON.
    poll: String,
}

impl<'a> Good<'a> {
    /// `said` is the reading as its poller is told it.
    pub fn new(outcome: &'a Outcome, said: &Value, accounting: Accounting<'_>) -> Self {
        Self { outcome, said: said.to_string(), poll: poll_value(outcome, accounting).to_string() }
    }

    /// Writes what was asked with the reading and the account of the poll, as an object: without the keys of `gone`, and
    /// with `more` at its end.
    pub(super) fn write(&self, gone: &[&str], more: Option<(&str, &str)>, text: &mut String) {
        let errors = metric_errors(self.outcome).map(|errors| errors.to_string());
        let mut parts = [
            Some((reading_key(&self.outcome.subject.topic), self.said.as_str())),
            errors.as_deref().map(|errors| ("errors", errors)),
            Some(("_poll", self.poll.as_str())),
            more,
        ];
        let asked: &Map<String, Value> = &self.outcome.subject.value;
        text.reserve(self.said.len() + self.poll.len() + 512);
        text.push('{');
        let mut is_first = true;
        let mut put = |key: &str, value: &str| {
            if !std::mem::take(&mut is_first) {
                text.push(',');
            }
            quote(key, text);
            text.push(':');
            text.push_str(value);
        };
        for (key, value) in asked.iter().filter(|(key, _)| !gone.contains(&key.as_str())) {
            // What is told of the poll stands in the place of what was asked under the same name.
            let part = parts.iter_mut().find(|part| part.is_some_and(|(name, _)| name == key));
            match part.and_then(Option::take) {
                Some((_, part)) => put(key, part),
                None => put(key, &value.to_string()),
            }
        }
        for (key, part) in parts.into_iter().flatten() {
            put(key, part);
        }
        text.push('}');
    }
}

/// A string as JSON.
fn quote(plain: &str, text: &mut String) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if plain.bytes().all(is_plain) {
        text.push('"');
        text.push_str(plain);
        text.push('"');
    } else {
        text.push_str(&Value::from(plain).to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::SystemTime};

    use rackpoll_model::Reading;
    use serde_json::json;

    use super::*;
    use crate::{
        device::testing,
        job::Priority,
        publish::contract::{cache_entry, result},
    };

    #[test]
    fn keys_that_were_asked_stand_where_they_stood_whatever_they_are() {
        let job = testing::job("p", Priority::Schedule);
        let mut outcome = Outcome {
            subject: job.subject,
            target: None,
            peer: None,
            started_at: SystemTime::UNIX_EPOCH,
            finished_at: SystemTime::UNIX_EPOCH,
            attempts: 1,
            reading: Ok(Arc::new(Reading::Power(true))),
        };
        let asked = json!({
            "a \"quoted\"\n\u{1f600} key": [1, { "é": "\\" }],
            "power": "asked", "password": "x", "_poll": null, "workItemId": "p", "timestamp": 5, "errors": "kept",
        });
        outcome.subject.value = asked.as_object().cloned().unwrap();
        let good = Good::new(&outcome, &json!(true), Accounting { agent: "a", sequence: 3 });
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();

        let message: Value = serde_json::from_slice(&result(&good)[0].body).unwrap();
        assert_eq!(keys(&message), ["value"]);
        let value = &message["value"];
        assert_eq!(keys(value), keys(&asked));
        assert_eq!((&value["power"], &value["_poll"]["sequence"]), (&json!(true), &json!(3)));
        assert_eq!((&value["timestamp"], &value["errors"]), (&json!(5), &json!("kept")));

        let entry: Value = serde_json::from_str(&cache_entry(&good)).unwrap();
        let left = ["a \"quoted\"\n\u{1f600} key", "power", "_poll", "timestamp", "errors"];
        assert_eq!(keys(&entry), left);
        assert!(entry["timestamp"].as_str().unwrap().starts_with("Thu Jan 01 1970"));
        assert_eq!(entry["a \"quoted\"\n\u{1f600} key"], asked["a \"quoted\"\n\u{1f600} key"]);
    }
}
