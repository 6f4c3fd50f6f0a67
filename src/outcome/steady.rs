//! A clock for lengths of time. Episodes outlive the agent, so that their times are those of the system's clock; where that
//! is set while the agent runs, a length of time must not notice.

use std::time::{Duration, Instant, SystemTime};

use super::unix_millis;

/// The system's clock as it would be, had nobody set it since the agent started.
#[derive(Debug)]
pub(crate) struct Steady {
    begun: Instant,
    told: i64,
}

/// A clock that is this far from where it was going has been set, in milliseconds.
const SET: i64 = 1_000;

impl Default for Steady {
    fn default() -> Self {
        Self { begun: Instant::now(), told: unix_millis(SystemTime::now()) }
    }
}

impl Steady {
    /// What a moment would be, in Unix milliseconds, that the system's clock told lately.
    pub(crate) fn millis(&self, told: SystemTime) -> i64 {
        self.corrected(unix_millis(told), unix_millis(SystemTime::now()), self.begun.elapsed())
    }

    fn corrected(&self, told: i64, now: i64, passed: Duration) -> i64 {
        let passed = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let expected = self.told.saturating_add(passed);
        let set_by = now.saturating_sub(expected);
        // What was told just before the clock was set is right as it is.
        let is_of_before = told.abs_diff(expected) < told.abs_diff(now);
        if set_by.saturating_abs() < SET || is_of_before { told } else { told.saturating_sub(set_by) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_does_not_notice_that_the_clock_was_set() {
        let start = 1_800_000_000_000;
        let steady = Steady { begun: Instant::now(), told: start };
        let hour = 3_600_000;
        for (told, now, passed, expected) in [
            // Nobody set it, or the time service moves it a little.
            (start + 10_000, start + 10_010, 10_010, start + 10_000),
            (start + 10_000, start + 10_900, 10_010, start + 10_000),
            // Set back, set forth; told before that.
            (start + 10_000 - hour, start + 10_010 - hour, 10_010, start + 10_000),
            (start + 10_000 + hour, start + 10_010 + hour, 10_010, start + 10_000),
            (start + 10_000, start + 10_010 - hour, 10_010, start + 10_000),
            (i64::MAX, i64::MIN, 0, i64::MAX),
        ] {
            let found = steady.corrected(told, now, Duration::from_millis(passed));
            assert_eq!(found, expected, "{told} {now} {passed}");
        }
        let now = SystemTime::now();
        assert_eq!(Steady::default().millis(now), unix_millis(now));
    }
}
