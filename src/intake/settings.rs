//! `methods.get` and `methods.set` on `on.configuration`: what can be changed while the agent runs (contract.md, section 7).
//! Nothing of it is written down: it lasts until it is set again, until its time is over, or until the agent stops.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{request::RequestFault, tighten::Tighten};
use crate::{config::is_work_item_id, observe::log::Level};

/// The methods' routing keys.
pub const GET: &str = "methods.get";
/// See [`GET`].
pub const SET: &str = "methods.set";

/// Largest request that is read: its rules are as many as a command's.
const LARGEST_BODY: usize = 256 << 10;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Get {
    /// All settings of the agent itself.
    Agent,
    /// One of them, by its name.
    One(AgentSetting),
    /// A poller's: its id, for all its devices, or `<id>@<device>`.
    Poller(String),
}

/// The settings of the agent itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentSetting {
    /// How much is logged.
    LogLevel,
    /// Whether its schedules rest.
    Paused,
}

/// What is to be changed.
#[derive(Debug)]
pub enum Set {
    /// Of the agent itself.
    Agent {
        /// How much is logged.
        log_level: Option<Level>,
        /// Whether its schedules rest.
        paused: Option<bool>,
    },
    /// Of a poller.
    Poller(Arc<Tighten>),
}

impl AgentSetting {
    const ALL: [Self; 2] = [Self::LogLevel, Self::Paused];

    /// Its key on the bus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LogLevel => "logLevel",
            Self::Paused => "paused",
        }
    }

    fn read(key: &str) -> Result<Self, RequestFault> {
        let known = Self::ALL.into_iter().find(|setting| setting.as_str() == key);
        known.ok_or_else(|| {
            let key: String = key.chars().take(64).collect();
            let message = format!("there is no setting {key:?}; logLevel, paused and {{\"poller\": ..}} are");
            RequestFault { name: "NotFoundError", message, status: 404 }
        })
    }
}

impl Get {
    /// Reads `{"value": "logLevel"}` or `{"value": {"poller": "<id>"}}`, and RackHD's `{"key": "logLevel"}`; without either,
    /// all settings of the agent are meant.
    ///
    /// # Errors
    /// What the caller has to change.
    pub fn parse(body: &[u8]) -> Result<Self, RequestFault> {
        let body = read(body)?;
        match body.get("value").or_else(|| body.get("key")) {
            None | Some(Value::Null) => Ok(Self::Agent),
            Some(Value::String(key)) => AgentSetting::read(key).map(Self::One),
            Some(Value::Object(value)) => {
                only(value, &["poller"])?;
                poller(value).map(Self::Poller)
            }
            Some(_) => Err(bad("`value` has to be the name of a setting, or {\"poller\": \"<id>\"}")),
        }
    }
}

impl Set {
    /// Reads `{"value": {"logLevel": "debug", "paused": true}}`, `{"value": {"poller": "<id>", ..}}`, and RackHD's
    /// `{"key": "logLevel", "value": "debug"}`.
    ///
    /// # Errors
    /// What the caller has to change.
    pub fn parse(body: &[u8]) -> Result<Self, RequestFault> {
        let mut body = read(body)?;
        let value = body.shift_remove("value");
        let value = match (body.get("key"), value) {
            (Some(Value::String(key)), Some(value)) => {
                Map::from_iter([(AgentSetting::read(key)?.as_str().to_owned(), value)])
            }
            (None, Some(Value::Object(value))) => value,
            _ => return Err(bad("`value` has to be an object of settings")),
        };
        if value.contains_key("poller") {
            return Tighten::read(&value).map(|tighten| Self::Poller(Arc::new(tighten)));
        }
        only(&value, &AgentSetting::ALL.map(AgentSetting::as_str))?;
        let log_level = match value.get("logLevel") {
            None => None,
            Some(word) => {
                let level = word.as_str().and_then(Level::parse);
                Some(level.ok_or_else(|| bad(format!("`logLevel` has to be one of {}", Level::WORDS)))?)
            }
        };
        let paused = match value.get("paused") {
            None => None,
            Some(Value::Bool(paused)) => Some(*paused),
            Some(_) => return Err(bad("`paused` has to be true or false")),
        };
        if log_level.is_none() && paused.is_none() {
            return Err(bad("there is nothing to set: logLevel, paused or poller"));
        }
        Ok(Self::Agent { log_level, paused })
    }
}

/// The poller's id under `poller`.
pub(super) fn poller(value: &Map<String, Value>) -> Result<String, RequestFault> {
    let id = value.get("poller").and_then(Value::as_str).filter(|id| is_work_item_id(id));
    id.map(str::to_owned).ok_or_else(|| bad("`poller` has to be a poller's id, or <id>@<device>"))
}

/// Refuses what cannot be set.
pub(super) fn only(value: &Map<String, Value>, known: &[&str]) -> Result<(), RequestFault> {
    let Some(unknown) = value.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let unknown: String = unknown.chars().take(64).collect();
    Err(bad(format!("there is no {unknown:?} here; known are {}", known.join(", "))))
}

pub(super) fn bad(message: impl Into<String>) -> RequestFault {
    RequestFault { name: "BadRequestError", message: message.into(), status: 400 }
}

fn read(body: &[u8]) -> Result<Map<String, Value>, RequestFault> {
    if body.len() > LARGEST_BODY {
        return Err(bad(format!("the request has more than {LARGEST_BODY} bytes")));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(bad("the request has to be an object")),
        Err(fault) => {
            let (line, column) = (fault.line(), fault.column());
            Err(bad(format!("the request is not JSON (line {line}, column {column})")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_can_be_asked_for() {
        for (body, get) in [
            (json!({}), Get::Agent),
            (json!({ "value": null }), Get::Agent),
            (json!({ "value": "logLevel" }), Get::One(AgentSetting::LogLevel)),
            (json!({ "key": "paused" }), Get::One(AgentSetting::Paused)),
            (json!({ "value": { "poller": "p@d" } }), Get::Poller("p@d".to_owned())),
        ] {
            assert_eq!(Get::parse(body.to_string().as_bytes()), Ok(get), "{body}");
        }
        for (body, status, fault) in [
            (json!({ "value": "colour" }), 404, "no setting \"colour\""),
            (json!({ "value": 7 }), 400, "the name of a setting"),
            (json!({ "value": { "poller": 7 } }), 400, "a poller's id"),
            (json!({ "value": { "poller": "p", "x": 1 } }), 400, "no \"x\" here"),
            (json!([]), 400, "has to be an object"),
        ] {
            let told = Get::parse(body.to_string().as_bytes()).unwrap_err();
            assert_eq!(told.status, status, "{body}");
            assert!(told.message.contains(fault), "{body}: {}", told.message);
        }
        assert!(Get::parse(b"{").unwrap_err().message.contains("line 1, column 1"));
        assert_eq!(Get::parse(&vec![b' '; LARGEST_BODY + 1]).unwrap_err().status, 400);
    }

    #[test]
    fn what_can_be_set() {
        let set = |body: &Value| Set::parse(body.to_string().as_bytes());
        for (body, level, pause) in [
            (json!({ "value": { "logLevel": "debug" } }), Some("debug"), None),
            (json!({ "key": "logLevel", "value": "warning" }), Some("warn"), None),
            (json!({ "key": "paused", "value": false }), None, Some(false)),
            (json!({ "value": { "paused": true, "logLevel": "silly" } }), Some("trace"), Some(true)),
        ] {
            let Ok(Set::Agent { log_level, paused }) = set(&body) else { panic!("{body}") };
            assert_eq!((log_level.map(Level::as_str), paused), (level, pause), "{body}");
        }
        assert!(matches!(set(&json!({ "value": { "poller": "p", "paused": true } })), Ok(Set::Poller(_))));
        for (body, status, fault) in [
            (json!({ "value": { "logLevel": "loud" } }), 400, "one of error, warn"),
            (json!({ "value": { "logLevel": null } }), 400, "one of error, warn"),
            (json!({ "value": { "paused": 1 } }), 400, "true or false"),
            (json!({ "value": {} }), 400, "nothing to set"),
            (json!({ "value": { "every": "2s" } }), 400, "no \"every\" here"),
            (json!({ "key": "colour", "value": 1 }), 404, "no setting \"colour\""),
            (json!({ "key": 7, "value": {} }), 400, "an object of settings"),
            (json!({ "value": "logLevel" }), 400, "an object of settings"),
            (json!({}), 400, "an object of settings"),
        ] {
            let told = set(&body).unwrap_err();
            assert_eq!(told.status, status, "{body}");
            assert!(told.message.contains(fault), "{body}: {}", told.message);
        }
    }
}
