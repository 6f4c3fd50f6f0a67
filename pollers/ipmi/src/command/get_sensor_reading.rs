//! Get Sensor Reading (IPMI 2.0 clause 35.14).

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get Sensor Reading";
/// The command's number in network function `SENSOR`.
pub const COMMAND: u8 = 0x2d;

/// The request.
pub fn request(lun: u8, sensor: u8) -> Request {
    Request { netfn: netfn::SENSOR, lun, command: COMMAND, privilege: Privilege::User, data: vec![sensor] }
}

/// Answer of Get Sensor Reading (table 35-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawReading {
    /// The raw byte; means nothing where it is unavailable or not scanned.
    pub raw: u8,
    /// The sensor is scanned.
    pub scanning: bool,
    /// There is no reading now.
    pub unavailable: bool,
    /// States or comparisons. Bytes that are not there count as none asserted.
    pub states: u16,
}

/// Takes the data of a good answer apart.
pub fn decode(data: &[u8]) -> Result<RawReading, Fault> {
    let [raw, flags, states @ ..] = data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 2 needed", data.len())));
    };
    let byte = |at| states.get(at).copied().unwrap_or_default();
    Ok(RawReading {
        raw: *raw,
        scanning: flags & 0x40 != 0,
        unavailable: flags & 0x20 != 0,
        // Bit 15 is reserved and reads as 1.
        states: u16::from_le_bytes([byte(0), byte(1) & 0x7f]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_states() {
        let reading = |data| decode(data).unwrap();
        let read = RawReading { raw: 0x29, scanning: true, unavailable: false, states: 0xc0 };
        assert_eq!(reading(&[0x29, 0xc0, 0xc0]), read);
        assert_eq!(reading(&[0x29, 0xc0, 0x01, 0xc0]), RawReading { states: 0x4001, ..read });
        assert_eq!(reading(&[0x29, 0xe0]), RawReading { unavailable: true, states: 0, ..read });
        assert_eq!(reading(&[0x29, 0x80]), RawReading { scanning: false, states: 0, ..read });
        assert!(decode(&[0x29]).is_err());
    }
}
