//! What the files mean, in types that cannot be wrong.

mod access;
mod agent;
mod asked;
mod bus;
mod calm;
mod credential;
mod device;
mod maintenance;
mod mibs;
mod pattern;
mod poller;
mod reachability;
mod rules;
mod scheduled;
mod snmp;
mod tag;
mod timing;
mod traps;
mod trigger;

use std::{collections::BTreeMap, sync::Arc};

use rackpoll_snmp::names::Names;

use super::{
    encrypted::EncryptionKey,
    fault::{ConfigFault, Findings, Place},
    name::{NAME_RULE, Name},
    raw::{Table, shorten},
    secret::Surroundings,
};
use crate::outcome::rules::{Calm, Compiler, Segments, Window};

pub use access::bmc_key;
pub use agent::{Agent, graph_id};
pub use asked::{MOST_OIDS, USUAL_ROWS, in_numbers, snmp_config};
pub use bus::{Broker, Bus, Server, Tls};
pub use credential::{LONGEST_COMMUNITY, NamedCredential, wrong_login};
pub use device::Device;
pub use rules::Alerts;
pub use scheduled::{IPMI_PORT, SNMP_PORT, ScheduledPoll};
pub use traps::Traps;
pub use trigger::Trigger;

/// A whole configuration without faults.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[agent]`
    pub agent: Agent,
    /// `[bus]`
    pub bus: Bus,
    /// `[encryption]`, where there is a key.
    pub encryption: Option<EncryptionKey>,
    /// `[[credential]]`, by name.
    pub credentials: BTreeMap<Name, NamedCredential>,
    /// `[[device]]`, by name.
    pub devices: BTreeMap<Name, Device>,
    /// `[[tag]]`: rules for every device that has the tag.
    pub tags: BTreeMap<Name, Alerts>,
    /// `[[maintenance]]`: the windows of every device that has any.
    pub maintenance: BTreeMap<Name, Vec<Arc<Window>>>,
    /// `[calm]`: how calmly alerts are told where a poller says nothing.
    pub calm: Arc<Calm>,
    /// `[reachability]`: the segments whose nodes are told together.
    pub segments: Arc<Segments>,
    /// `[snmp]`: what MIB objects are called.
    pub names: Arc<Names>,
    /// `[snmp]`: what `snmp-switch-sensor-status` walks where neither poller nor command says, in numbers.
    pub sensor_oids: Arc<[String]>,
    /// Every `[[poller]]` on every one of its devices, paused ones too.
    pub polls: Vec<Arc<ScheduledPoll>>,
    /// `[[trigger]]`
    pub triggers: Vec<Trigger>,
    /// `[traps]`, where somebody listens.
    pub traps: Option<Traps>,
    /// What is allowed and deserves a second look.
    pub warnings: Vec<ConfigFault>,
}

/// Checks the whole tree. Where it finds faults, the returned configuration is a stand-in that must not be used.
pub(super) fn check(mut table: Table, surroundings: &Surroundings<'_>, findings: &mut Findings) -> Config {
    let agent = agent::check(table.section("agent", findings), surroundings, findings);
    let bus = bus::check(table.section("bus", findings), surroundings, findings);
    let encryption = encryption(table.section("encryption", findings), surroundings, findings);
    let mut compiler = Compiler::default();
    let credentials = credential::check(table.sections("credential", findings), surroundings, findings);
    let devices = device::check(table.sections("device", findings), &credentials, &mut compiler, findings);
    let tags = tag::check(table.sections("tag", findings), &devices, &mut compiler, findings);
    let calm = Arc::new(calm::check(table.section("calm", findings), &Calm::default(), "[calm]", findings));
    let maintenance = maintenance::check(table.sections("maintenance", findings), &devices, findings);
    let snmp = mibs::check(table.section("snmp", findings), findings);
    let context = poller::Context {
        snmp: &snmp,
        devices: &devices,
        credentials: &credentials,
        encryption: encryption.as_ref(),
        timeout: agent.timeout,
        tags: &tags,
        calm: &calm,
        maintenance: &maintenance,
    };
    let segments = reachability::check(table.section("reachability", findings), &devices.good, findings);
    let (polls, pollers) =
        poller::check(table.sections("poller", findings), &context, &mut compiler, findings);
    let triggers = trigger::check(table.sections("trigger", findings), &polls, &pollers, findings);
    let traps = traps::check(table.section("traps", findings), &credentials, findings);
    table.refuse_rest("the configuration", findings);
    let credentials = credentials.known();
    let devices = devices.known();
    Config {
        agent,
        bus,
        encryption,
        credentials,
        devices,
        tags,
        maintenance,
        calm,
        segments,
        names: snmp.names,
        sensor_oids: snmp.sensor_oids.unwrap_or_default(),
        polls,
        triggers,
        traps,
        warnings: Vec::new(),
    }
}

fn encryption(
    mut table: Table,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings,
) -> Option<EncryptionKey> {
    let allow_default = table.boolean("allow-default-key", findings).unwrap_or(false);
    let node = table.take("key");
    table.refuse_rest("[encryption]", findings);
    let node = node?;
    let place = node.place.clone();
    let text = super::secret::read("key", node, surroundings, findings)?;
    let Some(key) = EncryptionKey::from_base64(&text) else {
        findings.fault(&place, "`key` has to be base64 of 32 bytes, as RackHD's sharedKey");
        return None;
    };
    if key.is_default() && !allow_default {
        findings.fault_with_hint(
            &place,
            "`key` is RackHD's published default key, which hides nothing",
            "set another one on both sides, or allow-default-key = true",
        );
        return None;
    }
    Some(key)
}

/// Things with names: those without a fault, and the names of the others, so that one fault does not breed more.
#[derive(Debug)]
struct Named<T> {
    good: BTreeMap<Name, T>,
    places: BTreeMap<Name, Place>,
}

impl<T> Named<T> {
    fn new() -> Self {
        Self { good: BTreeMap::new(), places: BTreeMap::new() }
    }

    fn known(self) -> BTreeMap<Name, T> {
        self.good
    }

    /// Takes the name of one more thing; the same name twice is a fault.
    fn admit(&mut self, what: &str, name: &Name, place: &Place, findings: &mut Findings) -> bool {
        if let Some(first) = self.places.get(name) {
            findings.fault(place, format!("there is a {what} `{name}` already, at {first}"));
            return false;
        }
        self.places.insert(name.clone(), place.clone());
        true
    }
}

/// The name under `key`, which has to be there.
fn name(table: &mut Table, key: &'static str, whole: &str, findings: &mut Findings) -> Option<(Place, Name)> {
    let there = table.has(key);
    let found = optional_name(table, key, findings);
    if !there {
        findings.fault(&table.place, format!("{whole} needs `{key}`"));
    }
    found
}

fn optional_name(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<(Place, Name)> {
    let (place, text) = table.text(key, findings)?;
    let name = Name::new(&text);
    if name.is_none() {
        findings.fault(&place, format!("`{key}` has to be {NAME_RULE}, not {:?}", shorten(&text)));
    }
    Some((place, name?))
}

/// A list of IP networks; an address alone is a network of one.
fn networks(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<Vec<ipnet::IpNet>> {
    let texts = table.texts(key, findings)?;
    let mut networks = Vec::with_capacity(texts.len());
    for (place, text) in texts {
        let single = || text.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from);
        match text.parse().ok().or_else(single) {
            Some(network) => networks.push(network),
            None => findings.fault_with_hint(
                &place,
                format!("`{key}` holds networks, not {:?}", shorten(&text)),
                "write \"10.1.0.0/16\" or \"fd00::/8\"",
            ),
        }
    }
    Some(networks)
}
