//! When a poller is due. Pure: times are milliseconds since 1970 in UTC, handed in and handed out.

use std::time::Duration;

use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use super::cron::Cron;

/// Back-off stops growing here (contract.md, section 9).
const LONGEST_BACK_OFF: i64 = 3_600_000;

/// Runs missed in a row are counted up to here; a poller that missed more was asleep, and the number says so.
const MOST_SKIPPED: u64 = 10_000;

/// The times of one poller on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    rule: Rule,
    /// How far behind the grid or the cron times this poller is.
    offset: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// A grid that is anchored at 1970, so that restarts do not move it.
    Every(i64),
    Cron(Box<Cron>, Tz),
}

impl Schedule {
    /// A fixed grid of `interval`, at least a millisecond. Pollers share it out among themselves over `spread`: each
    /// keeps the place that its `workItemId` gives it.
    pub fn every(interval: Duration, spread: Duration, work_item_id: &str) -> Self {
        Self { rule: Rule::Every(millis(interval).max(1)), offset: place_of(work_item_id, spread) }
    }

    /// The times of a cron expression in a time zone, shared out over `spread` (none where it is zero).
    pub fn cron(cron: Cron, zone: Tz, spread: Duration, work_item_id: &str) -> Self {
        Self { rule: Rule::Cron(Box::new(cron), zone), offset: place_of(work_item_id, spread) }
    }

    /// The distance of two runs, where it is fixed.
    pub fn interval(&self) -> Option<Duration> {
        match self.rule {
            Rule::Every(interval) => Some(Duration::from_millis(u64::try_from(interval).unwrap_or_default())),
            Rule::Cron(..) => None,
        }
    }

    /// The first time after `now`, where nothing failed. `None` where no time is left that a clock can show.
    pub fn next_after(&self, now: i64) -> Option<i64> {
        match &self.rule {
            Rule::Every(interval) => {
                self.step(now)?.checked_add(1)?.checked_mul(*interval)?.checked_add(self.offset)
            }
            Rule::Cron(cron, zone) => {
                cron.next_after(now.checked_sub(self.offset)?, *zone)?.checked_add(self.offset)
            }
        }
    }

    /// The time after a run that was due at `due`, when it is `now`, and the last `failures` runs in a row failed.
    ///
    /// A grid backs off to `max(interval, min(interval * 2^failures, 1 h))` after `due` and stays on the grid: contract.md,
    /// section 9, counts the failures before the last one, hence its `2^(failures + 1)`. Cron times stay as they are.
    pub fn next_after_run(&self, due: i64, now: i64, failures: u32) -> Option<i64> {
        let next = self.next_after(now)?;
        let Rule::Every(interval) = self.rule else { return Some(next) };
        let most = LONGEST_BACK_OFF.checked_div(interval)?.max(1);
        let steps = 1_i64.checked_shl(failures.min(62))?.min(most);
        // The grid may be past that already, where the run itself took longer.
        Some(due.checked_add(steps.checked_mul(interval)?)?.max(next))
    }

    /// How many of its times lie after `from` and not after `until`, and the last of them.
    pub fn passed(&self, from: i64, until: i64) -> (u64, Option<i64>) {
        if let Rule::Every(interval) = self.rule {
            let Some((first, last)) = self.step(from).zip(self.step(until)) else { return (0, None) };
            let count = u64::try_from(last.saturating_sub(first)).unwrap_or(0);
            let at = last.checked_mul(interval).and_then(|at| at.checked_add(self.offset));
            return (count, at.filter(|_| count > 0));
        }
        let (mut count, mut last) = (0, None);
        let mut at = from;
        while let Some(next) = self.next_after(at).filter(|next| *next <= until && count < MOST_SKIPPED) {
            count += 1;
            last = Some(next);
            at = next;
        }
        (count, last)
    }

    /// The number of the last grid step not after `time`.
    fn step(&self, time: i64) -> Option<i64> {
        match self.rule {
            Rule::Every(interval) => time.checked_sub(self.offset)?.checked_div_euclid(interval),
            Rule::Cron(..) => None,
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// A place in `0..spread` that depends on nothing but the id, on every machine and in every version.
fn place_of(work_item_id: &str, spread: Duration) -> i64 {
    let digest = Sha256::digest(work_item_id.as_bytes());
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    let spread = u64::try_from(spread.as_millis()).unwrap_or(u64::MAX);
    number.checked_rem(spread).and_then(|place| i64::try_from(place).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const NOW: i64 = 1_795_478_400_000; // 2026-11-24T00:00:00Z

    fn exact(interval: Duration) -> Schedule {
        Schedule::every(interval, Duration::ZERO, "x")
    }

    #[test]
    fn the_grid_is_fixed_and_stable() {
        let schedule = Schedule::every(MINUTE, MINUTE, "sensors@r1-u01");
        let first = schedule.next_after(NOW).unwrap();
        assert!(first > NOW && first <= NOW + 60_000);
        assert_eq!(schedule.next_after(first), Some(first + 60_000));
        assert_eq!(schedule.next_after(first - 1), Some(first));
        // The place of an id is part of what operators see: it must not move between versions.
        assert_eq!(first - NOW, 14_139); // SHA-256 of the id, first 8 bytes, modulo 60,000
    }

    #[test]
    fn places_are_spread_evenly() {
        let mut tenths = [0_u32; 10];
        for device in 0..10_000 {
            let place = place_of(&format!("power@node-{device}"), MINUTE);
            tenths[usize::try_from(place / 6_000).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (900..1_100).contains(count)), "{tenths:?}");
        assert_eq!(place_of("x", Duration::ZERO), 0);
    }

    #[test]
    fn back_off_is_the_contracts() {
        // max(interval, min(interval * 2^(before + 1), 1 h)), `before` = failures before the one that just was.
        for (seconds, before, expected) in [
            (60, 0, 120),
            (60, 1, 240),
            (60, 4, 1_920),
            (60, 5, 3_600),
            (60, 60, 3_600),
            (3_600, 3, 3_600),
            (7_200, 0, 7_200),
            (7_200, 9, 7_200),
            // On the grid, and never beyond the hour.
            (420, 9, 3_360),
        ] {
            let schedule = exact(Duration::from_secs(seconds));
            let due = schedule.next_after(NOW).unwrap();
            let next = schedule.next_after_run(due, due + 5_000, before + 1).unwrap();
            assert_eq!(next - due, expected * 1_000, "{seconds} s, {before} failures before");
        }
    }

    #[test]
    fn a_good_run_goes_on_with_the_grid() {
        let schedule = exact(MINUTE);
        let due = schedule.next_after(NOW).unwrap();
        assert_eq!(schedule.next_after_run(due, due + 5_000, 0), Some(due + 60_000));
        // Longer than its interval: the next time that is still ahead.
        assert_eq!(schedule.next_after_run(due, due + 130_000, 0), Some(due + 180_000));
        assert_eq!(schedule.next_after_run(due, due + 130_000, 1), Some(due + 180_000));
        assert_eq!(schedule.next_after_run(due, due + 130_000, 2), Some(due + 240_000));
    }

    #[test]
    fn cron_pollers_keep_their_times() {
        let cron = Cron::parse("*/5 * * * *").unwrap();
        let schedule = Schedule::cron(cron.clone(), Tz::UTC, Duration::ZERO, "x");
        assert_eq!(schedule.next_after_run(NOW, NOW + 1, 9), Some(NOW + 300_000));
        let spread = Schedule::cron(cron, Tz::UTC, Duration::from_secs(30), "x");
        let first = spread.next_after(NOW).unwrap();
        assert!((NOW..NOW + 30_000).contains(&first) || (NOW + 300_000..NOW + 330_000).contains(&first));
        assert_eq!(spread.next_after(first), Some(first + 300_000));
    }

    #[test]
    fn missed_runs_are_counted() {
        let schedule = exact(MINUTE);
        assert_eq!(schedule.passed(NOW, NOW), (0, None));
        assert_eq!(schedule.passed(NOW, NOW + 59_999), (0, None));
        assert_eq!(schedule.passed(NOW, NOW + 60_000), (1, Some(NOW + 60_000)));
        assert_eq!(schedule.passed(NOW, NOW + 3_600_001), (60, Some(NOW + 3_600_000)));
        assert_eq!(schedule.passed(NOW, NOW - 3_600_000), (0, None));
        let cron = Schedule::cron(Cron::parse("0 * * * *").unwrap(), Tz::UTC, Duration::ZERO, "x");
        assert_eq!(cron.passed(NOW, NOW + 7_200_000), (2, Some(NOW + 7_200_000)));
    }

    #[test]
    fn clocks_at_the_end_of_time_do_no_harm() {
        for schedule in
            [exact(MINUTE), Schedule::cron(Cron::parse("* * * * *").unwrap(), Tz::UTC, MINUTE, "x")]
        {
            for now in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
                let _ = schedule.next_after(now);
                let _ = schedule.next_after_run(now, now, u32::MAX);
                let _ = schedule.passed(i64::MIN, now);
            }
        }
    }
}
