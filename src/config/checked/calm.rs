//! How calmly alerts are told: `[calm]` for all, `calm = { .. }` for one poller.

use std::{ops::RangeInclusive, time::Duration};

use crate::{
    config::{
        duration,
        fault::Findings,
        raw::{Raw, Table, shorten},
    },
    outcome::rules::{Calm, Flap, Lasting, Repeat},
};

/// From the shortest interval of a poller to a month.
const TIMES: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(30 * 86_400);

/// Reads it over what is said for all.
pub(super) fn check(mut table: Table, all: &Calm, whole: &str, findings: &mut Findings) -> Calm {
    let calm = Calm {
        lasts: lasting(&mut table, "for", findings).unwrap_or(all.lasts),
        clears: lasting(&mut table, "clear-for", findings).unwrap_or(all.clears),
        repeat: repeat(&mut table, findings).unwrap_or(all.repeat),
        flap: flap(&mut table, findings).unwrap_or(all.flap),
        tell_value_cleared: table.boolean("tell-cleared-values", findings).unwrap_or(all.tell_value_cleared),
    };
    table.refuse_rest(whole, findings);
    calm
}

/// A whole number of polls, or a length of time.
fn lasting(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<Lasting> {
    let node = table.take(key)?;
    if let Raw::Integer(polls) = node.value {
        let found = u64::try_from(polls).ok().and_then(Lasting::of_polls);
        if found.is_none() {
            let hint = format!("write {key} = 3, or {key} = \"30s\"");
            findings.fault_with_hint(
                &node.place,
                format!("`{key}` has to be 1 to 10000 polls, not {polls}"),
                hint,
            );
        }
        return found;
    }
    duration::check(key, &node, Duration::ZERO..=*TIMES.end(), findings).and_then(Lasting::of_time)
}

fn repeat(table: &mut Table, findings: &mut Findings) -> Option<Repeat> {
    let node = table.take("repeat")?;
    match &node.value {
        Raw::Boolean(true) => Some(Repeat::EveryPoll),
        Raw::Boolean(false) => Some(Repeat::Never),
        Raw::Text(_) => duration::check("repeat", &node, TIMES, findings).map(Repeat::AtMostEvery),
        other => {
            let what = format!("`repeat` has to be true, false or a length of time, not {}", other.kind());
            findings.fault(&node.place, what);
            None
        }
    }
}

#[expect(
    clippy::option_option,
    reason = "false says that there is none, which is not the same as saying nothing"
)]
fn flap(table: &mut Table, findings: &mut Findings) -> Option<Option<Flap>> {
    let node = table.take("flap")?;
    let mut flap = match node.value {
        Raw::Boolean(false) => return Some(None),
        Raw::Table(flap) => flap,
        other => {
            findings.fault_with_hint(
                &node.place,
                format!("`flap` has to be a table, not {}", shorten(other.kind())),
                "write flap = { changes = 3, within = \"10m\" }",
            );
            return None;
        }
    };
    for key in ["changes", "within"] {
        if !flap.has(key) {
            findings.fault(&flap.place, format!("`flap` needs `{key}`"));
        }
    }
    let changes = flap.whole("changes", 1..=100, findings);
    let within = flap.duration("within", TIMES, findings);
    flap.refuse_rest("`flap`", findings);
    let changes = u32::try_from(changes?).ok()?;
    Some(Some(Flap { changes, within: within? }))
}
