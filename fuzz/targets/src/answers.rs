//! Answers of single commands: whatever the bytes, an answer or a fault with a sentence.

use rackpoll_fuzz_driver::{Script, Target};
use rackpoll_ipmi::command::{
    Privilege, Response, activate_session, completion,
    get_channel_authentication_capabilities as capabilities, get_channel_cipher_suites, get_chassis_status,
    get_device_id, get_device_sdr_info, get_fru_inventory_area_info, get_power_reading, get_sdr,
    get_sdr_repository_info, get_sel_allocation_info, get_sel_entry, get_sel_info, get_sel_time,
    get_self_test_results, get_sensor_event_enable, get_sensor_hysteresis, get_sensor_reading,
    get_sensor_reading_factors, get_sensor_thresholds, get_session_challenge, get_system_guid, read_fru_data,
    reserve_sdr_repository, reserve_sel, send_message, set_session_privilege_level,
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
            // Get Power Reading, self test, area info, a part of an inventory.
            vec![0, 0xdc, 220, 0, 10, 0, 0x2c, 1, 200, 0, 0, 0, 0, 0x69, 0xe8, 3, 0, 0, 0x40],
            vec![0, 0x57, 0x04],
            vec![0, 0x00, 0x02, 0x01],
            vec![0, 4, 1, 0, 0, 1],
            (0..17).collect(),
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
    told(response.good(activate_session::NAME).and_then(activate_session::decode));
    told(response.good(get_session_challenge::NAME).and_then(get_session_challenge::decode));
    told(response.good(get_device_sdr_info::NAME).and_then(get_device_sdr_info::decode));
    told(response.good(get_sdr_repository_info::NAME).and_then(get_sdr_repository_info::decode));
    told(response.good(reserve_sdr_repository::NAME).and_then(reserve_sdr_repository::decode));
    told(response.good(get_sdr::NAME).and_then(get_sdr::decode));
    told(response.good(get_sel_info::NAME).and_then(get_sel_info::decode));
    told(response.good(get_sel_allocation_info::NAME).and_then(get_sel_allocation_info::decode));
    told(response.good(get_sel_entry::NAME).and_then(get_sel_entry::decode));
    told(response.good(get_sel_time::NAME).and_then(get_sel_time::decode));
    told(response.good(reserve_sel::NAME).and_then(reserve_sel::decode));
    told(response.good(get_sensor_event_enable::NAME).and_then(get_sensor_event_enable::decode));
    told(response.good(get_sensor_hysteresis::NAME).and_then(get_sensor_hysteresis::decode));
    told(response.good(get_sensor_reading_factors::NAME).and_then(get_sensor_reading_factors::decode));
    told(response.good(get_sensor_thresholds::NAME).and_then(get_sensor_thresholds::decode));
    if let Some(reading) = told(response.good(get_sensor_reading::NAME).and_then(get_sensor_reading::decode))
    {
        assert_eq!(reading.states & 0x8000, 0);
    }
    told(response.good(get_device_id::NAME).and_then(get_device_id::controller));
    told(response.good(get_self_test_results::NAME).and_then(get_self_test_results::decode));
    told(response.good(get_system_guid::NAME).and_then(get_system_guid::decode));
    told(response.good(get_power_reading::NAME).and_then(get_power_reading::decode));
    told(response.good(get_fru_inventory_area_info::NAME).and_then(get_fru_inventory_area_info::decode));
    for by_words in [false, true] {
        let part = response.good(read_fru_data::NAME);
        if let Some(bytes) = told(part.and_then(|data| read_fru_data::decode(data, by_words))) {
            assert!(bytes.len() < response.data.len());
        }
    }
    let _ = send_message::decode(response.completion, &response.data);
    let records =
        told(response.good(get_channel_cipher_suites::NAME).and_then(get_channel_cipher_suites::decode));
    assert!(records.is_none_or(|records| records.len() <= get_channel_cipher_suites::BYTES_PER_ANSWER));
    for level in [Privilege::User, Privilege::Operator, Privilege::Administrator] {
        if let Some(fault) = set_session_privilege_level::refusal(level, &response) {
            is_told(&fault);
        }
    }
}

fn told<T>(answer: Result<T, Fault>) -> Option<T> {
    answer.inspect_err(is_told).ok()
}

/// A fault says something, and not at length: it goes out on the bus.
pub(crate) fn is_told(fault: &Fault) {
    assert!((1..500).contains(&fault.message.len()), "{fault}");
}
