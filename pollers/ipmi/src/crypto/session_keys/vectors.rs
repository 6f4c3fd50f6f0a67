//! Exchanges of other implementations, byte for byte. ipmitool 1.8.19 (with OpenSSL) was one end and checked the
//! other's codes; it printed K1, K2 and the plain payloads:
//!
//! - `SUITE_3`: `ipmitool -I lanplus -C 3 -H 127.0.0.1 -p 17623 -U admin -P admin -vvvvv chassis power status`
//!   against OpenIPMI's ipmi_sim 2.0.33.
//! - `SUITE_17`: `ipmitool -I lanplus -C 17 -H 127.0.0.1 -p 17624 -U viewer -P secret17 -L USER -vvvvv chassis power
//!   status` against a responder of fifty lines on Python's `hmac` and `cryptography`.
//! - `SUITE_17_K_G`: the same with `-k bmc-wide-key`.

use super::*;
use crate::{
    crypto::{Unsealed, seal, unseal},
    wire::{
        Datagram, OpenSessionRequest, OpenSessionResponse, PayloadType, Rakp1, Rakp2, Rakp3, Rakp4,
        RmcpPlusPacket, Status, encode_sessionless,
    },
};

struct Exchange {
    open_request: &'static str,
    open_response: &'static str,
    rakp1: &'static str,
    rakp2: &'static str,
    rakp3: &'static str,
    rakp4: &'static str,
    first_request: &'static str,
    first_response: &'static str,
    k1: &'static str,
    k2: &'static str,
    request_plain: &'static str,
    response_plain: &'static str,
}

const SUITE_3: Exchange = Exchange {
    open_request: "0600ff0706100000000000000000200000000000a4a3a2a000000008010000000100000801000000\
        0200000801000000",
    open_response: "0600ff0706110000000000000000240000000000a4a3a2a002000000000000080100000001000008\
        010000000200000801000000",
    rakp1: "0600ff070612000000000000000021000000000002000000d0c31461a4fee9a4945bc80fdc0ac875\
        1400000561646d696e",
    rakp2: "0600ff07061300000000000000003c0000000000a4a3a2a0f53bdffdc972cd3195dc26bf5a0b89fb\
        91ffabf217b70f1b6f5738f11c857b55288b6a88000e67b9ee82ff44c7c0fdbfc017f3bc",
    rakp3: "0600ff07061400000000000000001c000000000002000000273f9e467a126613f638aed4dad3f360\
        140e6568",
    rakp4: "0600ff0706150000000000000000140000000000a4a3a2a0291f434495c4f79bab79a45e",
    first_request: "0600ff0706c002000000030000002000df6acebb49f20a7f04a618e77ca1dd0edfd116c7c90769a8\
        61cf382499a8daf3ffff02074627aab1e86d8b9580960f2c",
    first_response: "0600ff0706c0a4a3a2a0010000002000ee5ea71f410680aab27b9bee2703ca68708140b3eb9b55e4\
        e83f579e0ec60fceffff0207c0bda34f850fda59dcfb3cb2",
    k1: "a1feb272de4bd4271bb536146c13022945e1d148",
    k2: "c36247e08b2ec28928faa4eaf05c7b3e08b526a3",
    request_plain: "2018c881043b043c0102030405060707",
    response_plain: "811c6320043b00049d01020304050606",
};

const SUITE_17: Exchange = Exchange {
    open_request: "0600ff0706100000000000000000200000020000a4a3a2a000000008030000000100000804000000\
        0200000801000000",
    open_response: "0600ff0706110000000000000000240000000400a4a3a2a044332211000000080300000001000008\
        040000000200000801000000",
    rakp1: "0600ff070612000000000000000022000000000044332211863b1cd1c415fae03747eab9620914ec\
        12000006766965776572",
    rakp2: "0600ff0706130000000000000000480000000000a4a3a2a0034fd90aa7ca71e2b941dca6e220f3ef\
        101112131415161718191a1b1c1d1e1fb31c2a907a794ce8d2597c5689579b61a41f0c44dc358e58\
        70b11c06c7ef3cc8",
    rakp3: "0600ff07061400000000000000002800000000004433221136436b3b8fd3008b676afc1597e33e95\
        d99e1ba62e1f84c73b6ce2ef40d3acde",
    rakp4: "0600ff0706150000000000000000180000000000a4a3a2a019fba938239ff64a875c84440f5a8e73",
    first_request: "0600ff0706c044332211030000002000d40761fcb75e85161b172f7ff38dd1b009d8248e5a6e7c57\
        89fa52475171f5c4ffff02077ab6f0c109a0245433a7e6e88efadc1e",
    first_response: "0600ff0706c0a4a3a2a001000000200069baf919627a1cc3a286ee598d41d7d1ff1e789a7cb1bc29\
        d83005dcdd08f94effff0207e508422e7a662e18ab71c2d2bbdc9440",
    k1: "a99e40e5b5661d1984ac8ad127183ef611eefe266bf8b0221572fdd0c2daccd5",
    k2: "9d7e4db1a3afb0cf1b0d2d30ce6583409885498d71f1e120c7e7b88464cee0d8",
    request_plain: "20b03081043e00023b01020304050606",
    response_plain: "81b4cb20043e009e0102030405060707",
};

const SUITE_17_K_G: Exchange = Exchange {
    open_request: "0600ff0706100000000000000000200000020000a4a3a2a000000008030000000100000804000000\
        0200000801000000",
    open_response: "0600ff0706110000000000000000240000000400a4a3a2a044332211000000080300000001000008\
        040000000200000801000000",
    rakp1: "0600ff07061200000000000000002200000000004433221121cac7247712f92564fe62df343056d6\
        12000006766965776572",
    rakp2: "0600ff0706130000000000000000480000000000a4a3a2a07e961e67a1ad78e3dabc1f291b0e5e14\
        101112131415161718191a1b1c1d1e1f6015c50415affbca73e2c4d39e1c40f1cee9e202f2680304\
        a277e0cabcab0aa7",
    rakp3: "0600ff07061400000000000000002800000000004433221155a56048952f6b7e905a58307acf2a85\
        184000123240cb427552d0609b5f145d",
    rakp4: "0600ff0706150000000000000000180000000000a4a3a2a0ba0dfe1d2d349f630e299531c6f653e4",
    first_request: "0600ff0706c0443322110300000020007e13f95165e9d6da24537b3dfdfca628a0dccd90efba5e7a\
        fbc69ff952f074e6ffff02079c29c5e8c650b2c9a6df925c87ff500f",
    first_response: "0600ff0706c0a4a3a2a00100000020000d86ad410fb81c3e216197222cf912bec78b124c59ef329b\
        757d15642db127f3ffff0207df69754d920fdda8b60edf5aaa0ec716",
    k1: "ca83a127c7e6fa920470bbeccb12a860d6201a6a14383c07e27f89c1bcb28e04",
    k2: "b72292ab1b9afa57eaaac8048eb11232aefc04f404e55017343a0edd452a6bc3",
    request_plain: "20b03081043e00023b01020304050606",
    response_plain: "81b4cb20043e009e0102030405060707",
};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn packet(datagram: &[u8]) -> RmcpPlusPacket<'_> {
    match Datagram::decode(datagram) {
        Ok(Datagram::RmcpPlus(packet)) => packet,
        other => panic!("not RMCP+: {other:?}"),
    }
}

/// What `encode` makes must be the datagram that the other implementation sent.
fn assert_encodes(datagram: &[u8], payload_type: PayloadType, encode: impl FnOnce(&mut Vec<u8>)) {
    let mut payload = Vec::new();
    encode(&mut payload);
    let mut ours = Vec::new();
    encode_sessionless(&mut ours, payload_type, &payload);
    assert_eq!(ours, datagram);
}

fn replay(exchange: &Exchange, suite: CipherSuite, password: &str, k_g: Option<&str>) {
    let password = Secret::from(password);
    let k_g = k_g.map(Secret::from);
    let algorithm = suite.authentication();

    let datagram = bytes(exchange.open_request);
    let open = OpenSessionRequest::decode(packet(&datagram).payload).unwrap();
    assert_eq!(CipherSuite::from_algorithms(open.algorithms), Some(suite));
    assert_encodes(&datagram, PayloadType::OpenSessionRequest, |out| open.encode(out));

    let datagram = bytes(exchange.open_response);
    let response = OpenSessionResponse::decode(packet(&datagram).payload).unwrap();
    assert_encodes(&datagram, PayloadType::OpenSessionResponse, |out| response.encode(out));
    let OpenSessionResponse::Accepted { console_session_id, managed_session_id, algorithms, .. } = response
    else {
        panic!("refused")
    };
    assert_eq!((console_session_id, algorithms), (open.console_session_id, suite.algorithms()));

    let datagram = bytes(exchange.rakp1);
    let rakp1 = Rakp1::decode(packet(&datagram).payload).unwrap();
    assert_eq!(rakp1.managed_session_id, managed_session_id);
    assert_encodes(&datagram, PayloadType::Rakp1, |out| rakp1.encode(out));

    let datagram = bytes(exchange.rakp2);
    let rakp2 = Rakp2::decode(packet(&datagram).payload).unwrap();
    assert_encodes(&datagram, PayloadType::Rakp2, |out| rakp2.encode(out));
    let Rakp2::Accepted { managed_random, guid, code, .. } = rakp2 else { panic!("refused") };
    let transcript = Transcript {
        console_session_id,
        managed_session_id,
        console_random: rakp1.console_random,
        managed_random,
        guid,
        role: rakp1.role,
        user: rakp1.user,
    };
    assert!(transcript.rakp2_code(algorithm, &password).matches(code));
    assert!(!transcript.rakp2_code(algorithm, &Secret::from("wrong")).matches(code));

    let rakp3 = transcript.rakp3_code(algorithm, &password);
    assert_encodes(&bytes(exchange.rakp3), PayloadType::Rakp3, |out| {
        Rakp3 { tag: 0, status: Status::OK, managed_session_id, code: rakp3.as_bytes() }.encode(out);
    });

    let keys = SessionKeys::derive(suite, &password, k_g.as_ref(), &transcript);
    let (k1, k2) = super::long_keys(algorithm, &keys.sik);
    assert_eq!(k1.as_bytes(), bytes(exchange.k1));
    assert_eq!(k2[..], bytes(exchange.k2)[..16]);
    let check = keys.rakp4_check(&transcript);
    assert_encodes(&bytes(exchange.rakp4), PayloadType::Rakp4, |out| {
        Rakp4::Accepted { tag: 0, console_session_id, check: check.as_bytes() }.encode(out);
    });

    for (datagram, plain) in
        [(exchange.first_request, exchange.request_plain), (exchange.first_response, exchange.response_plain)]
    {
        let mut datagram = bytes(datagram);
        let sent = packet(&datagram);
        let mut payload = Vec::new();
        assert_eq!(unseal(&mut payload, &keys, &sent), Unsealed::Plain);
        // ipmitool prints the payload with its pad.
        let plain = bytes(plain);
        let pad = usize::from(*plain.last().unwrap());
        assert_eq!(payload, plain[..plain.len() - 1 - pad]);
        let iv = *sent.payload.first_chunk::<16>().unwrap();
        let mut ours = Vec::new();
        seal(&mut ours, &keys, PayloadType::Ipmi, sent.session_id, sent.sequence, iv, &payload);
        assert_eq!(ours, datagram);

        // Every authenticated byte counts: from the authentication type to the code's last byte.
        for index in 6..datagram.len() {
            datagram[index] ^= 0x01;
            if let Ok(Datagram::RmcpPlus(changed)) = Datagram::decode(&datagram) {
                assert_ne!(unseal(&mut payload, &keys, &changed), Unsealed::Plain, "byte {index}");
            }
            datagram[index] ^= 0x01;
        }
    }
}

#[test]
fn suite_3_as_ipmitool_and_ipmi_sim_speak_it() {
    replay(&SUITE_3, CipherSuite::Three, "admin", None);
}

#[test]
fn suite_17_as_ipmitool_and_python_speak_it() {
    replay(&SUITE_17, CipherSuite::Seventeen, "secret17", None);
}

#[test]
fn suite_17_with_k_g_as_ipmitool_and_python_speak_it() {
    replay(&SUITE_17_K_G, CipherSuite::Seventeen, "secret17", Some("bmc-wide-key"));
}

/// Codes and keys of one login, as OpenSSL computes them. With SIDm `a4a3a2a0`, SIDc `44332211`, Rm 00 to 0f, Rc 10 to
/// 1f, GUIDc 20 to 2f, ROLEm 12, the user `viewer` and the key `secret17`, each is
/// `printf HEX | xxd -r -p | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY` (and `-sha1`): RAKP 2 over
/// SIDm SIDc Rm Rc GUIDc ROLEm 06 UNAMEm, RAKP 3 over Rc SIDm ROLEm 06 UNAMEm, both by the user's key; SIK over
/// Rm Rc ROLEm 06 UNAMEm; RAKP 4 over Rm SIDc GUIDc, K1 over twenty 01 and K2 over twenty 02, by SIK.
#[test]
fn every_suite_as_openssl_computes_it() {
    let counting = |from: u8| std::array::from_fn::<u8, 16, _>(|at| from + at as u8);
    let transcript = Transcript {
        console_session_id: 0xa0a2_a3a4,
        managed_session_id: 0x1122_3344,
        console_random: counting(0x00),
        managed_random: counting(0x10),
        guid: counting(0x20),
        role: crate::wire::Role::name_only(2),
        user: crate::wire::UserName::new(b"viewer").unwrap(),
    };
    let password = Secret::from("secret17");
    let sha1 = [
        "257e4676a6c22ad108a278d12407035518d2efae",
        "05fb3afce9e360a23c4febe5b5063e4df67fd330",
        "c136bcab45ef3158d9ea24db5e8a979f17675867",
        "92c7c8bcc974b817b66f4a1afb5d4ea6db9f9d50",
        "ca6f0ca1ee07b03fdb3878ba46eee0417d9a7edb",
    ];
    let sha256 = [
        "ffc8c10fdb8c94f71abd9629d3da6e0719b68dd1dd93224556ca39744f013a46",
        "842fc5097ccef2c0f10e495d04dd05f25cc1e304d20bb24ed07b8d59390ed82d",
        "13f45b956049caa06ed950f2bb0abe98295e247623f31b785c6668ec83dc9cbd",
        "20c49ca1674c27adcf86b08ca16d7a7843045c7ff219b2c25f59d9c3417e7cee",
        "de0ff9326bde8d71db07b77c68ef43c238a3ffb1223cc5b4f0f5dd9525cdb89e",
    ];
    for suite in CipherSuite::ALL {
        let algorithm = suite.authentication();
        let ([rakp2, rakp3, rakp4, k1, k2], check_length) = match algorithm {
            Authentication::None => ([""; 5], 0),
            Authentication::HmacSha1 => (sha1, 12),
            Authentication::HmacSha256 => (sha256, 16),
        };
        assert_eq!(transcript.rakp2_code(algorithm, &password).as_bytes(), bytes(rakp2), "suite {suite}");
        assert_eq!(transcript.rakp3_code(algorithm, &password).as_bytes(), bytes(rakp3), "suite {suite}");
        let keys = SessionKeys::derive(suite, &password, None, &transcript);
        // RAKP 4 is cut by the hash, also where packets carry no code.
        assert_eq!(keys.rakp4_check(&transcript).as_bytes(), &bytes(rakp4)[..check_length], "suite {suite}");
        let (our_k1, our_k2) = super::long_keys(algorithm, &keys.sik);
        assert_eq!(our_k1.as_bytes(), bytes(k1), "suite {suite}");
        let k2 = bytes(k2);
        let used = k2.len().min(our_k2.len());
        assert_eq!(our_k2[..used], k2[..used], "suite {suite}");
    }
}
