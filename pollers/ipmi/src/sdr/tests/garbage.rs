//! Answers that mean nothing: no panic, an end, and memory within bounds. Seeded, so that a failure comes again.

use super::bmc::{drive, memory, temperature};
use crate::{
    command::{Conversation as _, Response, Step},
    sdr::{MAX_PROFILE, Record, Repository, SdrProfile, SensorPoll, Want},
};

/// xorshift64*.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1)).map(|_| self.next() as u8).collect()
    }
}

#[test]
fn records_of_garbage() {
    let mut seeded = Seeded(1);
    for round in 0..20_000 {
        let mut bytes = match round % 3 {
            0 => seeded.bytes(80),
            1 => temperature(1, 2, "a name"),
            _ => drive(1, 2, "a name"),
        };
        for _ in 0..seeded.below(6) {
            if !bytes.is_empty() {
                let at = seeded.below(bytes.len());
                bytes[at] = seeded.next() as u8;
            }
        }
        bytes.truncate(seeded.below(bytes.len() + 8));
        let manufacturer = if seeded.next() & 1 == 0 { 11 } else { 0 };
        let _ = Record::decode(&bytes, manufacturer);
        let repository = Repository::decode(bytes.repeat(3).into(), manufacturer);
        for record in repository.sensors() {
            let raw = seeded.next() as u8;
            let _ = (record.level(raw), record.hysteresis(raw));
            let _ = record.at_reading([raw, 0xff, raw, 0xff, 0xff, raw]);
        }
    }
}

#[test]
fn profiles_of_garbage() {
    let mut seeded = Seeded(2);
    for _ in 0..20_000 {
        let mut bytes = b"SDR\x01".to_vec();
        bytes.extend(seeded.bytes(120));
        if let Ok(profile) = SdrProfile::from_bytes(&bytes) {
            let memory = memory();
            memory.lock().unwrap().restore(profile);
        }
    }
    assert!(SdrProfile::from_bytes(&vec![0; MAX_PROFILE + 1]).is_err());
}

/// A BMC that answers anything at all, mostly something that looks right.
fn answer(seeded: &mut Seeded, command: u8) -> Response {
    const CODES: [u8; 12] = [0xc0, 0xc1, 0xc3, 0xc5, 0xca, 0xcb, 0xcc, 0xcd, 0xd0, 0xd3, 0xff, 0x80];
    if seeded.below(8) == 0 {
        return Response { completion: CODES[seeded.below(CODES.len())], data: seeded.bytes(4) };
    }
    let mut data = match command {
        // Parts of records, with any id as the next one.
        0x21 | 0x23 => {
            let mut data = seeded.next().to_le_bytes()[..2].to_vec();
            data.extend(if seeded.below(2) == 0 { temperature(1, 2, "name") } else { seeded.bytes(70) });
            data
        }
        _ => seeded.bytes(20),
    };
    if seeded.below(4) == 0 {
        data.truncate(seeded.below(data.len() + 1));
    }
    Response { completion: 0, data }
}

#[test]
fn polls_of_a_bmc_that_talks_garbage_end() {
    for seed in 1..300 {
        let mut seeded = Seeded(seed);
        let memory = memory();
        for want in [Want::Sensors, Want::Drives, Want::Sensors, Want::Thresholds] {
            let mut poll = SensorPoll::new(memory.clone(), want);
            let mut step = poll.step(None);
            let mut commands = 0;
            while let Step::Ask(request) = step {
                commands += 1;
                // A walk of as many records as there may be, in its smallest parts, three times.
                assert!(commands < 400_000, "seed {seed}: it does not end");
                step = if poll.patience().is_some() && seeded.below(50) == 0 {
                    poll.no_answer()
                } else {
                    poll.step(Some(answer(&mut seeded, request.command)))
                };
            }
        }
    }
}
