use std::time::{Duration, Instant};

use super::super::Random;

/// A source of numbers that looks random and repeats itself by its seed (splitmix64).
pub(super) struct Seeded(u64);

impl Seeded {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// True so often out of 100.
    pub(super) fn percent(&mut self, share: u64) -> bool {
        self.next() % 100 < share
    }
}

impl Random for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.next() as u8;
        }
    }
}

/// What a link does to datagrams, each with its share out of 100.
#[derive(Debug, Clone, Copy)]
pub(super) struct Faults {
    pub(super) loss: u64,
    pub(super) duplication: u64,
    /// Each datagram takes up to this long, so that later ones overtake it.
    pub(super) delay: Duration,
}

impl Faults {
    pub(super) const NONE: Self = Self { loss: 0, duplication: 0, delay: Duration::ZERO };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Console,
    Bmc,
}

pub(super) struct Link {
    faults: Faults,
    random: Seeded,
    under_way: Vec<(Instant, u64, Side, Vec<u8>)>,
    count: u64,
    pub(super) sent: u32,
    pub(super) lost: u32,
    pub(super) doubled: u32,
    pub(super) overtaken: u32,
    /// Nothing arrives any more: somebody pulled the cable.
    pub(super) cut: bool,
}

impl Link {
    pub(super) fn new(faults: Faults, seed: u64) -> Self {
        let random = Seeded::new(seed);
        let under_way = Vec::new();
        Self { faults, random, under_way, count: 0, sent: 0, lost: 0, doubled: 0, overtaken: 0, cut: false }
    }

    pub(super) fn send(&mut self, now: Instant, to: Side, datagram: Vec<u8>) {
        self.sent += 1;
        let copies = if self.cut || self.random.percent(self.faults.loss) {
            self.lost += 1;
            0
        } else if self.random.percent(self.faults.duplication) {
            self.doubled += 1;
            2
        } else {
            1
        };
        for _ in 0..copies {
            let most = self.faults.delay.as_millis() as u64 + 1;
            let arrival = now + Duration::from_millis(1 + self.random.next() % most);
            let overtakes = self.under_way.iter().any(|(time, _, side, _)| *side == to && *time > arrival);
            self.overtaken += u32::from(overtakes);
            self.count += 1;
            self.under_way.push((arrival, self.count, to, datagram.clone()));
        }
    }

    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.under_way.iter().map(|(time, ..)| *time).min()
    }

    pub(super) fn arrival(&mut self, now: Instant) -> Option<(Side, Vec<u8>)> {
        let first = self.under_way.iter().enumerate().min_by_key(|(_, (time, count, ..))| (*time, *count))?;
        let (index, (time, ..)) = first;
        if *time > now {
            return None;
        }
        let (_, _, side, datagram) = self.under_way.swap_remove(index);
        Some((side, datagram))
    }
}

/// A lossy link that loses nothing proves nothing.
#[test]
fn the_link_loses_doubles_and_reorders_as_told() {
    let faults = Faults { loss: 20, duplication: 10, delay: Duration::from_millis(500) };
    let mut link = Link::new(faults, 7);
    let start = super::epoch();
    for number in 0..1000u32 {
        link.send(start, Side::Bmc, number.to_le_bytes().to_vec());
    }
    assert!((150..250).contains(&link.lost), "{}", link.lost);
    assert!((50..110).contains(&link.doubled), "{}", link.doubled);
    let mut arrived = Vec::new();
    while let Some(time) = link.next_arrival() {
        assert!(time > start && time <= start + Duration::from_millis(501));
        while let Some((_, datagram)) = link.arrival(time) {
            arrived.push(datagram);
        }
    }
    assert_eq!(arrived.len() as u32, 1000 - link.lost + link.doubled);
    assert!(!arrived.is_sorted() && link.overtaken > 100, "{}", link.overtaken);

    let mut straight = Link::new(Faults::NONE, 7);
    straight.send(start, Side::Bmc, vec![1]);
    assert_eq!(straight.arrival(start + Duration::from_millis(1)), Some((Side::Bmc, vec![1])));
    straight.cut = true;
    straight.send(start, Side::Bmc, vec![1]);
    assert_eq!(straight.next_arrival(), None);
}
