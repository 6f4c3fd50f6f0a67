use rackpoll_simulator::random::Random;

/// Inputs that were mutated and are kept, so that mutations pile up.
const POOL: usize = 64;
/// Bytes at which decoders turn: ends of ranges, signs, tags.
const TURNS: [u8; 16] =
    [0x00, 0x01, 0x02, 0x06, 0x07, 0x0f, 0x10, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xc1, 0xfe, 0xff];

/// Makes inputs out of seeds. The same seeds and the same number give the same inputs.
pub(crate) struct Mutator {
    random: Random,
    seeds: Vec<Vec<u8>>,
    pool: Vec<Vec<u8>>,
    longest: usize,
}

impl Mutator {
    pub(crate) fn new(seeds: Vec<Vec<u8>>, longest: usize, seed: u64) -> Self {
        let seeds = if seeds.is_empty() { vec![Vec::new()] } else { seeds };
        Self { random: Random::new(seed), seeds, pool: Vec::new(), longest }
    }

    /// Writes the next input into `input`.
    pub(crate) fn next(&mut self, input: &mut Vec<u8>) {
        input.clear();
        match self.below(64) {
            0 => {
                let length = self.below(self.longest.min(256) + 1);
                self.noise(input, 0, length);
            }
            1 => input.extend(pick(&mut self.random, &self.seeds)),
            _ => {
                let from_pool = !self.pool.is_empty() && self.below(2) == 0;
                let base = if from_pool { &self.pool } else { &self.seeds };
                input.extend(pick(&mut self.random, base));
                let most = 1 << self.below(5);
                for _ in 0..=self.below(most) {
                    self.mutate(input);
                }
            }
        }
        input.truncate(self.longest);
        if self.below(8) == 0 {
            if self.pool.len() < POOL {
                self.pool.push(input.clone());
            } else {
                let slot = self.below(POOL);
                if let Some(slot) = self.pool.get_mut(slot) {
                    slot.clone_from(input);
                }
            }
        }
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len());
        match self.below(13) {
            0 | 1 => {
                let bit = self.below(8);
                edit(input, at, |byte| byte ^ 1 << bit);
            }
            2 => {
                let value = self.random.next_u64() as u8;
                edit(input, at, |_| value);
            }
            3 => {
                let value = *pick(&mut self.random, &TURNS);
                edit(input, at, |_| value);
            }
            4 => {
                let by = self.below(9) as u8;
                edit(input, at, |byte| byte.wrapping_add(by).wrapping_sub(4));
            }
            5 => {
                let length = 1 + self.below(8);
                self.noise(input, at, length);
            }
            6 => {
                let end = (at + 1 + self.below(8)).min(input.len());
                input.drain(at.min(end)..end);
            }
            7 => input.truncate(at),
            8 => {
                // This head and another's tail.
                let other = pick(&mut self.random, &self.seeds);
                let from = self.random.below(other.len() as u64 + 1) as usize;
                input.truncate(at);
                input.extend(other.iter().skip(from));
            }
            9 => {
                // A piece of another, written over.
                let other = pick(&mut self.random, &self.seeds);
                let from = self.random.below(other.len() as u64 + 1) as usize;
                let length = 1 + self.random.below(16) as usize;
                for (to, from) in input.iter_mut().skip(at).zip(other.iter().skip(from).take(length)) {
                    *to = *from;
                }
            }
            10 => {
                // A piece twice.
                let length = 1 + self.below(32);
                let piece: Vec<u8> = input.iter().skip(at).take(length).copied().collect();
                input.splice(at..at, piece);
            }
            11 => self.set_length(input, at),
            _ => self.set_wide(input, at),
        }
        input.truncate(self.longest.saturating_mul(2));
    }

    /// Writes what is left of the input as if a length field were here, or something near it.
    fn set_length(&mut self, input: &mut [u8], at: usize) {
        let wide = self.below(3);
        let field = if wide == 0 { 1 } else { 2 };
        let rest = input.len().saturating_sub(at).saturating_sub(field);
        let length = match self.below(6) {
            0 => rest,
            1 => rest.saturating_add(1),
            2 => rest.saturating_sub(1),
            3 => rest.saturating_sub(self.below(24)),
            4 => usize::MAX,
            _ => self.below(rest + 1),
        };
        let low = length as u8;
        let high = (length >> 8) as u8;
        let bytes: &[u8] = match wide {
            0 => &[low],
            1 => &[low, high],
            _ => &[high, low],
        };
        for (to, from) in input.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    }

    /// Writes a number of two or four bytes that lies at an end.
    fn set_wide(&mut self, input: &mut [u8], at: usize) {
        let number =
            *pick(&mut self.random, &[0, 1, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX]);
        let bytes = if self.below(2) == 0 { number.to_le_bytes() } else { number.to_be_bytes() };
        let width = 2 + 2 * self.below(2);
        for (to, from) in input.iter_mut().skip(at).zip(bytes.iter().take(width)) {
            *to = *from;
        }
    }

    fn noise(&mut self, input: &mut Vec<u8>, at: usize, length: usize) {
        let noise: Vec<u8> = (0..length).map(|_| self.random.next_u64() as u8).collect();
        input.splice(at..at, noise);
    }

    /// Below `bound`; 0 where that is 0.
    fn below(&mut self, bound: usize) -> usize {
        self.random.below(bound as u64) as usize
    }
}

fn edit(input: &mut [u8], at: usize, change: impl FnOnce(u8) -> u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte = change(*byte);
    }
}

/// `of` is never empty.
fn pick<'a, T>(random: &mut Random, of: &'a [T]) -> &'a T {
    &of[random.below(of.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn inputs(seed: u64, count: usize) -> Vec<Vec<u8>> {
        let mut mutator = Mutator::new(vec![(0..40).collect(), vec![0xaa; 9]], 64, seed);
        let mut input = Vec::new();
        (0..count)
            .map(|_| {
                mutator.next(&mut input);
                input.clone()
            })
            .collect()
    }

    #[test]
    fn a_seed_repeats_its_run_and_another_does_not() {
        assert_eq!(inputs(1, 500), inputs(1, 500));
        assert_ne!(inputs(1, 500), inputs(2, 500));
    }

    #[test]
    fn inputs_differ_keep_their_bound_and_stay_near_the_seeds() {
        let inputs = inputs(3, 5000);
        assert!(inputs.iter().all(|input| input.len() <= 64));
        let distinct: BTreeSet<_> = inputs.iter().collect();
        assert!(distinct.len() > 4000, "{}", distinct.len());
        assert!(distinct.contains(&Vec::new()), "nothing is an input too");
        assert!(inputs.iter().any(|input| input.len() > 40), "some grow");
        let near = inputs.iter().filter(|input| input.starts_with(&[0, 1, 2, 3])).count();
        assert!(near > 1000, "{near}");
    }

    #[test]
    fn no_seeds_and_no_length_are_no_trouble() {
        let mut input = Vec::new();
        let mut mutator = Mutator::new(Vec::new(), 0, 1);
        for _ in 0..1000 {
            mutator.next(&mut input);
            assert!(input.is_empty());
        }
    }
}
