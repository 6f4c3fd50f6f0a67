use std::sync::{Arc, Mutex};

use rackpoll_model::{
    FaultKind, Level, Reading, SensorReading, SensorState, SensorThresholds, States, Threshold,
    ThresholdStatus,
};

use super::bmc::{
    Answer, Bmc, DEVICE_ID, EVENTS, FACTORS, HYSTERESIS, INFO, READING, SDR, THRESHOLDS, memory, server,
    temperature,
};
use crate::{
    command::Bridge,
    sdr::{Library, SdrProfile, SensorMemory, Want},
};

fn value(reading: &SensorReading) -> Option<f64> {
    reading.value()
}

#[test]
fn the_second_poll_is_one_exchange_a_sensor_and_at_most_three() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    let first = bmc.sensors(&memory);
    assert_eq!(first.iter().map(value).collect::<Vec<_>>(), [Some(41.0), Some(41.0), None, None]);
    assert_eq!(first[0].threshold_status(), Some(ThresholdStatus::Ok));
    assert_eq!(first[2].states(), States(0xc0));
    let events = first[0].event_enable.unwrap();
    assert_eq!((events.messages, events.assertions, events.deassertions), (true, 0x0a95, 0));
    for _ in 0..20 {
        let (before, records) = (bmc.total(), bmc.count(SDR));
        let info = bmc.count(INFO);
        assert_eq!(bmc.sensors(&memory), first);
        assert_eq!(bmc.count(SDR), records);
        assert_eq!(bmc.count(INFO) - info, 1);
        assert!(bmc.total() - before <= first.len() + 3, "{}", bmc.total() - before);
    }
    assert_eq!(bmc.count(READING), 21 * 4);
}

#[test]
fn settings_that_others_change_are_seen_within_some_polls() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.sensors(&memory);
    bmc.sensors.insert((EVENTS.1, 2), Answer::Data(vec![0x40, 0, 0, 0, 0]));
    let polls = (0..10).find(|_| !bmc.sensors(&memory)[1].event_enable.unwrap().messages);
    assert!(polls.is_some_and(|polls| polls <= 3), "{polls:?}");
}

#[test]
fn no_scanning_no_reading_and_no_answer_are_three_things() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.sensors.insert((READING.1, 1), Answer::Data(vec![0x00, 0x80, 0xc0]));
    bmc.sensors.insert((READING.1, 2), Answer::Data(vec![0x29, 0xe0, 0xc0]));
    bmc.sensors.insert((READING.1, 0x30), Answer::Data(vec![0x00, 0xe0, 0x01, 0x80]));
    bmc.sensors.insert((READING.1, 0x31), Answer::Data(vec![0x00]));
    let readings = bmc.sensors(&memory);
    assert_eq!(readings[0].state, SensorState::ScanningDisabled);
    assert_eq!(readings[1].state, SensorState::Unavailable { states: States(0) });
    assert_eq!(readings[2].state, SensorState::Unavailable { states: States(1) });
    assert_eq!(readings[3].state, SensorState::NoAnswer);
    assert!(readings.iter().all(|reading| value(reading).is_none() && reading.threshold_status().is_none()));
}

#[test]
fn busy_is_not_gone() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.sensors.insert((READING.1, 1), Answer::Code(0xc0));
    assert_eq!(bmc.states(&memory)[0], SensorState::NoAnswer);
    assert_eq!(bmc.count(READING), 5, "asked twice");
    assert_eq!(memory.lock().unwrap().absent().count(), 0);
    bmc.sensors.insert((READING.1, 1), Answer::Data(vec![0x2a, 0xc0, 0xc0]));
    assert!(matches!(bmc.states(&memory)[0], SensorState::Read { raw: 0x2a, .. }));
}

#[test]
fn refused_sensors_are_left_out_of_the_next_polls_and_come_back() {
    for code in [0xcb, 0xcc, 0xcd] {
        let (mut bmc, memory) = (Bmc::new(server()), memory());
        bmc.sensors.insert((READING.1, 0x30), Answer::Code(code));
        for _ in 0..20 {
            assert_eq!(bmc.states(&memory)[2], SensorState::NoAnswer);
        }
        let asked = bmc.count(READING) - 20 * 3;
        assert!((3..8).contains(&asked), "{asked}");
        let absent: Vec<_> = memory.lock().unwrap().absent().map(|sensor| sensor.number).collect();
        assert_eq!(absent, [0x30]);
        bmc.sensors.insert((READING.1, 0x30), Answer::Data(vec![0, 0xc0, 1, 0x80]));
        let polls = (0..10).find(|_| matches!(bmc.states(&memory)[2], SensorState::Read { .. }));
        assert!(polls.is_some(), "it came back");
        assert_eq!(memory.lock().unwrap().absent().count(), 0);
    }
}

#[test]
fn silent_sensors_cost_their_patience_rarely() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.sensors.insert((READING.1, 2), Answer::Silence);
    for _ in 0..100 {
        let states = bmc.states(&memory);
        assert_eq!(states[1], SensorState::NoAnswer);
        assert!(matches!(states[3], SensorState::Read { .. }));
    }
    // Twice in the first poll, in case it was the link.
    let asked = bmc.count(READING) - 100 * 3;
    assert!(asked <= 10, "{asked}");
}

#[test]
fn each_silent_sensor_is_asked_twice_with_the_bmc_answering_between() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    for number in [1, 2, 0x30] {
        bmc.sensors.insert((READING.1, number), Answer::Silence);
    }
    let last = Arc::new(Mutex::new((0, 0)));
    bmc.hook = Some(Box::new({
        let last = Arc::clone(&last);
        move |_, request| {
            let mut last = last.lock().unwrap();
            let now = (request.netfn, request.command);
            assert!(*last != READING || now != READING || request.data == [0x31], "the BMC is asked between");
            *last = now;
        }
    }));
    bmc.sensors(&memory);
    assert_eq!(bmc.count(READING), 7);
    assert_eq!(memory.lock().unwrap().absent().count(), 3);
}

/// Each sensor is silent so many times, and then answers: how often they were asked.
fn asked_where_each_is_silent(times: usize, datagrams: u32) -> (Vec<SensorState>, usize) {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.datagrams = datagrams;
    let answers: Vec<_> = [1, 2, 0x30, 0x31].map(|number| bmc.sensors[&(READING.1, number)].clone()).into();
    let mut asked = [0; 4];
    bmc.hook = Some(Box::new(move |bmc, request| {
        if (request.netfn, request.command) != READING {
            return;
        }
        let place = [1, 2, 0x30, 0x31].iter().position(|number| *number == request.data[0]).unwrap();
        asked[place] += 1;
        let silent = asked[place] <= times;
        let answer = if silent { Answer::Silence } else { answers[place].clone() };
        bmc.sensors.insert((READING.1, request.data[0]), answer);
    }));
    (bmc.states(&memory), bmc.count(READING))
}

#[test]
fn how_many_silences_hide_no_sensor_follows_from_the_link() {
    let all_read =
        |states: &[SensorState]| states.iter().all(|state| matches!(state, SensorState::Read { .. }));
    let (states, asked) = asked_where_each_is_silent(1, 1);
    assert!(all_read(&states));
    assert_eq!(asked, 8);
    // Where every second datagram is lost, one in 131,072 of those that are there is silent to seventeen.
    let (states, asked) = asked_where_each_is_silent(5, 2);
    assert!(all_read(&states));
    assert_eq!(asked, 24);
    let (states, asked) = asked_where_each_is_silent(100, 2);
    assert!(states.iter().all(|state| *state == SensorState::NoAnswer));
    assert!((24..=32).contains(&asked), "{asked}");
}

#[test]
fn silent_sensors_are_asked_after_the_others_and_the_next_poll_goes_on_with_them() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.sensors.insert((READING.1, 1), Answer::Silence);
    let order = Arc::new(Mutex::new(Vec::new()));
    bmc.hook = Some(Box::new({
        let order = Arc::clone(&order);
        move |_, request| {
            if (request.netfn, request.command) == READING {
                order.lock().unwrap().push(request.data[0]);
            }
        }
    }));
    bmc.states(&memory);
    assert_eq!(*order.lock().unwrap(), [1, 2, 0x30, 0x31, 1]);

    // The deadline comes between the two times.
    let memory = self::memory();
    order.lock().unwrap().clear();
    let until_the_end = 3 + 5 + 1 + 4 + 1 + 3;
    assert!(bmc.poll_part(&memory, Want::Sensors, until_the_end).is_none());
    assert_eq!(order.lock().unwrap().last(), Some(&0x31));
    order.lock().unwrap().clear();
    assert_eq!(bmc.states(&memory)[0], SensorState::NoAnswer);
    assert_eq!(*order.lock().unwrap(), [2, 0x30, 0x31, 1]);
}

#[test]
fn of_many_silent_sensors_one_a_poll_is_asked_again_and_each_has_its_turn() {
    let records = (1..=40).map(|number| temperature(number.into(), number, "Temp")).collect();
    let (mut bmc, memory) = (Bmc::new(records), memory());
    let silent = 1..=20;
    for number in silent.clone() {
        bmc.sensors.insert((READING.1, number), Answer::Silence);
    }
    bmc.sensors(&memory);
    assert_eq!(bmc.count(READING), 20 + 2 * 20);
    for _ in 0..20 {
        let before = bmc.count(READING);
        bmc.sensors(&memory);
        assert_eq!(bmc.count(READING) - before, 20 + 1);
    }
    for number in silent {
        bmc.sensors.insert((READING.1, number), Answer::Data(vec![0x29, 0xc0, 0xc0]));
    }
    let polls =
        (0..100).find(|_| bmc.states(&memory).iter().all(|it| matches!(it, SensorState::Read { .. })));
    assert!(polls.is_some_and(|polls| polls < 40), "{polls:?}");
}

#[test]
fn a_command_that_a_bmc_never_answers_is_given_up_after_three_sensors() {
    let records: Vec<_> = (1..=40).map(|number| temperature(number.into(), number, "Temp")).collect();
    let (mut bmc, memory) = (Bmc::new(records), memory());
    for number in 1..=40 {
        bmc.sensors.insert((EVENTS.1, number), Answer::Silence);
        bmc.sensors.insert((THRESHOLDS.1, number), Answer::Silence);
    }
    bmc.sensors(&memory);
    assert_eq!(bmc.count(EVENTS), 3 * 2);
    thresholds(&mut bmc, &memory);
    assert_eq!(bmc.count(THRESHOLDS), 3 * 2);
    for _ in 0..10 {
        bmc.sensors(&memory);
        thresholds(&mut bmc, &memory);
    }
    assert!(bmc.count(EVENTS) <= 3 * 2 + 2, "{}", bmc.count(EVENTS));
    assert_eq!(bmc.count(THRESHOLDS), 3 * 2 + 10 * 2, "one sensor a poll: it may be there by now");
    // It is, and then all are asked again.
    for number in 1..=40 {
        bmc.sensors.insert((THRESHOLDS.1, number), Answer::Data(vec![0x10, 0, 0, 0, 0, 99, 0]));
    }
    let list = thresholds(&mut bmc, &memory);
    assert!(list.iter().all(|it| it.thresholds.of(Threshold::UpperCritical) == Some(Level::Value(99.0))));
}

#[test]
fn one_datagram_lost_is_none_of_the_sensor_s() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.sensors.insert((READING.1, 1), Answer::Silence);
    bmc.hook = Some(Box::new(|bmc, _| {
        if bmc.count(READING) > 0 {
            bmc.sensors.insert((READING.1, 1), Answer::Data(vec![0x29, 0xc0, 0xc0]));
        }
    }));
    assert!(matches!(bmc.states(&memory)[0], SensorState::Read { .. }));
    assert_eq!(memory.lock().unwrap().absent().count(), 0);
}

#[test]
fn a_bmc_may_be_silent_about_settings() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    for number in [1, 2, 0x30, 0x31] {
        bmc.sensors.insert((EVENTS.1, number), Answer::Silence);
        bmc.sensors.insert((THRESHOLDS.1, number), Answer::Silence);
    }
    for _ in 0..10 {
        let readings = bmc.sensors(&memory);
        assert!(readings.iter().all(|reading| matches!(reading.state, SensorState::Read { .. })));
        assert!(readings.iter().all(|reading| reading.event_enable.is_none()));
        assert_eq!(memory.lock().unwrap().absent().count(), 0);
    }
    let list = thresholds(&mut bmc, &memory);
    assert_eq!(list[1].thresholds.of(Threshold::UpperCritical), Some(Level::Value(114.0)));
}

#[test]
fn a_sensor_that_falls_silent_ends_one_poll_and_not_the_next() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.sensors(&memory);
    // Silence of a sensor that has answered before may be the link's.
    bmc.sensors.insert((READING.1, 2), Answer::Silence);
    assert!(bmc.poll_part(&memory, Want::Sensors, 1000).is_none());
    assert_eq!(bmc.states(&memory)[1], SensorState::NoAnswer);
}

#[test]
fn another_device_or_firmware_makes_the_repository_be_read_again() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.sensors(&memory);
    // A firmware update that keeps the stamps.
    bmc.id[3] = 0x31;
    bmc.records[0] = temperature(0x10, 1, "Renamed");
    let seen = (0..10).find(|_| &*bmc.sensors(&memory)[0].sensor.name == "Renamed");
    assert!(seen.is_some_and(|polls| polls <= 3), "{seen:?}");
}

#[test]
fn what_was_kept_saves_the_next_run_the_walk() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.sensors.insert((READING.1, 0x31), Answer::Code(0xcb));
    let first = bmc.sensors(&memory);
    let profile = memory.lock().unwrap().profile().unwrap();
    let bytes = profile.to_bytes();
    let restored = || {
        let mut memory = SensorMemory::new(Arc::new(Library::new()));
        memory.restore(SdrProfile::from_bytes(&bytes).unwrap());
        Arc::new(Mutex::new(memory))
    };
    let (records, before) = (bmc.count(SDR), bmc.total());
    let again = restored();
    assert_eq!(bmc.sensors(&again), first);
    assert_eq!(bmc.count(SDR), records);
    assert!(bmc.total() - before <= 4 + 3);
    assert_eq!(again.lock().unwrap().absent().count(), 1);
    // Not where the BMC is another one by now.
    bmc.id[2] = 0x03;
    bmc.sensors(&restored());
    assert_eq!(bmc.count(SDR), records + 5);
}

#[test]
fn servers_of_one_make_share_their_records() {
    let library = Arc::new(Library::new());
    let memories: Vec<_> =
        (0..3).map(|_| Arc::new(Mutex::new(SensorMemory::new(Arc::clone(&library))))).collect();
    let readings: Vec<_> = memories.iter().map(|memory| Bmc::new(server()).sensors(memory)).collect();
    assert!(Arc::ptr_eq(&readings[0][0].sensor, &readings[2][0].sensor));
}

#[test]
fn drives_are_asked_alone() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    let Ok(Reading::DriveHealth(drives)) = bmc.poll(&memory, Want::Drives) else { panic!("no drives") };
    assert_eq!(drives.iter().map(|drive| &*drive.sensor.name).collect::<Vec<_>>(), ["Drive 0", "Drive 1"]);
    assert_eq!((bmc.count(READING), bmc.count(EVENTS)), (2, 0));
    let before = bmc.total();
    bmc.poll(&memory, Want::Drives).unwrap();
    assert_eq!(bmc.total() - before, 3);
}

fn thresholds(bmc: &mut Bmc, memory: &Arc<Mutex<SensorMemory>>) -> Vec<SensorThresholds> {
    match bmc.poll(memory, Want::Thresholds) {
        Ok(Reading::Thresholds(thresholds)) => thresholds,
        other => panic!("{other:?}"),
    }
}

#[test]
fn thresholds_are_the_bmc_s_own_where_it_says_them_and_the_record_s_where_not() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.sensors.insert((THRESHOLDS.1, 1), Answer::Data(vec![0x12, 0, 7, 0, 0, 0xfe, 0]));
    bmc.sensors.insert((HYSTERESIS.1, 1), Answer::Data(vec![2, 0xff]));
    let list = thresholds(&mut bmc, &memory);
    assert_eq!(list.len(), 2);
    let levels = |at: usize| Threshold::ALL.map(|threshold| list[at].thresholds.of(threshold));
    let value = |value| Some(Level::Value(value));
    assert_eq!(levels(0), [None, value(7.0), None, None, value(-2.0), None]);
    assert_eq!((list[0].positive_hysteresis, list[0].negative_hysteresis), (value(2.0), None));
    assert_eq!(levels(1), [value(10.0), value(5.0), None, value(105.0), value(114.0), None]);
    assert_eq!((list[1].positive_hysteresis, list[1].negative_hysteresis), (value(4.0), value(4.0)));
}

#[test]
fn non_linear_sensors_have_factors_for_each_reading() {
    let mut records = server();
    records[0][23] = 0x70;
    let (mut bmc, memory) = (Bmc::new(records), memory());
    // M 2, B 1, K2 -1 at this reading.
    bmc.sensors.insert((FACTORS.1, 1), Answer::Data(vec![0x30, 2, 0, 1, 0, 0, 0xf0]));
    for _ in 0..3 {
        let readings = bmc.sensors(&memory);
        assert_eq!(value(&readings[0]), Some(8.3));
        let limits = readings[0].sensor.limits.as_ref().unwrap();
        assert_eq!(limits.thresholds.of(Threshold::UpperNonCritical), Some(Level::Value(21.1)));
    }
    assert_eq!(bmc.count(FACTORS), 1);
    // A reading that nobody can convert is none.
    bmc.sensors.insert((FACTORS.1, 1), Answer::Code(0xcc));
    bmc.sensors.insert((READING.1, 1), Answer::Data(vec![0x2a, 0xc0, 0xc1]));
    assert_eq!(bmc.states(&memory)[0], SensorState::Unavailable { states: States(1) });
}

#[test]
fn sensors_of_others_are_asked_through_the_bmc() {
    let mut records = server();
    (records[0][5], records[0][6]) = (0x2c, 0x61);
    let (mut bmc, memory) = (Bmc::new(records), memory());
    let readings = bmc.sensors(&memory);
    let owner = readings[0].sensor.owner;
    assert_eq!((owner.address, owner.channel, owner.lun), (0x2c, 6, 1));
    assert_eq!(bmc.bridged, [Bridge { channel: 6, address: 0x2c }; 2], "reading and events");
}

#[test]
fn too_little_privilege_is_told_and_not_taken_for_absence() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.sensors.insert((READING.1, 1), Answer::Code(0xd4));
    let fault = bmc.poll(&memory, Want::Sensors).unwrap_err();
    assert_eq!(fault.kind, FaultKind::InsufficientPrivilege);
    assert!(fault.message.contains("Get Sensor Reading"), "{fault}");
}

#[test]
fn a_bmc_without_records_has_no_sensors() {
    let (mut bmc, memory) = (Bmc::new(Vec::new()), memory());
    assert_eq!(bmc.sensors(&memory), []);
    assert_eq!(bmc.sensors(&memory), []);
    assert_eq!((bmc.count(DEVICE_ID), bmc.count(SDR)), (3, 1));
}
