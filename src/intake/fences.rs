//! What the configuration lets commands do: which graphs, which hosts, which credentials, how long.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use ipnet::IpNet;
use rackpoll_model::{Fault, FaultKind, PollRequest};
use rackpoll_snmp::names::Names;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::alerts::CommandRules;
use crate::{
    config::{Config, EncryptionKey, Host, IPMI_PORT, NamedCredential, SNMP_PORT},
    job::Credential,
    outcome::rules::{Calm, Watch},
};

/// What commands may do. Made once from the configuration, and again when that changes.
#[derive(Debug)]
pub struct Fences {
    graphs: Option<Vec<Uuid>>,
    serves: Option<Vec<IpNet>>,
    credentials: BTreeMap<String, NamedCredential>,
    /// Names of the credentials of the devices at an address or name and port.
    devices: HashMap<(String, u16), Vec<String>>,
    key: Option<EncryptionKey>,
    timeout: Duration,
    rules: CommandRules,
    calm: Arc<Calm>,
    names: Arc<Names>,
    sensor_oids: Arc<[String]>,
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
        let mut devices: HashMap<_, Vec<_>> = HashMap::new();
        for device in config.devices.values() {
            let Some(credential) = &device.credential else { continue };
            for kind in [Kind::Ipmi, Kind::Snmp] {
                let target = device.host.target(kind.port());
                let names = devices.entry((target.name, target.port)).or_default();
                if !names.iter().any(|name| name == credential.as_str()) {
                    names.push(credential.to_string());
                }
            }
        }
        Self {
            graphs: config.agent.serves_graphs.clone(),
            serves: config.agent.serves.clone(),
            credentials: config.credentials.iter().map(|(name, c)| (name.to_string(), c.clone())).collect(),
            devices,
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
            .get(&(target.name, target.port))
            .is_some_and(|names| names.iter().any(|mine| mine == name));
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

    /// What is looked for in the result of a command: by the rules that it brings.
    pub(super) fn watch(
        &self,
        request: &PollRequest,
        value: &Map<String, Value>,
    ) -> Result<Arc<Watch>, Fault> {
        let rules = self.rules.read(request, value)?;
        Ok(Arc::new(Watch {
            rules: rules.into_iter().collect(),
            calm: Arc::clone(&self.calm),
            ..Watch::default()
        }))
    }

    pub(super) fn key(&self) -> Option<&EncryptionKey> {
        self.key.as_ref()
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }
}
