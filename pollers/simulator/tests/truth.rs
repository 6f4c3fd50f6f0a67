//! Sensor polls over bad links, and of BMCs that leave questions unanswered, in virtual time: a poll is the whole truth,
//! or it fails by its deadline.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod console;
mod world;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use console::config;
use rackpoll_ipmi::sdr::{Library, SensorMemory, SensorPoll, Want};
use rackpoll_model::{Fault, FaultKind, Reading, SensorReading, SensorState};
use rackpoll_simulator::{
    bmc::{BmcConfig, Quirks},
    content::{
        model::Model,
        models,
        sensor::{Analog, Conversion, Discrete, Format, Kind, Presence, Sensor, Thresholds},
    },
    link::Faults,
};
use world::{BAD, LIMIT, World, options};

/// A BMC of this model that answers in 20 ms and has slots for all sessions that a link loses.
fn bmc(model: &Arc<Model>, seed: u64) -> BmcConfig {
    let base = config("server");
    BmcConfig {
        users: base.users,
        incidents: base.incidents,
        slots: 64,
        response_time: Duration::from_millis(20),
        ..BmcConfig::new(Arc::clone(model), seed)
    }
}

/// One BMC's sensors from poll to poll.
struct Poller {
    world: World,
    memory: Arc<Mutex<SensorMemory>>,
}

impl Poller {
    fn new(config: BmcConfig, faults: Faults, seed: u64) -> Self {
        let memory = Arc::new(Mutex::new(SensorMemory::new(Arc::new(Library::new()))));
        Self { world: World::with(config, options("viewer"), faults, seed), memory }
    }

    /// A poll, and how long it took. A second of rest is before the next one.
    fn poll(&mut self, limit: Duration) -> (Result<Vec<SensorReading>, Fault>, Duration) {
        let begun = self.world.now;
        let reading = self.world.poll(SensorPoll::new(Arc::clone(&self.memory), Want::Sensors), limit);
        let took = self.world.now - begun;
        self.world.rest(Duration::from_secs(1));
        let readings = reading.map(|reading| match reading {
            Reading::Sdr(readings) => readings,
            other => panic!("{other:?}"),
        });
        (readings, took)
    }

    fn is_polite(&mut self) {
        let counters = self.world.bmc.counters(self.world.now);
        assert_eq!((counters.most_in_flight, counters.overrun), (1, 0));
    }
}

/// What is the same in every poll: the sensor, whether it reads, its states and its events. Values wander.
fn lasting(reading: &SensorReading) -> impl PartialEq + std::fmt::Debug + use<> {
    let (reads, states) = match reading.state {
        SensorState::Read { states, .. } => ("reads", Some(states)),
        SensorState::Unavailable { states } => ("unavailable", Some(states)),
        SensorState::ScanningDisabled => ("scanning disabled", None),
        SensorState::NoAnswer => ("no answer", None),
    };
    (Arc::clone(&reading.sensor), reads, states, reading.event_enable)
}

fn agree(expected: &[SensorReading], readings: &[SensorReading]) {
    assert_eq!(expected.len(), readings.len());
    for (expected, reading) in expected.iter().zip(readings) {
        assert_eq!(lasting(expected), lasting(reading));
    }
}

/// A model with the records of a recorded server, where the recordings are on this machine. What its sensors read is made up.
fn recorded(name: &str) -> Option<Arc<Model>> {
    let peers = std::env::var_os("RACKPOLL_PEERS").map(PathBuf::from);
    let peers = peers.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/peers"));
    let dump = std::fs::read(peers.join("ipmi/models").join(name).join("expected/sdr.bin")).ok()?;
    let (mut records, mut sensors, mut rest) = (Vec::new(), Vec::<Sensor>::new(), &dump[..]);
    while let [_, _, _, kind, length, ..] = *rest {
        let (record, after) = rest.split_at(5 + usize::from(length));
        rest = after;
        if matches!(kind, 1 | 2) && sensors.iter().all(|sensor| sensor.number != record[7]) {
            sensors.push(made_up(record));
        }
        let mut record = record.to_vec();
        record[..2].copy_from_slice(&Model::record_id(records.len()).to_le_bytes());
        records.push(record);
    }
    let like = models::by_name("server").unwrap();
    Some(Arc::new(Model {
        name: like.name,
        description: like.description,
        product: like.product,
        sensors,
        records,
        slots: 64,
        longest_sdr_read: 28,
        product_id: like.product_id,
        firmware: like.firmware,
        sel_capacity: like.sel_capacity,
    }))
}

/// A sensor that reads, as far as its record tells what it is.
fn made_up(record: &[u8]) -> Sensor {
    let conversion = Conversion {
        format: Format::Unsigned,
        m: 1,
        b: 0,
        b_exponent: 0,
        result_exponent: 0,
        linearization: 0,
    };
    let kind = match record[13] {
        0x01 => Kind::Analog(Analog {
            unit: 1,
            percentage: false,
            conversion,
            thresholds: Thresholds::default(),
            hysteresis: 0,
            center: record[7].into(),
            swing: 4,
        }),
        event_type => Kind::Discrete(Discrete {
            event_type,
            states: 0x7fff,
            normal: 1 << (record[7] % 8),
            fault: None,
            full_record: record[3] == 1,
        }),
    };
    Sensor {
        number: record[7],
        name: String::new(),
        entity: (record[8], record[9]),
        sensor_type: record[12],
        kind,
        needs_power: false,
        // Some empty slots.
        presence: if record[7] % 16 == 5 { Presence::Refused } else { Presence::Present },
    }
}

#[test]
fn over_the_worst_link_a_poll_is_the_whole_truth_or_fails_in_time() {
    let recordings = ["dell_r630", "dell_r730", "quanta_d51", "s2600kp", "vnode"];
    let models = models::all().iter().cloned().chain(recordings.into_iter().filter_map(recorded));
    let (mut whole, mut late, mut lost) = (0, 0, 0);
    for (place, model) in models.enumerate() {
        let (expected, _) = Poller::new(bmc(&model, 7), Faults::default(), 1).poll(Duration::from_secs(600));
        let expected = expected.unwrap();
        for seed in 0..3 {
            let seed = 10 * place as u64 + seed;
            let mut poller = Poller::new(bmc(&model, 7), BAD, seed);
            // About what a poll takes whose sensors are known: the first ones end at their deadline.
            let limit = Duration::from_secs(30) + Duration::from_millis(2500) * expected.len() as u32;
            let mut ends = Vec::new();
            // Until four are whole.
            while ends.iter().filter(|whole| **whole).count() < 4 {
                assert!(ends.len() < 20, "{} records, seed {seed}: {ends:?}", model.records.len());
                let (readings, took) = poller.poll(limit);
                assert!(took <= limit, "{} {seed}: {took:?}", model.name);
                ends.push(readings.is_ok());
                match readings {
                    Ok(readings) => agree(&expected, &readings),
                    Err(fault) => assert_eq!(fault.kind, FaultKind::Timeout, "{fault}"),
                }
            }
            whole += ends.iter().filter(|end| **end).count();
            late += ends.iter().filter(|end| !**end).count();
            lost += poller.world.inward.counters().lost + poller.world.outward.counters().lost;
            poller.is_polite();
        }
    }
    println!("{whole} polls whole, {late} late, {lost} datagrams lost");
    assert!(whole >= 4 * 15 && late > 15 && lost > 5_000, "{whole} whole, {late} late, {lost} lost");
}

/// A BMC of 106 sensors, of which so many never answer; and those that answer never or with a refusal.
fn with_silent(silent: u8) -> (BmcConfig, Vec<u8>) {
    let model = models::all().iter().max_by_key(|model| model.sensors.len()).unwrap();
    let mute_sensors: Vec<u8> = (1..=silent).map(|place| place * 2).collect();
    let is_absent =
        |sensor: &&Sensor| sensor.presence == Presence::Refused || mute_sensors.contains(&sensor.number);
    let absent = model.sensors.iter().filter(is_absent).map(|sensor| sensor.number).collect();
    (BmcConfig { quirks: Quirks { mute_sensors, ..Quirks::default() }, ..bmc(model, 7) }, absent)
}

fn silent(readings: &[SensorReading]) -> Vec<u8> {
    let silent = readings.iter().filter(|reading| reading.state == SensorState::NoAnswer);
    silent.map(|reading| reading.sensor.number).collect()
}

#[test]
fn sensors_that_never_answer_keep_no_poll_from_being_whole_for_long() {
    for (number, late, first) in [(0, 0, 13), (1, 0, 18), (5, 0, 25), (10, 0, 30), (20, 1, 60), (40, 2, 90)] {
        let (config, expected) = with_silent(number);
        let mut poller = Poller::new(config, Faults::default(), 3);
        let (mut spent, mut failed) = (Duration::ZERO, 0);
        let readings = loop {
            let (readings, took) = poller.poll(LIMIT);
            spent += took;
            match readings {
                Ok(readings) => break readings,
                Err(fault) => assert_eq!(fault.kind, FaultKind::Timeout),
            }
            failed += 1;
        };
        println!("{number} silent: {failed} polls late, whole after {:.1} s", spent.as_secs_f64());
        assert!(failed <= late && spent <= Duration::from_secs(first), "{number}: {failed} late, {spent:?}");
        assert_eq!(silent(&readings), expected);
        // From now on one of them is asked in a poll, at most.
        for _ in 0..100 {
            let (readings, took) = poller.poll(LIMIT);
            assert!(took < Duration::from_secs(7), "{took:?}");
            assert_eq!(silent(&readings.unwrap()), expected);
        }
        poller.is_polite();
    }
}

#[test]
fn over_the_worst_link_silent_sensors_are_told_from_unlucky_ones_and_seen_when_they_answer() {
    let limit = Duration::from_secs(300);
    for seed in 0..4 {
        let (config, expected) = with_silent(4);
        let mut poller = Poller::new(config, BAD, seed);
        let mut whole = 0;
        for _ in 0..16 {
            if let (Ok(readings), _) = poller.poll(limit) {
                assert_eq!(silent(&readings), expected, "seed {seed}");
                whole += 1;
            }
        }
        assert!(whole >= 8, "seed {seed}: {whole} whole");
        poller.world.bmc.set_quirks(Quirks::default());
        let (_, refused) = with_silent(0);
        let seen =
            (0..80).find(|_| matches!(poller.poll(limit), (Ok(readings), _) if silent(&readings) == refused));
        println!("seed {seed}: {whole} of 16 whole, all seen after {seen:?} polls");
        assert!(seen.is_some(), "seed {seed}: a sensor that answers again stays hidden");
        poller.is_polite();
    }
}
