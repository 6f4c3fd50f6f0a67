use rackpoll_model::FaultKind;

use super::bmc::{Bmc, DEVICE_ID, DEVICE_SDR, INFO, RESERVE, SDR, SILENT, memory, oem, server, temperature};
use crate::sdr::Want;

fn raw(records: &[Vec<u8>]) -> Vec<u8> {
    records.concat()
}

#[test]
fn whole_records_are_one_exchange_each() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    assert_eq!(bmc.sensors(&memory).len(), 4);
    assert_eq!((bmc.count(SDR), bmc.count(RESERVE), bmc.count(INFO)), (5, 1, 2));
    let memory = memory.lock().unwrap();
    assert_eq!(memory.repository().unwrap().raw(), raw(&server()));
    assert_eq!(memory.read_size(), 255);
}

#[test]
fn small_buffers_are_learned_once() {
    for (buffer, code, learned) in [(56, 0xca, 56), (30, 0xc3, 28), (22, 0xff, 20), (7, 0xc8, 7)] {
        let (mut bmc, memory) = (Bmc::new(server()), memory());
        bmc.buffer = (buffer, code);
        assert_eq!(bmc.sensors(&memory).len(), 4, "{buffer}");
        assert_eq!(memory.lock().unwrap().repository().unwrap().raw(), raw(&server()));
        assert_eq!(memory.lock().unwrap().read_size(), learned);
        // Nothing is refused any more the next time.
        let first = bmc.count(SDR);
        bmc.stamps.0 += 1;
        bmc.sensors(&memory);
        let parts = |record: &Vec<u8>| 1 + (record.len() - 5).div_ceil(usize::from(learned));
        let needed = server().iter().map(parts).sum::<usize>();
        assert_eq!(bmc.count(SDR) - first, needed, "{buffer}");
    }
}

#[test]
fn a_lost_reservation_is_made_anew_and_the_record_begun_again() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.buffer.0 = 20;
    let mut count = 0;
    bmc.hook = Some(Box::new(move |bmc, request| {
        count += usize::from((request.netfn, request.command) == SDR);
        // In the middle of the second temperature.
        if count == 11 {
            bmc.reservation += 1;
            count += 1;
        }
    }));
    assert_eq!(bmc.sensors(&memory).len(), 4);
    assert_eq!(bmc.count(RESERVE), 2);
    assert_eq!(memory.lock().unwrap().repository().unwrap().raw(), raw(&server()));
}

#[test]
fn a_walk_that_is_interrupted_anywhere_reads_each_record_once() {
    for commands in 1..=10 {
        let (mut bmc, memory) = (Bmc::new(server()), memory());
        assert!(bmc.poll_part(&memory, Want::Sensors, commands).is_none());
        assert_eq!(bmc.sensors(&memory).len(), 4, "after {commands} commands");
        assert_eq!(memory.lock().unwrap().repository().unwrap().raw(), raw(&server()));
    }
}

#[test]
fn reservations_that_never_last_are_a_fault() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.hook = Some(Box::new(|bmc, request| {
        bmc.reservation += u16::from((request.netfn, request.command) == SDR);
    }));
    assert_eq!(bmc.poll(&memory, Want::Sensors).unwrap_err().kind, FaultKind::Busy);
    assert!(bmc.total() < 50);
}

#[test]
fn the_last_record_may_be_unreadable_for_ever() {
    for code in [0xff, 0xca, 0xcb, 0xc3] {
        let (mut bmc, memory) = (Bmc::new(server()), memory());
        bmc.broken.insert(0x30, code);
        let readings = bmc.sensors(&memory);
        assert_eq!(readings.len(), 3, "{code:#x}");
        // It was not the size of the read.
        assert_eq!(memory.lock().unwrap().read_size(), 255);
    }
    // Another one hides all that come after it, because only its answer says which those are.
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.broken.insert(0x20, 0xcb);
    let fault = bmc.poll(&memory, Want::Sensors).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Refused);
    assert!(fault.message.contains("Get SDR"), "{fault}");
}

#[test]
fn lists_that_go_in_a_circle_end() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.next.insert(0x30, 0x11);
    assert_eq!(bmc.sensors(&memory).len(), 4);
    bmc.next.insert(0x30, 0x30);
    bmc.stamps.0 += 1;
    assert_eq!(bmc.sensors(&memory).len(), 4);
    assert_eq!(bmc.count(SDR), 10);
}

#[test]
fn lists_without_an_end_are_a_fault() {
    let (mut bmc, memory) = (Bmc::new((1..60_000).map(oem).collect()), memory());
    let fault = bmc.poll(&memory, Want::Sensors).unwrap_err();
    assert_eq!(fault.kind, FaultKind::BadAnswer);
    assert!(bmc.total() < 5000, "{}", bmc.total());
}

#[test]
fn a_repository_that_changes_meanwhile_is_read_again() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    let mut count = 0;
    bmc.hook = Some(Box::new(move |bmc, request| {
        count += usize::from((request.netfn, request.command) == SDR);
        if count == 3 {
            count = 100;
            bmc.stamps.0 += 1;
            bmc.records[0] = temperature(0x10, 1, "Renamed");
        }
    }));
    let names = |bmc: &mut Bmc| {
        bmc.sensors(&memory).iter().map(|reading| reading.sensor.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut bmc), ["Renamed", "Exhaust Temp", "Drive 0", "Drive 1"]);
    // And with every poll that finds other stamps.
    bmc.stamps.1 += 1;
    bmc.records.remove(2);
    assert_eq!(names(&mut bmc), ["Renamed", "Drive 0", "Drive 1"]);
}

#[test]
fn controllers_without_a_repository_have_records_of_their_own() {
    for says in [0xbd, 0xbf] {
        let (mut bmc, memory) = (Bmc::new(server()), memory());
        bmc.repository = false;
        // Bit 7 of the second byte: it gives device SDRs. Bit 1 of the sixth: it has a repository; some say so and
        // have none.
        (bmc.id[1], bmc.id[5]) = (0x81, says);
        assert_eq!(bmc.sensors(&memory).len(), 4);
        assert_eq!(bmc.count(DEVICE_SDR), 5);
        assert_eq!(bmc.count(SDR), 0);
        let first = bmc.total();
        bmc.sensors(&memory);
        assert!(bmc.total() - first <= 4 + 3);
        assert_eq!(bmc.count(DEVICE_SDR), 5);
        bmc.stamps.0 += 1;
        bmc.sensors(&memory);
        assert_eq!(bmc.count(DEVICE_SDR), 10);
    }
}

#[test]
fn a_walk_goes_on_where_a_deadline_interrupted_it() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.buffer.0 = 20;
    let mut polls = 0;
    let readings = loop {
        polls += 1;
        if let Some(result) = bmc.poll_part(&memory, Want::Sensors, 12) {
            break result.unwrap();
        }
        assert!(polls < 20, "it never ends");
    };
    assert!(polls > 2);
    let rackpoll_model::Reading::Sdr(readings) = readings else { panic!("{readings:?}") };
    assert_eq!(readings.len(), 4);
    assert_eq!(memory.lock().unwrap().repository().unwrap().raw(), raw(&server()));
    // At most the record that was being read is begun again: header and three parts.
    let parts = |record: &Vec<u8>| 1 + (record.len() - 5).div_ceil(20);
    let needed = server().iter().map(parts).sum::<usize>();
    assert!(bmc.count(SDR) <= needed + 4 * polls, "{} {polls}", bmc.count(SDR));
    assert!(bmc.count(DEVICE_ID) <= polls);
}

#[test]
fn large_reads_that_are_never_answered_get_smaller_from_poll_to_poll() {
    let (mut bmc, memory) = (Bmc::new(server()), memory());
    bmc.buffer = (20, SILENT);
    let polls =
        (1..20).find(|_| bmc.poll_part(&memory, Want::Sensors, 1000).is_some_and(|result| result.is_ok()));
    assert_eq!(polls, Some(5));
    assert_eq!(memory.lock().unwrap().read_size(), 20);
}
