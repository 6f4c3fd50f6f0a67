use std::time::Duration;

use rackpoll_model::{Fault, FaultKind, Secret};

use crate::{crypto::CipherSuite, wire::UserName};

/// Longest password (IPMI 2.0 clause 22.30).
const MAX_PASSWORD: usize = 20;
/// Length of K_G (clause 13.31).
const MAX_K_G: usize = 20;

/// With what a session logs in, and how it behaves.
#[derive(Clone)]
pub struct Options {
    pub(super) user: UserName,
    pub(super) password: Secret,
    pub(super) k_g: Option<Secret>,
    pub(super) suites: Vec<CipherSuite>,
    pub(super) timing: Timing,
}

impl Options {
    /// Refuses names and passwords that no BMC can hold.
    pub fn new(user: &str, password: Secret) -> Result<Self, Fault> {
        let malformed = |message: &str| Fault::new(FaultKind::MalformedCommand, message);
        let user = UserName::new(user.as_bytes())
            .ok_or_else(|| malformed("the user name is longer than the 16 bytes that IPMI allows"))?;
        if password.expose().len() > MAX_PASSWORD {
            return Err(malformed("the password is longer than the 20 bytes that IPMI allows"));
        }
        Ok(Self {
            user,
            password,
            k_g: None,
            suites: CipherSuite::ENCRYPTED.to_vec(),
            timing: Timing::default(),
        })
    }

    /// The BMC's own key, where it has one (`-k` of ipmitool). None by default.
    pub fn k_g(mut self, k_g: Secret) -> Result<Self, Fault> {
        if k_g.expose().len() > MAX_K_G {
            return Err(Fault::new(
                FaultKind::MalformedCommand,
                "the BMC key K_G is longer than the 20 bytes that IPMI allows",
            ));
        }
        self.k_g = Some(k_g);
        Ok(self)
    }

    /// Only these cipher suites, the strongest first whatever their order here. By default 17 and 3; suites that encrypt
    /// nothing are tried only where they are named here. An empty list changes nothing.
    pub fn suites(mut self, suites: &[CipherSuite]) -> Self {
        if !suites.is_empty() {
            self.suites = CipherSuite::ALL.into_iter().filter(|suite| suites.contains(suite)).collect();
        }
        self
    }

    /// Other times than the default ones.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }
}

/// What was learned about a BMC; the owner keeps it and hands it to the next session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Profile {
    /// The cipher suite that worked.
    pub suite: Option<CipherSuite>,
    /// Open Session had to ask for the "highest" privilege (0), because the level itself was refused.
    pub highest_privilege: bool,
}

/// The times of a session. The defaults are for a BMC on a management network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A first answer is waited for between this and twice this, at random, so that many sessions that lost their
    /// datagrams together do not retransmit together. 0.5 s: BMCs answer in 1 to 300 ms, rarely more.
    pub first_timeout: Duration,
    /// Each further wait is half as long again, up to this. 4 s: a BMC that starts up needs no faster knocking.
    pub longest_timeout: Duration,
    /// How long Get Channel Cipher Suites is waited for. 0.4 s: some BMCs never answer it (ipmitool#199).
    pub probe_timeout: Duration,
    /// How often a command is sent before its session counts as lost. 3.
    pub sends_before_relogin: u32,
    /// After this rest one lost datagram is enough to count a session as lost. 25 s: BMCs forget silently after 30 to
    /// 60 s.
    pub rested: Duration,
    /// A session at rest is kept alive after this time, less up to a fifth at random. 25 s, for BMCs that forget after
    /// 30 s. None: it is left alone.
    pub keep_alive: Option<Duration>,
    /// A session that nobody has used for this time is closed, so that its slot is free. 15 minutes.
    pub disuse: Duration,
    /// How long Close Session is waited for. 1 s.
    pub close_limit: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            first_timeout: Duration::from_millis(500),
            longest_timeout: Duration::from_secs(4),
            probe_timeout: Duration::from_millis(400),
            sends_before_relogin: 3,
            rested: Duration::from_secs(25),
            keep_alive: Some(Duration::from_secs(25)),
            disuse: Duration::from_secs(15 * 60),
            close_limit: Duration::from_secs(1),
        }
    }
}

impl Timing {
    /// The wait after `sent` datagrams, where the first wait was `first`.
    pub(super) fn wait(&self, first: Duration, sent: u32) -> Duration {
        let mut wait = first;
        for _ in 1..sent {
            wait = wait.saturating_add(wait / 2);
            if wait >= self.longest_timeout {
                return self.longest_timeout;
            }
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_that_no_bmc_can_hold_are_refused() {
        assert!(Options::new(&"u".repeat(16), Secret::from("p".repeat(20).as_str())).is_ok());
        let Err(fault) = Options::new(&"u".repeat(17), Secret::from("p")) else { panic!("17 bytes") };
        assert_eq!(fault.kind, FaultKind::MalformedCommand);
        assert!(Options::new("u", Secret::from("p".repeat(21).as_str())).is_err());
        let options = || Options::new("u", Secret::from("p")).unwrap();
        assert!(options().k_g(Secret::from("k".repeat(20).as_str())).is_ok());
        assert!(options().k_g(Secret::from("k".repeat(21).as_str())).is_err());
    }

    #[test]
    fn waits_grow_to_their_limit() {
        let timing = Timing::default();
        let first = Duration::from_millis(800);
        let waits: Vec<u128> = (1..8).map(|sent| timing.wait(first, sent).as_millis()).collect();
        assert_eq!(waits, [800, 1200, 1800, 2700, 4000, 4000, 4000]);
    }
}
