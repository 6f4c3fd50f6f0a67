//! Get Sensor Event Enable (IPMI 2.0 clause 35.11).

use rackpoll_model::{EventEnable, Fault};

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get Sensor Event Enable";
/// The command's number in network function `SENSOR`.
pub const COMMAND: u8 = 0x29;

/// The request.
pub fn request(lun: u8, sensor: u8) -> Request {
    Request { netfn: netfn::SENSOR, lun, command: COMMAND, privilege: Privilege::User, data: vec![sensor] }
}

/// Takes the data of a good answer apart (table 35-10). Masks that are not there have nothing switched on.
pub fn decode(data: &[u8]) -> Result<EventEnable, Fault> {
    let [flags, masks @ ..] = data else {
        return Err(bad_answer(NAME, "it is empty"));
    };
    let mask = |at: usize| {
        let byte = |at| masks.get(at).copied().unwrap_or_default();
        u16::from_le_bytes([byte(at), byte(at + 1)])
    };
    Ok(EventEnable {
        messages: flags & 0x80 != 0,
        scanning: flags & 0x40 != 0,
        assertions: mask(0),
        deassertions: mask(2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_may_be_cut_off() {
        let enable = |data| decode(data).unwrap();
        let all = EventEnable { messages: true, scanning: true, assertions: 0x0a95, deassertions: 0x0102 };
        assert_eq!(enable(&[0xc0, 0x95, 0x0a, 0x02, 0x01]), all);
        assert_eq!(enable(&[0xc0, 0x95, 0x0a, 0x02]), EventEnable { deassertions: 0x02, ..all });
        assert_eq!(enable(&[0xc0, 0x95]), EventEnable { assertions: 0x95, deassertions: 0, ..all });
        let nothing = EventEnable { messages: false, scanning: false, assertions: 0, deassertions: 0 };
        assert_eq!(enable(&[0x00]), nothing);
        assert!(decode(&[]).is_err());
    }
}
