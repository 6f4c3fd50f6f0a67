//! What a poller asks: `ipmi`, or `snmp`.

use rackpoll_model::{IpmiCommand, Metric, MetricRequest, PollRequest, SnmpRequest};
use rackpoll_snmp::names::Names;

use serde_json::{Map, Value};

use super::mibs::Snmp;
use crate::config::{
    fault::{Findings, Place},
    raw::{Node, Raw, Table, Texts, shorten},
};

/// Most variables that a `bulk` poll takes of each oid, and how many where it does not say.
const MOST_ROWS: i64 = 10_000;
/// As above.
pub const USUAL_ROWS: u32 = 10;
/// Most columns of one poll: the largest tables have about as many.
const MOST_COLUMNS: usize = 128;

/// Most oids of one poll; each is walked.
pub const MOST_OIDS: usize = 256;

/// What a poller asks, and whether its results go out with names.
pub(super) struct Asked {
    pub(super) request: PollRequest,
    pub(super) by_name: bool,
}

pub(super) fn check(table: &mut Table, snmp_section: &Snmp, findings: &mut Findings) -> Option<Asked> {
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
        return command.ok().map(|command| Asked { request: PollRequest::Ipmi(command), by_name: false });
    }
    let (request, by_name) = snmp_request(snmp?, snmp_section, findings)?;
    Some(Asked { request: PollRequest::Snmp(request), by_name })
}

fn snmp_request(node: Node, section: &Snmp, findings: &mut Findings) -> Option<(SnmpRequest, bool)> {
    let names = &section.names;
    let place = node.place;
    let Raw::Table(mut table) = node.value else {
        let what = format!("`snmp` has to be a table, not {}", node.value.kind());
        findings.fault_with_hint(
            &place,
            what,
            "write { oids = [\"..\"] }, { get = [\"..\"] } or { metric = \"..\" }",
        );
        return None;
    };
    let oids = table.texts("oids", findings);
    let get = table.texts("get", findings);
    let bulk = table.texts("bulk", findings);
    let rows = table.whole("rows", 1..=MOST_ROWS, findings);
    let whole_table = table.text("table", findings);
    let columns = table.take("columns").map(|node| columns(node, findings));
    let metric = table.text("metric", findings);
    let sensor_oids = table.texts("sensor-oids", findings);
    let by_name = table.boolean("names", findings);
    table.refuse_rest("`snmp`", findings);
    let kinds = [
        ("oids", oids.is_some()),
        ("get", get.is_some()),
        ("bulk", bulk.is_some()),
        ("table", whole_table.is_some()),
        ("metric", metric.is_some()),
    ];
    let asked: Vec<&str> = kinds.iter().filter(|(_, is)| *is).map(|(kind, _)| *kind).collect();
    let [kind] = asked.as_slice() else {
        let what = match asked.as_slice() {
            [] => "`snmp` needs one of `oids`, `get`, `bulk`, `table` and `metric`".to_owned(),
            [one, other, ..] => format!("`snmp` has `{one}` or `{other}`, not both"),
            [_] => return None,
        };
        findings.fault(&place, what);
        return None;
    };
    for (key, there, of) in [
        ("rows", rows.is_some(), "bulk"),
        ("columns", columns.is_some(), "table"),
        ("sensor-oids", sensor_oids.is_some(), "metric"),
    ] {
        if there && of != *kind {
            findings.fault(&place, format!("`{key}` goes with `{of}`, not with `{kind}`"));
            return None;
        }
    }
    let request = match *kind {
        "oids" => good_oids("oids", &place, oids?, names, findings).map(SnmpRequest::Oids),
        "get" => good_oids("get", &place, get?, names, findings).map(SnmpRequest::Get),
        "bulk" => {
            let rows = rows.and_then(|rows| u32::try_from(rows).ok()).unwrap_or(USUAL_ROWS);
            good_oids("bulk", &place, bulk?, names, findings).map(|oids| SnmpRequest::Bulk(oids, rows))
        }
        "table" => {
            let Some(columns) = columns else {
                let hint = "write columns = [2, 8], or walk it by `oids`";
                findings.fault_with_hint(&place, "`table` needs `columns`", hint);
                return None;
            };
            let (at, oid) = whole_table?;
            let oid = good_oids("table", &at, vec![(at.clone(), oid)], names, findings)?.pop()?;
            columns.map(|columns| SnmpRequest::Table(oid, columns))
        }
        _ => {
            if by_name.is_some() {
                findings.fault(&place, "`names` is for `oids` and the like: a metric has names of its own");
                return None;
            }
            let (place, word) = metric?;
            let Ok(metric) = word.parse::<Metric>() else {
                let known = Metric::ALL.map(Metric::as_str);
                let what = format!("there is no metric {:?}", shorten(&word));
                findings.unknown_word(&place, what, &word, known);
                return None;
            };
            metric_request(metric, &place, sensor_oids, section, findings).map(SnmpRequest::Metric)
        }
    };
    Some((request?, by_name.unwrap_or(false)))
}

/// The numbers of a table's columns.
fn columns(node: Node, findings: &mut Findings) -> Option<Vec<u32>> {
    let wrong = |what: &str| format!("`columns` holds 1 to {MOST_COLUMNS} numbers of columns, {what}");
    let Raw::List(items) = node.value else {
        findings.fault(&node.place, wrong(&format!("and is {}", node.value.kind())));
        return None;
    };
    if items.is_empty() || items.len() > MOST_COLUMNS {
        findings.fault(&node.place, wrong(&format!("not {}", items.len())));
        return None;
    }
    let mut columns = Vec::with_capacity(items.len());
    for item in items {
        match item.value {
            Raw::Integer(number) if let Ok(column @ 1..) = u32::try_from(number) => columns.push(column),
            Raw::Integer(number) => {
                findings.fault(&item.place, wrong(&format!("and {number} is none")));
                return None;
            }
            other => {
                findings.fault(&item.place, wrong(&format!("and here is {}", other.kind())));
                return None;
            }
        }
    }
    Some(columns)
}

/// The `config` of a command that asks the same (contract.md, section 2); all but `oids` and `metric` are ours.
pub fn snmp_config(request: &SnmpRequest) -> Map<String, Value> {
    let mut config = Map::new();
    match request {
        SnmpRequest::Oids(oids) => {
            config.insert("oids".to_owned(), oids.clone().into());
        }
        SnmpRequest::Get(oids) => {
            config.insert("get".to_owned(), oids.clone().into());
        }
        SnmpRequest::Bulk(oids, rows) => {
            config.insert("bulk".to_owned(), oids.clone().into());
            config.insert("rows".to_owned(), (*rows).into());
        }
        SnmpRequest::Table(table, columns) => {
            config.insert("table".to_owned(), table.as_str().into());
            config.insert("columns".to_owned(), columns.clone().into());
        }
        SnmpRequest::Metric(request) => {
            config.insert("metric".to_owned(), request.metric.as_str().into());
            if !request.sensor_oids.is_empty() {
                config.insert("sensorOids".to_owned(), request.sensor_oids.clone().into());
            }
        }
    }
    config
}

fn metric_request(
    metric: Metric,
    place: &Place,
    given: Option<Texts>,
    section: &Snmp,
    findings: &mut Findings,
) -> Option<MetricRequest> {
    match (metric, given, &section.sensor_oids) {
        (Metric::SwitchSensorStatus, Some(oids), _) => {
            let sensor_oids = sensor_oids(place, oids, &section.names, findings)?;
            Some(MetricRequest { metric, sensor_oids })
        }
        (Metric::SwitchSensorStatus, None, Some(usual)) => {
            Some(MetricRequest { metric, sensor_oids: usual.to_vec() })
        }
        (Metric::SwitchSensorStatus, None, None) => {
            let hint = "write sensor-oids = [\"..\"] here, or in [snmp] for all";
            findings.fault_with_hint(place, format!("`{metric}` needs `sensor-oids`"), hint);
            None
        }
        (_, Some(_), _) => {
            findings.fault(place, format!("`sensor-oids` are for `{}`", Metric::SwitchSensorStatus));
            None
        }
        (_, None, _) => Some(metric.into()),
    }
}

/// `sensor-oids` in numbers: the result says in numbers which one is missing.
pub(super) fn sensor_oids(
    place: &Place,
    oids: Texts,
    names: &Names,
    findings: &mut Findings,
) -> Option<Vec<String>> {
    let oids = good_oids("sensor-oids", place, oids, names, findings)?;
    Some(oids.iter().map(|oid| in_numbers(oid, names)).collect())
}

/// A name as the oid that it names; an oid in numbers stays as it is written.
pub fn in_numbers(oid: &str, names: &Names) -> String {
    let is_name = oid.contains(|c: char| c.is_ascii_alphabetic());
    match names.resolve(oid) {
        Ok(numbers) if is_name => numbers.to_string(),
        _ => oid.to_owned(),
    }
}

/// The oids of a list, all of them good.
fn good_oids(
    key: &str,
    place: &Place,
    oids: Texts,
    names: &Names,
    findings: &mut Findings,
) -> Option<Vec<String>> {
    if oids.is_empty() || oids.len() > MOST_OIDS {
        findings.fault(place, format!("`{key}` holds 1 to {MOST_OIDS} oids, not {}", oids.len()));
        return None;
    }
    let mut good = true;
    for (place, oid) in &oids {
        if let Err(fault) = names.resolve(oid) {
            findings.fault(place, format!("{:?} is wrong: {fault}", shorten(oid)));
            good = false;
        }
    }
    good.then(|| oids.into_iter().map(|(_, oid)| oid).collect())
}
