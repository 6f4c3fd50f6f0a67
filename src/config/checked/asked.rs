//! What a poller asks: `ipmi`, or `snmp`.

use rackpoll_model::{IpmiCommand, Oid, PollRequest, SnmpRequest};

use crate::config::{
    fault::Findings,
    raw::{Node, Raw, Table, shorten},
};

/// Most oids of one poll; each is walked.
pub const MOST_OIDS: usize = 256;

/// The metric pollers of contract.md, section 6.
const METRICS: [&str; 8] = [
    "snmp-interface-state",
    "snmp-interface-bandwidth-utilization",
    "snmp-txrx-counters",
    "snmp-memory-usage",
    "snmp-processor-load",
    "snmp-pdu-power-status",
    "snmp-pdu-sensor-status",
    "snmp-switch-sensor-status",
];

/// Whether this is the name of a metric poller of the contract.
pub fn is_metric(word: &str) -> bool {
    METRICS.contains(&word)
}

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
    table.refuse_rest("`snmp`", findings);
    match (oids, metric) {
        (Some(oids), None) => {
            if oids.is_empty() || oids.len() > MOST_OIDS {
                findings.fault(&place, format!("`oids` holds 1 to {MOST_OIDS} oids, not {}", oids.len()));
                return None;
            }
            let mut good = true;
            for (place, oid) in &oids {
                if let Err(fault) = check_oid(oid) {
                    findings.fault(place, format!("{:?} is wrong: {fault}", shorten(oid)));
                    good = false;
                }
            }
            good.then(|| SnmpRequest::Oids(oids.into_iter().map(|(_, oid)| oid).collect()))
        }
        (None, Some((place, metric))) => {
            if !is_metric(&metric) {
                findings.unknown_word(
                    &place,
                    format!("there is no metric {:?}", shorten(&metric)),
                    &metric,
                    METRICS,
                );
                return None;
            }
            Some(SnmpRequest::Metric(metric))
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
