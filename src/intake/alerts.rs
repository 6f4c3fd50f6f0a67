//! Rules that come with commands. RackHD sends the same ones with every command of a poller, so what was read is kept.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rackpoll_model::{Fault, FaultKind, PollRequest};
use serde_json::{Map, Value};

use crate::outcome::rules::{Budget, Compiler, RuleKind, Rules};

/// Rules that are kept; then all are forgotten, and read anew when they come again.
const KEPT: usize = 1_024;
/// Regular expressions that are kept in all: at most 128 KiB each, some KB as people write them.
const EXPRESSIONS_KEPT: usize = 2_048;
/// Faults that are told of one command.
const TOLD: usize = 3;

/// The rules of all commands that came lately.
#[derive(Debug, Default)]
pub(super) struct CommandRules(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    values: HashMap<Value, Arc<Rules>>,
    entries: HashMap<Value, Arc<Rules>>,
    expressions: usize,
}

impl CommandRules {
    /// The rules of a command, where it has any.
    pub(super) fn read(
        &self,
        request: &PollRequest,
        value: &Map<String, Value>,
    ) -> Result<Option<Arc<Rules>>, Fault> {
        let (kind, written, root) = match request {
            PollRequest::Ipmi(_) => (RuleKind::Entries, value.get("alerts"), "alerts"),
            PollRequest::Snmp(_) => {
                let config = value.get("config").and_then(Value::as_object);
                match config.and_then(|config| config.get("alerts")) {
                    Some(alerts) => (RuleKind::Values, Some(alerts), "config.alerts"),
                    None => (RuleKind::Values, value.get("alerts"), "alerts"),
                }
            }
        };
        let Some(written) = written.filter(|written| !is_nothing(written)) else { return Ok(None) };
        let kept = |kept: &Kept| kept.of(kind).get(written).map(Arc::clone);
        if let Some(known) = kept(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(Some(known));
        }
        let mut compiler = Compiler::default();
        let rules =
            Rules::read(kind, written, root, &mut compiler, Budget::of_command()).map_err(|faults| {
                let told: Vec<String> = faults.iter().take(TOLD).map(ToString::to_string).collect();
                let more = if faults.len() > TOLD { "; and more" } else { "" };
                Fault::new(FaultKind::MalformedCommand, format!("{}{more}", told.join("; ")))
            })?;
        let rules = Arc::new(rules);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.values.len() + kept.entries.len() >= KEPT
            || kept.expressions.saturating_add(compiler.expressions()) > EXPRESSIONS_KEPT
        {
            *kept = Kept::default();
        }
        kept.expressions += compiler.expressions();
        kept.of_mut(kind).insert(written.clone(), Arc::clone(&rules));
        Ok(Some(rules))
    }
}

impl Kept {
    fn of(&self, kind: RuleKind) -> &HashMap<Value, Arc<Rules>> {
        match kind {
            RuleKind::Entries => &self.entries,
            RuleKind::Values => &self.values,
        }
    }

    fn of_mut(&mut self, kind: RuleKind) -> &mut HashMap<Value, Arc<Rules>> {
        match kind {
            RuleKind::Entries => &mut self.entries,
            RuleKind::Values => &mut self.values,
        }
    }
}

/// RackHD's pollers without rules send an empty list, or nothing.
fn is_nothing(written: &Value) -> bool {
    match written {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rackpoll_model::{IpmiCommand, Metric, SnmpRequest};
    use serde_json::json;

    use super::*;

    fn value(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => unreachable!("{other}"),
        }
    }

    #[test]
    fn rules_are_read_once_and_kept() {
        let known = CommandRules::default();
        let sel = PollRequest::Ipmi(IpmiCommand::SelEntries);
        let oids = PollRequest::Snmp(SnmpRequest::Metric(Metric::Ups.into()));
        let rule = json!([{ "a": "/b/" }]);
        let command = value(json!({ "alerts": rule, "config": { "alerts": rule } }));
        let first = known.read(&sel, &command).unwrap().unwrap();
        assert!(Arc::ptr_eq(&first, &known.read(&sel, &command).unwrap().unwrap()));
        assert!(
            !Arc::ptr_eq(&first, &known.read(&oids, &command).unwrap().unwrap()),
            "the same words, other rules"
        );
        for empty in [json!({}), json!({ "alerts": [] }), json!({ "alerts": null }), json!({ "alerts": {} })]
        {
            assert!(known.read(&sel, &value(empty)).unwrap().is_none());
        }
    }

    #[test]
    fn wrong_rules_refuse_the_command_and_what_is_kept_is_bounded() {
        let known = CommandRules::default();
        let sel = PollRequest::Ipmi(IpmiCommand::SelEntries);
        let wrong = value(json!({ "alerts": [{ "a": "/(/" }, 1, 2, 3] }));
        let fault = known.read(&sel, &wrong).unwrap_err();
        assert_eq!(fault.kind, FaultKind::MalformedCommand);
        assert!(fault.message.starts_with("`alerts[0].a`: no regular expression"), "{}", fault.message);
        assert!(fault.message.ends_with("; and more"), "{}", fault.message);
        for number in 0..2_500 {
            let rule = value(json!({ "alerts": [{ "a": format!("/{number}/") }] }));
            known.read(&sel, &rule).unwrap();
        }
        let kept = known.0.lock().unwrap();
        assert!(kept.entries.len() <= KEPT && kept.expressions <= EXPRESSIONS_KEPT);
    }
}
