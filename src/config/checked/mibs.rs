//! `[snmp]`: the names of MIB objects, and what is asked where nobody says.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use rackpoll_snmp::names::Names;

use super::asked::sensor_oids;
use crate::config::{
    fault::Findings,
    raw::{Table, shorten},
};

/// Most folders, and most modules: more of them are a mistake.
const MOST: usize = 256;

/// `[snmp]`, checked.
pub(super) struct Snmp {
    pub(super) names: Arc<Names>,
    /// In numbers. Without any, where what the section says has a fault.
    pub(super) sensor_oids: Option<Arc<[String]>>,
}

pub(super) fn check(mut table: Table, findings: &mut Findings) -> Snmp {
    let place = table.look_at("sensor-oids").map(|node| node.place.clone());
    let oids = table.texts("sensor-oids", findings);
    let names = names(&mut table, findings);
    table.refuse_rest("[snmp]", findings);
    let sensor_oids = place.map(|place| {
        let oids = oids.and_then(|oids| sensor_oids(&place, oids, &names, findings));
        oids.unwrap_or_default().into()
    });
    Snmp { names, sensor_oids }
}

/// What is built in, and what the operator's files add. Whatever is wrong with a file is told, and the rest goes on.
fn names(table: &mut Table, findings: &mut Findings) -> Arc<Names> {
    let place = table.place.clone();
    let folders = table.texts("mib-dirs", findings);
    let modules = table.texts("mib-modules", findings);
    match (folders, modules) {
        (None, None) => {}
        (Some(folders), Some(modules)) if folders.len() <= MOST && modules.len() <= MOST => {
            for (place, module) in &modules {
                if !module.starts_with(|c: char| c.is_ascii_uppercase()) {
                    let what = format!("`mib-modules` holds names of modules, not {:?}", shorten(module));
                    findings.fault_with_hint(place, what, "write \"IF-MIB\"");
                }
            }
            let place = folders.first().map_or(place, |(place, _)| place.clone());
            let folders: Vec<PathBuf> = folders.into_iter().map(|(_, folder)| folder.into()).collect();
            let modules: BTreeSet<String> = modules.into_iter().map(|(_, module)| module).collect();
            let mut names = Names::builtin();
            for finding in names.load(&folders, &modules) {
                findings.warn(&place, finding.to_string(), None);
            }
            return Arc::new(names);
        }
        (Some(_), Some(_)) => {
            findings.fault(&place, format!("`mib-dirs` and `mib-modules` hold at most {MOST} each"));
        }
        (Some(_), None) => findings.fault_with_hint(
            &place,
            "`mib-dirs` needs `mib-modules`: only named modules are read",
            "write mib-modules = [\"..\"]",
        ),
        (None, Some(_)) => findings.fault(&place, "`mib-modules` needs `mib-dirs`"),
    }
    Names::shared()
}
