//! What a poller asks: `ipmi`, or `snmp`.

use rackpoll_model::{IpmiCommand, Metric, MetricRequest, Oid, PollRequest, SnmpRequest};

use crate::config::{
    fault::{Findings, Place},
    raw::{Node, Raw, Table, Texts, shorten},
};

/// Most oids of one poll; each is walked.
pub const MOST_OIDS: usize = 256;

/// Why an oid cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OidFault {
    /// `SNMPv2-MIB::sysDescr`.
    #[error("names of MIB objects cannot be resolved yet; write the oid in numbers")]
    Named,
    /// No oid at all, or none that can be sent.
    #[error(transparent)]
    Malformed(#[from] rackpoll_model::OidFault),
}

/// Checks an oid in numbers, with or without the leading dot.
///
/// # Errors
/// Whether it is a name or nothing at all.
pub fn check_oid(text: &str) -> Result<(), OidFault> {
    let Err(fault) = text.parse::<Oid>() else { return Ok(()) };
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_');
    if text.len() <= 256 && text.bytes().all(is_word) && text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return Err(OidFault::Named);
    }
    Err(fault.into())
}

pub(super) fn check(table: &mut Table, findings: &mut Findings) -> Option<PollRequest> {
    let place = table.place.clone();
    let (has_ipmi, has_snmp) = (table.has("ipmi"), table.has("snmp"));
    let ipmi = table.text("ipmi", findings);
    let snmp = table.take("snmp");
    match (has_ipmi, has_snmp) {
        (true, true) => {
            findings.fault(&place, "a poller has `ipmi` or `snmp`, not both");
            return None;
        }
        (false, false) => {
            findings.fault(&place, "[[poller]] needs `ipmi` or `snmp`");
            return None;
        }
        _ => {}
    }
    if let Some((place, word)) = ipmi {
        let command = word.parse::<IpmiCommand>();
        if command.is_err() {
            let known = IpmiCommand::ALL.map(IpmiCommand::as_str);
            findings.unknown_word(
                &place,
                format!("there is no IPMI command {:?}", shorten(&word)),
                &word,
                known,
            );
        }
        return command.ok().map(PollRequest::Ipmi);
    }
    snmp_request(snmp?, findings).map(PollRequest::Snmp)
}

fn snmp_request(node: Node, findings: &mut Findings) -> Option<SnmpRequest> {
    let place = node.place;
    let Raw::Table(mut table) = node.value else {
        let what = format!("`snmp` has to be a table, not {}", node.value.kind());
        findings.fault_with_hint(&place, what, "write { oids = [\"..\"] } or { metric = \"..\" }");
        return None;
    };
    let oids = table.texts("oids", findings);
    let metric = table.text("metric", findings);
    let sensor_oids = table.texts("sensor-oids", findings);
    table.refuse_rest("`snmp`", findings);
    if oids.is_some() && metric.is_none() && sensor_oids.is_some() {
        findings.fault(&place, "`sensor-oids` are for `metric`, not for `oids`");
        return None;
    }
    match (oids, metric) {
        (Some(oids), None) => good_oids("oids", &place, oids, findings).map(SnmpRequest::Oids),
        (None, Some((place, word))) => {
            let Ok(metric) = word.parse::<Metric>() else {
                let known = Metric::ALL.map(Metric::as_str);
                let what = format!("there is no metric {:?}", shorten(&word));
                findings.unknown_word(&place, what, &word, known);
                return None;
            };
            metric_request(metric, &place, sensor_oids, findings).map(SnmpRequest::Metric)
        }
        (None, None) => {
            findings.fault(&place, "`snmp` needs `oids` or `metric`");
            None
        }
        (Some(_), Some(_)) => {
            findings.fault(&place, "`snmp` has `oids` or `metric`, not both");
            None
        }
    }
}

fn metric_request(
    metric: Metric,
    place: &Place,
    sensor_oids: Option<Texts>,
    findings: &mut Findings,
) -> Option<MetricRequest> {
    match (metric, sensor_oids) {
        (Metric::SwitchSensorStatus, Some(oids)) => {
            let sensor_oids = good_oids("sensor-oids", place, oids, findings)?;
            Some(MetricRequest { metric, sensor_oids })
        }
        (Metric::SwitchSensorStatus, None) => {
            findings.fault(place, format!("`{metric}` needs `sensor-oids`"));
            None
        }
        (_, Some(_)) => {
            findings.fault(place, format!("`sensor-oids` are for `{}`", Metric::SwitchSensorStatus));
            None
        }
        (_, None) => Some(metric.into()),
    }
}

/// The oids of a list, all of them good.
fn good_oids(key: &str, place: &Place, oids: Texts, findings: &mut Findings) -> Option<Vec<String>> {
    if oids.is_empty() || oids.len() > MOST_OIDS {
        findings.fault(place, format!("`{key}` holds 1 to {MOST_OIDS} oids, not {}", oids.len()));
        return None;
    }
    let mut good = true;
    for (place, oid) in &oids {
        if let Err(fault) = check_oid(oid) {
            findings.fault(place, format!("{:?} is wrong: {fault}", shorten(oid)));
            good = false;
        }
    }
    good.then(|| oids.into_iter().map(|(_, oid)| oid).collect())
}
