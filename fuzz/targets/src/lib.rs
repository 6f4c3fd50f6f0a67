//! Fuzz targets of the protocol crates: whatever a BMC or an SNMP agent sends. `docs/fuzzing.md` tells how to run them.
//!
//! A target panics where something does not hold: with a failed assertion, or with what the code under test does itself.

#![allow(clippy::panic, reason = "what a target finds, it says by a panic")]

mod answers;
pub mod conversations;
mod login;
mod packets;
mod records;
mod seeds;
mod session;
pub mod snmp;

use rackpoll_fuzz_driver::Target;

/// Every target.
pub fn targets() -> Vec<Target> {
    [
        packets::TARGETS,
        login::TARGETS,
        session::TARGETS,
        answers::TARGETS,
        conversations::TARGETS,
        records::TARGETS,
        snmp::TARGETS,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_target_has_a_name_of_its_own_and_seeds_that_pass() {
        let mut names = BTreeSet::new();
        for target in targets() {
            assert!(names.insert(target.name), "{}", target.name);
            let seeds = (target.seeds)();
            assert!(!seeds.is_empty(), "{}", target.name);
            for seed in seeds {
                assert!(seed.len() <= target.longest, "{}: a seed of {} bytes", target.name, seed.len());
                (target.run)(&seed);
            }
        }
    }
}
