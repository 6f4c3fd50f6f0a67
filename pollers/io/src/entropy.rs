use rackpoll_ipmi::session::Random;

/// Bytes fetched at once: a dozen commands' worth, so that a command costs no system call for its IV.
const POOL: usize = 256;

/// Random numbers of the operating system.
pub(crate) struct Entropy {
    pool: [u8; POOL],
    used: usize,
}

impl Entropy {
    pub(crate) fn new() -> Self {
        Self { pool: [0; POOL], used: POOL }
    }
}

impl Random for Entropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        let mut wanted = bytes;
        while !wanted.is_empty() {
            if self.used >= POOL {
                #[expect(
                    clippy::expect_used,
                    reason = "without random numbers there is no safe session, and Linux never refuses them once it is up"
                )]
                getrandom::fill(&mut self.pool).expect("the operating system gives random numbers");
                self.used = 0;
            }
            let left = self.pool.get_mut(self.used..).unwrap_or_default();
            let (taken, rest) = wanted.split_at_mut(wanted.len().min(left.len()));
            let left = left.split_at_mut(taken.len()).0;
            taken.copy_from_slice(left);
            // Handed out once: what is left in the pool is zero.
            left.fill(0);
            self.used += taken.len();
            wanted = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_handed_out_twice_and_none_stays() {
        let mut entropy = Entropy::new();
        let mut first = [0; 100];
        let mut second = [0; 300];
        entropy.fill(&mut first);
        entropy.fill(&mut second);
        assert!(first.iter().any(|byte| *byte != 0));
        assert!(!second.windows(16).any(|window| first.windows(16).any(|other| other == window)));
        assert!(entropy.pool[..entropy.used].iter().all(|byte| *byte == 0));
    }
}
