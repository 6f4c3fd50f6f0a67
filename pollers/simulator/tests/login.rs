//! Logins, session slots and what a session takes in, in virtual time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod console;

use std::time::Duration;

use console::{Bench, PASSWORD, config};
use rackpoll_ipmi::{
    crypto::CipherSuite,
    wire::{Algorithms, OpenSessionResponse, PayloadType, Role, Status},
};

const APP: u8 = 0x06;
const GET_DEVICE_ID: u8 = 0x01;
const SET_PRIVILEGE: u8 = 0x3b;
const CLOSE_SESSION: u8 = 0x3c;

fn bench() -> Bench {
    Bench::new(config("server"))
}

fn refused(bench: &mut Bench, user: &str, password: &str, role: Role) -> Option<Status> {
    bench.login(CipherSuite::Seventeen, user, password, role).err()
}

#[test]
fn every_suite_opens_a_session_that_answers() {
    for suite in CipherSuite::ALL {
        let suites = vec![suite];
        let mut bench = Bench::new(rackpoll_simulator::bmc::BmcConfig { suites, ..config("server") });
        let mut session = bench.login(suite, "admin", PASSWORD, Role::name_only(4)).unwrap();
        assert_eq!(bench.good(&mut session, APP, GET_DEVICE_ID, &[]).len(), 15);
        let counters = bench.bmc.counters(bench.now);
        assert_eq!((counters.sessions_opened, counters.logins_refused), (1, 0));
        assert_eq!(counters.command(APP, GET_DEVICE_ID), 1);
    }
}

#[test]
fn each_refusal_has_its_status_and_frees_its_slot() {
    let mut bench = bench();
    for _ in 0..10 {
        let status = refused(&mut bench, "nobody", PASSWORD, Role::name_only(4));
        assert_eq!(status, Some(Status::UNAUTHORIZED_NAME));
        let status = refused(&mut bench, "gone", PASSWORD, Role::name_only(4));
        assert_eq!(status, Some(Status::UNAUTHORIZED_NAME));
        let status = refused(&mut bench, "viewer", PASSWORD, Role::name_only(4));
        assert_eq!(status, Some(Status::UNAUTHORIZED_ROLE));
        let status = refused(&mut bench, "admin", "wrong", Role::name_only(4));
        assert_eq!(status, Some(Status::INVALID_INTEGRITY_CHECK));
        // Looked up by name and privilege: the user's own limit and no other.
        assert_eq!(refused(&mut bench, "admin", PASSWORD, Role(2)), Some(Status::UNAUTHORIZED_NAME));
    }
    assert_eq!(bench.bmc.counters(bench.now).logins_refused, 50);
    bench.login(CipherSuite::Seventeen, "viewer", PASSWORD, Role(2)).unwrap();
}

#[test]
fn only_offered_suites_are_accepted() {
    let mut bench = Bench::new(rackpoll_simulator::bmc::BmcConfig {
        suites: vec![CipherSuite::Three],
        ..config("server")
    });
    let status = |response| match response {
        OpenSessionResponse::Refused { status, .. } => Some(status),
        OpenSessionResponse::Accepted { .. } => None,
    };
    assert_eq!(status(bench.open(CipherSuite::Seventeen, 4)), Some(Status::NO_CIPHER_SUITE));
    let nothing = Algorithms { authentication: 0, integrity: 0, confidentiality: 0 };
    assert_eq!(status(bench.open_with(nothing, 4)), Some(Status::NO_CIPHER_SUITE));
    assert_eq!(status(bench.open(CipherSuite::Three, 5)), Some(Status::INVALID_ROLE));
    assert_eq!(status(bench.open(CipherSuite::Three, 0)), None);
}

#[test]
fn slots_run_out_and_come_back() {
    let mut bench = bench();
    let slots = bench.bmc.config().slots;
    let mut sessions: Vec<_> = (0..slots).map(|_| bench.admin()).collect();
    assert_eq!(refused(&mut bench, "admin", PASSWORD, Role::name_only(4)), Some(Status::NO_RESOURCES));

    // One is closed, and one takes its place.
    let mut closed = sessions.remove(0);
    let id = closed.id.to_le_bytes();
    bench.good(&mut closed, APP, CLOSE_SESSION, &id);
    assert_eq!(bench.ask(&mut closed, APP, GET_DEVICE_ID, &[]), None);
    sessions.push(bench.admin());

    // The others rest until they have timed out, silently.
    bench.wait(Duration::from_secs(59));
    assert_eq!(bench.bmc.open_sessions(bench.now), slots);
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.bmc.open_sessions(bench.now), 0);
    assert_eq!(bench.ask(&mut sessions[0], APP, GET_DEVICE_ID, &[]), None);
    let counters = bench.bmc.counters(bench.now);
    assert_eq!(counters.sessions_opened, slots as u64 + 1);
    assert_eq!(counters.sessions_closed, 1);
    assert_eq!(counters.sessions_expired, slots as u64);
    assert_eq!(counters.most_sessions, slots);
}

#[test]
fn traffic_keeps_a_session_and_half_open_ones_lose_their_slots() {
    let mut bench = bench();
    let mut session = bench.admin();
    for _ in 0..10 {
        bench.wait(Duration::from_secs(50));
        bench.good(&mut session, APP, GET_DEVICE_ID, &[]);
    }
    for _ in 0..bench.bmc.config().slots - 1 {
        assert!(matches!(bench.open(CipherSuite::Three, 4), OpenSessionResponse::Accepted { .. }));
    }
    assert!(matches!(bench.open(CipherSuite::Three, 4), OpenSessionResponse::Refused { .. }));
    bench.wait(Duration::from_secs(5));
    assert!(matches!(bench.open(CipherSuite::Three, 4), OpenSessionResponse::Accepted { .. }));
    assert_eq!(bench.bmc.counters(bench.now).sessions_expired, 0, "half-open ones are no sessions");
}

#[test]
fn a_session_begins_at_user_and_is_raised_up_to_its_limits() {
    let mut bench = bench();
    let power_off = |bench: &mut Bench, session: &mut console::Session| {
        bench.ask(session, 0x00, 0x02, &[0x00]).map(|(completion, _)| completion)
    };
    let mut session = bench.admin();
    assert_eq!(power_off(&mut bench, &mut session), Some(0xd4));
    assert!(bench.bmc.power());
    assert_eq!(bench.good(&mut session, APP, SET_PRIVILEGE, &[4]), [4]);
    assert_eq!(power_off(&mut bench, &mut session), Some(0x00));
    assert!(!bench.bmc.power());

    let mut viewer = bench.login(CipherSuite::Three, "viewer", PASSWORD, Role::name_only(2)).unwrap();
    assert_eq!(bench.ask(&mut viewer, APP, SET_PRIVILEGE, &[3]), Some((0x80, Vec::new())));
    let mut low = bench.login(CipherSuite::Three, "admin", PASSWORD, Role::name_only(2)).unwrap();
    assert_eq!(bench.ask(&mut low, APP, SET_PRIVILEGE, &[3]), Some((0x81, Vec::new())));
    assert_eq!(bench.good(&mut low, APP, SET_PRIVILEGE, &[0]), [2]);
}

#[test]
fn replays_jumps_and_forgeries_are_not_answered() {
    let mut bench = bench();
    let mut session = bench.admin();
    let first = session.datagram(APP, GET_DEVICE_ID, &[]);
    assert_eq!(bench.send(&first).len(), 1);
    assert_eq!(bench.send(&first).len(), 0, "a replay");

    session.sequence += 15;
    let far = session.datagram(APP, GET_DEVICE_ID, &[]);
    assert_eq!(bench.send(&far).len(), 0, "16 ahead");
    session.sequence -= 16;

    let mut forged = session.datagram(APP, GET_DEVICE_ID, &[]);
    for place in [4, 6, 20, forged.len() - 1] {
        forged[place] ^= 1;
        assert_eq!(bench.send(&forged).len(), 0, "bit flipped in byte {place}");
        forged[place] ^= 1;
    }
    assert_eq!(bench.send(&forged).len(), 1, "without the flip");
    let counters = bench.bmc.counters(bench.now);
    assert_eq!(counters.out_of_window, 2);
    assert_eq!(counters.unauthentic, 2);
    assert_eq!(counters.unknown_session, 1);
}

#[test]
fn repeated_login_messages_get_the_same_answer_and_no_second_slot() {
    let mut bench = bench();
    let mut payload = Vec::new();
    rackpoll_ipmi::wire::OpenSessionRequest {
        tag: 9,
        privilege: 4,
        console_session_id: 0xabc,
        algorithms: CipherSuite::Three.algorithms(),
    }
    .encode(&mut payload);
    let first = bench.send_sessionless(PayloadType::OpenSessionRequest, &payload);
    let second = bench.send_sessionless(PayloadType::OpenSessionRequest, &payload);
    assert_eq!(first, second);
    assert_eq!(bench.bmc.counters(bench.now).most_sessions, 1);
}

#[test]
fn commands_in_flight_are_counted_and_what_is_over_the_buffers_is_lost() {
    let mut bench = Bench::new(rackpoll_simulator::bmc::BmcConfig {
        response_time: Duration::from_millis(10),
        buffers: 2,
        ..config("server")
    });
    let mut session = bench.admin();
    bench.good(&mut session, APP, GET_DEVICE_ID, &[]);
    bench.wait(Duration::from_millis(10));
    bench.good(&mut session, APP, GET_DEVICE_ID, &[]);
    assert_eq!(bench.bmc.counters(bench.now).most_in_flight, 1);
    bench.wait(Duration::from_millis(5));
    assert!(bench.ask(&mut session, APP, GET_DEVICE_ID, &[]).is_some());
    assert!(bench.ask(&mut session, APP, GET_DEVICE_ID, &[]).is_none());
    let counters = bench.bmc.counters(bench.now);
    assert_eq!((counters.most_in_flight, counters.overrun), (3, 1));
}
