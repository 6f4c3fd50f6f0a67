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
        for byte in bytes {
            if self.used >= POOL {
                #[expect(
                    clippy::expect_used,
                    reason = "without random numbers there is no safe session, and Linux never refuses them once it is up"
                )]
                getrandom::fill(&mut self.pool).expect("the operating system gives random numbers");
                self.used = 0;
            }
            // Handed out once: what is left in the pool is zero.
            *byte = self.pool.get_mut(self.used).map_or(0, std::mem::take);
            self.used += 1;
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
