//! The pollers' session machine against simulated BMCs in virtual time: what it does about the habits of BMCs and of
//! links.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod console;
mod world;

use std::time::Duration;

use console::config;
use rackpoll_ipmi::{
    command::{ChassisPoll, PowerReadingPoll, Privilege, Request, completion, get_device_id, netfn},
    crypto::CipherSuite,
    session::{Event, Manner, Options, Profile, Session},
};
use rackpoll_model::{FaultKind, Reading, Secret};
use rackpoll_simulator::{
    bmc::{BmcConfig, Quirks},
    link::Faults,
};
use world::{BAD, LIMIT, Seeded, World, options};

const SECOND: Duration = Duration::from_secs(1);
/// Get Sensor Reading.
const READ_SENSOR: u8 = 0x2d;
/// Read FRU Data.
const READ_FRU: u8 = 0x11;

fn sensor(number: u8) -> Request {
    let (command, data) = (READ_SENSOR, vec![number]);
    Request { netfn: netfn::SENSOR, lun: 0, command, privilege: Privilege::User, data }
}

/// Four bytes of the inventory: another answer for each place.
fn inventory(place: u8) -> Request {
    let (command, data) = (READ_FRU, vec![0, place, 0, 4]);
    Request { netfn: netfn::STORAGE, lun: 0, command, privilege: Privilege::User, data }
}

fn quirky(quirks: Quirks) -> BmcConfig {
    BmcConfig { quirks, ..config("server") }
}

#[test]
fn a_busy_bmc_is_asked_again_after_a_rest_and_not_hammered() {
    let mut world = World::new(quirky(Quirks { busy: 3, ..Quirks::default() }));
    let start = world.now;
    world.good(get_device_id::request());
    // 0.25, 0.5 and 1 s.
    assert_eq!(world.now - start, Duration::from_millis(1750));
    assert_eq!(world.bmc.counters(world.now).command(netfn::APP, 1), 4);

    // One that stays busy says so in the end, and the session goes on.
    world.bmc.set_quirks(Quirks { busy: 100, ..Quirks::default() });
    assert_eq!(world.ask(get_device_id::request()), Ok((completion::NODE_BUSY, Vec::new())));
    assert_eq!(world.bmc.counters(world.now).command(netfn::APP, 1), 4 + 5);
    world.bmc.set_quirks(Quirks::default());
    world.good(get_device_id::request());
    assert_eq!(world.statistics().opened, 1);
}

#[test]
fn a_busy_bmc_does_not_hold_a_poll_past_its_deadline() {
    let mut world = World::new(quirky(Quirks { busy: 100, ..Quirks::default() }));
    world.session.request(world.now, get_device_id::request(), world.now + SECOND).unwrap();
    let start = world.now;
    assert!(matches!(world.run(), Event::Answered(answer) if answer.completion == completion::NODE_BUSY));
    assert!(world.now - start < SECOND);
}

const ID: (u8, u8) = (netfn::APP, 1);

#[test]
fn a_command_that_needs_more_than_the_specification_says_gets_it_and_that_is_remembered() {
    let quirks = Quirks { needs: vec![(ID, Privilege::Operator)], ..Quirks::default() };
    let mut world = World::with(quirky(quirks.clone()), options("admin"), Faults::default(), 1);
    world.good(get_device_id::request());
    assert_eq!(world.session.profile().privileges.get(&ID), Some(&Privilege::Operator));
    let asked = world.bmc.counters(world.now).command(ID.0, ID.1);
    assert_eq!(asked, 2, "refused once, answered once");

    // What was learned spares the refusal the next time, on another session.
    let learned = world.session.profile().clone();
    let mut world = World::with(quirky(quirks), options("admin"), Faults::default(), 2);
    world.session = Session::new(options("admin"), learned, Box::new(Seeded(9)));
    world.good(get_device_id::request());
    let counters = world.bmc.counters(world.now);
    assert_eq!((counters.command(ID.0, ID.1), counters.sessions_opened), (1, 1));
}

/// Get Power Reading.
const POWER: (u8, u8) = (netfn::GROUP, 0x02);

#[test]
fn dcmi_power_that_needs_operator_is_read_and_that_is_remembered() {
    let quirks = Quirks { needs: vec![(POWER, Privilege::Operator)], ..Quirks::default() };
    let mut world = World::with(quirky(quirks.clone()), options("admin"), Faults::default(), 1);
    let watts = |reading| match reading {
        Ok(Reading::PowerReading(power)) => power.current,
        other => panic!("{other:?}"),
    };
    assert!(watts(world.poll(PowerReadingPoll, LIMIT)) > 0);
    assert_eq!(world.session.profile().privileges.get(&POWER), Some(&Privilege::Operator));
    assert_eq!(world.bmc.counters(world.now).command(POWER.0, POWER.1), 2, "refused once, answered once");

    // The next session logs in for what is needed, and is refused nothing.
    let learned = world.session.profile().clone();
    let mut world = World::with(quirky(quirks.clone()), options("admin"), Faults::default(), 2);
    world.session = Session::new(options("admin"), learned, Box::new(Seeded(9)));
    assert!(watts(world.poll(PowerReadingPoll, LIMIT)) > 0);
    let counters = world.bmc.counters(world.now);
    assert_eq!((counters.command(POWER.0, POWER.1), counters.sessions_opened), (1, 1));

    // Who may not have more is told so, and its other polls go on.
    let mut world = World::new(quirky(quirks));
    for _ in 0..3 {
        let fault = world.poll(PowerReadingPoll, LIMIT).unwrap_err();
        assert_eq!(fault.kind, FaultKind::InsufficientPrivilege);
        assert!(fault.message.contains("Get Power Reading"), "{fault}");
        world.poll(ChassisPoll::power(), LIMIT).unwrap();
    }
}

#[test]
fn a_user_that_may_not_have_more_is_told_so_and_its_other_commands_live() {
    let quirks = Quirks { needs: vec![(ID, Privilege::Operator)], ..Quirks::default() };
    let mut world = World::new(quirky(quirks));
    world.good(inventory(0));
    let refused = Ok((completion::INSUFFICIENT_PRIVILEGE, Vec::new()));
    assert_eq!(world.ask(get_device_id::request()), refused);
    world.good(inventory(0));
    let opened = world.statistics().opened;
    for _ in 0..10 {
        assert_eq!(world.ask(get_device_id::request()), refused);
        world.good(inventory(0));
    }
    assert_eq!(world.statistics().opened, opened, "more was tried for once, and not each time");
    assert!(world.session.profile().privileges.is_empty(), "what this user may not is no habit of the BMC");
}

#[test]
fn a_bmc_that_does_not_know_set_session_privilege_works_and_is_not_asked_twice() {
    let quirks =
        Quirks { no_set_privilege: true, needs: vec![(ID, Privilege::Operator)], ..Quirks::default() };
    let mut world = World::with(quirky(quirks), options("admin"), Faults::default(), 1);
    for _ in 0..5 {
        world.good(get_device_id::request());
    }
    assert!(world.session.profile().no_set_privilege);
    assert_eq!(world.bmc.counters(world.now).command(netfn::APP, 0x3b), 1);
}

#[test]
fn a_sensor_that_never_answers_costs_its_patience_and_nothing_else() {
    let mute_sensors = vec![3];
    let mut world = World::new(quirky(Quirks { mute_sensors, ..Quirks::default() }));
    world.good(inventory(0));
    let manner = Manner { patience: Some(2 * SECOND), bridge: None };
    let start = world.now;
    world.session.request_in(world.now, sensor(3), world.now + LIMIT, manner).unwrap();
    assert!(matches!(world.run(), Event::Unanswered));
    assert!(world.now - start < 3 * SECOND);
    world.session.request_in(world.now, sensor(1), world.now + LIMIT, manner).unwrap();
    assert!(matches!(world.run(), Event::Answered(_)));
    assert_eq!(world.statistics().opened, 1);
}

#[test]
fn a_bmc_that_hides_its_suites_is_asked_for_them_once() {
    let mut world = World::new(quirky(Quirks { hides_suites: true, ..Quirks::default() }));
    world.good(inventory(0));
    assert_eq!(world.session.profile().suite, Some(CipherSuite::Seventeen));
    assert!(world.session.profile().hides_suites);
}

#[test]
fn while_others_hold_all_slots_logins_are_few_and_the_first_free_slot_is_had() {
    let mut world = World::new(BmcConfig { slots: 0, ..config("server") });
    let mut refusals = 0;
    // Five minutes of a poll every second.
    for _ in 0..300 {
        match world.ask(inventory(0)) {
            Err(fault) => assert_eq!(fault.kind, FaultKind::NoSessionSlot, "{fault}"),
            Ok(answer) => panic!("{answer:?}"),
        }
        world.rest(SECOND);
        refusals += 1;
    }
    let tried = world.bmc.counters(world.now).logins_refused;
    assert!((5..=8).contains(&tried), "{tried} logins in {refusals} polls");
    let mut free = World::new(config("server"));
    std::mem::swap(&mut free.bmc, &mut world.bmc);
    let start = world.now;
    while world.ask(inventory(0)).is_err() {
        world.rest(SECOND);
    }
    assert!(world.now - start <= 61 * SECOND, "{:?}", world.now - start);
}

#[test]
fn sessions_that_were_lost_are_remembered_until_the_bmc_must_have_dropped_them() {
    let mut world = World::new(BmcConfig { slots: 1, ..config("server") });
    world.good(inventory(0));
    // The link dies under the session, so that nobody can close it.
    let dead = Faults::loss(1.0);
    world.inward.set_faults(dead);
    world.outward.set_faults(dead);
    assert_eq!(world.ask(inventory(0)).unwrap_err().kind, FaultKind::Timeout);
    assert_eq!(world.session.orphans(world.now), 1);
    world.inward.set_faults(Faults::default());
    world.outward.set_faults(Faults::default());
    let fault = world.ask(inventory(0)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::NoSessionSlot);
    assert!(fault.message.contains("a session of ours that was lost"), "{fault}");
    world.rest(64 * SECOND);
    assert_eq!(world.session.orphans(world.now), 0);
    world.good(inventory(0));
}

#[test]
fn a_changed_password_is_said_at_the_next_login_and_locks_nobody_out() {
    let mut world = World::new(config("server"));
    world.good(inventory(0));
    world.bmc.set_password(&Secret::from("changed"));
    world.good(inventory(0));
    world.bmc.forget_sessions();
    let fault = world.ask(inventory(0)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::WrongPassword, "{fault}");
    let options = Options::new("viewer", Secret::from("changed")).unwrap();
    let learned = world.session.profile().clone();
    world.session = Session::new(options, learned, Box::new(Seeded(5)));
    world.good(inventory(0));
}

#[test]
fn a_bmc_key_that_is_set_later_is_named_and_with_it_the_next_poll_is_right() {
    let k_g = Secret::from("bmc-wide-key");
    let mut world = World::new(BmcConfig { k_g: Some(k_g.clone()), ..config("server") });
    let fault = world.ask(inventory(0)).unwrap_err();
    assert!(fault.message.contains("K_G"), "{fault}");
    let options = options("viewer").k_g(k_g).unwrap();
    world.session = Session::new(options, Profile::default(), Box::new(Seeded(5)));
    world.good(inventory(0));
}

#[test]
fn a_bmc_that_starts_anew_in_mid_poll_is_logged_in_to_again_within_the_poll() {
    let mut world = World::new(config("server"));
    let clean = world.good(inventory(8));
    world.bmc.reboot(world.now);
    assert_eq!(world.good(inventory(8)), clean, "it is away for eight seconds, and the poll has thirty");
    assert_eq!((world.statistics().opened, world.statistics().restarted), (2, 1));
}

#[test]
fn a_thousand_polls_of_fifty_bmcs_over_a_bad_link_are_right_or_fail_in_time_for_the_right_reason() {
    let (mut good, mut late, mut refused) = (0, 0, 0);
    let (mut lost, mut doubled, mut reordered) = (0, 0, 0);
    for bmc in 0..50u64 {
        let config =
            BmcConfig { slots: 4, response_time: Duration::from_millis(30), seed: bmc, ..config("server") };
        let mut clean = World::new(config.clone());
        let mut world = World::with(config, options("viewer"), BAD, bmc);
        for poll in 0..20u8 {
            let place = poll * 4;
            let start = world.now;
            match world.ask(inventory(place)) {
                Ok((completion, data)) => {
                    assert_eq!(completion, 0);
                    assert_eq!(
                        data,
                        clean.good(inventory(place)),
                        "BMC {bmc}, poll {poll}: another's answer"
                    );
                    good += 1;
                }
                Err(fault) if fault.kind == FaultKind::Timeout => {
                    assert_eq!(world.now - start, LIMIT, "BMC {bmc}, poll {poll}");
                    late += 1;
                }
                // Half-open logins and lost sessions fill the BMC's four slots, as it says itself.
                Err(fault) => {
                    assert_eq!(fault.kind, FaultKind::NoSessionSlot, "BMC {bmc}, poll {poll}: {fault}");
                    assert!(world.bmc.counters(world.now).most_sessions >= 4);
                    refused += 1;
                }
            }
            assert!(world.now - start <= LIMIT);
            world.rest(SECOND);
        }
        let counters = world.bmc.counters(world.now);
        assert_eq!((counters.most_in_flight, counters.overrun), (1, 0), "BMC {bmc}");
        for link in [world.inward.counters(), world.outward.counters()] {
            lost += link.lost;
            doubled += link.duplicated;
            reordered += link.reordered;
        }
    }
    // The link was as bad as it says, and all the same nearly all polls were good.
    assert!(
        lost > 500 && doubled > 250 && reordered > 250,
        "{lost} lost, {doubled} doubled, {reordered} late"
    );
    assert_eq!(good + late + refused, 1000);
    assert!(good >= 950, "{good} good, {late} late, {refused} without a slot");
}
