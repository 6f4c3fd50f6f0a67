//! The link loses, doubles, delays and reorders; answers must still be the right ones, or no answers.

use rackpoll_model::FaultKind;

use super::*;
use crate::wire::PayloadType;

const ROUGH: Faults = Faults { loss: 15, duplication: 15, delay: Duration::from_millis(700) };

/// Runs commands over a bad link and counts those that were answered. `World::echo` checks each answer.
fn run(faults: Faults, seed: u64, commands: u32) -> (u32, World) {
    let mut world = World::with(options(), Profile::default(), Bmc::new(), faults, seed);
    // Half-open sessions of lost logins fill slots; how few there may be is another test's matter.
    world.bmc.slots = 1000;
    let mut answered = 0;
    for number in 0..commands {
        let start = world.now;
        match world.echo(number, 60 * SECOND) {
            Ok(()) => answered += 1,
            Err(fault) => {
                assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
                assert_eq!(world.now - start, 60 * SECOND);
            }
        }
    }
    (answered, world)
}

#[test]
fn every_command_is_answered_rightly_over_a_rough_link() {
    let (mut resent, mut dropped, mut lost, mut overtaken) = (0, 0, 0, 0);
    for seed in 0..60 {
        let (answered, world) = run(ROUGH, seed, 100);
        assert_eq!(answered, 100, "seed {seed}");
        let statistics = world.session.statistics();
        resent += statistics.resent;
        dropped += statistics.dropped;
        lost += world.link.lost;
        overtaken += world.link.overtaken;
    }
    // The link must have been as bad as it says.
    assert!(lost > 1000 && overtaken > 500, "{lost} lost, {overtaken} overtaken");
    assert!(resent > 500 && dropped > 500, "{resent} resent, {dropped} dropped");
}

#[test]
fn a_terrible_link_gives_right_answers_or_timeouts() {
    let terrible = Faults { loss: 50, duplication: 30, delay: Duration::from_millis(2500) };
    let mut answered = 0;
    for seed in 0..30 {
        answered += run(terrible, seed, 20).0;
    }
    // One login in sixty gets through three exchanges at once; what counts is that none of the rest is wrong.
    assert!(answered > 30, "{answered} of 600");
}

#[test]
fn a_doubled_rakp_1_that_makes_the_bmc_choose_anew_is_no_wrong_password() {
    let faults = Faults { loss: 0, duplication: 20, delay: Duration::from_millis(300) };
    let mut rejected = 0;
    for seed in 0..100 {
        let mut world = World::with(options(), Profile::default(), Bmc::new(), faults, seed);
        world.bmc.slots = 1000;
        world.bmc.rekeys = true;
        world.echo(1, 60 * SECOND).unwrap();
        rejected += world.bmc.rejected;
    }
    assert!(rejected > 5, "{rejected} of 100");
}

#[test]
fn handshake_messages_are_never_sent_twice() {
    for seed in 0..60 {
        let (_, world) = run(ROUGH, seed, 5);
        let handshakes = &world.bmc.handshakes;
        for kind in [PayloadType::Rakp1, PayloadType::Rakp3] {
            // The link doubles datagrams; what was sent once has one pair of tag and session id.
            let mut seen: Vec<_> = handshakes.iter().filter(|(what, ..)| *what == kind).collect();
            seen.sort_by_key(|(_, tag, id)| (*id, *tag));
            seen.dedup();
            let mut sessions: Vec<_> = seen.iter().map(|(_, _, id)| *id).collect();
            sessions.dedup();
            assert_eq!(seen.len(), sessions.len(), "seed {seed}: a message of one session with two tags");
        }
        // Each Open Session has a console session id of its own, and a doubled one has the same tag.
        for (at, one) in world.bmc.proposals.iter().enumerate() {
            for other in &world.bmc.proposals[at + 1..] {
                assert_eq!(one.console_session_id == other.console_session_id, one.tag == other.tag);
            }
        }
    }
}

#[test]
fn lost_sessions_are_given_back() {
    let lossy = Faults { loss: 15, duplication: 0, delay: Duration::from_millis(20) };
    for seed in 0..40 {
        let mut world = World::with(options(), Profile::default(), Bmc::new(), lossy, seed);
        world.bmc.slots = 1000;
        for number in 0..50 {
            world.echo(number, 60 * SECOND).unwrap();
        }
        let open = world.bmc.open_sessions(world.now);
        assert!(open <= 3, "seed {seed}: {open} sessions open after {:?}", world.session.statistics());
    }
}
