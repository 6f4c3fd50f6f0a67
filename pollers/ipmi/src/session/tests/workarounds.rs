//! BMCs with the habits of FreeIPMI's list: what is lived with by itself, and what by name.

use rackpoll_model::FaultKind;

use super::*;
use crate::crypto::{CipherSuite, Ipmi15Authentication};

/// Polls of a BMC with this habit; what the first one that fails says.
fn polls(options: Options, profile: Profile, habit: fn(&mut Bmc)) -> (Result<(), Fault>, World) {
    let mut bmc = Bmc::new();
    habit(&mut bmc);
    let mut world = World::with(options, profile, bmc, Faults::NONE, 1);
    let polls = (0..20).try_for_each(|number| world.echo(number, SECOND));
    (polls, world)
}

/// Without the option the polls fail in this way, and with it they hold; and so they do for the next session, which asks
/// nothing again that the first one has learned.
fn holds_by_name(
    name: Workaround,
    options: impl Fn() -> Options,
    kind: FaultKind,
    habit: fn(&mut Bmc),
) -> World {
    let (refused, _) = polls(options(), Profile::default(), habit);
    assert_eq!(refused.map_err(|fault| fault.kind), Err(kind), "{name} is not needed");
    for other in Workaround::ALL.into_iter().filter(|other| *other != name) {
        let (refused, _) = polls(options().workarounds(&[other]), Profile::default(), habit);
        assert!(refused.is_err(), "{other} in place of {name}");
    }
    let (held, world) = polls(options().workarounds(&[name]), Profile::default(), habit);
    assert_eq!(held, Ok(()), "{name}");
    assert_eq!(world.session.statistics().opened, 1);
    let learned = world.session.profile().clone();
    let (held, again) = polls(options().workarounds(&[name]), learned.clone(), habit);
    assert_eq!(held, Ok(()), "{name}");
    let first = if learned.ipmi_15.is_some() { "challenge" } else { "open session" };
    assert_eq!(again.bmc.log.first(), Some(&first), "it need not say again what it can do");
    world
}

/// For BMCs of IPMI 1.5.
fn md5() -> Options {
    options().ipmi_15(&[Ipmi15Authentication::Md5]).unwrap()
}

fn old(bmc: &mut Bmc) {
    (bmc.rmcp_plus, bmc.kinds_15) = (false, 0x04);
    (bmc.suites, bmc.silent_refusals) = (Vec::new(), true);
}

#[test]
fn authcap() {
    // It says that it knows nothing.
    let habit = |bmc: &mut Bmc| (bmc.rmcp_plus, bmc.kinds_15) = (false, 0);
    let world = holds_by_name(Workaround::AuthCap, options, FaultKind::NoCommonSecurity, habit);
    assert!(!world.bmc.log.contains(&"capabilities"));
    // What worked is in the profile, and that is enough the next time.
    let (held, _) = polls(options(), world.session.profile().clone(), habit);
    assert_eq!(held, Ok(()));
}

#[test]
fn nochecksumcheck() {
    holds_by_name(Workaround::NoChecksumCheck, options, FaultKind::Timeout, |bmc| bmc.bad_checksums = true);
    // Where there is no code, nothing else would tell a broken message.
    let bare = || options().suites(&[CipherSuite::Zero]).workarounds(&[Workaround::NoChecksumCheck]);
    let (refused, _) = polls(bare(), Profile::default(), |bmc| {
        (bmc.suites, bmc.bad_checksums) = (vec![CipherSuite::Zero], true);
    });
    assert!(refused.is_err());
}

#[test]
fn idzero() {
    holds_by_name(Workaround::IdZero, options, FaultKind::Timeout, |bmc| bmc.nameless = true);
    // Where there is no code, anybody could have sent it.
    let bare = || options().suites(&[CipherSuite::Zero]).workarounds(&[Workaround::IdZero]);
    let (refused, _) = polls(bare(), Profile::default(), |bmc| {
        (bmc.suites, bmc.nameless) = (vec![CipherSuite::Zero], true);
    });
    assert!(refused.is_err());
}

#[test]
fn intel20() {
    holds_by_name(Workaround::Intel20, options, FaultKind::UnknownUser, |bmc| bmc.padded_names = true);
}

#[test]
fn forcepermsg() {
    holds_by_name(Workaround::ForcePerMsg, md5, FaultKind::Timeout, |bmc| {
        old(bmc);
        bmc.says_bare = true;
    });
}

#[test]
fn endianseq() {
    holds_by_name(Workaround::EndianSeq, md5, FaultKind::Timeout, |bmc| {
        old(bmc);
        bmc.swaps = true;
    });
}

#[test]
fn noauthcodecheck() {
    holds_by_name(Workaround::NoAuthCodeCheck, md5, FaultKind::Timeout, |bmc| {
        old(bmc);
        bmc.bad_codes = true;
    });
}

#[test]
fn a_bmc_that_wants_its_messages_bare_has_them_bare() {
    let (held, world) = polls(md5(), Profile::default(), |bmc| {
        old(bmc);
        (bmc.says_bare, bmc.takes_bare, bmc.signs) = (true, true, false);
    });
    assert_eq!(held, Ok(()));
    assert_eq!(world.session.statistics().resent, 0);
}

#[test]
fn unexpectedauth_by_itself_and_its_codes_are_checked() {
    let habit = |bmc: &mut Bmc| {
        old(bmc);
        (bmc.says_bare, bmc.takes_bare) = (true, true);
    };
    let (held, world) = polls(md5(), Profile::default(), habit);
    assert_eq!(held, Ok(()));
    assert_eq!(world.session.statistics().dropped, 0);
    let (refused, _) = polls(md5(), Profile::default(), |bmc| {
        old(bmc);
        (bmc.says_bare, bmc.takes_bare, bmc.bad_codes) = (true, true, true);
    });
    assert_eq!(refused.map_err(|fault| fault.kind), Err(FaultKind::Timeout));
}

#[test]
fn supermicro20_and_integritycheckvalue_by_themselves() {
    for suite in CipherSuite::ALL {
        let (held, _) = {
            let mut bmc = Bmc::new();
            (bmc.suites, bmc.trailing) = (vec![suite], &[0xa5, 0, 0x5a]);
            let mut world = World::with(options().suites(&[suite]), Profile::default(), bmc, Faults::NONE, 1);
            (world.echo(1, SECOND), world)
        };
        assert_eq!(held, Ok(()), "suite {suite}");
    }
}
