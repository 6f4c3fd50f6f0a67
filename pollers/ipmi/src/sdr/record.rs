use rackpoll_model::{
    Entity, SensorOwner,
    event::{EventType, SensorType},
};

use super::{
    name,
    sensor_record::{SensorRecord, Sharing},
};

/// Bytes before the body: id, version, type, length.
pub(super) const HEADER: usize = 5;

/// A record is too short for its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("record {id:#06x} of type {kind:#04x} has {length} bytes, which is too few")]
pub struct Malformed {
    /// Record id.
    pub id: u16,
    /// Record type.
    pub kind: u8,
    /// Bytes that there are.
    pub length: usize,
}

/// One record of a repository (IPMI 2.0 clause 43).
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// Full (0x01) or compact (0x02).
    Sensor(SensorRecord),
    /// Event-only (0x03): a sensor that cannot be read.
    EventOnly(EventOnlySensor),
    /// Entity association (0x08).
    EntityAssociation(EntityAssociation),
    /// FRU device locator (0x11).
    Fru(FruLocator),
    /// Management controller device locator (0x12).
    Controller(ControllerLocator),
    /// The manufacturer's own (0xC0).
    Oem(OemRecord),
    /// One of another kind.
    Other {
        /// Record type.
        kind: u8,
    },
}

/// Event-only record (clause 43.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventOnlySensor {
    /// Who has the sensor.
    pub owner: SensorOwner,
    /// Its number, or the first of those that share the record.
    pub number: u8,
    /// What it watches.
    pub entity: Entity,
    /// What it measures.
    pub sensor_type: SensorType,
    /// How its events are to be read.
    pub event_type: EventType,
    /// The sensors that share the record, where it is more than one.
    pub sharing: Option<Sharing>,
    /// Id string.
    pub name: Box<str>,
}

/// Entity association record (clause 43.4): what is inside of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityAssociation {
    /// The entity that contains the others.
    pub container: Entity,
    /// `contained` are two ranges, first and last, in place of up to four entities.
    pub ranges: bool,
    /// Another record goes on with the list.
    pub linked: bool,
    /// What is inside; slots without an entity are left out.
    pub contained: Vec<Entity>,
}

/// FRU device locator record (clause 43.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FruLocator {
    /// Slave address of the controller that gives access.
    pub address: u8,
    /// Channel to it.
    pub channel: u8,
    /// FRU id for logical devices, else the device's slave address.
    pub device: u8,
    /// Read by FRU commands of the controller; otherwise it is a memory behind it.
    pub logical: bool,
    /// Logical unit for the commands.
    pub lun: u8,
    /// Device type (table 43-12).
    pub device_type: u8,
    /// Device type modifier.
    pub modifier: u8,
    /// What it belongs to.
    pub entity: Entity,
    /// Id string.
    pub name: Box<str>,
}

/// Management controller device locator record (clause 43.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerLocator {
    /// Slave address.
    pub address: u8,
    /// Channel.
    pub channel: u8,
    /// Device capabilities: bit 0 sensors, 1 SDR repository, 2 SEL, 3 FRU inventory.
    pub capabilities: u8,
    /// What it belongs to.
    pub entity: Entity,
    /// Id string.
    pub name: Box<str>,
}

/// OEM record (clause 43.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OemRecord {
    /// Enterprise number.
    pub manufacturer: u32,
    /// The rest.
    pub data: Box<[u8]>,
}

impl Record {
    /// Takes a whole record apart, header included. `manufacturer` is the BMC's enterprise number.
    pub fn decode(bytes: &[u8], manufacturer: u32) -> Result<Self, Malformed> {
        let [i0, i1, _version, kind, ..] = *bytes else {
            return Err(Malformed { id: 0, kind: 0, length: bytes.len() });
        };
        let id = u16::from_le_bytes([i0, i1]);
        let record = match kind {
            0x01 => SensorRecord::full(id, bytes, manufacturer).map(Self::Sensor),
            0x02 => SensorRecord::compact(id, bytes).map(Self::Sensor),
            0x03 => event_only(bytes).map(Self::EventOnly),
            0x08 => association(bytes).map(Self::EntityAssociation),
            0x11 => fru(bytes).map(Self::Fru),
            0x12 => controller(bytes).map(Self::Controller),
            0xc0 => oem(bytes).map(Self::Oem),
            kind => Some(Self::Other { kind }),
        };
        record.ok_or(Malformed { id, kind, length: bytes.len() })
    }
}

/// Bytes 6 and 7 of sensor records.
pub(super) fn owner(address: u8, lun: u8) -> SensorOwner {
    SensorOwner { address, channel: lun >> 4, lun: lun & 0x03 }
}

pub(super) fn entity(id: u8, instance: u8) -> Entity {
    Entity { id, instance: instance & 0x7f, logical: instance & 0x80 != 0 }
}

/// The id string whose type/length byte stands at `at`.
pub(super) fn name_at(bytes: &[u8], at: usize) -> Option<Box<str>> {
    let (type_length, text) = bytes.get(at..)?.split_first()?;
    Some(name::decode(*type_length, text).into())
}

fn event_only(bytes: &[u8]) -> Option<EventOnlySensor> {
    let [address, lun, number, id, instance, sensor_type, event_type, s0, s1, ..] = *bytes.get(HEADER..)?
    else {
        return None;
    };
    Some(EventOnlySensor {
        owner: owner(address, lun),
        number,
        entity: entity(id, instance),
        sensor_type: SensorType(sensor_type),
        event_type: EventType(event_type & 0x7f),
        sharing: Sharing::new(s0, s1),
        name: name_at(bytes, 16)?,
    })
}

fn association(bytes: &[u8]) -> Option<EntityAssociation> {
    let [id, instance, flags, contained @ ..] = bytes.get(HEADER..)? else { return None };
    let (pairs, _odd) = contained.get(..8)?.as_chunks();
    Some(EntityAssociation {
        container: entity(*id, *instance),
        ranges: flags & 0x80 != 0,
        linked: flags & 0x40 != 0,
        contained: pairs
            .iter()
            .filter(|[id, _]| *id != 0)
            .map(|[id, instance]| entity(*id, *instance))
            .collect(),
    })
}

fn fru(bytes: &[u8]) -> Option<FruLocator> {
    let [address, device, access, channel, _, device_type, modifier, id, instance, _oem, ..] =
        *bytes.get(HEADER..)?
    else {
        return None;
    };
    Some(FruLocator {
        address,
        channel: channel >> 4,
        device,
        logical: access & 0x80 != 0,
        lun: access >> 3 & 0x03,
        device_type,
        modifier,
        entity: entity(id, instance),
        name: name_at(bytes, 15)?,
    })
}

fn controller(bytes: &[u8]) -> Option<ControllerLocator> {
    let [address, channel, _notification, capabilities, _, _, _, id, instance, _oem, ..] =
        *bytes.get(HEADER..)?
    else {
        return None;
    };
    Some(ControllerLocator {
        address,
        channel: channel & 0x0f,
        capabilities,
        entity: entity(id, instance),
        name: name_at(bytes, 15)?,
    })
}

fn oem(bytes: &[u8]) -> Option<OemRecord> {
    let [m0, m1, m2, data @ ..] = bytes.get(HEADER..)? else { return None };
    Some(OemRecord { manufacturer: u32::from_le_bytes([*m0, *m1, *m2, 0]), data: data.into() })
}
