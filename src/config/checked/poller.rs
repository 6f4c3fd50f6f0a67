use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rackpoll_model::{PollRequest, SnmpRequest};
use serde_json::{Map, Value};

use super::{
    EncryptionKey, IPMI_PORT, Name, Named, SNMP_PORT, ScheduledPoll,
    agent::TIMEOUTS,
    asked,
    credential::NamedCredential,
    device::Device,
    name,
    timing::{self, Timing},
};
use crate::{
    config::{
        fault::{Findings, Place},
        raw::{Node, Raw, Table, shorten},
    },
    intake::scrub,
    job::{Credential, Topic},
};

/// What pollers refer to.
pub(super) struct Context<'a> {
    pub(super) devices: &'a Named<Device>,
    pub(super) credentials: &'a Named<NamedCredential>,
    pub(super) encryption: Option<&'a EncryptionKey>,
    pub(super) timeout: Duration,
}

pub(super) fn check(
    tables: Vec<Table>,
    context: &Context<'_>,
    findings: &mut Findings,
) -> Vec<Arc<ScheduledPoll>> {
    let mut pollers = Named::<()>::new();
    let mut polls = Vec::new();
    for mut table in tables {
        let id = name(&mut table, "id", "[[poller]]", findings);
        let poller = one(table, context, findings);
        if let Some((at, id)) = id
            && pollers.admit("poller", &id, &at, findings)
            && let Some(poller) = poller
        {
            poller.spread_out(&id, context, findings, &mut polls);
        }
    }
    polls
}

/// A poller before it meets its devices.
struct Poller {
    place: Place,
    devices: Vec<Name>,
    one_plain_name: bool,
    request: PollRequest,
    timing: Timing,
    timeout: Duration,
    alerts: Option<Value>,
    paused: bool,
}

fn one(mut table: Table, context: &Context<'_>, findings: &mut Findings) -> Option<Poller> {
    let place = table.place.clone();
    let devices = devices(&mut table, context.devices, findings);
    let request = asked::check(&mut table, findings);
    let timing = timing::check(&mut table, findings);
    let timeout = table.duration("timeout", TIMEOUTS, findings).unwrap_or(context.timeout);
    let alerts = alerts(&mut table, findings);
    let paused = table.boolean("paused", findings).unwrap_or(false);
    table.refuse_rest("[[poller]]", findings);
    let (devices, one_plain_name) = devices?;
    Some(Poller {
        place,
        devices,
        one_plain_name,
        request: request?,
        timing: timing?,
        timeout,
        alerts: alerts?,
        paused,
    })
}

/// The devices' names, and whether they are one that was written plainly.
fn devices(table: &mut Table, known: &Named<Device>, findings: &mut Findings) -> Option<(Vec<Name>, bool)> {
    if !table.has("devices") {
        findings.fault(&table.place, "[[poller]] needs `devices`");
    }
    let patterns = table.texts("devices", findings)?;
    if patterns.is_empty() {
        findings.fault(&table.place, "`devices` is an empty list");
        return None;
    }
    let mut found = BTreeSet::new();
    let mut whole = true;
    let one_plain_name = matches!(patterns.as_slice(), [(_, only)] if Name::new(only).is_some());
    for (place, pattern) in patterns {
        let matching: Vec<&Name> = if let Some(tag) = pattern.strip_prefix("tag:") {
            let tagged = |device: &&Device| device.tags.iter().any(|mine| mine.as_str() == tag);
            known.good.iter().filter(|(_, device)| tagged(device)).map(|(name, _)| name).collect()
        } else if let Some(plain) = Name::new(&pattern) {
            if !known.places.contains_key(&plain) {
                let names = known.places.keys().map(Name::as_str);
                findings.unknown_word(&place, format!("there is no device `{plain}`"), &plain, names);
                whole = false;
                continue;
            }
            found.insert(plain);
            continue;
        } else {
            let Some(glob) = glob(&pattern) else {
                findings.fault_with_hint(
                    &place,
                    format!("`devices` holds names, not {:?}", shorten(&pattern)),
                    "write a name, a pattern such as \"r1-*\", or \"tag:NAME\"",
                );
                whole = false;
                continue;
            };
            known.places.keys().filter(|name| glob.is_match(name.as_str())).collect()
        };
        if matching.is_empty() {
            findings.warn(&place, format!("no device matches `{}`", shorten(&pattern)), None);
        }
        found.extend(matching.into_iter().cloned());
    }
    whole.then(|| (found.into_iter().collect(), one_plain_name))
}

fn glob(pattern: &str) -> Option<globset::GlobMatcher> {
    // Without one of these it is a name with a letter too many, and no pattern.
    if !pattern.contains(['*', '?', '[', '{']) || pattern.len() > 256 {
        return None;
    }
    globset::Glob::new(pattern).ok().map(|glob| glob.compile_matcher())
}

/// Rules are kept as they are written and go out with the results; what they mean is not judged here yet.
/// `None` is a fault, `Some(None)` no rules.
#[expect(clippy::option_option, reason = "a fault is not the same as no rules")]
fn alerts(table: &mut Table, findings: &mut Findings) -> Option<Option<Value>> {
    let Some(node) = table.take("alerts") else { return Some(None) };
    let place = node.place.clone();
    let rules = match node.value {
        Raw::List(rules) if rules.iter().all(|rule| matches!(rule.value, Raw::Table(_))) => rules,
        _ => {
            findings.fault_with_hint(&place, "`alerts` is a list of tables", "write alerts = [{ .. }]");
            return None;
        }
    };
    if !rules.is_empty() {
        findings.warn(&place, "`alerts` are sent along with results, and not evaluated yet", None);
    }
    let mut value = json(Node { place: place.clone(), value: Raw::List(rules) });
    scrub(&mut value);
    Some(Some(value))
}

fn json(node: Node) -> Value {
    match node.value {
        Raw::Text(text) | Raw::Date(text) => Value::String(text),
        Raw::Integer(number) => Value::from(number),
        Raw::Float(number) => Value::from(number),
        Raw::Boolean(boolean) => Value::Bool(boolean),
        Raw::List(items) => items.into_iter().map(json).collect(),
        Raw::Table(table) => table
            .into_entries()
            .into_iter()
            .map(|(key, node)| (key, json(node)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

impl Poller {
    fn spread_out(
        &self,
        id: &Name,
        context: &Context<'_>,
        findings: &mut Findings,
        polls: &mut Vec<Arc<ScheduledPoll>>,
    ) {
        for name in &self.devices {
            // A device with a fault of its own has been told about.
            let Some(device) = context.devices.good.get(name) else { continue };
            let work_item_id = if self.one_plain_name { id.to_string() } else { format!("{id}@{name}") };
            let Some(credential) = self.credential(name, device, context, findings) else { continue };
            let (topic, port) = match &self.request {
                PollRequest::Ipmi(command) => (Topic::Ipmi(command.to_string()), IPMI_PORT),
                PollRequest::Snmp(SnmpRequest::Oids(_)) => (Topic::Snmp, SNMP_PORT),
                PollRequest::Snmp(SnmpRequest::Metric(name)) => (Topic::Metric(name.clone()), SNMP_PORT),
            };
            polls.push(Arc::new(ScheduledPoll {
                value: self.value(&work_item_id, device, &credential, context.encryption),
                schedule: self.timing.schedule(&work_item_id),
                work_item_id,
                poller: id.clone(),
                device: name.clone(),
                node: device.node.clone(),
                request: self.request.clone(),
                topic,
                target: device.host.target(port),
                credential,
                timeout: self.timeout,
                paused: self.paused,
            }));
        }
    }

    fn credential(
        &self,
        name: &Name,
        device: &Device,
        context: &Context<'_>,
        findings: &mut Findings,
    ) -> Option<Credential> {
        let Some(wanted) = &device.credential else {
            findings.fault_with_hint(
                &self.place,
                format!("the device `{name}` of this poller has no credential"),
                "give the device a `credential`",
            );
            return None;
        };
        // A credential that is unknown or has a fault of its own has been told about.
        let credential = context.credentials.good.get(wanted)?;
        let (found, what) = match self.request {
            PollRequest::Ipmi(_) => (&credential.ipmi, "`user` and `password`"),
            PollRequest::Snmp(_) => (&credential.community, "`community`"),
        };
        if found.is_none() {
            let what =
                format!("this poller needs {what} of the credential `{wanted}` of the device `{name}`");
            findings.fault(&self.place, what);
        }
        found.clone()
    }

    /// The `value` of RackHD's command (contract.md, section 2) without its secrets.
    fn value(
        &self,
        work_item_id: &str,
        device: &Device,
        credential: &Credential,
        key: Option<&EncryptionKey>,
    ) -> Map<String, Value> {
        let mut value = Map::new();
        value.insert("host".to_owned(), device.host.as_str().into());
        match credential {
            Credential::Ipmi { user, .. } => {
                value.insert("user".to_owned(), user.as_str().into());
            }
            Credential::Community(community) => {
                if let Some(hidden) = key.and_then(|key| key.encrypt(community)) {
                    value.insert("community".to_owned(), hidden.into());
                }
            }
        }
        if let Some(node) = &device.node {
            value.insert("node".to_owned(), node.as_str().into());
        }
        value.insert("workItemId".to_owned(), work_item_id.into());
        let config = match &self.request {
            PollRequest::Ipmi(_) => None,
            PollRequest::Snmp(SnmpRequest::Oids(oids)) => Some(("oids", Value::from(oids.clone()))),
            PollRequest::Snmp(SnmpRequest::Metric(metric)) => Some(("metric", Value::from(metric.clone()))),
        };
        match config {
            Some((key, what)) => {
                if let Timing::Every { every, .. } = self.timing {
                    let millis = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
                    value.insert("pollInterval".to_owned(), millis.into());
                }
                let mut config = Map::new();
                config.insert(key.to_owned(), what);
                if let Some(alerts) = &self.alerts {
                    config.insert("alerts".to_owned(), alerts.clone());
                }
                value.insert("config".to_owned(), config.into());
            }
            None => {
                if let Some(alerts) = &self.alerts {
                    value.insert("alerts".to_owned(), alerts.clone());
                }
            }
        }
        value
    }
}
