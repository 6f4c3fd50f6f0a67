//! Records: of sensors, of the event log, and what is kept of them on disk.

use rackpoll_fuzz_driver::{Script, Target};
use rackpoll_ipmi::{
    sdr::{Conversion, Format, Linearisation, Record, Repository, SdrProfile},
    sel,
};
use rackpoll_model::{SelBody, event};
use rackpoll_simulator::content::{models, sel::EventLog};

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
