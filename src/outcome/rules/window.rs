use std::time::Duration;

use chrono_tz::Tz;

use crate::intake::Cron;

/// A maintenance window: nothing that begins in it is told.
#[derive(Debug, Clone)]
pub enum Window {
    /// Once, in Unix milliseconds.
    Once {
        /// First moment.
        from: i64,
        /// First moment after it.
        until: i64,
    },
    /// At the times of a crontab expression, each time so long.
    Again {
        /// When it begins.
        cron: Box<Cron>,
        /// In this zone.
        zone: Tz,
        /// How long it takes.
        lasts: Duration,
    },
}

impl Window {
    /// Whether this moment, in Unix milliseconds, is inside.
    pub fn covers(&self, now: i64) -> bool {
        match self {
            Self::Once { from, until } => (*from..*until).contains(&now),
            Self::Again { cron, zone, lasts } => {
                let lasts = i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX);
                let begun = cron.next_after(now.saturating_sub(lasts), *zone);
                begun.is_some_and(|begun| begun <= now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_covers_its_times_and_no_others() {
        let once = Window::Once { from: 1_000, until: 2_000 };
        assert_eq!([999, 1_000, 1_999, 2_000].map(|now| once.covers(now)), [false, true, true, false]);
        let again = Window::Again {
            cron: Box::new(Cron::parse("0 2 * * *").unwrap()),
            zone: Tz::UTC,
            lasts: Duration::from_secs(3_600),
        };
        let two = 1_795_485_600_000; // 2026-11-24T02:00:00Z
        let moments = [two - 1, two, two + 3_599_999, two + 3_600_000, two + 86_400_000];
        assert_eq!(moments.map(|now| again.covers(now)), [false, true, true, false, true]);
        assert!(!again.covers(i64::MIN) && !again.covers(i64::MAX));
    }
}
