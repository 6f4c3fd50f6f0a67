use std::{collections::BTreeMap, time::Duration};

use rackpoll_model::{Fault, FaultKind, Secret};

use super::Workaround;
use crate::{
    command::Privilege,
    crypto::{CipherSuite, IPMI_15_PASSWORD, Ipmi15Authentication},
    wire::UserName,
};

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
    /// IPMI 1.5 sessions that are allowed, strongest first.
    pub(super) ipmi_15: Vec<Ipmi15Authentication>,
    pub(super) workarounds: Vec<Workaround>,
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
            ipmi_15: Vec::new(),
            workarounds: Vec::new(),
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

    /// Allows IPMI 1.5 sessions of these kinds, for BMCs that know no IPMI 2.0. By default there are none: nothing in
    /// them is encrypted. Passwords that IPMI 1.5 cannot carry are refused.
    pub fn ipmi_15(mut self, kinds: &[Ipmi15Authentication]) -> Result<Self, Fault> {
        if !kinds.is_empty() && self.password.expose().len() > IPMI_15_PASSWORD {
            return Err(Fault::new(
                FaultKind::MalformedCommand,
                "the password is longer than the 16 bytes that IPMI 1.5 allows",
            ));
        }
        self.ipmi_15 = Ipmi15Authentication::ALL.into_iter().filter(|kind| kinds.contains(kind)).collect();
        Ok(self)
    }

    /// Lives with these habits of BMCs, which cannot be found out or should not be lived with unasked.
    pub fn workarounds(mut self, workarounds: &[Workaround]) -> Self {
        self.workarounds = workarounds.to_vec();
        self
    }

    pub(super) fn works_around(&self, workaround: Workaround) -> bool {
        self.workarounds.contains(&workaround)
    }

    /// Other times than the default ones.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }
}

/// What was learned about a BMC; the owner keeps it and hands it to the next session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The cipher suite that worked.
    pub suite: Option<CipherSuite>,
    /// Open Session had to ask for the "highest" privilege (0), because the level itself was refused.
    pub highest_privilege: bool,
    /// The BMC knows IPMI 1.5 only, and this worked.
    pub ipmi_15: Option<Ipmi15Authentication>,
    /// Commands, by network function and number, that the BMC refuses to a session of less than this privilege, although
    /// the specification asks for less.
    pub privileges: BTreeMap<(u8, u8), Privilege>,
    /// The BMC does not know Set Session Privilege Level; sessions have what they logged in for (Cisco UCS).
    pub no_set_privilege: bool,
    /// Get Channel Cipher Suites stays without an answer.
    pub hides_suites: bool,
    /// How long an answer takes, smoothed.
    pub round_trip: Option<Duration>,
}

impl Profile {
    /// Commands with a privilege of their own that are remembered; a BMC with more has no sense in its answers.
    const MOST_PRIVILEGES: usize = 64;

    pub(super) fn learn_privilege(&mut self, command: (u8, u8), level: Privilege) {
        if self.privileges.len() < Self::MOST_PRIVILEGES {
            self.privileges.insert(command, level);
        }
    }

    /// Smooths as TCP does (RFC 6298): an eighth of the new one.
    pub(super) fn learn_round_trip(&mut self, took: Duration) {
        self.round_trip = Some(match self.round_trip {
            None => took,
            Some(before) => before.saturating_sub(before / 8).saturating_add(took / 8),
        });
    }
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
    /// How long Close Session is waited for, retries included. 1 s.
    pub close_limit: Duration,
    /// A command that the BMC is too busy for is asked again after this time, and then after twice as long each time,
    /// four times in all. 0.25 s.
    pub busy: Duration,
    /// After "no session slot" no login is tried for so long, and then twice as long each time, up to `longest_no_slot`.
    /// 15 s: a BMC of four slots may have one back sooner than its time-out.
    pub no_slot: Duration,
    /// 60 s, the time-out of a session (clause 6.12.15).
    pub longest_no_slot: Duration,
    /// A session that was left without an answer to Close Session may hold its slot for so long. 63 s: the time-out of
    /// a session and its tolerance (clause 6.12.15).
    pub orphan: Duration,
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
            busy: Duration::from_millis(250),
            no_slot: Duration::from_secs(15),
            longest_no_slot: Duration::from_secs(60),
            orphan: Duration::from_secs(63),
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
