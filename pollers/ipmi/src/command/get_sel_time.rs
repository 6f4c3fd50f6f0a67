//! Get SEL Time (IPMI 2.0 clause 31.10).

use rackpoll_model::{Fault, SelTime};

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get SEL Time";
/// The command's number in network function `STORAGE`.
pub const COMMAND: u8 = 0x48;

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::STORAGE, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}

/// The BMC's clock, of a good answer.
pub fn decode(data: &[u8]) -> Result<SelTime, Fault> {
    match data.first_chunk() {
        Some(seconds) => Ok(SelTime(u32::from_le_bytes(*seconds))),
        None => Err(bad_answer(NAME, format_args!("{} bytes, 4 needed", data.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_low_byte_first() {
        assert_eq!(decode(&[0x00, 0x01, 0x00, 0x69]), Ok(SelTime(0x6900_0100)));
        assert!(decode(&[0, 0, 0]).is_err());
    }
}
