//! `methods.set` for one poller: a workflow polls it more often, or looks for more in its results, for a time.
//! `{"value": {"poller": "<id>", "every": "2s", "alerts": [..], "for": "10m"}}`; it reverts by itself, and at a restart.

use std::{sync::Arc, time::Duration};

use rackpoll_model::PollRequest;
use serde_json::Value;
use tokio::sync::oneshot;

use super::request::RequestFault;
use crate::{
    config::{duration, is_work_item_id},
    outcome::rules::{Budget, Compiler, RuleKind, Rules},
};

/// The method's routing key on `on.configuration`.
pub const SET: &str = "methods.set";
/// Largest request that is read: its rules are as many as a command's.
const LARGEST_BODY: usize = 256 << 10;
/// What an interval may be made for a time.
const INTERVALS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(500)..=Duration::from_secs(86_400);
/// For how long.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What a poller does otherwise for a time.
#[derive(Debug)]
pub struct Tighten {
    /// The poller's id, for all its devices, or `<id>@<device>`.
    pub poller: String,
    /// Its interval.
    pub every: Option<Duration>,
    /// More rules, after its own, as they were written.
    pub alerts: Option<Value>,
    /// For how long.
    pub lasts: Duration,
}

/// A change for the timetable, and where it says what came of it: how many polls are changed.
pub type Tightening = (Tighten, oneshot::Sender<Result<usize, RequestFault>>);

impl Tighten {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// What the caller has to change.
    pub fn parse(body: &[u8]) -> Result<Self, RequestFault> {
        if body.len() > LARGEST_BODY {
            return Err(bad(format!("the request has more than {LARGEST_BODY} bytes")));
        }
        let body: Value = serde_json::from_slice(body).map_err(|fault| {
            bad(format!("the request is not JSON (line {}, column {})", fault.line(), fault.column()))
        })?;
        let Some(Value::Object(value)) = body.get("value") else {
            return Err(bad("`value` has to be an object"));
        };
        if let Some(unknown) =
            value.keys().find(|key| !["poller", "every", "alerts", "for"].contains(&key.as_str()))
        {
            let unknown: String = unknown.chars().take(64).collect();
            return Err(bad(format!("{unknown:?} cannot be set; poller, every, alerts and for can")));
        }
        let time = |key: &str, range: std::ops::RangeInclusive<Duration>| {
            let found = match value.get(key) {
                None | Some(Value::Null) => return Ok(None),
                Some(Value::String(text)) => duration::parse(text),
                Some(Value::Number(millis)) => millis.as_u64().map(Duration::from_millis),
                Some(_) => None,
            };
            let (low, high) = (duration::print(*range.start()), duration::print(*range.end()));
            let what = || bad(format!("`{key}` has to be {low} to {high}: \"2s\", or milliseconds"));
            found.filter(|time| range.contains(time)).map(Some).ok_or_else(what)
        };
        let poller = value.get("poller").and_then(Value::as_str).filter(|id| is_work_item_id(id));
        let tighten = Self {
            poller: poller.ok_or_else(|| bad("`poller` has to be a poller's id"))?.to_owned(),
            every: time("every", INTERVALS)?,
            alerts: value.get("alerts").filter(|alerts| !alerts.is_null()).cloned(),
            lasts: time("for", Duration::from_secs(1)..=LONGEST)?
                .ok_or_else(|| bad("`for` is missing: how long this is to last"))?,
        };
        if tighten.every.is_none() && tighten.alerts.is_none() {
            return Err(bad("there is neither `every` nor `alerts` to set"));
        }
        Ok(tighten)
    }

    /// Its rules, for pollers that ask this.
    pub(super) fn rules(&self, request: &PollRequest) -> Result<Option<Arc<Rules>>, RequestFault> {
        let Some(alerts) = &self.alerts else { return Ok(None) };
        let kind = match request {
            PollRequest::Ipmi(_) => RuleKind::Entries,
            PollRequest::Snmp(_) => RuleKind::Values,
        };
        match Rules::read(kind, alerts, "alerts", &mut Compiler::default(), Budget::of_command()) {
            Ok(rules) => Ok(Some(Arc::new(rules))),
            Err(faults) => Err(bad(faults.first().map_or_else(String::new, ToString::to_string))),
        }
    }
}

fn bad(message: impl Into<String>) -> RequestFault {
    RequestFault { name: "BadRequestError", message: message.into(), status: 400 }
}

/// There is no poller of this name that runs.
pub(super) fn unknown(poller: &str) -> RequestFault {
    RequestFault {
        name: "NotFoundError",
        message: format!("no poller {poller:?} runs on this agent"),
        status: 404,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_are_read_or_refused_with_a_reason() {
        let parse = |value: Value| Tighten::parse(json!({ "value": value }).to_string().as_bytes());
        let good = parse(json!({ "poller": "p@d", "every": 2_000, "for": "10m" })).unwrap();
        assert_eq!((good.every, good.lasts), (Some(Duration::from_secs(2)), Duration::from_secs(600)));
        for (value, fault) in [
            (json!(7), "`value` has to be an object"),
            (json!({ "every": "2s", "for": "1m" }), "`poller` has to be"),
            (json!({ "poller": "p", "every": "1ms", "for": "1m" }), "`every` has to be 500ms to 1d"),
            (json!({ "poller": "p", "every": "2s" }), "`for` is missing"),
            (json!({ "poller": "p", "every": "2s", "for": "2d" }), "`for` has to be 1s to 1d"),
            (json!({ "poller": "p", "for": "1m" }), "neither `every` nor `alerts`"),
            (json!({ "poller": "p", "every": "2s", "for": "1m", "x": 1 }), "\"x\" cannot be set"),
        ] {
            let told = parse(value.clone()).unwrap_err();
            assert_eq!(told.status, 400);
            assert!(told.message.contains(fault), "{value}: {}", told.message);
        }
    }
}
