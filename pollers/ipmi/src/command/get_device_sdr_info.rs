//! Get Device SDR Info (IPMI 2.0 clause 35.2), for controllers that have records of their own and no repository.

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get Device SDR Info";
/// The command's number in network function `SENSOR`.
pub const COMMAND: u8 = 0x20;

/// Answer of Get Device SDR Info (table 35-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceSdrInfo {
    /// Number of sensors, or of records: controllers differ. Good to be compared for equality only.
    pub count: u8,
    /// Stamp or counter that changes with the population, where that can change.
    pub change: Option<u32>,
}

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::SENSOR, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}

/// Takes the data of a good answer apart.
pub fn decode(data: &[u8]) -> Result<DeviceSdrInfo, Fault> {
    let [count, flags, rest @ ..] = data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 2 needed", data.len())));
    };
    // Bit 7: dynamic population.
    let change = match rest.first_chunk() {
        Some(change) if flags & 0x80 != 0 => Some(u32::from_le_bytes(*change)),
        _ => None,
    };
    Ok(DeviceSdrInfo { count: *count, change })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_and_dynamic_populations() {
        assert_eq!(decode(&[12, 0x01]), Ok(DeviceSdrInfo { count: 12, change: None }));
        assert_eq!(decode(&[12, 0x81, 1, 2, 0, 0]), Ok(DeviceSdrInfo { count: 12, change: Some(0x201) }));
        assert!(decode(&[12]).is_err());
    }
}
