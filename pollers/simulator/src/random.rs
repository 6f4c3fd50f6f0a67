//! Seeded randomness: the same seed gives the same rack, the same losses and the same sensor values.

/// A generator of pseudo-random numbers (SplitMix64, Steele, Lea and Flood 2014). Not for real keys: a simulated
/// BMC has nothing to guard.
#[derive(Debug, Clone)]
pub struct Random(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// Starts from this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number below `bound`; 0 where the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of the modulus is far below what a simulation can show.
        self.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// True with this probability, 0.0 to 1.0.
    pub fn chance(&mut self, probability: f64) -> bool {
        unit(self.next_u64()) < probability
    }

    /// Bytes for session random numbers and initialization vectors.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            for (to, from) in chunk.iter_mut().zip(self.next_u64().to_le_bytes()) {
                *to = from;
            }
        }
        bytes
    }
}

/// 64 bits that depend on all of these numbers and their order.
pub fn hash(seed: u64, parts: &[u64]) -> u64 {
    parts.iter().fold(mix(seed.wrapping_add(GOLDEN)), |state, part| {
        mix(state.wrapping_add(GOLDEN).wrapping_add(part.wrapping_mul(0xd129_0d3a_7dd3_2f05)))
    })
}

/// 0.0 up to and without 1.0, from the upper 53 bits.
pub fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_numbers() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            (0..4).map(|_| random.next_u64()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
        assert_ne!(hash(1, &[2, 3]), hash(1, &[3, 2]));
    }

    #[test]
    fn chance_is_about_right_and_exact_at_the_ends() {
        let mut random = Random::new(1);
        let hits = (0..10_000).filter(|_| random.chance(0.05)).count();
        assert!((400..600).contains(&hits), "{hits}");
        assert!(!(0..1000).any(|_| random.chance(0.0)));
        assert!((0..1000).all(|_| random.chance(1.0)));
    }
}
