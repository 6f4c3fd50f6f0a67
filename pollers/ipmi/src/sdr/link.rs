use std::time::Duration;

use crate::command::Effort;

/// Shortest and longest time that a command may take which a sensor may never answer. Three datagrams go out in it at
/// least, the last one a third before its end; half a second is for BMCs that answer everything else in a sixth of it.
const SHORTEST: Duration = Duration::from_millis(500);
pub(super) const LONGEST: Duration = Duration::from_secs(4);
/// Chance to be taken that a sensor which is there is believed to be silent: none of the datagrams about it came through.
const CHANCE: f64 = 1e-5;
/// Fewest and most datagrams that have to stay without an answer, whatever the link was like so far.
const FEWEST: f64 = 3.0;
const MOST: f64 = 24.0;
/// Datagrams after which the older half counts half.
const WINDOW: f64 = 400.0;

/// What the way to a BMC is like, by the commands that it has answered: so many datagrams were lost or late, and so long
/// an answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Link {
    /// Datagrams sent for commands that were answered, and those among them that were sent again.
    sent: f64,
    resent: f64,
    /// Mean time to an answer and its mean deviation in seconds, smoothed as in RFC 6298.
    trip: Option<(f64, f64)>,
}

impl Link {
    /// A command was answered.
    pub(super) fn answered(&mut self, effort: Effort) {
        let datagrams = f64::from(effort.datagrams.max(1));
        self.sent += datagrams;
        self.resent += datagrams - 1.0;
        if self.sent > WINDOW {
            self.sent /= 2.0;
            self.resent /= 2.0;
        }
        if effort.datagrams > 1 {
            // Nobody knows which of them was answered (Karn).
            return;
        }
        let took = effort.took.as_secs_f64();
        self.trip = Some(match self.trip {
            None => (took, took / 2.0),
            Some((mean, deviation)) => {
                (0.875 * mean + 0.125 * took, 0.75 * deviation + 0.25 * (mean - took).abs())
            }
        });
    }

    /// How long a command may take that may stay without an answer: three times what an answer takes at most, as a rule.
    pub(super) fn patience(&self) -> Duration {
        let patience = self.trip.map(|(mean, deviation)| 3.0 * (mean + 4.0 * deviation));
        let patience = patience.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        patience.map_or(LONGEST, |patience| patience.clamp(SHORTEST, LONGEST))
    }

    /// How many datagrams about a sensor have to stay without an answer before its silence is its own and not the link's.
    pub(super) fn needed(&self) -> u32 {
        // Laplace's rule: who knows nothing yet expects every second one to be lost.
        let lost = (self.resent + 1.0) / (self.sent + 2.0);
        (CHANCE.ln() / lost.ln()).ceil().clamp(FEWEST, MOST) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(datagrams: &[u32], took: u64) -> Link {
        let mut link = Link::default();
        for datagrams in datagrams.iter().cycle().take(200) {
            link.answered(Effort { datagrams: *datagrams, took: Duration::from_millis(took) });
        }
        link
    }

    #[test]
    fn a_link_that_loses_nothing_is_believed_sooner() {
        assert_eq!(Link::default().needed(), 17);
        assert_eq!(link(&[1], 5).needed(), 3);
        // A fifth each way: 36 of 100 are answered late or never.
        let rough = link(&[1, 1, 2, 1, 3, 1, 1, 2, 1, 2], 5).needed();
        assert!((9..=13).contains(&rough), "{rough}");
        assert_eq!(link(&[10], 5).needed(), 24);
    }

    #[test]
    fn patience_follows_the_time_that_answers_take() {
        assert_eq!(Link::default().patience(), LONGEST);
        assert_eq!(link(&[1], 20).patience(), SHORTEST);
        let slow = link(&[1], 400).patience();
        assert!(slow > Duration::from_secs(1) && slow < LONGEST, "{slow:?}");
        assert_eq!(link(&[1], 3000).patience(), LONGEST);
        assert_eq!(link(&[2], 20).patience(), LONGEST, "unknown");
    }
}
