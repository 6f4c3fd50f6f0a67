use std::time::Duration;

/// First wait for an agent about which nothing is known.
const UNKNOWN: Duration = Duration::from_secs(1);
/// Shorter waits send twice what a busy agent answers a moment later.
const SHORTEST: Duration = Duration::from_millis(250);
/// No reason to wait longer before another try: the network may have lost this one too.
const LONGEST: Duration = Duration::from_secs(8);

/// How long to wait for an answer before a request is sent again: RFC 6298, clauses 2 and 5, with the limits above.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    measured: Option<Measured>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Measured {
    smoothed: Duration,
    variation: Duration,
}

impl Pace {
    /// Takes the time of an exchange in which nothing was sent twice (Karn: else nobody knows which was answered).
    pub(crate) fn measured(&mut self, time: Duration) {
        self.measured = Some(match self.measured {
            None => Measured { smoothed: time, variation: time / 2 },
            Some(Measured { smoothed, variation }) => Measured {
                variation: variation * 3 / 4 + smoothed.abs_diff(time) / 4,
                smoothed: smoothed * 7 / 8 + time / 8,
            },
        });
    }

    /// The wait for the first answer.
    pub(crate) fn first_wait(&self) -> Duration {
        let wait = self.measured.map_or(UNKNOWN, |Measured { smoothed, variation }| smoothed + variation * 4);
        wait.clamp(SHORTEST, LONGEST)
    }

    /// The wait after one that was in vain.
    pub(crate) fn next_wait(wait: Duration) -> Duration {
        (wait * 2).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_follow_the_agent() {
        let mut pace = Pace::default();
        assert_eq!(pace.first_wait(), UNKNOWN);
        pace.measured(Duration::from_millis(400));
        assert_eq!(pace.first_wait(), Duration::from_millis(1_200));
        for _ in 0..50 {
            pace.measured(Duration::from_millis(1));
        }
        assert_eq!(pace.first_wait(), SHORTEST);
        for _ in 0..50 {
            pace.measured(Duration::from_secs(60));
        }
        assert_eq!(pace.first_wait(), LONGEST);
    }

    #[test]
    fn waits_grow_to_their_limit() {
        let waits: Vec<_> =
            std::iter::successors(Some(UNKNOWN), |wait| Some(Pace::next_wait(*wait))).take(5).collect();
        assert_eq!(waits.iter().map(Duration::as_secs).collect::<Vec<_>>(), [1, 2, 4, 8, 8]);
    }
}
