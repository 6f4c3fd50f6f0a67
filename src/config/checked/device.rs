use std::{collections::BTreeMap, sync::Arc};

use super::{Alerts, Name, Named, credential::NamedCredential, name, optional_name};
use crate::{
    config::{
        fault::Findings,
        host::Host,
        name::NAME_RULE,
        raw::{Table, shorten},
    },
    outcome::rules::Compiler,
};

/// A device that pollers name.
#[derive(Debug, Clone)]
pub struct Device {
    /// Where it is.
    pub host: Host,
    /// The credential that its pollers use, where it has one.
    pub credential: Option<Name>,
    /// RackHD's node, where it has one.
    pub node: Option<Name>,
    /// What pollers may find it by, as `tag:NAME`.
    pub tags: Vec<Name>,
    /// Its own rules of alerts.
    pub alerts: Alerts,
    /// RackHD's type of the node, for its events.
    pub node_type: Option<Arc<str>>,
}

impl Device {
    /// The rules of its tags, then its own.
    pub fn all_alerts<'a>(&'a self, tags: &'a BTreeMap<Name, Alerts>) -> impl Iterator<Item = &'a Alerts> {
        self.tags.iter().filter_map(|tag| tags.get(tag)).chain([&self.alerts])
    }
}

pub(super) fn check(
    tables: Vec<Table>,
    credentials: &Named<NamedCredential>,
    compiler: &mut Compiler,
    findings: &mut Findings,
) -> Named<Device> {
    let mut devices = Named::new();
    for mut table in tables {
        let name = name(&mut table, "name", "[[device]]", findings);
        let device = one(table, credentials, compiler, findings);
        if let Some((at, name)) = name
            && devices.admit("device", &name, &at, findings)
            && let Some(device) = device
        {
            devices.good.insert(name, device);
        }
    }
    devices
}

fn one(
    mut table: Table,
    credentials: &Named<NamedCredential>,
    compiler: &mut Compiler,
    findings: &mut Findings,
) -> Option<Device> {
    if !table.has("host") {
        findings.fault(&table.place, "[[device]] needs `host`");
    }
    let host = table.text("host", findings).and_then(|(place, text)| match Host::parse(&text) {
        Ok(host) => Some(host),
        Err(fault) => {
            findings.fault(&place, fault.to_string());
            None
        }
    });
    let credential = optional_name(&mut table, "credential", findings);
    if let Some((place, wanted)) = &credential
        && !credentials.places.contains_key(wanted)
    {
        let known = credentials.places.keys().map(Name::as_str);
        findings.unknown_word(place, format!("there is no credential `{wanted}`"), wanted, known);
    }
    let node = optional_name(&mut table, "node", findings).map(|(_, name)| name);
    let mut tags = Vec::new();
    for (place, text) in table.texts("tags", findings).unwrap_or_default() {
        match Name::new(&text) {
            // Its rules would be asked twice.
            Some(tag) if tags.contains(&tag) => {}
            Some(tag) => tags.push(tag),
            None => findings.fault(&place, format!("a tag has to be {NAME_RULE}, not {:?}", shorten(&text))),
        }
    }
    let alerts = Alerts::check(&mut table, compiler, findings);
    let node_type = optional_name(&mut table, "node-type", findings).map(|(_, name)| name.as_str().into());
    table.refuse_rest("[[device]]", findings);
    Some(Device { host: host?, credential: credential.map(|(_, name)| name), node, tags, alerts, node_type })
}
