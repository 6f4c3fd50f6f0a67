//! What the configuration lets commands do: which graphs, which hosts, which credentials, how long.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use rackpoll_model::{Fault, FaultKind, IpmiCommand, PollRequest, SnmpRequest};
use rackpoll_snmp::names::Names;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::alerts::CommandRules;
use crate::{
    config::{
        Alerts, Config, EncryptionKey, Host, IPMI_PORT, NamedCredential, SNMP_PORT, ScheduledPoll, in_numbers,
    },
    job::{Credential, Target},
    outcome::rules::{Calm, Elsewhere, Seen, Watch, Window},
};

/// What commands may do. Made once from the configuration, and again when that changes.
#[derive(Debug)]
pub struct Fences {
    graphs: Option<Vec<Uuid>>,
    serves: Option<Vec<IpNet>>,
    credentials: BTreeMap<String, NamedCredential>,
    /// The devices of the configuration by address or name, and port.
    devices: HashMap<(String, u16), OfDevice>,
    /// The polls of the configuration by their id.
    polls: HashMap<String, Arc<ScheduledPoll>>,
    key: Option<EncryptionKey>,
    timeout: Duration,
    rules: CommandRules,
    calm: Arc<Calm>,
    names: Arc<Names>,
    sensor_oids: Arc<[String]>,
}

/// What the configuration says of a device, however it is asked.
#[derive(Debug, Default)]
struct OfDevice {
    /// Names of its credentials.
    credentials: Vec<String>,
    /// Rules of its tags, then its own.
    alerts: Vec<Alerts>,
    maintenance: Vec<Arc<Window>>,
    node_type: Option<Arc<str>>,
    /// What is polled on schedule.
    polls: Vec<Arc<ScheduledPoll>>,
}

/// Which of a credential's two halves is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ipmi,
    Snmp,
}

impl Kind {
    pub(super) fn port(self) -> u16 {
        match self {
            Self::Ipmi => IPMI_PORT,
            Self::Snmp => SNMP_PORT,
        }
    }
}

impl Fences {
    /// The fences that this configuration draws.
    pub fn new(config: &Config) -> Self {
        let mut devices: HashMap<_, OfDevice> = HashMap::new();
        for (name, device) in &config.devices {
            let targets =
                BTreeSet::from([Kind::Ipmi, Kind::Snmp].map(|kind| place(device.host.target(kind.port()))));
            for target in targets {
                let here = devices.entry(target).or_default();
                let credential = device.credential.as_ref().map(ToString::to_string);
                here.credentials.extend(credential.filter(|name| !here.credentials.contains(name)));
                here.alerts.extend(device.all_alerts(&config.tags).cloned());
                here.maintenance.extend(config.maintenance.get(name).into_iter().flatten().cloned());
                here.node_type = here.node_type.take().or_else(|| device.node_type.clone());
            }
        }
        for poll in config.polls.iter().filter(|poll| !poll.paused) {
            let here = devices.entry(place(poll.target.clone())).or_default();
            here.polls.push(Arc::clone(poll));
        }
        Self {
            graphs: config.agent.serves_graphs.clone(),
            serves: config.agent.serves.clone(),
            credentials: config.credentials.iter().map(|(name, c)| (name.to_string(), c.clone())).collect(),
            devices,
            polls: config.polls.iter().map(|poll| (poll.work_item_id.clone(), Arc::clone(poll))).collect(),
            key: config.encryption.clone(),
            timeout: config.agent.timeout,
            rules: CommandRules::default(),
            calm: Arc::clone(&config.calm),
            names: Arc::clone(&config.names),
            sensor_oids: Arc::clone(&config.sensor_oids),
        }
    }

    /// What MIB objects are called.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// What `snmp-switch-sensor-status` walks where the command does not say; none where the configuration does not, either.
    pub(super) fn sensor_oids(&self) -> &[String] {
        &self.sensor_oids
    }

    /// Whether commands may poll this address. A host that is written as a name has to be asked about again once it is
    /// resolved.
    ///
    /// # Errors
    /// `NotServed`.
    pub fn serves_address(&self, address: IpAddr) -> Result<(), Fault> {
        let Some(serves) = &self.serves else { return Ok(()) };
        let address = address.to_canonical();
        if serves.iter().any(|network| network.contains(&address)) {
            return Ok(());
        }
        Err(Fault::new(
            FaultKind::NotServed,
            format!("{address} is outside the networks that this agent serves"),
        ))
    }

    pub(super) fn serves_host(&self, host: &Host) -> Result<(), Fault> {
        host.address().map_or(Ok(()), |address| self.serves_address(address))
    }

    pub(super) fn serves_graph(&self, graph: Uuid) -> Result<(), Fault> {
        match &self.graphs {
            Some(graphs) if !graphs.contains(&graph) => Err(Fault::new(
                FaultKind::NotServed,
                format!("the graph {graph} is not one that this agent serves"),
            )),
            _ => Ok(()),
        }
    }

    /// The named credential, if a command may use it for this host (contract.md, section 2).
    pub(super) fn credential(&self, name: &str, kind: Kind, host: &Host) -> Result<Credential, Fault> {
        let unknown = |what: &str| Fault::new(FaultKind::UnknownCredential, format!("{what} {name:?}"));
        let credential = self.credentials.get(name).ok_or_else(|| unknown("there is no credential"))?;
        let target = host.target(kind.port());
        let of_a_device = self
            .devices
            .get(&place(target))
            .is_some_and(|here| here.credentials.iter().any(|mine| mine == name));
        // A name could be made to resolve to anything; only an address can be inside a network.
        let in_networks = host.address().is_some_and(|address| credential.covers(address));
        if !of_a_device && !in_networks {
            let what = format!(
                "the credential {name:?} is not for {host}: no device there names it, nor do its networks hold it"
            );
            return Err(Fault::new(FaultKind::NotServed, what));
        }
        let found = match kind {
            Kind::Ipmi => &credential.ipmi,
            Kind::Snmp => &credential.snmp,
        };
        found.clone().ok_or_else(|| {
            let what = match kind {
                Kind::Ipmi => "there is no user and password in the credential",
                Kind::Snmp => "there is neither community nor v3-user in the credential",
            };
            unknown(what)
        })
    }

    /// What is looked for in the result of a command: by the rules of its device and by those that it brings. Where it names
    /// a poller of the configuration, it polls for that one. `docs/decisions/0013-rules-of-a-device.md` says why.
    pub(super) fn watch(
        &self,
        request: &PollRequest,
        value: &Map<String, Value>,
        target: &Target,
        work_item_id: Option<&str>,
    ) -> Result<Arc<Watch>, Fault> {
        let own = self.rules.read(request, value)?;
        let poll = work_item_id.and_then(|id| self.polls.get(id));
        if let Some(poll) = poll.filter(|poll| poll.request == *request && poll.target == *target) {
            let mut watch = Arc::clone(&poll.watch);
            if let Some(own) = own {
                Arc::make_mut(&mut watch).rules.push(own);
            }
            return Ok(watch);
        }
        let mut watch = Watch { calm: Arc::clone(&self.calm), ..Watch::default() };
        if let Some(here) = self.devices.get(&place(target.clone())) {
            for rules in here.alerts.iter().filter_map(|alerts| alerts.of(request)) {
                // Two devices at one place may share a tag.
                if !watch.rules.iter().any(|known| Arc::ptr_eq(known, rules)) {
                    watch.rules.push(Arc::clone(rules));
                }
            }
            watch.elsewhere = Elsewhere { lists: watch.rules.len(), seen: self.seen(here, request) };
            watch.maintenance.clone_from(&here.maintenance);
            watch.node_type.clone_from(&here.node_type);
        }
        watch.rules.extend(own);
        Ok(Arc::new(watch))
    }

    /// What of this the device's own polls look at. A sensor's condition is told by each poller that sees it, with any rules
    /// or none; rules only say how bad it is.
    fn seen(&self, here: &OfDevice, request: &PollRequest) -> Vec<Seen> {
        let number = |oid: &String| in_numbers(oid, &self.names);
        let mut seen = Vec::new();
        // Names for numbers are other keys.
        for poll in here.polls.iter().filter(|poll| poll.names.is_none()) {
            match (request, &poll.request) {
                (
                    PollRequest::Ipmi(IpmiCommand::Sel | IpmiCommand::SelEntries),
                    PollRequest::Ipmi(IpmiCommand::Sel | IpmiCommand::SelEntries),
                ) => seen.push(Seen::All),
                (
                    PollRequest::Snmp(SnmpRequest::Metric(asked)),
                    PollRequest::Snmp(SnmpRequest::Metric(polled)),
                ) if asked == polled => seen.push(Seen::All),
                (PollRequest::Snmp(SnmpRequest::Metric(_)), _) => {}
                (PollRequest::Snmp(_), PollRequest::Snmp(SnmpRequest::Oids(oids))) => {
                    seen.extend(oids.iter().map(number).map(Seen::Below));
                }
                (PollRequest::Snmp(_), PollRequest::Snmp(SnmpRequest::Get(oids))) => {
                    seen.extend(oids.iter().map(number).map(Seen::One));
                }
                _ => {}
            }
        }
        seen
    }

    pub(super) fn key(&self) -> Option<&EncryptionKey> {
        self.key.as_ref()
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }
}

fn place(target: Target) -> (String, u16) {
    (target.name, target.port)
}
