//! A faulty link: what it does with each datagram follows from a seed. Real code, on sockets and in virtual time.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    time::{Duration, Instant},
};

use crate::random::{Random, unit};

/// What a link does to datagrams; each chance is 0.0 to 1.0 a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Faults {
    /// Chance that it is lost.
    pub loss: f64,
    /// Chance that it arrives a second time.
    pub duplication: f64,
    /// Chance that it is held back so that later ones overtake it.
    pub reordering: f64,
    /// Chance that bytes of it are changed.
    pub garbage: f64,
    /// Delay of each datagram.
    pub delay: Duration,
    /// Added to the delay, evenly from nothing to this.
    pub jitter: Duration,
}

impl Faults {
    /// Loses datagrams and nothing else.
    pub fn loss(loss: f64) -> Self {
        Self { loss, ..Self::default() }
    }

    /// Whether it does nothing at all.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What a link has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkCounters {
    /// Datagrams handed in.
    pub taken: u64,
    /// Lost.
    pub lost: u64,
    /// Sent a second time.
    pub duplicated: u64,
    /// Held back.
    pub reordered: u64,
    /// Changed.
    pub garbled: u64,
}

impl LinkCounters {
    /// Adds another link's.
    pub fn add(&mut self, other: &Self) {
        self.taken += other.taken;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.garbled += other.garbled;
    }
}

/// One direction of a link.
#[derive(Debug, Clone)]
pub struct Link {
    faults: Faults,
    random: Random,
    counters: LinkCounters,
}

/// A datagram that is held back arrives this much later than its delay, at least; others of an exchange overtake it.
const HELD_BACK: Duration = Duration::from_millis(20);

impl Link {
    /// A link with these faults; the same seed does the same to the same datagrams.
    pub fn new(faults: Faults, seed: u64) -> Self {
        Self { faults, random: Random::new(seed), counters: LinkCounters::default() }
    }

    /// Takes a datagram and gives each copy that arrives, with its time.
    pub fn carry(&mut self, now: Instant, bytes: Vec<u8>) -> Vec<(Instant, Vec<u8>)> {
        self.counters.taken += 1;
        let faults = self.faults;
        if faults.is_none() {
            return vec![(now, bytes)];
        }
        if self.random.chance(faults.loss) {
            self.counters.lost += 1;
            return Vec::new();
        }
        let mut arrivals = Vec::with_capacity(1);
        if self.random.chance(faults.duplication) {
            self.counters.duplicated += 1;
            arrivals.push((self.arrival(now), bytes.clone()));
        }
        let mut at = self.arrival(now);
        if self.random.chance(faults.reordering) {
            self.counters.reordered += 1;
            at = after(at, HELD_BACK.saturating_add(HELD_BACK.mul_f64(unit(self.random.next_u64()))));
        }
        let mut bytes = bytes;
        if self.random.chance(faults.garbage) {
            self.counters.garbled += 1;
            self.garble(&mut bytes);
        }
        arrivals.push((at, bytes));
        arrivals
    }

    /// What it has done.
    pub fn counters(&self) -> LinkCounters {
        self.counters
    }

    /// Changes what it does from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    fn arrival(&mut self, now: Instant) -> Instant {
        let jitter = self.faults.jitter.mul_f64(unit(self.random.next_u64()));
        after(now, self.faults.delay.saturating_add(jitter))
    }

    /// Flips one to four bits, or cuts the end off.
    fn garble(&mut self, bytes: &mut Vec<u8>) {
        if self.random.chance(0.25) {
            bytes.truncate(self.random.below(bytes.len() as u64) as usize);
            return;
        }
        for _ in 0..=self.random.below(4) {
            let place = self.random.below(bytes.len() as u64) as usize;
            let bit = 1u8 << self.random.below(8);
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= bit;
            }
        }
    }
}

fn after(now: Instant, delay: Duration) -> Instant {
    now.checked_add(delay).unwrap_or(now)
}

/// What is on its way, by its time of arrival; what is due at the same time keeps its order.
#[derive(Debug)]
pub struct Wire<T> {
    waiting: BinaryHeap<Reverse<Waiting<T>>>,
    sent: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    at: Instant,
    order: u64,
    what: T,
}

impl<T> Wire<T> {
    /// Nothing is on its way.
    pub fn new() -> Self {
        Self { waiting: BinaryHeap::new(), sent: 0 }
    }

    /// Sends something that arrives at this time.
    pub fn send(&mut self, at: Instant, what: T) {
        self.sent = self.sent.wrapping_add(1);
        self.waiting.push(Reverse(Waiting { at, order: self.sent, what }));
    }

    /// When the next one arrives.
    pub fn next_at(&self) -> Option<Instant> {
        self.waiting.peek().map(|Reverse(next)| next.at)
    }

    /// The next one that has arrived by now.
    pub fn receive(&mut self, now: Instant) -> Option<T> {
        if self.next_at()? > now {
            return None;
        }
        self.waiting.pop().map(|Reverse(next)| next.what)
    }
}

impl<T> Default for Wire<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Ord for Waiting<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl<T> PartialOrd for Waiting<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Waiting<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Waiting<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Faults = Faults {
        loss: 0.1,
        duplication: 0.1,
        reordering: 0.1,
        garbage: 0.1,
        delay: Duration::from_millis(2),
        jitter: Duration::from_millis(3),
    };

    fn carry(faults: Faults, seed: u64) -> (Vec<(Duration, Vec<u8>)>, LinkCounters) {
        let start = Instant::now();
        let mut link = Link::new(faults, seed);
        let mut wire = Wire::new();
        for number in 0..1000u32 {
            let now = start + Duration::from_millis(u64::from(number));
            for (at, bytes) in link.carry(now, number.to_le_bytes().to_vec()) {
                wire.send(at, (at - start, bytes));
            }
        }
        let end = start + Duration::from_secs(60);
        (std::iter::from_fn(|| wire.receive(end)).collect(), link.counters())
    }

    fn number(bytes: &[u8]) -> u32 {
        u32::from_le_bytes(bytes.try_into().unwrap())
    }

    #[test]
    fn a_link_without_faults_changes_nothing() {
        let (arrived, counters) = carry(Faults::default(), 1);
        assert_eq!(counters, LinkCounters { taken: 1000, ..LinkCounters::default() });
        assert!((0..1000).eq(arrived.iter().map(|(_, bytes)| number(bytes))));
    }

    #[test]
    fn it_loses_as_often_as_it_should() {
        let (arrived, counters) = carry(Faults::loss(0.1), 2);
        assert_eq!(arrived.len(), 1000 - counters.lost as usize);
        assert!((60..140).contains(&counters.lost), "{}", counters.lost);
        let (none, counters) = carry(Faults::loss(1.0), 2);
        assert!(none.is_empty());
        assert_eq!(counters.lost, 1000);
    }

    #[test]
    fn it_duplicates() {
        let (arrived, counters) = carry(Faults { duplication: 0.2, ..Faults::default() }, 3);
        assert_eq!(arrived.len(), 1000 + counters.duplicated as usize);
        assert!((140..260).contains(&counters.duplicated), "{}", counters.duplicated);
    }

    #[test]
    fn it_reorders_only_when_asked_to() {
        let swaps = |faults| {
            let (arrived, _) = carry(faults, 4);
            arrived.windows(2).filter(|pair| number(&pair[0].1) > number(&pair[1].1)).count()
        };
        assert_eq!(swaps(Faults { delay: Duration::from_millis(5), ..Faults::default() }), 0);
        assert!(swaps(Faults { reordering: 0.1, ..Faults::default() }) > 50);
        assert!(swaps(Faults { jitter: Duration::from_millis(5), ..Faults::default() }) > 50);
    }

    #[test]
    fn it_delays_and_garbles() {
        let delay = Duration::from_millis(5);
        let (arrived, _) = carry(Faults { delay, ..Faults::default() }, 5);
        assert!(arrived.iter().all(|(at, bytes)| *at == delay + Duration::from_millis(number(bytes).into())));
        let (arrived, counters) = carry(Faults { garbage: 1.0, ..Faults::default() }, 5);
        assert_eq!(counters.garbled, 1000);
        let changed = (0..).zip(&arrived).filter(|(place, (_, bytes))| bytes[..] != u32::to_le_bytes(*place));
        // Two flips may cancel each other out.
        assert!(changed.count() > 970);
    }

    #[test]
    fn the_same_seed_does_the_same() {
        assert_eq!(carry(ALL, 6), carry(ALL, 6));
        assert_ne!(carry(ALL, 6), carry(ALL, 7));
    }
}
