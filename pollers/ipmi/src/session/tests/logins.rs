//! Logins: which suite, which privilege, and how each refusal is told.

use rackpoll_model::FaultKind;

use super::*;
use crate::crypto::CipherSuite;

fn opened(world: &mut World) -> Profile {
    world.session.open(world.now, world.now + 10 * SECOND).unwrap();
    match world.run() {
        Event::Opened(profile) => profile,
        event => panic!("{event:?}"),
    }
}

fn refused(world: &mut World) -> Fault {
    let fault = world.echo(1, 10 * SECOND).unwrap_err();
    assert!(!fault.message.contains(PASSWORD));
    fault
}

#[test]
fn the_strongest_suite_on_both_lists_is_taken_and_reported() {
    let mut world = World::new(Bmc::new());
    let profile = opened(&mut world);
    assert_eq!(profile, Profile { suite: Some(CipherSuite::Seventeen), ..Profile::default() });
    // Twenty record bytes need two parts of the list.
    assert_eq!(
        world.bmc.log,
        ["capabilities", "cipher suites", "cipher suites", "open session", "rakp 1", "rakp 3"]
    );
    world.echo(7, SECOND).unwrap();
    assert_eq!(world.bmc.log.last(), Some(&"echo"));
}

#[test]
fn a_list_with_suite_3_only_saves_the_try_with_17() {
    let mut bmc = Bmc::new();
    bmc.suites = vec![CipherSuite::Three];
    let mut world = World::new(bmc);
    assert_eq!(opened(&mut world).suite, Some(CipherSuite::Three));
    assert_eq!(world.bmc.proposals.len(), 1);
}

#[test]
fn without_a_list_17_is_tried_and_then_3() {
    let mut bmc = Bmc::new();
    bmc.suites = vec![CipherSuite::Three];
    bmc.lists_suites = false;
    let mut world = World::new(bmc);
    let start = world.now;
    assert_eq!(opened(&mut world).suite, Some(CipherSuite::Three));
    assert_eq!(world.bmc.proposals.len(), 2);
    assert!(world.now - start < SECOND, "the unanswered question costs a short time only");
}

#[test]
fn a_suite_that_is_dropped_in_silence_gives_way() {
    let mut bmc = Bmc::new();
    bmc.suites = vec![CipherSuite::Three];
    bmc.lists_suites = false;
    bmc.silent_refusals = true;
    let mut world = World::new(bmc);
    assert_eq!(opened(&mut world).suite, Some(CipherSuite::Three));
}

#[test]
fn a_suite_that_the_bmc_gets_wrong_gives_way() {
    let mut bmc = Bmc::new();
    bmc.breaks = Some(CipherSuite::Seventeen);
    let mut world = World::new(bmc);
    assert_eq!(opened(&mut world).suite, Some(CipherSuite::Three));
    assert!(world.bmc.log.contains(&"rakp 3 refusal"), "the half-open session is given back");
    assert_eq!(world.bmc.open_sessions(world.now), 1);
}

#[test]
fn what_worked_is_asked_for_at_once_the_next_time() {
    let profile = Profile { suite: Some(CipherSuite::Three), ..Profile::default() };
    let mut world = World::with(options(), profile, Bmc::new(), Faults::NONE, 1);
    opened(&mut world);
    assert_eq!(world.bmc.log, ["open session", "rakp 1", "rakp 3"]);
    assert_eq!(world.bmc.proposals[0].algorithms, CipherSuite::Three.algorithms());
}

#[test]
fn what_worked_and_no_longer_does_gives_way() {
    let mut bmc = Bmc::new();
    bmc.suites = vec![CipherSuite::Three];
    let profile = Profile { suite: Some(CipherSuite::Seventeen), ..Profile::default() };
    let mut world = World::with(options(), profile, bmc, Faults::NONE, 1);
    assert_eq!(opened(&mut world).suite, Some(CipherSuite::Three));
}

#[test]
fn one_allowed_suite_is_the_only_one_tried() {
    let mut bmc = Bmc::new();
    bmc.suites = vec![CipherSuite::Three];
    let options = options().suites(&[CipherSuite::Seventeen]);
    let mut world = World::with(options, Profile::default(), bmc, Faults::NONE, 1);
    let fault = refused(&mut world);
    assert_eq!(fault.kind, FaultKind::NoCommonSecurity);
    assert_eq!(world.bmc.log, ["capabilities", "open session"]);
}

#[test]
fn no_common_suite_says_what_the_bmc_offers() {
    let mut bmc = Bmc::new();
    bmc.suites = vec![];
    let mut world = World::new(bmc);
    let fault = refused(&mut world);
    assert_eq!(fault.kind, FaultKind::NoCommonSecurity);
    assert!(fault.message.contains("offers 1, 2"), "{}", fault.message);
    assert!(fault.message.contains("cipher-suites"), "it says how to allow them: {}", fault.message);
    for proposal in &world.bmc.proposals {
        assert_ne!(proposal.algorithms.confidentiality, 0, "never without encryption");
    }
}

#[test]
fn every_suite_that_is_allowed_by_its_number_works() {
    for suite in CipherSuite::ALL {
        let mut bmc = Bmc::new();
        bmc.suites = CipherSuite::ALL.to_vec();
        let options = options().suites(&[suite]);
        let mut world = World::with(options, Profile::default(), bmc, Faults::NONE, 1);
        assert_eq!(opened(&mut world).suite, Some(suite));
        for number in 0..10 {
            world.echo(number, SECOND).unwrap();
        }
        assert_eq!(world.bmc.proposals.len(), 1);
        assert_eq!(world.session.statistics().dropped, 0, "suite {suite}");
        world.session.close(world.now);
        assert!(matches!(world.run(), Event::Closed));
        assert_eq!(world.bmc.sessions_held(), 0);
    }
}

#[test]
fn of_several_allowed_suites_the_strongest_is_taken() {
    let allowed = [CipherSuite::Zero, CipherSuite::Two, CipherSuite::Seventeen, CipherSuite::Sixteen];
    for (missing, best) in [
        (0, CipherSuite::Seventeen),
        (1, CipherSuite::Sixteen),
        (2, CipherSuite::Two),
        (3, CipherSuite::Zero),
    ] {
        let mut bmc = Bmc::new();
        let strongest_first: Vec<_> =
            CipherSuite::ALL.into_iter().filter(|suite| allowed.contains(suite)).collect();
        bmc.suites = strongest_first[missing..].to_vec();
        let options = options().suites(&allowed);
        let mut world = World::with(options, Profile::default(), bmc, Faults::NONE, 1);
        assert_eq!(opened(&mut world).suite, Some(best));
    }
}

#[test]
fn a_wrong_password_is_found_out_with_every_suite_that_has_one() {
    for suite in CipherSuite::ALL {
        let mut bmc = Bmc::new();
        bmc.suites = vec![suite];
        bmc.password = Secret::from("another");
        let options = options().suites(&[suite]);
        let mut world = World::with(options, Profile::default(), bmc, Faults::NONE, 1);
        match world.echo(1, 5 * SECOND) {
            Ok(()) => assert_eq!(suite, CipherSuite::Zero, "suite 0 knows no password"),
            Err(fault) => assert_eq!(fault.kind, FaultKind::WrongPassword, "suite {suite}: {fault}"),
        }
    }
}

#[test]
fn a_bmc_that_settles_for_other_algorithms_is_not_believed() {
    let mut bmc = Bmc::new();
    bmc.settles_for_3 = true;
    let options = options().suites(&[CipherSuite::Seventeen]);
    let mut world = World::with(options, Profile::default(), bmc, Faults::NONE, 1);
    assert_eq!(refused(&mut world).kind, FaultKind::NoCommonSecurity);
}

#[test]
fn ipmi_1_5_alone_is_refused_by_name() {
    let mut bmc = Bmc::new();
    bmc.rmcp_plus = false;
    let fault = refused(&mut World::new(bmc));
    assert_eq!(fault.kind, FaultKind::NoCommonSecurity);
    assert!(fault.message.contains("1.5"));
}

#[test]
fn unknown_user() {
    for short in [false, true] {
        let mut bmc = Bmc::new();
        bmc.user = "somebody else";
        bmc.short_refusals = short;
        let mut world = World::new(bmc);
        let start = world.now;
        assert_eq!(refused(&mut world).kind, FaultKind::UnknownUser);
        assert!(world.now - start < SECOND, "a refusal needs no waiting");
    }
}

#[test]
fn wrong_password_gives_the_slot_back_and_never_sends_a_wrong_code() {
    let mut bmc = Bmc::new();
    bmc.password = Secret::from("another");
    let mut world = World::new(bmc);
    assert_eq!(refused(&mut world).kind, FaultKind::WrongPassword);
    world.rest(SECOND);
    assert_eq!(world.bmc.sessions_held(), 0);
    assert!(!world.bmc.log.contains(&"rakp 3"), "a wrong code would count towards a lock-out");
}

#[test]
fn no_free_slot() {
    for short in [false, true] {
        let mut bmc = Bmc::new();
        bmc.slots = 0;
        bmc.short_refusals = short;
        let mut world = World::new(bmc);
        assert_eq!(refused(&mut world).kind, FaultKind::NoSessionSlot);
        assert_eq!(world.bmc.proposals.len(), 1, "no hammering");
    }
}

#[test]
fn a_user_without_even_user_privilege() {
    let mut bmc = Bmc::new();
    bmc.limit = 1;
    assert_eq!(refused(&mut World::new(bmc)).kind, FaultKind::InsufficientPrivilege);
}

#[test]
fn k_g_of_both_sides_must_be_the_same() {
    let bmc = || {
        let mut bmc = Bmc::new();
        bmc.k_g = Some(Secret::from("bmc-wide-key"));
        bmc
    };
    let with_key = options().k_g(Secret::from("bmc-wide-key")).unwrap();
    let mut world = World::with(with_key, Profile::default(), bmc(), Faults::NONE, 1);
    world.echo(1, SECOND).unwrap();

    let fault = refused(&mut World::new(bmc()));
    assert_eq!(fault.kind, FaultKind::WrongPassword);
    assert!(fault.message.contains("K_G"));
}

#[test]
fn reading_asks_for_user_and_never_for_more() {
    let mut world = World::new(Bmc::new());
    world.echo(1, SECOND).unwrap();
    assert!(world.bmc.proposals.iter().all(|proposal| proposal.privilege == Privilege::User as u8));
    assert!(!world.bmc.log.contains(&"set privilege"));
}

#[test]
fn a_command_that_needs_more_gets_a_session_with_more() {
    let mut world = World::new(Bmc::new());
    world.echo(1, SECOND).unwrap();
    let mut request = echo(2);
    request.privilege = Privilege::Operator;
    world.ask(request.clone(), SECOND).unwrap();
    let tail = ["close", "open session", "rakp 1", "rakp 3", "set privilege", "echo"];
    assert!(world.bmc.log.ends_with(&tail), "{:?}", world.bmc.log);
    assert_eq!(world.bmc.open_sessions(world.now), 1);
    // Raised once; a second such command goes at once, and so does one that needs less.
    world.ask(request, SECOND).unwrap();
    world.echo(3, SECOND).unwrap();
    assert!(world.bmc.log.ends_with(&["echo", "echo", "echo"]));
}

#[test]
fn more_privilege_than_the_user_has_is_refused_and_reading_goes_on() {
    let mut bmc = Bmc::new();
    bmc.limit = Privilege::User as u8;
    let mut world = World::new(bmc);
    let mut request = echo(2);
    request.privilege = Privilege::Operator;
    assert_eq!(world.ask(request, SECOND).unwrap_err().kind, FaultKind::InsufficientPrivilege);
    world.echo(3, SECOND).unwrap();
}

#[test]
fn a_bmc_that_wants_to_be_asked_for_the_highest_level_is_remembered() {
    let mut bmc = Bmc::new();
    bmc.wants_highest = true;
    let mut world = World::new(bmc);
    let profile = opened(&mut world);
    assert!(profile.highest_privilege);
    let privileges: Vec<u8> = world.bmc.proposals.iter().map(|proposal| proposal.privilege).collect();
    assert_eq!(privileges, [2, 0]);
    let mut bmc = Bmc::new();
    bmc.wants_highest = true;
    let mut world = World::with(options(), profile, bmc, Faults::NONE, 1);
    opened(&mut world);
    assert_eq!(world.bmc.proposals.len(), 1);
}
