use rackpoll_model::EventEnable;

use super::{
    memory::Learned,
    repository::{Key, Source},
};
use crate::command::{get_device_sdr_info::DeviceSdrInfo, get_sdr_repository_info::RepositoryInfo};

/// Begins the bytes of a profile; its last byte is the version of their layout.
const MAGIC: [u8; 4] = [b'S', b'D', b'R', 1];
/// Most bytes of a profile that are read back: a full repository and its sensors.
pub const MAX_PROFILE: usize = 1 << 18;

/// What is known of a BMC's sensors, as bytes to be kept by somebody else: the records as they were read, the stamps that
/// they belong to, and what was learned of each sensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdrProfile {
    pub(super) key: Key,
    pub(super) raw: Box<[u8]>,
    pub(super) read_size: u8,
    pub(super) learned: Vec<Learned>,
}

/// These bytes are no profile, or one of another layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no SDR profile of this version")]
pub struct NoProfile;

impl SdrProfile {
    /// What it belongs to.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// As bytes. The layout is ours: numbers little-endian, lengths before what they count.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.raw.len() + self.learned.len() * 7 + 64);
        out.extend_from_slice(&MAGIC);
        out.push(self.read_size);
        let key = &self.key;
        out.extend_from_slice(&key.manufacturer.to_le_bytes());
        out.extend_from_slice(&key.product.to_le_bytes());
        out.extend_from_slice(&[key.device, key.firmware.0, key.firmware.1]);
        match key.source {
            Source::Repository(info) => {
                out.extend_from_slice(&[0, info.version]);
                out.extend_from_slice(&info.records.to_le_bytes());
                out.extend_from_slice(&info.added.to_le_bytes());
                out.extend_from_slice(&info.erased.to_le_bytes());
            }
            Source::Device(info) => {
                out.extend_from_slice(&[1, info.count, u8::from(info.change.is_some())]);
                out.extend_from_slice(&info.change.unwrap_or_default().to_le_bytes());
            }
        }
        put_length(&mut out, self.raw.len());
        out.extend_from_slice(&self.raw);
        put_length(&mut out, self.learned.len());
        for learned in &self.learned {
            put_learned(&mut out, learned);
        }
        out
    }

    /// From the bytes of `to_bytes`. Everything is checked, because disks keep strange things: more than a profile can
    /// have, or anything after its end, is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NoProfile> {
        if bytes.len() > MAX_PROFILE {
            return Err(NoProfile);
        }
        let mut bytes = Bytes(bytes);
        if bytes.array()? != MAGIC {
            return Err(NoProfile);
        }
        let read_size = bytes.byte()?;
        let (manufacturer, product) =
            (u32::from_le_bytes(bytes.array()?), u16::from_le_bytes(bytes.array()?));
        let [device, major, minor] = bytes.array()?;
        let source = match bytes.byte()? {
            0 => Source::Repository(RepositoryInfo {
                version: bytes.byte()?,
                records: u16::from_le_bytes(bytes.array()?),
                added: u32::from_le_bytes(bytes.array()?),
                erased: u32::from_le_bytes(bytes.array()?),
            }),
            1 => {
                let [count, dynamic] = bytes.array()?;
                let change = u32::from_le_bytes(bytes.array()?);
                Source::Device(DeviceSdrInfo { count, change: (dynamic != 0).then_some(change) })
            }
            _ => return Err(NoProfile),
        };
        let length = bytes.length()?;
        let raw = bytes.slice(length)?.into();
        let count = bytes.length()?;
        // Each takes a byte at least, so there cannot be more than there are bytes.
        let learned = (0..count.min(MAX_PROFILE)).map(|_| learned(&mut bytes)).collect::<Result<_, _>>()?;
        if !bytes.0.is_empty() {
            return Err(NoProfile);
        }
        let key = Key { manufacturer, product, device, firmware: (major, minor), source };
        Ok(Self { key, raw, read_size, learned })
    }
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    // Repositories are bounded where they are read.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

/// Bits: 0 events asked, 1 events known, 2 messages, 3 scanning, 4 answered, 5 missed.
fn put_learned(out: &mut Vec<u8>, learned: &Learned) {
    let events = learned.event_enable.flatten();
    let flag = |bit: u8, set: bool| u8::from(set) << bit;
    out.push(
        flag(0, learned.event_enable.is_some())
            | flag(1, events.is_some())
            | flag(2, events.is_some_and(|events| events.messages))
            | flag(3, events.is_some_and(|events| events.scanning))
            | flag(4, learned.answered)
            | flag(5, learned.misses > 0),
    );
    if let Some(events) = events {
        out.extend_from_slice(&events.assertions.to_le_bytes());
        out.extend_from_slice(&events.deassertions.to_le_bytes());
    }
    if learned.misses > 0 {
        out.extend_from_slice(&[learned.misses, learned.rest]);
    }
}

fn learned(bytes: &mut Bytes<'_>) -> Result<Learned, NoProfile> {
    let flags = bytes.byte()?;
    let set = |bit: u8| flags >> bit & 1 == 1;
    let events = match set(1) {
        true => Some(EventEnable {
            messages: set(2),
            scanning: set(3),
            assertions: u16::from_le_bytes(bytes.array()?),
            deassertions: u16::from_le_bytes(bytes.array()?),
        }),
        false => None,
    };
    let [misses, rest] = if set(5) { bytes.array()? } else { [0, 0] };
    if set(5) && misses == 0 {
        // It would be left out of polls without ever having been missed.
        return Err(NoProfile);
    }
    Ok(Learned {
        event_enable: set(0).then_some(events),
        answered: set(4),
        misses,
        rest,
        ..Learned::default()
    })
}

/// Bytes read front to back; running out is an error.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], NoProfile> {
        let (head, rest) = self.0.split_first_chunk().ok_or(NoProfile)?;
        self.0 = rest;
        Ok(*head)
    }

    fn byte(&mut self) -> Result<u8, NoProfile> {
        self.array().map(|[byte]| byte)
    }

    fn length(&mut self) -> Result<usize, NoProfile> {
        usize::try_from(u32::from_le_bytes(self.array()?)).map_err(|_| NoProfile)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], NoProfile> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(NoProfile)?;
        self.0 = rest;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(source: Source) -> SdrProfile {
        let events =
            EventEnable { messages: true, scanning: false, assertions: 0x1234, deassertions: 0xff00 };
        SdrProfile {
            key: Key { manufacturer: 674, product: 256, device: 32, firmware: (2, 0x30), source },
            raw: [1, 0, 0x51, 0xc0, 3, 0xa2, 2, 0].into(),
            read_size: 28,
            learned: vec![
                Learned::default(),
                Learned { event_enable: Some(None), answered: true, ..Learned::default() },
                Learned {
                    event_enable: Some(Some(events)),
                    answered: false,
                    misses: 3,
                    rest: 7,
                    ..Learned::default()
                },
            ],
        }
    }

    fn both() -> [SdrProfile; 2] {
        [
            profile(Source::Repository(RepositoryInfo {
                version: 0x51,
                records: 1,
                added: 7,
                erased: 0xffff_ffff,
            })),
            profile(Source::Device(DeviceSdrInfo { count: 3, change: Some(9) })),
        ]
    }

    #[test]
    fn what_is_kept_comes_back() {
        for profile in both() {
            assert_eq!(SdrProfile::from_bytes(&profile.to_bytes()), Ok(profile));
        }
    }

    #[test]
    fn anything_else_is_no_profile() {
        for profile in both() {
            let bytes = profile.to_bytes();
            for length in 0..bytes.len() {
                assert_eq!(SdrProfile::from_bytes(&bytes[..length]), Err(NoProfile), "{length}");
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert_eq!(SdrProfile::from_bytes(&longer), Err(NoProfile));
            let mut other = bytes.clone();
            other[3] += 1;
            assert_eq!(SdrProfile::from_bytes(&other), Err(NoProfile));
            // A sensor that rests although it was never missed.
            let mut rested = bytes.clone();
            let at = rested.len() - 2;
            assert_eq!(rested[at..], [3, 7], "misses and rest of the last sensor");
            rested[at] = 0;
            assert_eq!(SdrProfile::from_bytes(&rested), Err(NoProfile));
            // A length that promises more than there is allocates nothing for it.
            let mut greedy = bytes;
            let at = greedy.len() - 9;
            greedy[at - 4..at].copy_from_slice(&[0xff; 4]);
            assert_eq!(SdrProfile::from_bytes(&greedy), Err(NoProfile));
        }
    }
}
