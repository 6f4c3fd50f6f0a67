//! `[[tag]]`: rules for every device that has the tag.

use std::collections::BTreeMap;

use super::{Alerts, Name, Named, device::Device, name};
use crate::{
    config::{fault::Findings, raw::Table},
    outcome::rules::Compiler,
};

pub(super) fn check(
    tables: Vec<Table>,
    devices: &Named<Device>,
    compiler: &mut Compiler,
    findings: &mut Findings,
) -> BTreeMap<Name, Alerts> {
    let mut tags = Named::new();
    for mut table in tables {
        let name = name(&mut table, "name", "[[tag]]", findings);
        let alerts = Alerts::check(&mut table, compiler, findings);
        table.refuse_rest("[[tag]]", findings);
        if let Some((at, name)) = name
            && tags.admit("tag", &name, &at, findings)
        {
            if !devices.good.values().any(|device| device.tags.contains(&name)) {
                findings.warn(&at, format!("no device has the tag `{name}`"), None);
            }
            tags.good.insert(name, alerts);
        }
    }
    tags.known()
}
