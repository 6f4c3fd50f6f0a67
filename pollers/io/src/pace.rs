use tokio::time::{Duration, Instant};

/// How many commands one BMC has to bear: a token bucket that all its sessions share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// So many may come one after another.
    pub burst: u32,
    /// And then so many a second; at least one.
    pub per_second: u32,
}

/// The bucket of one BMC. Full at the start.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// When it is full again, if nothing is taken; none: it is full now.
    full_at: Option<Instant>,
}

impl Bucket {
    /// Takes a token, and says how long there is to wait before it may be used.
    pub(crate) fn take(&mut self, now: Instant, pace: Pace) -> Duration {
        let token = Duration::from_secs(1) / pace.per_second.max(1);
        let full_at = self.full_at.filter(|at| *at > now).unwrap_or(now) + token;
        self.full_at = Some(full_at);
        // An empty bucket takes `burst` tokens' time to be full.
        full_at.saturating_duration_since(now).saturating_sub(token.saturating_mul(pace.burst.max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { burst: 10, per_second: 5 };

    #[test]
    fn a_burst_is_free_and_then_it_drips() {
        let start = Instant::now();
        let mut bucket = Bucket::default();
        for _ in 0..10 {
            assert_eq!(bucket.take(start, PACE), Duration::ZERO);
        }
        assert_eq!(bucket.take(start, PACE), Duration::from_millis(200));
        // A second later five have dripped in, and the one above was used meanwhile.
        let later = start + Duration::from_secs(1);
        for _ in 0..4 {
            assert_eq!(bucket.take(later, PACE), Duration::ZERO);
        }
        assert_eq!(bucket.take(later, PACE), Duration::from_millis(200));
    }

    #[test]
    fn over_time_no_more_than_the_rate_gets_through() {
        let mut now = Instant::now();
        let (start, mut bucket) = (now, Bucket::default());
        for _ in 0..1010 {
            now += bucket.take(now, PACE);
        }
        assert_eq!(now - start, Duration::from_secs(200));
    }
}
