//! Bytes that make no sense, from a peer or on the way.

use rackpoll_model::FaultKind;

use super::*;

#[test]
fn a_peer_of_garbage_is_named_so_at_the_deadline() {
    let mut world = World::new(Bmc::new());
    world.link.cut = true;
    let mut random = Seeded::new(3);
    let start = world.now;
    world.session.request(start, echo(1), start + 3 * SECOND).unwrap();
    let fault: Fault = loop {
        while world.session.poll_transmit().is_some() {
            let mut bytes = vec![0; 64];
            random.fill(&mut bytes);
            assert!(world.session.handle_datagram(world.now, &bytes).is_err());
        }
        match world.session.poll_event() {
            Some(Event::Failed(error)) => break error.into(),
            Some(event) => panic!("{event:?}"),
            None => {
                world.now = world.session.poll_timeout().unwrap();
                world.session.handle_timeout(world.now);
            }
        }
    };
    assert_eq!(fault.kind, FaultKind::BadAnswer);
    assert_eq!(world.now - start, 3 * SECOND);
}

/// Answers of a real exchange with bytes changed, cut and lengthened, and plain noise, at every point of a session's
/// life: nothing may panic, and the session must work afterwards.
#[test]
fn mutated_answers_do_no_harm() {
    for seed in 0..300 {
        let mut random = Seeded::new(seed);
        let faults = Faults { loss: 5, duplication: 5, delay: Duration::from_millis(50) };
        let mut world = World::with(options(), Profile::default(), Bmc::new(), faults, seed);
        world.bmc.slots = 1000;
        for number in 0..6 {
            world.session.request(world.now, echo(number), world.now + 5 * SECOND).unwrap();
            while !matches!(world.session.poll_event(), Some(Event::Answered(_) | Event::Failed(_))) {
                while let Some(datagram) = world.session.poll_transmit() {
                    let datagram = datagram.to_vec();
                    for answer in world.bmc.answer(world.now, &datagram) {
                        let mut changed = answer.clone();
                        for _ in 0..1 + random.next() % 4 {
                            let at = random.next() as usize % changed.len();
                            changed[at] = random.next() as u8;
                        }
                        match random.next() % 4 {
                            0 => changed.truncate(random.next() as usize % changed.len()),
                            1 => changed.extend_from_slice(&answer),
                            _ => {}
                        }
                        let _ = world.session.handle_datagram(world.now, &changed);
                        world.link.send(world.now, Side::Console, answer);
                    }
                }
                if !world.tick() {
                    break;
                }
            }
            while world.session.poll_event().is_some() {}
            world.session.abandon(world.now);
        }
        // Whatever the changed bytes said, later commands must be answered: a refusal may have been believed, "no slot"
        // among them.
        let healed = (0..5).any(|number| {
            let answered = world.echo(number, 20 * SECOND).is_ok();
            if !answered {
                world.rest(15 * SECOND);
            }
            answered
        });
        assert!(healed, "seed {seed}");
    }
}
