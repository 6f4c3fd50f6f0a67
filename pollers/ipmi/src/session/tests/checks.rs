//! Each check on a datagram, alone: one datagram that only this check keeps out is dropped for this reason, and with
//! the check turned off the same datagram is taken. So no check can be lost without its test failing.

use super::*;
use crate::{
    crypto::seal,
    session::{active::Active, login::Phase},
    wire::{
        BMC_ADDRESS, CONSOLE_ADDRESS, Ipmi15Packet, LanResponse, Malformed, OpenSessionResponse, PayloadType,
        Rakp2, Rakp4, Status, encode_sessionless,
    },
};

/// The datagram is dropped for this reason, in vain tried again, and taken where the check is turned off.
fn only_this_check(mut world: World, datagram: &[u8], reason: Dropped) {
    let dropped = world.session.statistics().dropped;
    assert_eq!(world.session.handle_datagram(world.now, datagram), Err(reason));
    assert_eq!(world.session.handle_datagram(world.now, datagram), Err(reason));
    assert_eq!(world.session.statistics().dropped, dropped + 2);
    assert!(world.session.poll_event().is_none());
    world.session.guard.off = Some(reason);
    assert_eq!(world.session.handle_datagram(world.now, datagram), Ok(()), "another check stands in");
}

// --- In a session ---

/// A world whose session waits for the answer to an echo, after some traffic.
fn waiting() -> World {
    let mut world = World::new(Bmc::new());
    for number in 0..3 {
        world.echo(number, SECOND).unwrap();
    }
    world.session.request(world.now, echo(9), world.now + SECOND).unwrap();
    world
}

fn active(world: &World) -> &Active {
    match &world.session.state {
        State::Open(active) => active,
        _ => panic!("no session"),
    }
}

/// The right answer, before it is sealed.
fn response(world: &World) -> LanResponse<'static> {
    let exchange = active(world).exchange.as_ref().unwrap();
    LanResponse {
        requester: CONSOLE_ADDRESS,
        requester_lun: 0,
        netfn: exchange.request.netfn | 1,
        responder: BMC_ADDRESS,
        lun: 0,
        sequence: exchange.request_sequence,
        command: exchange.request.command,
        completion: 0,
        data: &[1, 2, 3],
    }
}

fn encoded(response: &LanResponse<'_>) -> Vec<u8> {
    let mut payload = Vec::new();
    response.encode(&mut payload);
    payload
}

/// A whole answer with the session's keys. The BMC has used the numbers 1 to 3.
fn sealed(world: &World, session_id: u32, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    let keys = active(world).keys().unwrap();
    seal(&mut datagram, keys, PayloadType::Ipmi, session_id, sequence, [5; 16], payload);
    datagram
}

fn sealed_response(world: &World, response: &LanResponse<'_>) -> Vec<u8> {
    sealed(world, active(world).console_session_id, 4, &encoded(response))
}

#[test]
fn the_right_answer_is_taken() {
    let mut world = waiting();
    let datagram = sealed_response(&world, &response(&world));
    assert_eq!(world.session.handle_datagram(world.now, &datagram), Ok(()));
    assert!(matches!(world.session.poll_event(), Some(Event::Answered(answer)) if answer.data == [1, 2, 3]));
}

#[test]
fn session_id() {
    let world = waiting();
    let foreign = active(&world).console_session_id ^ 1;
    let datagram = sealed(&world, foreign, 4, &encoded(&response(&world)));
    only_this_check(world, &datagram, Dropped::SessionId);
}

#[test]
fn integrity() {
    let world = waiting();
    let mut datagram = sealed_response(&world, &response(&world));
    *datagram.last_mut().unwrap() ^= 1;
    only_this_check(world, &datagram, Dropped::Integrity);
}

#[test]
fn integrity_of_a_code_cut_short() {
    let world = waiting();
    let mut datagram = sealed_response(&world, &response(&world));
    datagram.truncate(datagram.len() - 1);
    only_this_check(world, &datagram, Dropped::Integrity);
}

#[test]
fn authentication_is_not_optional() {
    let world = waiting();
    let mut datagram = sealed_response(&world, &response(&world));
    // Authenticated bit off, trailer cut off: an answer as a session without integrity would carry it.
    datagram[5] &= !0x40;
    datagram.truncate(datagram.len() - 16 - 4);
    only_this_check(world, &datagram, Dropped::NotAuthenticated);
}

#[test]
fn encryption_is_not_optional() {
    let world = waiting();
    let payload = encoded(&response(&world));
    // A datagram whose payload is in clear under a right integrity code.
    let mut datagram = vec![0x06, 0, 0xff, 0x07, 0x06, 0x40];
    datagram.extend_from_slice(&active(&world).console_session_id.to_le_bytes());
    datagram.extend_from_slice(&4u32.to_le_bytes());
    datagram.extend_from_slice(&(payload.len() as u16).to_le_bytes());
    datagram.extend_from_slice(&payload);
    let pad = (4 - (datagram.len() - 4 + 2) % 4) % 4;
    datagram.extend(std::iter::repeat_n(0xff, pad));
    datagram.extend_from_slice(&[pad as u8, 0x07]);
    let code = active(&world).keys().unwrap().integrity_code(&datagram[4..]);
    datagram.extend_from_slice(code.as_bytes());
    only_this_check(world, &datagram, Dropped::NotEncrypted);
}

#[test]
fn sequence_seen_before() {
    let world = waiting();
    let datagram = sealed(&world, active(&world).console_session_id, 3, &encoded(&response(&world)));
    only_this_check(world, &datagram, Dropped::Sequence);
}

#[test]
fn sequence_zero() {
    let world = waiting();
    let datagram = sealed(&world, active(&world).console_session_id, 0, &encoded(&response(&world)));
    only_this_check(world, &datagram, Dropped::Sequence);
}

#[test]
fn sequence_too_old() {
    let mut world = waiting();
    // The BMC has skipped numbers; one of those, far back, comes late.
    let State::Open(active) = &mut world.session.state else { panic!("no session") };
    active.window.mark(1000);
    let id = active.console_session_id;
    let datagram = sealed(&world, id, 900, &encoded(&response(&world)));
    only_this_check(world, &datagram, Dropped::Sequence);
}

#[test]
fn an_old_answer_whose_request_number_has_come_round_again() {
    let mut world = World::new(Bmc::new());
    world.echo(0, SECOND).unwrap();
    world.session.request(world.now, echo(1), world.now + SECOND).unwrap();
    let question = world.session.poll_transmit().unwrap().to_vec();
    let old = world.bmc.answer(world.now, &question).remove(0);
    assert_eq!(world.session.handle_datagram(world.now, &old), Ok(()));
    assert!(matches!(world.session.poll_event(), Some(Event::Answered(_))));
    for number in 2..65 {
        world.echo(number, SECOND).unwrap();
    }
    // Six bits have come round: the old answer has the number of the next command.
    world.session.request(world.now, echo(65), world.now + SECOND).unwrap();
    only_this_check(world, &old, Dropped::Sequence);
}

/// A wrong field of the LAN message, each datagram with a session sequence number of its own.
fn only_this_field(reason: Dropped, change: impl Fn(&mut LanResponse<'static>)) {
    let mut world = waiting();
    let id = active(&world).console_session_id;
    let mut response = response(&world);
    change(&mut response);
    let payload = encoded(&response);
    let first = sealed(&world, id, 4, &payload);
    let second = sealed(&world, id, 5, &payload);
    assert_eq!(world.session.handle_datagram(world.now, &first), Err(reason));
    assert!(world.session.poll_event().is_none());
    world.session.guard.off = Some(reason);
    assert_eq!(world.session.handle_datagram(world.now, &second), Ok(()), "another check stands in");
    assert!(matches!(world.session.poll_event(), Some(Event::Answered(_))));
}

#[test]
fn request_sequence() {
    only_this_field(Dropped::RequestSequence, |response| response.sequence = (response.sequence + 1) & 0x3f);
}

#[test]
fn network_function() {
    only_this_field(Dropped::NetFn, |response| response.netfn ^= 0x02);
}

#[test]
fn network_function_of_a_request() {
    only_this_field(Dropped::NetFn, |response| response.netfn ^= 0x01);
}

#[test]
fn command() {
    only_this_field(Dropped::Command, |response| response.command ^= 1);
}

#[test]
fn checksums_of_the_lan_message() {
    for at in [2, 9] {
        let mut world = waiting();
        let mut payload = encoded(&response(&world));
        payload[at] ^= 1;
        let datagram = sealed(&world, active(&world).console_session_id, 4, &payload);
        let dropped = world.session.handle_datagram(world.now, &datagram);
        assert_eq!(dropped, Err(Dropped::Malformed(Malformed::Checksum)));
        assert!(world.session.poll_event().is_none());
    }
}

#[test]
fn an_answer_that_nobody_waits_for() {
    let mut world = waiting();
    let response = response(&world);
    let datagram = sealed_response(&world, &response);
    world.session.abandon(world.now);
    assert_eq!(world.session.handle_datagram(world.now, &datagram), Err(Dropped::Unexpected));
}

// --- Before a session ---

/// A world that waits for the answer to Get Channel Authentication Capabilities.
fn before_session(change: impl Fn(&mut LanResponse<'_>)) -> (World, Vec<u8>) {
    let mut world = World::new(Bmc::new());
    world.session.request(world.now, echo(1), world.now + SECOND).unwrap();
    let State::Login(login) = &world.session.state else { panic!("no login") };
    let Phase::Command { request, sequence, .. } = &login.phase else { panic!("no command") };
    let mut response = LanResponse {
        requester: CONSOLE_ADDRESS,
        requester_lun: 0,
        netfn: request.netfn | 1,
        responder: BMC_ADDRESS,
        lun: 0,
        sequence: *sequence,
        command: request.command,
        completion: 0,
        data: &[1, 0x97, 0x06, 0x03, 0, 0, 0, 0],
    };
    change(&mut response);
    let mut datagram = Vec::new();
    Ipmi15Packet::encode_sessionless(&mut datagram, &encoded(&response));
    (world, datagram)
}

#[test]
fn before_a_session_the_right_answer_is_taken() {
    let (mut world, datagram) = before_session(|_| {});
    assert_eq!(world.session.handle_datagram(world.now, &datagram), Ok(()));
}

#[test]
fn before_a_session_request_sequence() {
    let (world, datagram) = before_session(|response| response.sequence ^= 1);
    only_this_check(world, &datagram, Dropped::RequestSequence);
}

#[test]
fn before_a_session_network_function() {
    let (world, datagram) = before_session(|response| response.netfn ^= 2);
    only_this_check(world, &datagram, Dropped::NetFn);
}

#[test]
fn before_a_session_command() {
    let (world, datagram) = before_session(|response| response.command ^= 1);
    only_this_check(world, &datagram, Dropped::Command);
}

#[test]
fn before_a_session_no_session_id() {
    let (world, mut datagram) = before_session(|_| {});
    datagram[9] = 1;
    only_this_check(world, &datagram, Dropped::SessionId);
}

// --- The handshake ---

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    OpenSession,
    Rakp1,
    Rakp3,
}

/// A login that waits for the answer to this message, with that answer as the BMC gives it.
fn handshake(stage: Stage) -> (World, Vec<u8>) {
    let mut world = World::new(Bmc::new());
    world.session.request(world.now, echo(1), world.now + SECOND).unwrap();
    loop {
        let question = world.session.poll_transmit().unwrap().to_vec();
        let answer = world.bmc.answer(world.now, &question).remove(0);
        let State::Login(login) = &world.session.state else { panic!("no login") };
        let waits = match login.phase {
            Phase::Command { .. } => false,
            Phase::OpenSession { .. } => stage == Stage::OpenSession,
            Phase::Rakp1 { .. } => stage == Stage::Rakp1,
            Phase::Rakp3 { .. } => stage == Stage::Rakp3,
        };
        if waits {
            return (world, answer);
        }
        assert_eq!(world.session.handle_datagram(world.now, &answer), Ok(()));
    }
}

/// The RMCP and session headers of a handshake message are 16 bytes; then come tag, status, two bytes, and the
/// console's session id.
const TAG: usize = 16;
const CONSOLE_SESSION_ID: usize = 20;

#[test]
fn handshake_tag() {
    for stage in [Stage::OpenSession, Stage::Rakp1, Stage::Rakp3] {
        let (world, mut answer) = handshake(stage);
        answer[TAG] ^= 1;
        only_this_check(world, &answer, Dropped::Tag);
    }
}

#[test]
fn handshake_console_session_id() {
    for stage in [Stage::OpenSession, Stage::Rakp1, Stage::Rakp3] {
        let (world, mut answer) = handshake(stage);
        answer[CONSOLE_SESSION_ID] ^= 1;
        // It is also under the code of RAKP 2: with the check off that answer is taken for a wrong password's.
        only_this_check(world, &answer, Dropped::ConsoleSession);
    }
}

fn refusal(stage: Stage, tag: u8, console_session_id: Option<u32>) -> Vec<u8> {
    let status = Status::NO_RESOURCES;
    let mut payload = Vec::new();
    let payload_type = match stage {
        Stage::OpenSession => {
            OpenSessionResponse::Refused { tag, status, console_session_id }.encode(&mut payload);
            PayloadType::OpenSessionResponse
        }
        Stage::Rakp1 => {
            Rakp2::Refused { tag, status, console_session_id }.encode(&mut payload);
            PayloadType::Rakp2
        }
        Stage::Rakp3 => {
            Rakp4::Refused { tag, status, console_session_id }.encode(&mut payload);
            PayloadType::Rakp4
        }
    };
    let mut datagram = Vec::new();
    encode_sessionless(&mut datagram, payload_type, &payload);
    datagram
}

#[test]
fn handshake_tag_of_a_refusal_of_two_bytes() {
    for stage in [Stage::OpenSession, Stage::Rakp1, Stage::Rakp3] {
        let (world, answer) = handshake(stage);
        only_this_check(world, &refusal(stage, answer[TAG] ^ 1, None), Dropped::Tag);
        let (mut world, _) = handshake(stage);
        let right = refusal(stage, answer[TAG], None);
        assert_eq!(world.session.handle_datagram(world.now, &right), Ok(()));
        assert!(matches!(
            world.session.poll_event(),
            Some(Event::Failed(SessionError::NoSessionSlot { .. }))
        ));
    }
}

#[test]
fn handshake_console_session_id_of_a_refusal() {
    for stage in [Stage::OpenSession, Stage::Rakp1, Stage::Rakp3] {
        let (world, answer) = handshake(stage);
        let foreign = refusal(stage, answer[TAG], Some(0x1234_5678));
        only_this_check(world, &foreign, Dropped::ConsoleSession);
    }
}

#[test]
fn handshake_codes_of_the_wrong_length() {
    for stage in [Stage::Rakp1, Stage::Rakp3] {
        let (world, mut answer) = handshake(stage);
        answer.truncate(answer.len() - 1);
        let length = answer.len() as u16 - 16;
        answer[14..16].copy_from_slice(&length.to_le_bytes());
        only_this_check(world, &answer, Dropped::Malformed(Malformed::Length));
    }
}

#[test]
fn handshake_answers_of_another_stage() {
    let stages = [Stage::OpenSession, Stage::Rakp1, Stage::Rakp3];
    for stage in stages {
        for other in stages.into_iter().filter(|other| *other != stage) {
            let (mut world, _) = handshake(stage);
            let (_, answer) = handshake(other);
            assert_eq!(world.session.handle_datagram(world.now, &answer), Err(Dropped::Unexpected));
        }
    }
}

/// RAKP 4 proves that the BMC has the keys; without its check a session would be open with anyone.
#[test]
fn handshake_check_value_of_rakp_4() {
    let (mut world, mut answer) = handshake(Stage::Rakp3);
    *answer.last_mut().unwrap() ^= 1;
    assert_eq!(world.session.handle_datagram(world.now, &answer), Ok(()));
    assert!(matches!(world.session.poll_event(), Some(Event::Failed(SessionError::WrongBmcKey))));
    assert!(!world.session.is_open());
}
