//! `[[maintenance]]`: when nothing is told of some devices.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::DateTime;

use super::{Name, Named, device::Device, pattern, timing};
use crate::{
    config::{
        fault::{Findings, Place},
        raw::{Raw, Table, shorten},
    },
    intake::Cron,
    outcome::rules::Window,
};

/// A window that comes again takes a minute to a week.
const LASTS: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(7 * 86_400);

/// The windows of every device.
pub(super) fn check(
    tables: Vec<Table>,
    devices: &Named<Device>,
    findings: &mut Findings,
) -> BTreeMap<Name, Vec<Arc<Window>>> {
    let mut windows: BTreeMap<Name, Vec<Arc<Window>>> = BTreeMap::new();
    for mut table in tables {
        let place = table.place.clone();
        let found = pattern::devices(&mut table, "[[maintenance]]", devices, findings);
        let window = window(&mut table, &place, findings);
        table.refuse_rest("[[maintenance]]", findings);
        let (Some(found), Some(window)) = (found, window.map(Arc::new)) else { continue };
        for name in found.names {
            windows.entry(name).or_default().push(Arc::clone(&window));
        }
    }
    windows
}

fn window(table: &mut Table, place: &Place, findings: &mut Findings) -> Option<Window> {
    let (has_span, has_cron) = (table.has("from") || table.has("until"), table.has("cron"));
    let from = moment(table, "from", findings);
    let until = moment(table, "until", findings);
    let cron = table.text("cron", findings);
    let zone = timing::zone(table.text("timezone", findings), findings);
    let lasts = table.duration("lasts", LASTS, findings);
    match (has_span, has_cron) {
        (true, false) => {
            let (from, until) = (from?, until?);
            if from >= until {
                findings.fault(place, "this window ends before it begins");
                return None;
            }
            Some(Window::Once { from, until })
        }
        (false, true) => {
            let (at, text) = cron?;
            let cron = Cron::parse(&text).map_err(|fault| findings.fault(&at, fault.to_string())).ok()?;
            if lasts.is_none() {
                findings.fault_with_hint(place, "a window with `cron` needs `lasts`", "write lasts = \"2h\"");
            }
            Some(Window::Again { cron: Box::new(cron), zone: zone?, lasts: lasts? })
        }
        _ => {
            let hint = "write from = 2026-12-01T22:00:00Z and until = 2026-12-02T02:00:00Z";
            findings.fault_with_hint(
                place,
                "[[maintenance]] has `from` and `until`, or `cron` and `lasts`",
                hint,
            );
            None
        }
    }
}

/// A date with time and zone, as TOML writes it or in a text; Unix milliseconds.
fn moment(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<i64> {
    let node = table.take(key)?;
    let found = match &node.value {
        Raw::Date(text) | Raw::Text(text) => DateTime::parse_from_rfc3339(text).ok(),
        _ => None,
    };
    if found.is_none() {
        let said = match &node.value {
            Raw::Date(text) | Raw::Text(text) => shorten(text),
            other => other.kind().to_owned(),
        };
        findings.fault_with_hint(
            &node.place,
            format!("`{key}` has to be a date with time and zone, not {said}"),
            format!("write {key} = 2026-12-01T22:00:00Z"),
        );
    }
    found.map(|moment| moment.timestamp_millis())
}
