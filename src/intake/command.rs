//! Commands of the bus (contract.md, section 2): a message in, a job out, or the outcome that says why not.
//!
//! Whatever is wrong with a command, its failure goes out on a key of the right shape: a word of the incoming routing key
//! that may stand in a key is kept, because that is where the sender listens; any other becomes `unknown`.

use std::{sync::Arc, time::SystemTime};

use rackpoll_model::{
    Fault, FaultKind, IpmiCommand, Metric, MetricRequest, PollRequest, Secret, SnmpCredential, SnmpRequest,
    UnknownMetric,
};
use rackpoll_snmp::names::Names;
use serde_json::{Map, Value};
use zeroize::Zeroize;

use super::{
    fences::{Fences, Kind},
    scrub::scrub_map,
    wait::Wait,
};
use crate::{
    broker::Delivery,
    config::{
        Host, HostFault, LONGEST_COMMUNITY, MOST_OIDS, NAME_RULE, graph_id, in_numbers, is_name,
        is_work_item_id, open_encrypted, wrong_login,
    },
    job::{Access, Credential, Job, Outcome, Priority, Subject, Target, Topic},
};

/// Largest command that is read. RackHD's are some hundred bytes; rules of alerts make them longer.
const LARGEST_BODY: usize = 256 << 10;

/// Longest encrypted field: a community of 255 bytes in blocks and base64, with its vector.
const LONGEST_SECRET: usize = 512;

/// Keys of results that a command must not bring along.
const OURS: [&str; 4] = ["_poll", "_wait", "error", "result"];

/// Reads a command.
///
/// # Errors
/// The outcome to record: why the command was refused, and for whom. It was never tried (`attempts` is 0).
pub fn parse(delivery: Delivery, fences: &Fences, now: SystemTime) -> Result<Job, Box<Outcome>> {
    let Delivery { routing_key, mut body, reply_to, recorded } = delivery;
    let key = Key::read(&routing_key);
    let mut subject = Subject {
        topic: key.topic.clone(),
        work_item_id: None,
        node: None,
        graph_id: key.graph_id.to_owned(),
        value: Map::new(),
        scheduled_at: now,
        skipped: 0,
        reply: reply_to,
        recorded: Some(recorded),
        watch: Arc::default(),
        divert: None,
        ticket: None,
        names: None,
    };
    let mut target = None;
    let read = read_body(&body, &mut subject.value)
        .and_then(|()| Command { kind: key.kind, fences }.read(&key, &mut subject, &mut target))
        .and_then(|asked| Ok((asked, Wait::read(&subject.value)?)));
    body.zeroize();
    match (read, target) {
        (Ok(((request, credential), wait)), Some(target)) => Ok(Job {
            request,
            target,
            credential,
            timeout: fences.timeout(),
            priority: Priority::Command,
            wait: wait.map(Box::new),
            subject,
        }),
        (read, target) => {
            let fault = read.err().unwrap_or_else(|| malformed("`host` is missing"));
            Err(Box::new(Outcome {
                subject,
                target,
                peer: None,
                started_at: now,
                finished_at: now,
                attempts: 0,
                reading: Err(fault),
            }))
        }
    }
}

fn malformed(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::MalformedCommand, message)
}

/// What the routing key says, with stand-ins for what it does not say well.
struct Key<'a> {
    kind: Kind,
    topic: Topic,
    graph_id: &'a str,
    wrong: Option<&'static str>,
}

impl<'a> Key<'a> {
    fn read(key: &'a str) -> Self {
        let mut words = key.split('.');
        let words: [Option<&str>; 5] = std::array::from_fn(|_| words.next());
        let (kind, command, graph_id, wrong) = match words {
            [Some("ipmi"), Some("command"), Some(command), Some(graph_id), None] => {
                (Kind::Ipmi, command, graph_id, None)
            }
            [Some("run"), Some("snmp"), Some("command"), Some(graph_id), None] => {
                (Kind::Snmp, "", graph_id, None)
            }
            _ => (Kind::Ipmi, "", "", Some("the routing key is that of no command")),
        };
        let or_unknown = |word: &'a str| if is_name(word) { word } else { "unknown" };
        let topic = match kind {
            Kind::Ipmi => Topic::Ipmi(or_unknown(command).to_owned()),
            Kind::Snmp => Topic::Snmp,
        };
        Self { kind, topic, graph_id: or_unknown(graph_id), wrong }
    }
}

/// Fills in the command's `value`.
fn read_body(body: &[u8], value: &mut Map<String, Value>) -> Result<(), Fault> {
    if body.len() > LARGEST_BODY {
        return Err(malformed(format!("the command has more than {LARGEST_BODY} bytes")));
    }
    // serde_json stops at a depth of 128.
    let body: Value = serde_json::from_slice(body).map_err(|fault| {
        malformed(format!("the command is not JSON (line {}, column {})", fault.line(), fault.column()))
    })?;
    let Value::Object(mut body) = body else { return Err(malformed("the command is not a JSON object")) };
    match body.shift_remove("value") {
        Some(Value::Object(found)) => {
            *value = found;
            Ok(())
        }
        Some(_) => Err(malformed("`value` has to be an object")),
        None => Err(malformed("`value` is missing")),
    }
}

struct Command<'a> {
    kind: Kind,
    fences: &'a Fences,
}

impl Command<'_> {
    /// Takes the secrets out of `subject.value` first of all, then judges the command from its names to its rights.
    fn read(
        &self,
        key: &Key<'_>,
        subject: &mut Subject,
        target: &mut Option<Target>,
    ) -> Result<(PollRequest, Credential), Fault> {
        let secrets = Secrets::take(&mut subject.value, self.fences);
        for key in OURS {
            subject.value.shift_remove(key);
        }
        let host = self.host(&mut subject.value);
        if let Ok(host) = &host {
            *target = Some(host.target(self.kind.port()));
        }
        let node = word(&subject.value, "node", is_name);
        let work_item_id = word(&subject.value, "workItemId", is_work_item_id);
        subject.node = node.as_ref().ok().cloned().flatten();
        subject.work_item_id = work_item_id.as_ref().ok().cloned().flatten();
        // The topic first: a failure belongs under the metric's name whatever else is wrong.
        let request = self.request(key, subject);

        if let Some(wrong) = key.wrong {
            return Err(malformed(wrong));
        }
        let graph = graph_id(key.graph_id)
            .ok_or_else(|| malformed("the last word of the routing key has to be a graph id: a UUID"))?;
        self.fences.serves_graph(graph)?;
        let request = request?;
        let host = host?;
        node?;
        work_item_id?;
        self.fences.serves_host(&host)?;
        let target = host.target(self.kind.port());
        let work_item_id = subject.work_item_id.as_deref();
        subject.watch = self.fences.watch(&request, &subject.value, &target, work_item_id)?;
        let credential = self.credential(secrets, subject, &host)?;
        Ok((request, credential))
    }

    /// A host that cannot be read is not echoed where it may hold a login.
    fn host(&self, value: &mut Map<String, Value>) -> Result<Host, Fault> {
        let text = text(value, "host")?.ok_or_else(|| malformed("`host` is missing"))?;
        let may_hold_login = text.contains('@');
        Host::parse(text).map_err(|fault| {
            if may_hold_login {
                value.shift_remove("host");
            }
            let kind = match fault {
                HostFault::MacAddress | HostFault::ZonedAddress => FaultKind::NotSupported,
                _ => FaultKind::MalformedCommand,
            };
            Fault::new(kind, fault.to_string())
        })
    }

    fn request(&self, key: &Key<'_>, subject: &mut Subject) -> Result<PollRequest, Fault> {
        match (&key.topic, self.kind) {
            (Topic::Ipmi(word), Kind::Ipmi) => {
                let command = word
                    .parse::<IpmiCommand>()
                    .map_err(|fault| Fault::new(FaultKind::UnknownCommand, fault.to_string()))?;
                // The result's own key.
                subject.value.shift_remove(command.as_str());
                Ok(PollRequest::Ipmi(command))
            }
            _ => snmp_request(subject, self.fences).map(PollRequest::Snmp),
        }
    }

    fn credential(&self, secrets: Secrets, subject: &mut Subject, host: &Host) -> Result<Credential, Fault> {
        let named = text(&subject.value, "credential")?;
        if let Some(name) = named {
            if !is_name(name) {
                return Err(malformed(format!("`credential` has to be {NAME_RULE}")));
            }
            if secrets.any() {
                return Err(malformed(
                    "`credential` stands instead of `password` or `community`, not beside it",
                ));
            }
            let credential = self.fences.credential(name, self.kind, host)?;
            if let (Credential::Ipmi { user, .. }, Some(given)) = (&credential, text(&subject.value, "user")?)
                && user != given
            {
                return Err(malformed(format!("`user` is not the user of the credential {name:?}")));
            }
            return Ok(credential);
        }
        match self.kind {
            Kind::Ipmi => {
                let user =
                    text(&subject.value, "user")?.ok_or_else(|| malformed("`user` is missing"))?.to_owned();
                let password = secrets.password?.ok_or_else(|| malformed("`password` is missing"))?;
                match wrong_login(&user, &password) {
                    Some(wrong) => Err(malformed(wrong)),
                    // Whoever sends secrets of their own has the usual way only: what encrypts nothing is the configuration's
                    // to allow.
                    None => Ok(Credential::Ipmi { user, password, access: Access::default() }),
                }
            }
            Kind::Snmp => {
                let community = secrets.community?.ok_or_else(|| malformed("`community` is missing"))?;
                if community.is_empty() || community.expose().len() > LONGEST_COMMUNITY {
                    return Err(malformed(format!(
                        "`community` has to be 1 to {LONGEST_COMMUNITY} bytes long"
                    )));
                }
                Ok(Credential::Snmp(SnmpCredential::V2c(community)))
            }
        }
    }
}

/// What a command holds that must not go out again. After `take`, its `value` has none of it: only the community stays,
/// and only encrypted (contract.md, section 3).
struct Secrets {
    password: Result<Option<Secret>, Fault>,
    community: Result<Option<Secret>, Fault>,
}

impl Secrets {
    fn take(value: &mut Map<String, Value>, fences: &Fences) -> Self {
        let place = value.keys().position(|key| key == "community");
        let password =
            secret(value, "password").map(|field| field.map(|field| open_encrypted(fences.key(), field)));
        let sent = secret(value, "community");
        scrub_map(value);
        let community = sent.map(|field| {
            let field = field?;
            let key = fences.key();
            let plain = open_encrypted(key, field.clone());
            // One that came encrypted goes out as it came.
            let hidden =
                if plain == field { key.and_then(|key| key.encrypt(&plain)) } else { field_text(&field) };
            if let Some((hidden, place)) = hidden.zip(place) {
                value.shift_insert(place.min(value.len()), "community".to_owned(), Value::String(hidden));
            }
            Some(plain)
        });
        Self { password, community }
    }

    fn any(&self) -> bool {
        !matches!((&self.password, &self.community), (Ok(None), Ok(None)))
    }
}

fn field_text(field: &Secret) -> Option<String> {
    field.expose_str().map(str::to_owned)
}

fn secret(value: &mut Map<String, Value>, key: &str) -> Result<Option<Secret>, Fault> {
    match value.shift_remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= LONGEST_SECRET => Ok(Some(Secret::new(text.into_bytes()))),
        Some(Value::String(_)) => Err(malformed(format!("`{key}` has more than {LONGEST_SECRET} bytes"))),
        Some(_) => Err(malformed(format!("`{key}` has to be a text"))),
    }
}

/// A text, where there is one; `null` is as good as nothing.
fn text<'a>(value: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, Fault> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed(format!("`{key}` has to be a text"))),
    }
}

/// A text that becomes a word of routing keys, where there is one.
fn word(value: &Map<String, Value>, key: &str, rule: fn(&str) -> bool) -> Result<Option<String>, Fault> {
    match text(value, key)? {
        None => Ok(None),
        Some(word) if rule(word) => Ok(Some(word.to_owned())),
        Some(_) => {
            Err(malformed(format!("`{key}` becomes a word of routing keys and has to be {NAME_RULE}")))
        }
    }
}

fn snmp_request(subject: &mut Subject, fences: &Fences) -> Result<SnmpRequest, Fault> {
    match subject.value.get("pollInterval") {
        None | Some(Value::Null | Value::Number(_)) => {}
        Some(_) => return Err(malformed("`pollInterval` has to be a number")),
    }
    let config = match subject.value.get("config") {
        Some(Value::Object(config)) => config,
        None | Some(Value::Null) => return Err(malformed("`config` is missing")),
        Some(_) => return Err(malformed("`config` has to be an object")),
    };
    let metric = text(config, "metric").map_err(|_| malformed("`config.metric` has to be a text"))?;
    let oids = match config.get("oids") {
        None | Some(Value::Null) => None,
        Some(Value::Array(oids)) => Some(oids),
        Some(_) => return Err(malformed("`config.oids` has to be a list")),
    };
    match (oids, metric) {
        (None, None) => Err(malformed("`config` needs `oids` or `metric`")),
        (Some(_), Some(_)) => Err(malformed("`config` has `oids` or `metric`, not both")),
        (Some(oids), None) => read_oids("config.oids", oids, fences.names()).map(SnmpRequest::Oids),
        (None, Some(metric)) => {
            subject.topic = Topic::Metric(if is_name(metric) { metric } else { "unknown" }.to_owned());
            let metric: Metric = metric.parse().map_err(|UnknownMetric { .. }| {
                let known = Metric::ALL.map(Metric::as_str).join(", ");
                let what = format!("there is no metric of this name; known are {known}");
                Fault::new(FaultKind::UnknownCommand, what)
            })?;
            metric_request(metric, config, fences).map(SnmpRequest::Metric)
        }
    }
}

/// What a metric has to be told beside its name; for all the others such a key means nothing, and stays.
fn metric_request(
    metric: Metric,
    config: &Map<String, Value>,
    fences: &Fences,
) -> Result<MetricRequest, Fault> {
    let names = fences.names();
    if metric != Metric::SwitchSensorStatus {
        return Ok(metric.into());
    }
    match config.get("sensorOids") {
        Some(Value::Array(oids)) => {
            let oids = read_oids("config.sensorOids", oids, names)?;
            // The result says in numbers which one is missing.
            let sensor_oids = oids.iter().map(|oid| in_numbers(oid, names)).collect();
            Ok(MetricRequest { metric, sensor_oids })
        }
        // RackHD's commands never bring them: its poller has them in its own configuration.
        None | Some(Value::Null) if !fences.sensor_oids().is_empty() => {
            Ok(MetricRequest { metric, sensor_oids: fences.sensor_oids().to_vec() })
        }
        None | Some(Value::Null) => Err(malformed(format!(
            "`config.sensorOids` is missing, and the agent's configuration has no `sensor-oids` in [snmp]: {metric} walks them"
        ))),
        Some(_) => Err(malformed("`config.sensorOids` has to be a list")),
    }
}

fn read_oids(key: &str, oids: &[Value], names: &Names) -> Result<Vec<String>, Fault> {
    if oids.is_empty() || oids.len() > MOST_OIDS {
        return Err(malformed(format!("`{key}` holds 1 to {MOST_OIDS} oids")));
    }
    let mut read = Vec::with_capacity(oids.len());
    for (index, oid) in oids.iter().enumerate() {
        let Value::String(oid) = oid else {
            return Err(malformed(format!("`{key}[{index}]` has to be a text")));
        };
        names.resolve(oid).map_err(|fault| malformed(format!("`{key}[{index}]`: {fault}")))?;
        read.push(oid.clone());
    }
    Ok(read)
}

#[cfg(test)]
mod tests;
