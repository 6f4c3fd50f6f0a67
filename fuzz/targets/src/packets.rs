//! Headers around messages: RMCP, ASF, IPMI 1.5, RMCP+, the LAN message, and encrypted packets.

use rackpoll_fuzz_driver::Target;
use rackpoll_ipmi::{
    command::{Response, get_chassis_status, get_device_id},
    crypto::{CipherSuite, SessionKeys, Transcript, Unsealed, seal, unseal},
    wire::{
        Datagram, Ipmi15Packet, LanRequest, LanResponse, MAX_DATAGRAM, PayloadType, Role, UserName, asf,
        encode_sessionless,
    },
};
use rackpoll_model::Secret;

use crate::seeds::{lan_request, lan_response, with_right_checksums};

pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "datagram",
        about: "RMCP and ASF: sorted or refused, and what is decoded can be encoded and decoded again",
        run: datagram,
        seeds: datagrams,
        longest: MAX_DATAGRAM,
        most_allocated: 2 * MAX_DATAGRAM,
    },
    Target {
        name: "ipmi-15",
        about: "IPMI 1.5 session header: the payload lies inside the datagram and is as long as it says",
        run: |body| {
            datagram(&[&[6, 0, 0xff, 7], body].concat());
        },
        seeds: ipmi_15_bodies,
        longest: MAX_DATAGRAM,
        most_allocated: 2 * MAX_DATAGRAM,
    },
    Target {
        name: "rmcp-plus",
        about: "RMCP+ session header: payload and trailer lie inside the datagram and do not overlap",
        run: |body| {
            datagram(&[&[6, 0, 0xff, 7, 6], body].concat());
        },
        seeds: rmcp_plus_bodies,
        longest: MAX_DATAGRAM,
        most_allocated: 2 * MAX_DATAGRAM,
    },
    Target {
        name: "lan-message",
        about: "LAN message: checksums guard it, and what they let through comes back",
        run: lan_message,
        seeds: lan_messages,
        longest: 300,
        most_allocated: 4 * 300,
    },
    Target {
        name: "sealed",
        about: "packets of a session: only what is encrypted and authenticated as its suite wants gets in, and no more comes out",
        run: sealed,
        seeds: sealed_packets,
        longest: MAX_DATAGRAM,
        most_allocated: 8 * MAX_DATAGRAM,
    },
];

fn datagram(bytes: &[u8]) {
    match Datagram::decode(bytes) {
        Ok(Datagram::Asf(message)) => {
            let mut again = Vec::with_capacity(32);
            message.encode(&mut again);
            assert_eq!(Datagram::decode(&again), Ok(Datagram::Asf(message)));
        }
        Ok(Datagram::Ipmi15(packet)) => {
            assert!(packet.payload.len() <= 255 && is_within(packet.payload, bytes));
            if packet.is_sessionless() {
                let mut again = Vec::with_capacity(MAX_DATAGRAM);
                Ipmi15Packet::encode_sessionless(&mut again, packet.payload);
                assert_eq!(Datagram::decode(&again), Ok(Datagram::Ipmi15(packet)));
            }
        }
        Ok(Datagram::RmcpPlus(packet)) => {
            assert!(is_within(packet.payload, bytes));
            assert_eq!(PayloadType::from_number(packet.payload_type.number()), packet.payload_type);
            for code_length in [0, 12, 16, packet.payload.len(), usize::MAX] {
                let Ok(trailer) = packet.trailer(code_length) else { continue };
                assert_eq!(trailer.code.len(), code_length);
                assert!(is_within(trailer.code, bytes) && is_within(trailer.signed, bytes));
                let payload_end = packet.payload.as_ptr_range().end;
                assert!(trailer.code.as_ptr() >= payload_end, "the code reaches into the payload");
                assert_eq!(trailer.signed.as_ptr_range().end, trailer.code.as_ptr());
            }
        }
        Err(_) => {}
    }
}

fn is_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

fn lan_message(bytes: &[u8]) {
    both_forms(bytes);
    both_forms(&with_right_checksums(bytes));
}

fn both_forms(bytes: &[u8]) {
    let mut again = Vec::with_capacity(bytes.len());
    if let Ok(request) = LanRequest::decode(bytes) {
        request.encode(&mut again);
        assert_eq!(again, bytes);
    }
    again.clear();
    if let Ok(response) = LanResponse::decode(bytes) {
        response.encode(&mut again);
        assert_eq!(again, bytes);
    }
}

fn sealed(bytes: &[u8]) {
    let mut plain = Vec::with_capacity(bytes.len());
    for suite in CipherSuite::ALL {
        let keys = keys(suite);
        // As it came: nobody without the keys gets in.
        if let Ok(Datagram::RmcpPlus(packet)) = Datagram::decode(bytes)
            && unseal(&mut plain, &keys, &packet) == Unsealed::Plain
        {
            assert_eq!(packet.encrypted, suite.encrypts());
            assert_eq!(packet.authenticated, keys.code_length() > 0);
            assert!(plain.len() <= packet.payload.len());
        }
        // As a BMC with the keys would send it: any payload under a right code.
        let mut signed = Vec::with_capacity(bytes.len() + 64);
        encode_sessionless(&mut signed, PayloadType::Ipmi, bytes);
        if let Some(kind) = signed.get_mut(5) {
            *kind |= if suite.encrypts() { 0x80 } else { 0 } | if keys.code_length() > 0 { 0x40 } else { 0 };
        }
        signed.extend_from_slice(&[0, 7]);
        let code = keys.integrity_code(&signed[4..]);
        signed.extend_from_slice(code.as_bytes());
        let Ok(Datagram::RmcpPlus(packet)) = Datagram::decode(&signed) else { continue };
        let unsealed = unseal(&mut plain, &keys, &packet);
        assert!(matches!(unsealed, Unsealed::Plain | Unsealed::Garbled), "{unsealed:?}");
        assert!(plain.len() <= bytes.len());
    }
}

/// Keys of a session that every execution has alike.
fn keys(suite: CipherSuite) -> SessionKeys {
    let transcript = Transcript {
        console_session_id: 0xa0a2_a3a4,
        managed_session_id: 2,
        console_random: [1; 16],
        managed_random: [2; 16],
        guid: [3; 16],
        role: Role::name_only(2),
        user: UserName::new(b"viewer").unwrap_or_else(|| unreachable!("six bytes")),
    };
    SessionKeys::derive(suite, &Secret::from("secret of viewer"), None, &transcript)
}

fn chassis_answer() -> Vec<u8> {
    let response = Response { completion: 0, data: vec![0x21, 0x10, 0x40] };
    lan_response(&get_chassis_status::request(), 5, &response)
}

fn datagrams() -> Vec<Vec<u8>> {
    let encoded = |encode: &dyn Fn(&mut Vec<u8>)| {
        let mut datagram = Vec::new();
        encode(&mut datagram);
        datagram
    };
    let mut seeds = vec![
        encoded(&|out| asf::Message::Ping { tag: 0x2a }.encode(out)),
        encoded(&|out| asf::Message::Pong { tag: 7, ipmi: true }.encode(out)),
        encoded(&|out| Ipmi15Packet::encode_sessionless(out, &chassis_answer())),
        encoded(&|out| encode_sessionless(out, PayloadType::Rakp2, &[0x5a; 60])),
    ];
    seeds.extend(sealed_packets());
    seeds
}

/// The datagrams behind their first `skipped` bytes, where those are `header`.
fn bodies(header: &[u8]) -> Vec<Vec<u8>> {
    datagrams().iter().filter_map(|datagram| datagram.strip_prefix(header)).map(<[u8]>::to_vec).collect()
}

fn ipmi_15_bodies() -> Vec<Vec<u8>> {
    let mut seeds = bodies(&[6, 0, 0xff, 7, 0]);
    seeds.iter_mut().for_each(|body| body.insert(0, 0));
    // With an authentication code: MD5, in a session.
    let mut body = vec![2, 9, 0, 0, 0, 7, 0, 0, 0];
    body.extend_from_slice(&[0xee; 16]);
    body.extend_from_slice(&[3, 1, 2, 3]);
    seeds.push(body);
    seeds
}

fn rmcp_plus_bodies() -> Vec<Vec<u8>> {
    let mut seeds = bodies(&[6, 0, 0xff, 7, 6]);
    // OEM explicit: six bytes more before the session id.
    seeds.push([&[0x02, 1, 2, 3, 4, 5, 6][..], &[0; 8], &[2, 0, 0xaa, 0xbb]].concat());
    seeds
}

fn lan_messages() -> Vec<Vec<u8>> {
    let device_id = Response { completion: 0, data: vec![0x20; 15] };
    let busy = Response { completion: 0xc0, data: Vec::new() };
    vec![
        chassis_answer(),
        lan_request(&get_device_id::request(), 1),
        lan_response(&get_device_id::request(), 1, &device_id),
        lan_response(&get_device_id::request(), 63, &busy),
    ]
}

fn sealed_packets() -> Vec<Vec<u8>> {
    let packet = |(suite, sequence): (CipherSuite, u32)| {
        let mut datagram = Vec::new();
        let id = 0xa0a2_a3a4;
        seal(&mut datagram, &keys(suite), PayloadType::Ipmi, id, sequence, [9; 16], &chassis_answer());
        datagram
    };
    CipherSuite::ALL.into_iter().zip(1..).map(packet).collect()
}
