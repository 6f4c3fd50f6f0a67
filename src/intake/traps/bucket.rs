use std::time::{Duration, Instant};

/// Seconds' worth of notifications that may come at once.
const BURST: u32 = 10;

/// A token bucket. Full at the start.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Bucket {
    /// When it is full again, if nothing is taken; none: it is full now.
    full_at: Option<Instant>,
}

impl Bucket {
    /// The bucket without one more token; `None` where it is empty.
    pub(super) fn less(self, now: Instant, per_second: u32) -> Option<Self> {
        let token = Duration::from_secs(1) / per_second.max(1);
        let full_at = self.full_at.filter(|at| *at > now).unwrap_or(now) + token;
        let empty = Duration::from_secs(BURST.into());
        (full_at.saturating_duration_since(now) <= empty).then_some(Self { full_at: Some(full_at) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_worth_at_once_and_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::default();
        let mut taken = |now: Instant| {
            let mut count = 0;
            while let Some(less) = bucket.less(now, 8) {
                bucket = less;
                count += 1;
            }
            count
        };
        assert_eq!(taken(start), 80);
        assert_eq!(taken(start + Duration::from_millis(124)), 0);
        assert_eq!(taken(start + Duration::from_millis(125)), 1);
        assert_eq!(taken(start + Duration::from_millis(1_125)), 8);
        assert_eq!(taken(start + Duration::from_secs(3_600)), 80);
    }
}
