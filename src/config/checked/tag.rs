//! `[[tag]]`: rules for every device that has the tag.

use std::collections::BTreeMap;

use super::{Alerts, Name, Named, name};
use crate::{
    config::{fault::Findings, raw::Table},
    outcome::rules::Compiler,
};

pub(super) fn check(
    tables: Vec<Table>,
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
            tags.good.insert(name, alerts);
        }
    }
    tags.known()
}
