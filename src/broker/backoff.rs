//! How long to wait before the next try at a broker: for ever, but never in a hurry.

use std::time::Duration;

/// First wait. A broker that restarts is back within a second or two.
const FIRST: Duration = Duration::from_millis(500);
/// Longest wait: after an outage of any length the backlog starts to flow within half a minute.
const LONGEST: Duration = Duration::from_secs(30);

/// Waits that double from 0.5 s to 30 s, each spread by up to a quarter so that agents do not come back all at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The connection proved itself: the next failure starts from the shortest wait again.
    pub(crate) fn reset(&mut self) {
        self.next = FIRST;
    }

    /// The wait before the next try.
    pub(crate) fn wait(&mut self) -> Duration {
        let base = self.next;
        self.next = base.saturating_mul(2).min(LONGEST);
        // Without randomness the waits are merely equal.
        let dice = getrandom::u32().unwrap_or(u32::MAX / 2);
        base.mul_f64(0.75 + 0.5 * f64::from(dice) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_to_a_bound_and_starts_over() {
        let mut backoff = Backoff::default();
        for nominal in [500u64, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000] {
            let wait = backoff.wait();
            let nominal = Duration::from_millis(nominal);
            assert!(
                wait >= nominal.mul_f64(0.749) && wait <= nominal.mul_f64(1.251),
                "{wait:?} of {nominal:?}"
            );
        }
        backoff.reset();
        assert!(backoff.wait() <= FIRST.mul_f64(1.251));
    }
}
