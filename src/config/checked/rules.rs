//! Rules of alerts: `alerts` of a poller, `alerts.sel`, `alerts.sdr` and `alerts.snmp` of a device or a tag.

use std::sync::Arc;

use rackpoll_model::{IpmiCommand, PollRequest, SnmpRequest};
use serde_json::{Map, Value};

use crate::{
    config::{
        fault::{Findings, Place},
        raw::{Node, Raw, Table},
    },
    intake::scrub,
    outcome::rules::{Budget, Compiler, RuleKind, RuleStep, Rules, Sight, lint},
};

/// Rules of a device or a tag, by what they look at.
#[derive(Debug, Clone, Default)]
pub struct Alerts {
    /// For SEL entries.
    pub sel: Option<Arc<Rules>>,
    /// For sensors.
    pub sdr: Option<Arc<Rules>>,
    /// For values of SNMP agents.
    pub snmp: Option<Arc<Rules>>,
}

impl Alerts {
    /// The rules that look at the results of such a poll.
    pub fn of(&self, request: &PollRequest) -> Option<&Arc<Rules>> {
        match request {
            PollRequest::Ipmi(IpmiCommand::Sel | IpmiCommand::SelEntries) => self.sel.as_ref(),
            PollRequest::Ipmi(IpmiCommand::Sdr) => self.sdr.as_ref(),
            PollRequest::Ipmi(_) => None,
            PollRequest::Snmp(_) => self.snmp.as_ref(),
        }
    }

    /// Reads `alerts = { sel = [..], sdr = [..], snmp = [..] }`.
    pub(super) fn check(table: &mut Table, compiler: &mut Compiler, findings: &mut Findings) -> Self {
        let mut alerts = table.section("alerts", findings);
        let mut rules = |key: &'static str, kind, sight| {
            let node = alerts.take(key)?;
            let place = node.place.clone();
            let rules = read(&format!("alerts.{key}"), node, kind, compiler, findings)?;
            warn_of(&rules, sight, &place, findings);
            Some(Arc::new(rules))
        };
        let read = Self {
            sel: rules("sel", RuleKind::Entries, Sight::Sel),
            sdr: rules("sdr", RuleKind::Entries, Sight::Sdr),
            snmp: rules("snmp", RuleKind::Values, Sight::Snmp),
        };
        alerts.refuse_rest("`alerts`", findings);
        read
    }
}

/// Which rules look at the results of such a poll.
pub(super) fn kind_of(request: &PollRequest) -> RuleKind {
    match request {
        PollRequest::Ipmi(_) => RuleKind::Entries,
        PollRequest::Snmp(_) => RuleKind::Values,
    }
}

/// What the rules of a poller look at.
fn sight(request: &PollRequest) -> Sight<'_> {
    match request {
        PollRequest::Ipmi(IpmiCommand::Sel | IpmiCommand::SelEntries) => Sight::Sel,
        PollRequest::Ipmi(IpmiCommand::Sdr) => Sight::Sdr,
        PollRequest::Ipmi(_) => Sight::Nothing,
        PollRequest::Snmp(SnmpRequest::Metric(request)) => Sight::Metric(request.metric.as_str()),
        PollRequest::Snmp(request) => Sight::Oids(request.oids()),
    }
}

/// Findings of one list that are told; who has more has the same one again.
const TOLD: usize = 16;

/// Warns of rules that do nothing.
pub(super) fn second_look(rules: &Rules, request: &PollRequest, place: &Place, findings: &mut Findings) {
    warn_of(rules, sight(request), place, findings);
}

/// Characters of a rule that are told; JSON has no control characters left.
const LONGEST: usize = 120;

fn beginning(rule: &str) -> String {
    let mut short: String = rule.chars().take(LONGEST).collect();
    if short.len() < rule.len() {
        short.push('…');
    }
    short
}

fn warn_of(rules: &Rules, sight: Sight<'_>, place: &Place, findings: &mut Findings) {
    let found = lint(rules, sight);
    let more = found.len().saturating_sub(TOLD);
    for finding in found.into_iter().take(TOLD) {
        findings.warn(place, format!("the rule {}: {}", beginning(&finding.rule), finding.what), None);
    }
    if more > 0 {
        findings.warn(place, format!("{more} more rules of this list deserve a second look"), None);
    }
}

/// The rules of a list of tables; every fault with its line.
pub(super) fn read(
    root: &str,
    node: Node,
    kind: RuleKind,
    compiler: &mut Compiler,
    findings: &mut Findings,
) -> Option<Rules> {
    match &node.value {
        Raw::List(rules) if rules.iter().all(|rule| matches!(rule.value, Raw::Table(_))) => {}
        _ => {
            let what = format!("`{root}` is a list of tables");
            findings.fault_with_hint(&node.place, what, format!("write {root} = [{{ .. }}]"));
            return None;
        }
    }
    let mut value = json(&node);
    scrub(&mut value);
    let faults = match Rules::read(kind, &value, root, compiler, Budget::of_configuration()) {
        Ok(rules) => return Some(rules),
        Err(faults) => faults,
    };
    for fault in faults {
        findings.fault(place_of(&node, &fault.steps), fault.to_string());
    }
    None
}

/// The line of what a rule's fault is about, or of what is around it.
fn place_of<'n>(node: &'n Node, steps: &[RuleStep]) -> &'n Place {
    let mut at = node;
    for step in steps {
        let next = match (step, &at.value) {
            (RuleStep::Index(index), Raw::List(items)) => items.get(*index),
            (RuleStep::Key(key), Raw::Table(table)) => table.look_at(key),
            _ => None,
        };
        let Some(next) = next else { break };
        at = next;
    }
    &at.place
}

fn json(node: &Node) -> Value {
    match &node.value {
        Raw::Text(text) | Raw::Date(text) => Value::String(text.clone()),
        Raw::Integer(number) => Value::from(*number),
        Raw::Float(number) => Value::from(*number),
        Raw::Boolean(boolean) => Value::Bool(*boolean),
        Raw::List(items) => items.iter().map(json).collect(),
        Raw::Table(table) => {
            table.entries().map(|(key, node)| (key.to_owned(), json(node))).collect::<Map<_, _>>().into()
        }
    }
}
