use rackpoll_model::SensorOwner;

use super::{
    record::{ControllerLocator, FruLocator, HEADER, Record},
    sensor_record::SensorRecord,
};
use crate::command::{
    get_device_id::DeviceId, get_device_sdr_info::DeviceSdrInfo, get_sdr_repository_info::RepositoryInfo,
};

/// What a repository was read from. While it is the same, so is the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    /// Manufacturer's enterprise number.
    pub manufacturer: u32,
    /// Product.
    pub product: u16,
    /// Device id.
    pub device: u8,
    /// Firmware revision.
    pub firmware: (u8, u8),
    /// Where the records come from, with the stamps that change with them.
    pub source: Source,
}

/// Where records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The SDR repository.
    Repository(RepositoryInfo),
    /// The controller's own records (Get Device SDR), where it has no repository.
    Device(DeviceSdrInfo),
}

impl Key {
    pub(super) fn new(id: &DeviceId, source: Source) -> Self {
        Self {
            manufacturer: id.manufacturer,
            product: id.product,
            device: id.device,
            firmware: id.firmware,
            source,
        }
    }

    /// Whether it is the same device with the same firmware.
    pub(super) fn is_of(&self, id: &DeviceId) -> bool {
        *self == Self::new(id, self.source)
    }
}

/// The records of one controller: raw as they were read, and decoded.
#[derive(Debug, PartialEq)]
pub struct Repository {
    raw: Box<[u8]>,
    manufacturer: u32,
    sensors: Vec<SensorRecord>,
    others: Vec<Record>,
    malformed: usize,
}

impl Repository {
    /// Decodes records that stand one after the other. Those that are too short for their kind are left out and
    /// counted: one broken record must not hide the others. `manufacturer` is the BMC's enterprise number.
    pub fn decode(raw: Box<[u8]>, manufacturer: u32) -> Self {
        let (mut sensors, mut others, mut malformed) = (Vec::new(), Vec::new(), 0);
        for record in records(&raw) {
            match Record::decode(record, manufacturer) {
                Ok(Record::Sensor(record)) => sensors.push(record),
                Ok(record) => others.push(record),
                Err(_) => malformed += 1,
            }
        }
        sensors.shrink_to_fit();
        others.shrink_to_fit();
        Self { raw, manufacturer, sensors, others, malformed }
    }

    /// Sensors that can be read (full and compact records), in the repository's order.
    pub fn sensors(&self) -> &[SensorRecord] {
        &self.sensors
    }

    /// All other records, in the repository's order.
    pub fn others(&self) -> &[Record] {
        &self.others
    }

    /// FRU devices, in the repository's order.
    pub fn fru_locators(&self) -> impl Iterator<Item = &FruLocator> {
        self.others.iter().filter_map(|record| match record {
            Record::Fru(locator) => Some(locator),
            _ => None,
        })
    }

    /// Management controllers, in the repository's order.
    pub fn controllers(&self) -> impl Iterator<Item = &ControllerLocator> {
        self.others.iter().filter_map(|record| match record {
            Record::Controller(locator) => Some(locator),
            _ => None,
        })
    }

    /// The name of a sensor, of one that shares a record and of one that has only events too.
    pub fn sensor_name(&self, owner: SensorOwner, number: u8) -> Option<String> {
        let readable = self.sensors.iter().map(|record| {
            let sensor = &record.sensor;
            (sensor.owner, sensor.number, &*sensor.name, record.sharing)
        });
        let event_only = self.others.iter().filter_map(|record| match record {
            Record::EventOnly(sensor) => Some((sensor.owner, sensor.number, &*sensor.name, sensor.sharing)),
            _ => None,
        });
        readable.chain(event_only).find_map(|(of, first, name, sharing)| {
            let place = number.checked_sub(first)?;
            match sharing {
                Some(sharing) if of == owner && place < sharing.count => Some(sharing.name(name, place)),
                None if of == owner && place == 0 => Some(name.to_owned()),
                _ => None,
            }
        })
    }

    /// Records that are too short for their kind.
    pub fn malformed(&self) -> usize {
        self.malformed
    }

    /// The records as they were read, one after the other.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The enterprise number that it was decoded for.
    pub fn manufacturer(&self) -> u32 {
        self.manufacturer
    }
}

/// Cuts records apart by their lengths. What is left over at the end is no record.
fn records(mut raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = raw.get(HEADER - 1).copied()?;
        let (record, rest) = raw.split_at_checked(HEADER + usize::from(length))?;
        raw = rest;
        Some(record)
    })
}
