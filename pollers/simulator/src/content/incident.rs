//! Incidents: now and then a sensor of a simulated BMC crosses a threshold or has a fault, for a while. Which one and
//! when follows from the seed alone, so that readings and event log agree without any state.

use std::time::Duration;

use super::{
    model::Model,
    sensor::{Analog, Kind, Presence, Sensor},
};
use crate::random::hash;

/// One window holds at most one incident, wholly inside of it.
pub const WINDOW: Duration = Duration::from_secs(300);

/// How often there are incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub u8);

impl Rate {
    /// Never any.
    pub const NEVER: Self = Self(0);
    /// About every half hour per BMC: three windows in 18.
    pub const USUAL: Self = Self(42);
    /// One in every window.
    pub const ALWAYS: Self = Self(255);
}

/// Something is wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Incident<'a> {
    /// The sensor.
    pub sensor: &'a Sensor,
    /// Since when, after the BMC's start.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
    /// What the sensor says meanwhile.
    pub what: What,
}

/// What an incident makes of a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A raw reading just beyond this threshold (index into the thresholds).
    Crossed {
        /// Which threshold.
        threshold: usize,
        /// The raw reading.
        raw: u8,
    },
    /// These states are asserted.
    States(u16),
}

impl Incident<'_> {
    /// Whether it is on at this time.
    pub fn covers(&self, at: Duration) -> bool {
        self.from <= at && at < self.until
    }
}

/// The number of the window that this time is in.
pub fn window_of(at: Duration) -> u64 {
    at.as_secs().checked_div(WINDOW.as_secs()).unwrap_or(0)
}

/// The incident of a window, where it has one. The first window begins when the BMC starts.
pub fn incident(model: &Model, seed: u64, rate: Rate, window: u64) -> Option<Incident<'_>> {
    let draw = |what: u64, bound: u64| hash(seed, &[0x17c1, window, what]).checked_rem(bound).unwrap_or(0);
    if draw(0, 255) >= u64::from(rate.0) {
        return None;
    }
    let candidates =
        || model.sensors.iter().filter(|sensor| sensor.presence == Presence::Present && can_fail(sensor));
    let place = usize::try_from(draw(1, candidates().count() as u64)).unwrap_or(0);
    let sensor = candidates().nth(place)?;
    let what = match &sensor.kind {
        Kind::Analog(analog) => crossing(analog, draw(2, u64::MAX))?,
        Kind::Discrete(discrete) => What::States(discrete.fault?),
    };
    // Begins in the first half and lasts 40 s to 120 s: polls every minute see most of them.
    let start = WINDOW.as_secs().saturating_mul(window).saturating_add(15).saturating_add(draw(3, 120));
    let from = Duration::from_secs(start);
    let until = from.saturating_add(Duration::from_secs(draw(4, 80).saturating_add(40)));
    Some(Incident { sensor, from, until, what })
}

fn can_fail(sensor: &Sensor) -> bool {
    match &sensor.kind {
        Kind::Analog(analog) => analog.thresholds.mask() != 0,
        Kind::Discrete(discrete) => discrete.fault.is_some(),
    }
}

fn crossing(analog: &Analog, draw: u64) -> Option<What> {
    let existing =
        || analog.thresholds.raw.iter().enumerate().filter_map(|(place, raw)| raw.map(|raw| (place, raw)));
    let place = draw.checked_rem(existing().count() as u64)?;
    let (threshold, raw) = existing().nth(usize::try_from(place).ok()?)?;
    let beyond = if threshold < 3 { -1 } else { 1 };
    let number = analog.conversion.signed(raw).saturating_add(beyond);
    Some(What::Crossed { threshold, raw: analog.conversion.to_raw(number) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::models;

    #[test]
    fn the_rate_holds_and_incidents_stay_in_their_windows() {
        let model = models::server();
        let count = |rate| (0..1000).filter_map(|window| incident(&model, 9, rate, window)).count();
        assert_eq!(count(Rate::NEVER), 0);
        assert_eq!(count(Rate::ALWAYS), 1000);
        let usual = count(Rate::USUAL);
        assert!((100..240).contains(&usual), "{usual}");
        for window in 0..1000 {
            let incident = incident(&model, 9, Rate::ALWAYS, window).unwrap();
            assert_eq!(window_of(incident.from), window);
            assert_eq!(window_of(incident.until), window);
            assert!(incident.until - incident.from >= Duration::from_secs(40));
        }
    }

    #[test]
    fn a_crossing_is_beyond_its_threshold() {
        for model in models::all() {
            for window in 0..300 {
                let incident = incident(model, 3, Rate::ALWAYS, window).unwrap();
                let (Kind::Analog(analog), What::Crossed { threshold, raw }) =
                    (&incident.sensor.kind, incident.what)
                else {
                    continue;
                };
                let crossed = analog.thresholds.crossed(&analog.conversion, raw);
                assert_ne!(crossed >> threshold & 1, 0, "{} {}", model.name, incident.sensor.name);
            }
        }
    }
}
