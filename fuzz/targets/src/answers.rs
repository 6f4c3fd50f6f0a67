//! Answers of single commands: whatever the bytes, an answer or a fault with a sentence.

use rackpoll_fuzz_driver::{Script, Target};
use rackpoll_ipmi::command::{
    Privilege, Response, completion, get_channel_authentication_capabilities as capabilities,
    get_channel_cipher_suites, get_chassis_status, get_device_id, set_session_privilege_level,
};
use rackpoll_model::Fault;

pub(crate) const TARGETS: &[Target] = &[Target {
    name: "answers",
    about: "answers of single commands: decoded, or a fault with a sentence",
    run: answers,
    seeds: || {
        vec![
            vec![0, 0x21, 0x00, 0x60],
            // ipmi_sim's Get Device ID.
            vec![0, 0x00, 0x03, 0x09, 0x08, 0x02, 0x9f, 0x91, 0x12, 0x00, 0x02, 0x0f, 0, 0, 0, 0],
            vec![0, 1, 0x97, 0x06, 0x03, 0, 0, 0, 0],
            [&[0, 1][..], &[0xc0, 3, 0x01, 0x41, 0x81, 0xc0, 17, 0x03, 0x44, 0x81]].concat(),
            vec![0x81],
            vec![0xd4],
        ]
    },
    longest: 300,
    most_allocated: 2048,
}];

fn answers(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let response = Response { completion: script.byte(), data: script.rest().to_vec() };
    assert!(!completion::meaning(response.completion).is_empty());

    told(response.good(get_chassis_status::NAME).and_then(get_chassis_status::decode));
    told(response.good(capabilities::NAME).and_then(capabilities::decode));
    if let Some(id) = told(response.good(get_device_id::NAME).and_then(get_device_id::decode)) {
        assert!(id.manufacturer < 1 << 20 && id.firmware.0 < 0x80);
    }
    let records =
        told(response.good(get_channel_cipher_suites::NAME).and_then(get_channel_cipher_suites::decode));
    assert!(records.is_none_or(|records| records.len() <= get_channel_cipher_suites::BYTES_PER_ANSWER));
    for level in [Privilege::User, Privilege::Operator, Privilege::Administrator] {
        if let Some(fault) = set_session_privilege_level::refusal(level, &response) {
            is_told(fault);
        }
    }
}

fn told<T>(answer: Result<T, Fault>) -> Option<T> {
    answer.map_err(is_told).ok()
}

/// A fault says something, and not at length: it goes out on the bus.
fn is_told(fault: Fault) {
    assert!((1..500).contains(&fault.message.len()), "{fault}");
}
