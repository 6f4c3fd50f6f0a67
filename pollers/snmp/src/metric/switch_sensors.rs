//! `snmp-switch-sensor-status`.

use rackpoll_model::{Fault, FaultKind, MetricRequest, Oid, SwitchSensor};

use super::{Answers, Manner, Questions, malformed};

pub(super) fn questions(request: &MetricRequest, answers: &Answers) -> Result<Questions, Fault> {
    let mut roots = Vec::with_capacity(request.sensor_oids.len());
    for source in &request.sensor_oids {
        let root: Oid =
            source.parse().map_err(|fault| malformed(format!("the sensor oid {source:?}: {fault}")))?;
        if !roots.contains(&root) && answers.walk(&root).is_none() {
            roots.push(root);
        }
    }
    Ok(Questions { roots, manner: Manner::Instances })
}

/// An oid whose walk failed is not among them: its error is.
pub(super) fn sensors(request: &MetricRequest, answers: &Answers) -> Vec<SwitchSensor> {
    request
        .sensor_oids
        .iter()
        .filter_map(|source| {
            let walk = answers.walk(&source.parse().ok()?)?;
            let is_missing = |fault: &Fault| fault.kind == FaultKind::NoSuchObject;
            if walk.varbinds.is_empty() && walk.error.as_ref().is_some_and(|fault| !is_missing(fault)) {
                return None;
            }
            Some(SwitchSensor { source: source.clone(), varbinds: walk.varbinds.clone() })
        })
        .collect()
}
