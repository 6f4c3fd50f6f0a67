//! Commands that a BMC may never answer: what they cost, and what is not mistaken for them.

use super::*;

const PATIENCE: Duration = Duration::from_secs(2);

fn open_world() -> World {
    let mut world = World::new(Bmc::new());
    world.echo(0, SECOND).unwrap();
    world.bmc.log.clear();
    world
}

fn ask(world: &mut World, number: u32, limit: Duration) -> Event {
    let deadline = world.now + limit;
    let manner = Manner { patience: Some(PATIENCE), bridge: None };
    world.session.request_in(world.now, echo(number), deadline, manner).unwrap();
    world.run()
}

#[test]
fn a_command_without_an_answer_costs_its_patience_and_the_session_stays() {
    let mut world = open_world();
    world.bmc.mute = true;
    let start = world.now;
    assert!(matches!(ask(&mut world, 1, 30 * SECOND), Event::Unanswered));
    let took = world.now - start;
    assert!(took >= PATIENCE && took < PATIENCE + SECOND / 10, "{took:?}");
    assert_eq!(world.bmc.log.last(), Some(&"device id"));
    assert!(world.bmc.log.len() > 2, "it was sent again meanwhile: {:?}", world.bmc.log);
    world.bmc.mute = false;
    world.echo(2, SECOND).unwrap();
    assert_eq!(world.session.statistics().opened, 1);
    assert_eq!(world.session.statistics().restarted, 0);
}

#[test]
fn a_command_with_an_answer_is_answered() {
    let mut world = open_world();
    let start = world.now;
    assert!(
        matches!(ask(&mut world, 1, SECOND), Event::Answered(answer) if answer.data == 1u32.to_le_bytes())
    );
    assert!(world.now - start < SECOND / 10);
    assert_eq!(world.bmc.log, ["echo"]);
}

#[test]
fn patience_counts_from_the_command_and_not_from_the_login() {
    let mut bmc = Bmc::new();
    bmc.mute = true;
    let slow = Faults { loss: 0, duplication: 0, delay: Duration::from_millis(500) };
    let mut world = World::with(options(), Profile::default(), bmc, slow, 3);
    let start = world.now;
    assert!(matches!(ask(&mut world, 1, 30 * SECOND), Event::Unanswered));
    assert!(world.now - start > PATIENCE + SECOND, "{:?}", world.now - start);
}

#[test]
fn a_bmc_that_has_forgotten_the_session_is_not_taken_for_one_that_does_not_answer_the_command() {
    let mut world = open_world();
    world.bmc.reboot();
    assert!(matches!(ask(&mut world, 1, 30 * SECOND), Event::Answered(_)));
    assert_eq!(world.session.statistics().opened, 2);
    assert_eq!(world.session.statistics().restarted, 1);
}

#[test]
fn a_command_that_takes_the_session_with_it_is_given_up_the_second_time() {
    let mut world = open_world();
    world.bmc.fragile = true;
    assert!(matches!(ask(&mut world, 1, 60 * SECOND), Event::Unanswered));
    assert_eq!(world.session.statistics().opened, 2);
    world.bmc.fragile = false;
    world.echo(2, SECOND).unwrap();
}

#[test]
fn the_deadline_holds_all_the_same() {
    let mut world = open_world();
    world.bmc.deaf = true;
    let start = world.now;
    assert!(matches!(ask(&mut world, 1, SECOND), Event::Failed(SessionError::Timeout { .. })));
    assert_eq!(world.now - start, SECOND);
}

#[test]
fn no_answer_goes_to_the_wrong_command_over_a_rough_link() {
    let rough = Faults { loss: 20, duplication: 20, delay: Duration::from_millis(500) };
    let (mut answered, mut unanswered) = (0, 0);
    for seed in 0..40 {
        let mut world = World::with(options(), Profile::default(), Bmc::new(), rough, seed);
        world.bmc.slots = 1000;
        for number in 0..40 {
            world.bmc.mute = number % 4 == 0;
            match ask(&mut world, number, 60 * SECOND) {
                Event::Answered(answer) => {
                    assert_eq!(answer.data, number.to_le_bytes());
                    answered += 1;
                }
                Event::Unanswered => unanswered += 1,
                event => panic!("seed {seed}: {event:?}"),
            }
        }
    }
    // A quarter has no answer; of the rest, few lose all their datagrams for two seconds.
    assert!(answered > 1000 && unanswered >= 400, "{answered} answered, {unanswered} not");
}
