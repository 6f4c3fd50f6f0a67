use std::time::Duration;

/// A device that fails now and then: away for a while once in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outages {
    /// From one outage to the next.
    pub every: Duration,
    /// How long one lasts.
    pub lasting: Duration,
}

impl Outages {
    /// Two minutes apart, 25 s long: somebody who watches a demo sees both ends.
    pub const USUAL: Self = Self { every: Duration::from_secs(120), lasting: Duration::from_secs(25) };

    /// The number of the outage that is on at this age of the device. The first begins after half a period.
    pub(super) fn at(&self, age: Duration) -> Option<u128> {
        let every = self.every.as_nanos();
        let shifted = age.as_nanos().saturating_add(every / 2);
        let number = shifted.checked_div(every)?;
        let into = shifted.checked_rem(every)?;
        (number > 0 && into < self.lasting.as_nanos()).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn away_once_in_a_period() {
        let outages = Outages { every: Duration::from_secs(60), lasting: Duration::from_secs(10) };
        let away = |second| outages.at(Duration::from_secs(second));
        assert_eq!((0..30).find(|second| away(*second).is_some()), None);
        assert_eq!((30..40).filter(|second| away(*second) == Some(1)).count(), 10);
        assert_eq!((40..90).find(|second| away(*second).is_some()), None);
        assert_eq!(away(95), Some(2));
    }
}
