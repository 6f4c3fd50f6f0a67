//! When a poller runs: `every`, or `cron` with its `timezone`; and `spread`.

use std::time::Duration;

use chrono_tz::Tz;

use crate::{
    config::{
        duration,
        fault::{Findings, Place},
        raw::{Raw, Table, shorten},
    },
    intake::{Cron, Schedule},
};

/// Faster than ten times a second is no polling, slower than a year is none either.
const INTERVALS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(366 * 86_400);

/// When a poller runs, on whichever device.
pub(super) enum Timing {
    Every { every: Duration, spread: Duration },
    Cron { cron: Box<Cron>, zone: Tz, spread: Duration },
}

impl Timing {
    pub(super) fn schedule(&self, device: &str) -> Schedule {
        match self {
            Self::Every { every, spread } => Schedule::every(*every, *spread, device),
            Self::Cron { cron, zone, spread } => Schedule::cron((**cron).clone(), *zone, *spread, device),
        }
    }
}

pub(super) fn check(table: &mut Table, findings: &mut Findings) -> Option<Timing> {
    let place = table.place.clone();
    let (has_every, has_cron) = (table.has("every"), table.has("cron"));
    let every = table.duration("every", INTERVALS, findings);
    let cron = table.text("cron", findings);
    let timezone = table.text("timezone", findings);
    let spread = spread(table, findings);
    match (has_every, has_cron) {
        (true, true) => {
            findings.fault(&place, "a poller has `every` or `cron`, not both");
            return None;
        }
        (false, false) => {
            findings.fault_with_hint(&place, "[[poller]] needs `every` or `cron`", "write every = \"60s\"");
            return None;
        }
        _ => {}
    }
    if has_every {
        if let Some((place, _)) = &timezone {
            findings.fault(place, "`timezone` belongs to `cron`; `every` knows none");
        }
        let every = every?;
        let spread = match spread {
            None | Some((_, Spread::Whole)) => every,
            Some((_, Spread::Over(over))) if over <= every => over,
            Some((place, Spread::Over(_))) => {
                findings.fault(&place, "`spread` is longer than `every`");
                return None;
            }
        };
        return Some(Timing::Every { every, spread });
    }
    let zone = zone(timezone, findings);
    let spread = match spread {
        None => Duration::ZERO,
        Some((_, Spread::Over(over))) => over,
        Some((place, Spread::Whole)) => {
            findings.fault_with_hint(
                &place,
                "`cron` needs to know how long to spread",
                "write spread = \"30s\"",
            );
            return None;
        }
    };
    let (place, text) = cron?;
    match Cron::parse(&text) {
        Ok(cron) => Some(Timing::Cron { cron: Box::new(cron), zone: zone?, spread }),
        Err(fault) => {
            findings.fault(&place, fault.to_string());
            None
        }
    }
}

/// The zone of cron times; UTC where none is named.
pub(super) fn zone(timezone: Option<(Place, String)>, findings: &mut Findings) -> Option<Tz> {
    match timezone {
        None => Some(Tz::UTC),
        Some((place, text)) => {
            let zone = text.parse::<Tz>().ok();
            if zone.is_none() {
                let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
                findings.unknown_word(
                    &place,
                    format!("there is no time zone {:?}", shorten(&text)),
                    &text,
                    known,
                );
            }
            zone
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Spread {
    Whole,
    Over(Duration),
}

/// `true`, `false`, or a length of time up to a day.
fn spread(table: &mut Table, findings: &mut Findings) -> Option<(Place, Spread)> {
    let node = table.take("spread")?;
    let spread = match node.value {
        Raw::Boolean(true) => Spread::Whole,
        Raw::Boolean(false) => Spread::Over(Duration::ZERO),
        _ => {
            let range = Duration::ZERO..=*INTERVALS.end();
            Spread::Over(duration::check("spread", &node, range, findings)?)
        }
    };
    Some((node.place, spread))
}
