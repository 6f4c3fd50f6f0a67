//! A session's life after its login: rest, loss, deadlines, closing.

use rackpoll_model::FaultKind;

use super::*;

fn without_keep_alive() -> Options {
    options().timing(Timing { keep_alive: None, ..Timing::default() })
}

fn open_world(options: Options) -> World {
    let mut world = World::with(options, Profile::default(), Bmc::new(), Faults::NONE, 1);
    world.echo(0, SECOND).unwrap();
    world.bmc.log.clear();
    world
}

#[test]
fn a_kept_session_costs_two_datagrams_a_command() {
    let mut world = open_world(options());
    let before = world.link.sent;
    for number in 0..200 {
        world.echo(number, SECOND).unwrap();
    }
    assert_eq!(world.link.sent - before, 400);
    assert_eq!(world.session.statistics().opened, 1);
}

#[test]
fn one_command_at_a_time() {
    let mut world = open_world(options());
    let deadline = world.now + SECOND;
    world.session.request(world.now, echo(1), deadline).unwrap();
    assert_eq!(world.session.request(world.now, echo(2), deadline), Err(InFlight));
    assert_eq!(world.session.open(world.now, deadline), Err(InFlight));
    assert!(matches!(world.run(), Event::Answered(_)));
    assert_eq!(world.bmc.log, ["echo"]);
}

#[test]
fn a_session_at_rest_is_kept_alive_before_a_bmc_of_thirty_seconds_forgets_it() {
    let mut world = open_world(options());
    world.bmc.expiry = 30 * SECOND;
    world.rest(120 * SECOND);
    let kept = world.bmc.log.iter().filter(|what| **what == "device id").count();
    assert!((4..=6).contains(&kept), "{kept}");
    world.echo(1, SECOND).unwrap();
    assert_eq!(world.session.statistics().opened, 1);
}

#[test]
fn traffic_makes_keep_alives_needless() {
    let mut world = open_world(options());
    for number in 0..20 {
        world.rest(10 * SECOND);
        world.echo(number, SECOND).unwrap();
    }
    assert!(!world.bmc.log.contains(&"device id"));
}

#[test]
fn a_session_that_nobody_uses_is_closed() {
    let mut world = open_world(options());
    world.rest(16 * 60 * SECOND);
    assert_eq!(world.bmc.log.last(), Some(&"close"));
    assert!(!world.session.is_open());
    assert_eq!(world.session.poll_timeout(), None);
    world.echo(1, SECOND).unwrap();
    assert_eq!(world.session.statistics().opened, 2);
}

#[test]
fn a_session_that_was_forgotten_in_silence_is_found_out_by_one_datagram() {
    let mut world = open_world(without_keep_alive());
    world.rest(90 * SECOND);
    assert!(world.bmc.log.is_empty());
    let start = world.now;
    world.echo(1, 5 * SECOND).unwrap();
    assert!(world.now - start <= SECOND + SECOND / 10, "{:?}", world.now - start);
    assert_eq!(world.session.statistics().resent, 0);
    assert_eq!(world.session.statistics().restarted, 1);
    assert_eq!(world.bmc.open_sessions(world.now), 1);
}

#[test]
fn a_rested_session_that_still_lives_is_used() {
    let mut world = open_world(without_keep_alive());
    world.rest(50 * SECOND);
    world.echo(1, SECOND).unwrap();
    assert_eq!(world.session.statistics().opened, 1);
}

#[test]
fn a_reboot_in_the_middle_is_survived_within_the_deadline() {
    let mut world = open_world(options());
    world.bmc.reboot();
    world.echo(1, 10 * SECOND).unwrap();
    assert_eq!(world.session.statistics().opened, 2);
    assert_eq!(world.session.statistics().restarted, 1);
}

#[test]
fn a_keep_alive_without_answer_ends_the_session_quietly() {
    let mut world = open_world(options());
    world.bmc.reboot();
    world.rest(60 * SECOND);
    assert!(!world.session.is_open());
    world.echo(1, SECOND).unwrap();
    assert_eq!(world.session.statistics().restarted, 0);
}

#[test]
fn a_dead_host_fails_exactly_at_its_deadline() {
    let mut world = World::new(Bmc::new());
    world.link.cut = true;
    let start = world.now;
    let fault = world.echo(1, 10 * SECOND).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout);
    assert!(fault.message.contains("no answer at all"), "{}", fault.message);
    assert_eq!(world.now - start, 10 * SECOND);
    assert!((5..=12).contains(&world.link.sent), "{} datagrams", world.link.sent);
    assert_eq!(world.session.poll_timeout(), None, "nothing goes on after the deadline");
}

#[test]
fn a_bmc_that_stops_answering_fails_at_the_deadline_and_says_so() {
    let mut world = open_world(options());
    world.bmc.deaf = true;
    let start = world.now;
    let fault = world.echo(1, 10 * SECOND).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Timeout);
    assert!(!fault.message.contains("no answer at all"), "{}", fault.message);
    assert_eq!(world.now - start, 10 * SECOND);
    world.bmc.deaf = false;
    world.echo(2, 10 * SECOND).unwrap();
}

#[test]
fn a_late_answer_is_not_the_next_commands_answer() {
    let mut world = open_world(options());
    let now = world.now;
    world.session.request(now, echo(1), now + SECOND / 4).unwrap();
    let question = world.session.poll_transmit().unwrap().to_vec();
    let late = world.bmc.answer(now, &question).remove(0);
    assert!(matches!(world.run(), Event::Failed(SessionError::Timeout { .. })));
    world.session.request(world.now, echo(2), world.now + SECOND).unwrap();
    assert_eq!(world.session.handle_datagram(world.now, &late), Err(Dropped::RequestSequence));
    assert!(matches!(world.run(), Event::Answered(answer) if answer.data == 2u32.to_le_bytes()));
}

#[test]
fn an_answer_twice_is_one_answer() {
    let mut world = open_world(options());
    let now = world.now;
    world.session.request(now, echo(1), now + SECOND).unwrap();
    let question = world.session.poll_transmit().unwrap().to_vec();
    let answer = world.bmc.answer(now, &question).remove(0);
    assert_eq!(world.session.handle_datagram(now, &answer), Ok(()));
    assert!(matches!(world.session.poll_event(), Some(Event::Answered(_))));
    world.session.request(now, echo(2), now + SECOND).unwrap();
    assert_eq!(world.session.handle_datagram(now, &answer), Err(Dropped::Sequence));
    assert!(matches!(world.run(), Event::Answered(answer) if answer.data == 2u32.to_le_bytes()));
}

#[test]
fn an_abandoned_command_leaves_a_session_that_can_be_used() {
    let mut world = open_world(options());
    let deadline = world.now + SECOND;
    world.session.request(world.now, echo(1), deadline).unwrap();
    world.flush();
    world.session.abandon(world.now);
    world.echo(2, SECOND).unwrap();
    assert_eq!(world.session.statistics().opened, 1);
}

#[test]
fn an_abandoned_login_leaves_no_timer() {
    let mut world = World::new(Bmc::new());
    let deadline = world.now + SECOND;
    world.session.request(world.now, echo(1), deadline).unwrap();
    world.session.abandon(world.now);
    assert_eq!(world.session.poll_timeout(), None);
    world.echo(2, SECOND).unwrap();
}

fn closed(world: &mut World) -> Duration {
    let start = world.now;
    world.session.close(world.now);
    assert!(matches!(world.run(), Event::Closed));
    assert!(!world.session.is_open());
    world.now - start
}

#[test]
fn closing_frees_the_slot() {
    let mut world = open_world(options());
    closed(&mut world);
    assert_eq!(world.bmc.log, ["close"]);
    assert_eq!(world.bmc.sessions_held(), 0);
    assert_eq!(closed(&mut world), Duration::ZERO, "closing what is closed is done at once");
    world.echo(1, SECOND).unwrap();
}

#[test]
fn closing_a_dead_session_takes_no_longer_than_its_limit() {
    let mut world = open_world(options());
    world.link.cut = true;
    let took = closed(&mut world);
    assert!(took > Duration::ZERO && took <= SECOND, "{took:?}");
}

#[test]
fn closing_in_the_middle_of_a_login_or_a_command_ends_it() {
    for steps in 0..8 {
        let mut world = World::new(Bmc::new());
        world.session.request(world.now, echo(1), world.now + 10 * SECOND).unwrap();
        for _ in 0..steps {
            world.tick();
        }
        world.session.close(world.now);
        loop {
            match world.session.poll_event() {
                Some(Event::Closed) => break,
                Some(Event::Opened(_)) => {}
                Some(event) => panic!("{event:?}"),
                None => assert!(world.tick()),
            }
        }
        world.rest(2 * SECOND);
        assert_eq!(world.bmc.open_sessions(world.now), 0, "closed after {steps} steps");
        assert_eq!(world.session.poll_timeout(), None);
    }
}
