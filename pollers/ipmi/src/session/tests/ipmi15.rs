//! BMCs that know IPMI 1.5 only.

use rackpoll_model::FaultKind;

use super::*;
use crate::crypto::Ipmi15Authentication;

fn old(kinds: u8) -> Bmc {
    let mut bmc = Bmc::new();
    (bmc.rmcp_plus, bmc.kinds_15) = (false, kinds);
    bmc
}

fn allowing(kinds: &[Ipmi15Authentication]) -> Options {
    options().ipmi_15(kinds).unwrap()
}

#[test]
fn an_old_bmc_is_found_out_and_the_strongest_kind_on_both_sides_is_used_and_remembered() {
    use Ipmi15Authentication::{Md5, None, Password};
    for (offered, allowed, expected) in [
        (0x15, vec![None, Password, Md5], Md5),
        (0x11, vec![None, Password, Md5], Password),
        (0x01, vec![None, Password, Md5], None),
        (0x15, vec![Password], Password),
    ] {
        let mut world = World::with(allowing(&allowed), Profile::default(), old(offered), Faults::NONE, 1);
        for number in 0..20 {
            world.echo(number, SECOND).unwrap();
        }
        assert_eq!(world.session.profile().ipmi_15, Some(expected));
        assert_eq!(world.bmc.log[..4], ["capabilities", "challenge", "activate", "echo"]);
        assert_eq!(world.session.statistics().dropped, 0);
        world.session.close(world.now);
        assert!(matches!(world.run(), Event::Closed));
        assert_eq!(world.bmc.log.last(), Some(&"close"));

        let profile = world.session.profile().clone();
        let mut world = World::with(allowing(&allowed), profile, old(offered), Faults::NONE, 1);
        world.echo(1, SECOND).unwrap();
        assert_eq!(world.bmc.log[0], "challenge", "it need not say again what it can do");
    }
}

#[test]
fn what_is_not_allowed_by_name_is_not_used_and_the_fault_says_how_to_allow_it() {
    let mut world = World::new(old(0x15));
    let fault = world.echo(1, SECOND).unwrap_err();
    assert_eq!(fault.kind, FaultKind::NoCommonSecurity);
    assert!(fault.message.contains("ipmi-1-5") && fault.message.contains("md5, password, none"), "{fault}");
    assert_eq!(world.bmc.log, ["capabilities"]);

    let strict = allowing(&[Ipmi15Authentication::Md5]);
    let mut world = World::with(strict, Profile::default(), old(0x11), Faults::NONE, 1);
    assert_eq!(world.echo(1, SECOND).unwrap_err().kind, FaultKind::NoCommonSecurity);
    assert_eq!(world.bmc.log, ["capabilities"], "never weaker than what is allowed");
}

#[test]
fn a_bmc_with_ipmi_2_is_never_asked_the_old_way() {
    let allowed = allowing(&Ipmi15Authentication::ALL);
    let mut world = World::with(allowed, Profile::default(), Bmc::new(), Faults::NONE, 1);
    world.echo(1, SECOND).unwrap();
    assert!(!world.bmc.log.contains(&"challenge"));
}

#[test]
fn a_wrong_password_is_silence_and_is_said_before_the_deadline() {
    let mut bmc = old(0x04);
    bmc.password = Secret::from("another");
    let allowed = allowing(&[Ipmi15Authentication::Md5]);
    let mut world = World::with(allowed, Profile::default(), bmc, Faults::NONE, 1);
    let start = world.now;
    let fault = world.echo(1, 30 * SECOND).unwrap_err();
    assert_eq!(fault.kind, FaultKind::WrongPassword, "{fault}");
    assert!(world.now - start < 20 * SECOND);
}

#[test]
fn an_answer_with_a_wrong_code_is_no_answer_unless_somebody_says_so() {
    for (trusting, taken) in [(false, false), (true, true)] {
        let mut allowed = allowing(&[Ipmi15Authentication::Md5]);
        if trusting {
            allowed = allowed.workarounds(&[Workaround::NoAuthCodeCheck]);
        }
        let mut world = World::with(allowed, Profile::default(), old(0x04), Faults::NONE, 1);
        world.echo(0, SECOND).unwrap();
        world.session.request(world.now, echo(1), world.now + SECOND).unwrap();
        let question = world.session.poll_transmit().unwrap().to_vec();
        let mut answer = world.bmc.answer(world.now, &question).remove(0);
        // A byte of the code: it follows authentication type, sequence and session id.
        answer[14] ^= 1;
        let heard = world.session.handle_datagram(world.now, &answer);
        assert_eq!(heard.is_ok(), taken, "{heard:?}");
    }
}

#[test]
fn an_answer_twice_is_one_answer() {
    let allowed = allowing(&[Ipmi15Authentication::Md5]);
    let mut world = World::with(allowed, Profile::default(), old(0x04), Faults::NONE, 1);
    world.echo(0, SECOND).unwrap();
    world.session.request(world.now, echo(1), world.now + SECOND).unwrap();
    let question = world.session.poll_transmit().unwrap().to_vec();
    let answer = world.bmc.answer(world.now, &question).remove(0);
    assert_eq!(world.session.handle_datagram(world.now, &answer), Ok(()));
    assert!(matches!(world.session.poll_event(), Some(Event::Answered(_))));
    world.session.request(world.now, echo(2), world.now + SECOND).unwrap();
    assert_eq!(world.session.handle_datagram(world.now, &answer), Err(Dropped::Sequence));
}
