use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rackpoll_model::{Oid, PollRequest, SnmpRequest};
use serde_json::{Map, Value};

use super::{
    Alerts, EncryptionKey, IPMI_PORT, Name, Named, SNMP_PORT, ScheduledPoll,
    agent::TIMEOUTS,
    asked::{self, Asked},
    calm,
    credential::NamedCredential,
    device::Device,
    mibs::Snmp,
    name, pattern, rules,
    timing::{self, Timing},
    traps,
};
use crate::{
    config::{
        fault::{Findings, Place},
        raw::Table,
    },
    job::{Credential, Topic},
    outcome::rules::{Calm, Compiler, Elsewhere, Rules, Watch, Window},
};

/// What pollers refer to.
pub(super) struct Context<'a> {
    pub(super) snmp: &'a Snmp,
    pub(super) devices: &'a Named<Device>,
    pub(super) credentials: &'a Named<NamedCredential>,
    pub(super) encryption: Option<&'a EncryptionKey>,
    pub(super) timeout: Duration,
    pub(super) tags: &'a BTreeMap<Name, Alerts>,
    pub(super) calm: &'a Arc<Calm>,
    pub(super) maintenance: &'a BTreeMap<Name, Vec<Arc<Window>>>,
}

pub(super) fn check(
    tables: Vec<Table>,
    context: &Context<'_>,
    compiler: &mut Compiler,
    findings: &mut Findings,
) -> (Vec<Arc<ScheduledPoll>>, Vec<Name>) {
    let mut pollers = Named::<()>::new();
    let mut polls = Vec::new();
    for mut table in tables {
        let id = name(&mut table, "id", "[[poller]]", findings);
        let poller = one(table, context, compiler, findings);
        if let Some((at, id)) = id
            && pollers.admit("poller", &id, &at, findings)
            && let Some(poller) = poller
        {
            poller.spread_out(&id, context, findings, &mut polls);
        }
    }
    (polls, pollers.places.into_keys().collect())
}

/// A poller before it meets its devices.
struct Poller {
    place: Place,
    devices: Vec<Name>,
    one_plain_name: bool,
    request: PollRequest,
    by_name: bool,
    timing: Timing,
    timeout: Duration,
    rules: Option<Arc<Rules>>,
    calm: Arc<Calm>,
    paused: bool,
    traps: Option<Arc<[Oid]>>,
}

fn one(
    mut table: Table,
    context: &Context<'_>,
    compiler: &mut Compiler,
    findings: &mut Findings,
) -> Option<Poller> {
    let place = table.place.clone();
    let devices = pattern::devices(&mut table, "[[poller]]", context.devices, findings);
    let asked = asked::check(&mut table, context.snmp, findings);
    let timing = timing::check(&mut table, findings);
    let timeout = table.duration("timeout", TIMEOUTS, findings).unwrap_or(context.timeout);
    let alerts = table.take("alerts");
    let rules = alerts.zip(asked.as_ref()).map(|(node, Asked { request, by_name })| {
        let place = node.place.clone();
        let read = rules::read("alerts", node, rules::kind_of(request), compiler, findings)?;
        // What results with names call their variables is not known here.
        if !by_name {
            rules::second_look(&read, request, &place, findings);
        }
        Some(Arc::new(read))
    });
    let calm = match table.has("calm") {
        true => Arc::new(calm::check(table.section("calm", findings), context.calm, "`calm`", findings)),
        false => Arc::clone(context.calm),
    };
    let paused = table.boolean("paused", findings).unwrap_or(false);
    let traps = traps::of_poller(&mut table, &context.snmp.names, findings);
    table.refuse_rest("[[poller]]", findings);
    let devices = devices?;
    let Asked { request, by_name } = asked?;
    Some(Poller {
        place,
        devices: devices.names,
        one_plain_name: devices.one_plain_name,
        request,
        by_name,
        timing: timing?,
        timeout,
        // Rules with a fault have been told about, and nothing runs.
        rules: rules.flatten(),
        calm,
        paused,
        traps,
    })
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
                PollRequest::Snmp(SnmpRequest::Metric(request)) => {
                    (Topic::Metric(request.metric.to_string()), SNMP_PORT)
                }
                PollRequest::Snmp(_) => (Topic::Snmp, SNMP_PORT),
            };
            polls.push(Arc::new(ScheduledPoll {
                value: self.value(&work_item_id, device, &credential, context.encryption),
                // By the device: what is due on it in the same grid is due at the same moment, and is asked together.
                schedule: self.timing.schedule(name.as_str()),
                watch: self.watch(name, device, context),
                work_item_id,
                poller: id.clone(),
                device: name.clone(),
                node: device.node.clone(),
                request: self.request.clone(),
                topic,
                target: device.host.target(port),
                credential,
                timeout: self.timeout,
                names: self.by_name.then(|| Arc::clone(&context.snmp.names)),
                paused: self.paused,
                traps: self.traps.clone(),
            }));
        }
    }

    /// Rules of the device's tags, of the device and of the poller, in this order.
    fn watch(&self, name: &Name, device: &Device, context: &Context<'_>) -> Arc<Watch> {
        let of_device = device.all_alerts(context.tags).filter_map(|alerts| alerts.of(&self.request));
        Arc::new(Watch {
            rules: of_device.chain(&self.rules).map(Arc::clone).collect(),
            elsewhere: Elsewhere::default(),
            calm: Arc::clone(&self.calm),
            maintenance: context.maintenance.get(name).cloned().unwrap_or_default(),
            node_type: device.node_type.clone(),
        })
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
            PollRequest::Snmp(_) => (&credential.snmp, "`community` or `v3-user`"),
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
            Credential::Snmp(credential) => {
                if let Some(hidden) =
                    key.zip(credential.community()).and_then(|(key, community)| key.encrypt(community))
                {
                    value.insert("community".to_owned(), hidden.into());
                }
            }
        }
        if let Some(node) = &device.node {
            value.insert("node".to_owned(), node.as_str().into());
        }
        value.insert("workItemId".to_owned(), work_item_id.into());
        if let PollRequest::Snmp(request) = &self.request {
            if let Timing::Every { every, .. } = self.timing {
                let millis = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
                value.insert("pollInterval".to_owned(), millis.into());
            }
            value.insert("config".to_owned(), asked::snmp_config(request).into());
        }
        value
    }
}
