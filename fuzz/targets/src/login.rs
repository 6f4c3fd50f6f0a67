//! Messages of the login: cipher suite records, Open Session, RAKP 1 to 4. What is decoded and encoded again says the same.

use std::fmt::Debug;

use rackpoll_fuzz_driver::Target;
use rackpoll_ipmi::{
    crypto::CipherSuite,
    wire::{
        CipherSuiteRecord, Malformed, OpenSessionRequest, OpenSessionResponse, Rakp1, Rakp2, Rakp3, Rakp4,
        Role, Status, UserName, decode_records, encode_record,
    },
};

pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "cipher-suites",
        about: "cipher suite records: no more of them than the bytes hold, and the decoded ones come back",
        run: cipher_suites,
        seeds: record_lists,
        // 64 parts of 16 bytes (table 22-17).
        longest: 1024,
        most_allocated: 64 << 10,
    },
    Target {
        name: "open-session",
        about: "Open Session Request and Response come back as they were understood",
        run: |bytes| {
            comes_back(OpenSessionRequest::decode(bytes), OpenSessionRequest::encode, |again, first| {
                OpenSessionRequest::decode(again) == Ok(*first)
            });
            comes_back(OpenSessionResponse::decode(bytes), OpenSessionResponse::encode, |again, first| {
                OpenSessionResponse::decode(again) == Ok(*first)
            });
        },
        seeds: open_session_messages,
        longest: 128,
        most_allocated: 512,
    },
    Target {
        name: "rakp",
        about: "RAKP messages 1 to 4 come back as they were understood",
        run: |bytes| {
            comes_back(Rakp1::decode(bytes), Rakp1::encode, |again, first| {
                Rakp1::decode(again) == Ok(*first)
            });
            comes_back(Rakp2::decode(bytes), Rakp2::encode, |again, first| {
                Rakp2::decode(again) == Ok(*first)
            });
            comes_back(Rakp3::decode(bytes), Rakp3::encode, |again, first| {
                Rakp3::decode(again) == Ok(*first)
            });
            comes_back(Rakp4::decode(bytes), Rakp4::encode, |again, first| {
                Rakp4::decode(again) == Ok(*first)
            });
        },
        seeds: rakp_messages,
        longest: 256,
        most_allocated: 1024,
    },
];

fn comes_back<T: Debug>(
    decoded: Result<T, Malformed>,
    encode: impl Fn(&T, &mut Vec<u8>),
    is_same: impl Fn(&[u8], &T) -> bool,
) {
    let Ok(message) = decoded else { return };
    let mut again = Vec::new();
    encode(&message, &mut again);
    assert!(is_same(&again, &message), "{message:?} became {}", again.escape_ascii());
}

fn cipher_suites(data: &[u8]) {
    let records = decode_records(data);
    assert!(records.len() <= data.len().div_ceil(2));
    let mut again = Vec::new();
    records.iter().for_each(|record| encode_record(&mut again, record));
    // An OEM enterprise number may look like the begin of a record; without one it has to come back.
    if records.iter().all(|record| record.oem.is_none()) {
        assert_eq!(decode_records(&again), records);
    }
}

fn record_lists() -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    for suite in CipherSuite::ALL {
        let record = CipherSuiteRecord { id: suite.id(), oem: None, algorithms: suite.algorithms() };
        encode_record(&mut list, &record);
    }
    let mut with_oem = list.clone();
    let algorithms = CipherSuite::Three.algorithms();
    encode_record(&mut with_oem, &CipherSuiteRecord { id: 0x81, oem: Some(0x0102a2), algorithms });
    // What a BMC of 15 suites sends: several algorithms of a kind, padded.
    let many = (1u8..16).flat_map(|id| [0xc0, id, 0x01, 0x41, 0x42, 0x80, 0x81]).chain([0; 5]).collect();
    vec![list, with_oem, many, Vec::new()]
}

fn open_session_messages() -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for suite in CipherSuite::ALL {
        let algorithms = suite.algorithms();
        let mut bytes = Vec::new();
        OpenSessionRequest { tag: 3, privilege: 2, console_session_id: 0xa0a2_a3a4, algorithms }
            .encode(&mut bytes);
        messages.push(bytes);
        let mut bytes = Vec::new();
        OpenSessionResponse::Accepted {
            tag: 3,
            privilege: 4,
            console_session_id: 1,
            managed_session_id: 2,
            algorithms,
        }
        .encode(&mut bytes);
        messages.push(bytes);
    }
    for console_session_id in [None, Some(7)] {
        let mut bytes = Vec::new();
        OpenSessionResponse::Refused { tag: 9, status: Status::NO_RESOURCES, console_session_id }
            .encode(&mut bytes);
        messages.push(bytes);
    }
    messages
}

fn rakp_messages() -> Vec<Vec<u8>> {
    let code = [0xab; 32];
    let encoded = |encode: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        encode(&mut bytes);
        bytes
    };
    let mut messages = vec![
        encoded(&|out| {
            Rakp2::Refused { tag: 2, status: Status::UNAUTHORIZED_NAME, console_session_id: Some(9) }
                .encode(out);
        }),
        encoded(&|out| {
            Rakp4::Refused { tag: 2, status: Status::INVALID_INTEGRITY_CHECK, console_session_id: None }
                .encode(out);
        }),
        encoded(&|out| {
            Rakp4::Accepted { tag: 4, console_session_id: 9, check: &code[..12] }.encode(out);
        }),
    ];
    for name in [&b""[..], b"viewer", &[b'a'; 16]] {
        let Some(user) = UserName::new(name) else { continue };
        messages.push(encoded(&|out| {
            let role = Role::name_only(4);
            Rakp1 { tag: 1, managed_session_id: 0x1122_3344, console_random: [7; 16], role, user }
                .encode(out);
        }));
    }
    for length in [20, 32] {
        let code = &code[..length];
        messages.push(encoded(&|out| {
            let (managed_random, guid) = ([1; 16], [2; 16]);
            Rakp2::Accepted { tag: 2, console_session_id: 9, managed_random, guid, code }.encode(out);
        }));
        messages.push(encoded(&|out| {
            Rakp3 { tag: 3, status: Status::OK, managed_session_id: 5, code }.encode(out);
        }));
    }
    messages
}
