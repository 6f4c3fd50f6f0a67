//! Records: of sensors, of the event log, and what is kept of them on disk.

use std::sync::Arc;

use rackpoll_fuzz_driver::{Script, Target};
use rackpoll_ipmi::{
    command::{Conversation, Request, Response, Step, get_fru_inventory_area_info, read_fru_data},
    fru::FruPoll,
    sdr::{Conversion, Format, Linearisation, Record, Repository, SdrProfile},
    sel,
};
use rackpoll_model::{FruInventory, FruRecord, FruState, Reading, SelBody, event};
use rackpoll_simulator::content::{fru, models, sel::EventLog};

pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "sdr-record",
        about: "one sensor data record: decoded or refused, names bounded, every raw reading converted",
        run: sdr_record,
        seeds: || models::all().iter().flat_map(|model| model.records.iter().cloned()).collect(),
        longest: 260,
        most_allocated: 4096,
    },
    Target {
        name: "sdr-repository",
        about: "records one after the other: each counted once, and no more memory than a few times their bytes",
        run: sdr_repository,
        seeds: || {
            models::all()
                .iter()
                .map(|model| model.records.iter().take(40).flatten().copied().collect())
                .collect()
        },
        longest: 4096,
        // 4,096 bytes are at most 819 records.
        most_allocated: 512 << 10,
    },
    Target {
        name: "sdr-profile",
        about: "what was kept of a BMC's sensors: comes back as it was, or is none",
        run: sdr_profile,
        seeds: profiles,
        longest: 4096,
        most_allocated: 64 << 10,
    },
    Target {
        name: "sel-record",
        about: "one record of the event log: decoded, and its texts found",
        run: sel_record,
        seeds: sel_records,
        longest: 16,
        most_allocated: 1024,
    },
    Target {
        name: "sel-memory",
        about: "what was kept of a BMC's event log: comes back as it was, or is none",
        run: sel_memory,
        seeds: || {
            let kept = |flags: u8, records: usize| {
                [&b"SEL\x01"[..], &[flags, 1, 2, 3, 4], &[7; 18].repeat(records)].concat()
            };
            vec![kept(0, 0), kept(0x0f, 1), kept(0x1b, 5), kept(0x20, 90)]
        },
        longest: 2048,
        most_allocated: 64 << 10,
    },
    Target {
        name: "fru-inventory",
        about: "an inventory of any bytes, by bytes and by words, read by the poll: no byte twice, texts and records bounded",
        run: fru_inventory,
        seeds: fru_inventories,
        longest: 2048,
        most_allocated: 64 << 10,
    },
];

fn sdr_record(bytes: &[u8]) {
    for manufacturer in [0, 11] {
        let Ok(record) = Record::decode(bytes, manufacturer) else { continue };
        let name = match &record {
            Record::Sensor(record) => {
                for raw in 0..=u8::MAX {
                    let _ = record.level(raw);
                    if let Some(conversion) = record.conversion {
                        is_conversion_sound(&conversion, raw);
                    }
                }
                if let (true, Some((_, sensor))) = (record.is_non_linear(), record.at_reading([1; 6])) {
                    assert_eq!(sensor.number, record.sensor.number);
                }
                if let Some(sharing) = record.sharing {
                    assert!((2..=15).contains(&sharing.count));
                    assert!(
                        sharing.name(&record.sensor.name, sharing.count).len() > record.sensor.name.len()
                    );
                }
                &record.sensor.name
            }
            Record::EventOnly(sensor) => &sensor.name,
            Record::Fru(locator) => &locator.name,
            Record::Controller(locator) => &locator.name,
            Record::EntityAssociation(association) => {
                assert!(association.contained.len() <= 4);
                continue;
            }
            Record::Oem(oem) => {
                assert!(oem.data.len() <= bytes.len());
                continue;
            }
            Record::Other { .. } => continue,
        };
        assert!(name.chars().count() <= 62, "{name:?}");
    }
}

/// Numbers that are not finite are possible where L has none, and nowhere else.
fn is_conversion_sound(conversion: &Conversion, raw: u8) {
    let numbers = [conversion.value(raw), conversion.hysteresis(raw), conversion.accuracy()];
    if matches!(conversion.linearisation, Linearisation::Linear | Linearisation::NonLinear) {
        assert!(numbers.iter().all(|number| number.is_finite()), "{conversion:?} of {raw}: {numbers:?}");
    }
    let number = conversion.format.number(raw);
    assert!((-128..=255).contains(&number) && (conversion.format == Format::Unsigned || number < 128));
}

fn sdr_repository(bytes: &[u8]) {
    let repository = Repository::decode(bytes.into(), 11);
    let all = repository.sensors().len() + repository.others().len() + repository.malformed();
    assert!(all <= bytes.len() / 5);
    for record in repository.sensors().iter().take(8) {
        let (owner, number) = (record.sensor.owner, record.sensor.number);
        assert!(repository.sensor_name(owner, number).is_some());
        let _ = repository.sensor_name(owner, number.wrapping_add(3));
        // A threshold event of it.
        let (address, place) = (owner.address, owner.channel << 4 | owner.lun);
        let kind = record.sensor.sensor_type.0;
        let mut entry =
            sel::decode([1, 0, 2, 0, 0, 0, 0, address, place, 4, kind, number, 1, 0x50, number, 0xff]);
        repository.explain(std::slice::from_mut(&mut entry));
        let sensor = entry.sensor.expect("the sensor is in the repository");
        let values = [sensor.trigger_reading, sensor.trigger_threshold];
        assert!(values.into_iter().flatten().all(f64::is_finite));
        assert!(record.sensor.is_threshold() || values == [None, None] || repository.sensors().len() > 1);
    }
    assert!(repository.fru_locators().count() + repository.controllers().count() <= all);
}

fn sdr_profile(bytes: &[u8]) {
    if let Ok(profile) = SdrProfile::from_bytes(bytes) {
        let again = profile.to_bytes();
        assert_eq!(SdrProfile::from_bytes(&again).as_ref(), Ok(&profile));
    }
}

fn sel_record(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let entry = sel::decode(std::array::from_fn(|_| script.byte()));
    assert_eq!(entry.record_id.to_le_bytes(), entry.raw[..2]);
    match entry.body {
        SelBody::Event(event) => {
            let [_, _, _, _, _, _, _, _, _, _, _, _, _, data1, data2, _] = entry.raw;
            let (kind, sensor) = (event.event_type, event.sensor_type);
            for text in [
                event::state_text(kind, sensor, data1 & 0x0f),
                event::event_text(kind, sensor, data1 & 0x0f, Some(data2)),
                sensor.name(),
            ] {
                assert!(text.is_none_or(|text| !text.is_empty()));
            }
        }
        SelBody::OemTimestamped { manufacturer, .. } => assert!(manufacturer < 1 << 24),
        SelBody::Oem { data } => assert_eq!(data, entry.raw[3..]),
    }
}

fn sel_memory(bytes: &[u8]) {
    if let Some(memory) = sel::Memory::from_bytes(bytes) {
        let again = memory.to_bytes();
        assert_eq!(again.len(), bytes.len());
        assert_eq!(sel::Memory::from_bytes(&again).map(|memory| memory.to_bytes()), Some(again));
    }
}

/// A repository that names no FRU device.
struct NoRepository;

impl Conversation for NoRepository {
    fn step(&mut self, _: Option<Response>) -> Step {
        Step::Done(Ok(Reading::Sdr(Vec::new())))
    }
}

fn fru_inventory(input: &[u8]) {
    let Some((habits, bytes)) = input.split_first() else { return };
    // Whether the device counts words, and the most that one answer may hold.
    let (by_words, most) = (habits & 1 != 0, usize::from(habits >> 1).max(1));
    let bytes = if by_words { bytes.as_chunks::<2>().0.as_flattened() } else { bytes };
    let mut poll = FruPoll::new(Box::new(NoRepository), Arc::new(Vec::new));
    let (mut step, mut read, mut asked) = (poll.step(None), 0, 0);
    let devices = loop {
        let request = match step {
            Step::Ask(request) => request,
            Step::Done(Ok(Reading::Fru(devices))) => break devices,
            Step::Done(other) => panic!("{other:?}"),
        };
        asked += 1;
        assert!(asked <= bytes.len() + 16, "{asked} commands for {} bytes", bytes.len());
        let (completion, data) = fru_device(&request, bytes, by_words, most);
        read += data.len().saturating_sub(1);
        step = poll.step(Some(Response { completion, data }));
    };
    // A read of words may begin and end a byte outside of what was wanted.
    assert!(read <= 2 * bytes.len() + 16, "{read} bytes read of {}", bytes.len());
    for device in devices {
        if let FruState::Read(inventory) = device.state {
            is_inventory_bounded(&inventory, bytes.len());
        }
    }
}

/// What the device says to a command.
fn fru_device(request: &Request, bytes: &[u8], by_words: bool, most: usize) -> (u8, Vec<u8>) {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes();
    match (request.command, &request.data[..]) {
        (get_fru_inventory_area_info::COMMAND, [_]) => (0, vec![length[0], length[1], by_words.into()]),
        (read_fru_data::COMMAND, [_, o0, o1, count]) => {
            let unit = if by_words { 2 } else { 1 };
            let (offset, count) =
                (usize::from(u16::from_le_bytes([*o0, *o1])) * unit, usize::from(*count) * unit);
            let Some(rest) = bytes.get(offset..).filter(|_| count <= most.max(8)) else {
                return (0xca, Vec::new());
            };
            let part = rest.get(..count).unwrap_or(rest);
            let units = u8::try_from(part.len() / unit).unwrap_or(u8::MAX);
            (0, [&[units], part].concat())
        }
        other => panic!("{other:?} was asked of a FRU device"),
    }
}

fn is_inventory_bounded(inventory: &FruInventory, length: usize) {
    let FruInventory { chassis, board, product, records, wrong_checksums, unreadable } = inventory;
    let mut texts: Vec<&String> = Vec::new();
    if let Some(chassis) = chassis {
        texts.extend([&chassis.part_number, &chassis.serial]);
        texts.extend(&chassis.extra);
    }
    if let Some(board) = board {
        let names = [&board.manufacturer, &board.product, &board.serial, &board.part_number, &board.file_id];
        texts.extend(names);
        texts.extend(&board.extra);
        assert!(board.made < 1 << 24);
    }
    if let Some(product) = product {
        let names = [&product.manufacturer, &product.name, &product.part_number, &product.version];
        texts.extend(names);
        texts.extend([&product.serial, &product.asset_tag, &product.file_id]);
        texts.extend(&product.extra);
    }
    // A field has 63 bytes at most; areas may overlap, so their texts together have no bound but three times the fields.
    assert!(texts.iter().all(|text| text.chars().count() <= 126), "{texts:?}");
    assert!(texts.len() <= 3 * length + 14);
    assert!(records.len() <= 64 && wrong_checksums.len() <= 5 + records.len());
    assert!(unreadable.len() <= 4);
    for record in records {
        if let FruRecord::Other { data, .. } = record {
            assert!(data.len() <= 255);
        }
    }
}

/// Inventories of the simulator's, one with records of every kind, and one whose areas lie in each other.
fn fru_inventories() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for (habits, model) in (0_u8..).map(|place| 0xff - place % 3 * 0x60).zip(models::all()) {
        seeds.push([&[habits][..], &fru::inventory(model, 7)].concat());
    }
    let record = |kind: u8, last: bool, data: &[u8]| {
        let sum = |bytes: &[u8]| bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
        let length = u8::try_from(data.len()).unwrap_or(u8::MAX);
        let mut header = vec![kind, if last { 0x82 } else { 0x02 }, length, sum(data)];
        header.push(sum(&header));
        [&header[..], data].concat()
    };
    let header = [1, 0, 0, 0, 0, 1, 0, 0xfe];
    let records: Vec<u8> = [
        record(0, false, &[0x2c; 24]),
        record(1, false, &[1; 13]),
        record(2, false, &[2; 13]),
        record(0xc0, true, &[0xa2, 2, 0, 9]),
    ]
    .concat();
    seeds.push([&[0xfe][..], &header, &records].concat());
    seeds.push([&[0x21][..], &header, &records].concat());
    seeds.push(
        [&[0xff][..], &[1, 1, 1, 1, 1, 1, 0, 0xfa], &[1, 2, 25, 0xc3, b'a', b'b', b'c', 0xc1].repeat(4)]
            .concat(),
    );
    seeds
}

/// A profile of a repository of the simulator's, and an empty one; their layout is ours.
fn profiles() -> Vec<Vec<u8>> {
    let profile = |source: &[u8], raw: &[u8], learned: &[u8], count: u32| {
        let length = u32::try_from(raw.len()).unwrap_or_default().to_le_bytes();
        [b"SDR\x01\xff\xa2\x02\0\0\0\x01\x20\x02\x30", source, &length, raw, &count.to_le_bytes(), learned]
            .concat()
    };
    let records: Vec<u8> =
        models::all().iter().flat_map(|model| model.records.first()).flatten().copied().collect();
    let repository = [0, 0x51, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    vec![
        profile(&repository, &records, &[0, 0x11, 0x33, 0x7f, 0, 0x7f, 0, 3, 7], 3),
        profile(&[1, 3, 1, 9, 0, 0, 0], &[], &[0], 1),
        profile(&[1, 0, 0, 0, 0, 0, 0], &[], &[], 0),
    ]
}

fn sel_records() -> Vec<Vec<u8>> {
    let mut records = vec![
        [1, 0, 0xc0, 1, 2, 3, 4, 0xa2, 2, 0, 1, 2, 3, 4, 5, 6].to_vec(),
        [2, 0, 0xe5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13].to_vec(),
    ];
    for model in models::all() {
        let log = EventLog::with_history(model, 7, 1_790_000_000);
        let mut id = 0;
        while let Some((next, record)) = log.entry(id) {
            records.push(record.to_vec());
            if next == 0xffff || records.len().is_multiple_of(40) {
                break;
            }
            id = next;
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_of_profiles_are_profiles() {
        assert!(profiles().iter().all(|bytes| SdrProfile::from_bytes(bytes).is_ok()));
    }
}
