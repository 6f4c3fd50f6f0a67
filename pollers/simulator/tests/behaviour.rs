//! Bad manners of BMCs, in virtual time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod console;

use std::time::Duration;

use console::{Bench, PASSWORD, config};
use rackpoll_ipmi::{
    command::get_channel_cipher_suites,
    crypto::CipherSuite,
    wire::{
        BMC_ADDRESS, CONSOLE_ADDRESS, Datagram, Ipmi15Packet, LanRequest, LanResponse, Role, asf,
        decode_records,
    },
};
use rackpoll_simulator::bmc::Behaviour;

const APP: u8 = 0x06;
const GET_DEVICE_ID: u8 = 0x01;

fn before_session(bench: &mut Bench, command: u8, data: &[u8]) -> Vec<Vec<u8>> {
    let request = LanRequest {
        responder: BMC_ADDRESS,
        lun: 0,
        netfn: APP,
        requester: CONSOLE_ADDRESS,
        requester_lun: 0,
        sequence: 1,
        command,
        data,
    };
    let mut payload = Vec::new();
    request.encode(&mut payload);
    let mut datagram = Vec::new();
    Ipmi15Packet::encode_sessionless(&mut datagram, &payload);
    bench.send(&datagram)
}

fn answer(datagrams: &[Vec<u8>]) -> (u8, Vec<u8>) {
    let Ok(Datagram::Ipmi15(packet)) = Datagram::decode(&datagrams[0]) else { panic!("not IPMI 1.5") };
    let response = LanResponse::decode(packet.payload).unwrap();
    (response.completion, response.data.to_vec())
}

#[test]
fn before_a_session_it_tells_its_suites_and_little_else() {
    let mut bench = Bench::new(config("server"));
    let (completion, data) = answer(&before_session(&mut bench, 0x38, &[0x8e, 0x04]));
    assert_eq!((completion, data[1] & 0x80, data[3]), (0, 0x80, 0x02));
    let request = get_channel_cipher_suites::request(0);
    let (_, data) = answer(&before_session(&mut bench, request.command, &request.data));
    let records = decode_records(get_channel_cipher_suites::decode(&data).unwrap());
    let ids: Vec<_> = records.iter().map(|record| record.id).collect();
    assert_eq!(ids, [17, 3]);
    let request = get_channel_cipher_suites::request(1);
    let (_, data) = answer(&before_session(&mut bench, request.command, &request.data));
    assert_eq!(data.len(), 1, "no more records");
    assert_eq!(answer(&before_session(&mut bench, GET_DEVICE_ID, &[])).0, 0xd4);

    let mut ping = Vec::new();
    asf::Message::Ping { tag: 4 }.encode(&mut ping);
    let pong = bench.send(&ping);
    assert_eq!(Datagram::decode(&pong[0]), Ok(Datagram::Asf(asf::Message::Pong { tag: 4, ipmi: true })));
}

#[test]
fn a_silent_one_says_nothing_and_one_that_speaks_twice_does() {
    let mut bench = Bench::new(config("server"));
    let mut session = bench.admin();
    bench.bmc.set_behaviour(Behaviour::Twice);
    let datagram = session.datagram(APP, GET_DEVICE_ID, &[]);
    let answers = bench.send(&datagram);
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0], answers[1]);
    bench.bmc.set_behaviour(Behaviour::Silent);
    assert_eq!(bench.ask(&mut session, APP, GET_DEVICE_ID, &[]), None);
    assert!(before_session(&mut bench, 0x38, &[0x8e, 0x04]).is_empty());
    bench.bmc.set_behaviour(Behaviour::Normal);
    bench.good(&mut session, APP, GET_DEVICE_ID, &[]);
}

#[test]
fn garbage_is_never_an_answer() {
    let mut bench = Bench::new(config("server"));
    bench.bmc.set_behaviour(Behaviour::Garbage);
    for _ in 0..300 {
        let datagrams = before_session(&mut bench, 0x38, &[0x8e, 0x04]);
        assert_eq!(datagrams.len(), 1);
        if let Ok(Datagram::Ipmi15(packet)) = Datagram::decode(&datagrams[0]) {
            assert!(LanResponse::decode(packet.payload).is_err());
        }
    }
}

#[test]
fn after_a_reboot_it_is_away_and_then_knows_no_session() {
    let mut bench = Bench::new(config("server"));
    let mut session = bench.admin();
    bench.bmc.reboot(bench.now);
    assert!(before_session(&mut bench, 0x38, &[0x8e, 0x04]).is_empty());
    bench.wait(Duration::from_secs(8));
    assert_eq!(bench.ask(&mut session, APP, GET_DEVICE_ID, &[]), None);
    assert_eq!(bench.bmc.counters(bench.now).sessions_forgotten, 1);
    bench.login(CipherSuite::Three, "admin", PASSWORD, Role::name_only(4)).unwrap();
}

#[test]
fn nothing_that_comes_in_makes_it_panic() {
    let mut bench = Bench::new(config("server"));
    let mut session = bench.admin();
    let mut random = rackpoll_simulator::random::Random::new(5);
    let whole = session.datagram(APP, GET_DEVICE_ID, &[]);
    for length in 0..whole.len() {
        bench.send(&whole[..length]);
    }
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = (0..random.below(80)).map(|_| random.next_u64() as u8).collect();
        // Most of them get past the first headers.
        for (to, from) in bytes.iter_mut().zip([6, 0, 0xff, 7, 6]) {
            *to = from;
        }
        if random.chance(0.5) && bytes.len() > 16 {
            let kind = 0x10 + random.below(6) as u8;
            let length = (bytes.len() - 16) as u16;
            bytes[5] = kind;
            bytes[6..14].fill(0);
            bytes[14..16].copy_from_slice(&length.to_le_bytes());
        }
        bench.send(&bytes);
    }
    // Every command with data of every short length, at the highest level.
    let mut bench = Bench::new(config("gpu-node"));
    let mut session = bench.admin();
    bench.good(&mut session, APP, 0x3b, &[4]);
    for netfn in (0..0x40).step_by(2) {
        for command in 0..=0xff {
            if (netfn, command) == (APP, 0x3c) {
                continue;
            }
            for length in [0, 1, 3, 4, 6, 16, 40] {
                let data: Vec<u8> = (0..length).map(|_| random.next_u64() as u8).collect();
                assert!(bench.ask(&mut session, netfn, command, &data).is_some(), "{netfn:#x} {command:#x}");
            }
        }
    }
}
