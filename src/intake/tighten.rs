//! `methods.set` for one poller: a workflow polls it more often, or looks for more in its results, for a time, or lets it
//! rest. `{"value": {"poller": "<id>", "every": "2s", "alerts": [..], "paused": false, "for": "10m"}}`; it stands in for
//! what was set before, reverts by itself, and at a restart.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use rackpoll_model::PollRequest;
use serde_json::{Map, Value};

use super::{
    request::RequestFault,
    settings::{bad, only, poller},
};
use crate::{
    config::duration,
    outcome::rules::{Budget, Compiler, RuleKind, Rules},
};

/// What an interval may be made for a time.
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(86_400);
/// For how long.
const LASTS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(86_400);

/// What a poller does otherwise for a time.
#[derive(Debug)]
pub struct Tighten {
    /// The poller's id, for all its devices, or `<id>@<device>`.
    pub poller: String,
    /// Its interval.
    pub every: Option<Duration>,
    /// More rules, after its own, as they were written.
    pub alerts: Option<Value>,
    /// Whether it rests.
    pub paused: Option<bool>,
    /// For how long; a pause may last until it is set otherwise.
    pub lasts: Option<Duration>,
}

impl Tighten {
    /// Reads `value` of a request.
    ///
    /// # Errors
    /// What the caller has to change.
    pub(super) fn read(value: &Map<String, Value>) -> Result<Self, RequestFault> {
        only(value, &["poller", "every", "alerts", "paused", "for"])?;
        let time = |key: &str, range: RangeInclusive<Duration>| {
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
        let tighten = Self {
            poller: poller(value)?,
            every: time("every", INTERVALS)?,
            alerts: value.get("alerts").filter(|alerts| !alerts.is_null()).cloned(),
            paused: match value.get("paused") {
                None | Some(Value::Null) => None,
                Some(Value::Bool(paused)) => Some(*paused),
                Some(_) => return Err(bad("`paused` has to be true or false")),
            },
            lasts: time("for", LASTS)?,
        };
        let is_tighter = tighten.every.is_some() || tighten.alerts.is_some();
        if !is_tighter && tighten.paused.is_none() {
            return Err(bad("there is none of `every`, `alerts` and `paused` to set"));
        }
        if is_tighter && tighten.lasts.is_none() {
            return Err(bad("`for` is missing: how long this is to last"));
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
        let parse = |value: Value| Tighten::read(value.as_object().unwrap());
        let good = parse(json!({ "poller": "p@d", "every": 2_000, "for": "10m" })).unwrap();
        assert_eq!((good.every, good.lasts), (Some(Duration::from_secs(2)), Some(Duration::from_secs(600))));
        let rest = parse(json!({ "poller": "p", "paused": true })).unwrap();
        assert_eq!((rest.paused, rest.lasts), (Some(true), None));
        for (value, fault) in [
            (json!({ "every": "2s", "for": "1m" }), "`poller` has to be"),
            (json!({ "poller": "p", "every": "1ms", "for": "1m" }), "`every` has to be 500ms to 1d"),
            (json!({ "poller": "p", "every": "2s" }), "`for` is missing"),
            (json!({ "poller": "p", "every": "2s", "for": "2d" }), "`for` has to be 1s to 1d"),
            (json!({ "poller": "p", "for": "1m" }), "none of `every`, `alerts` and `paused`"),
            (json!({ "poller": "p", "paused": "yes" }), "`paused` has to be true or false"),
            (json!({ "poller": "p", "every": "2s", "for": "1m", "x": 1 }), "no \"x\" here"),
        ] {
            let told = parse(value.clone()).unwrap_err();
            assert_eq!(told.status, 400);
            assert!(told.message.contains(fault), "{value}: {}", told.message);
        }
    }
}
