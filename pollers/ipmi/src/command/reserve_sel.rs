//! Reserve SEL (IPMI 2.0 clause 31.4). The reservation is lost when the log is cleared or a record deleted, and on some
//! BMCs when a record is added.

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Reserve SEL";
/// The command's number in network function `STORAGE`.
pub const COMMAND: u8 = 0x42;

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::STORAGE, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}

/// The reservation id of a good answer.
pub fn decode(data: &[u8]) -> Result<u16, Fault> {
    match *data {
        [low, high, ..] => Ok(u16::from_le_bytes([low, high])),
        _ => Err(bad_answer(NAME, format_args!("{} bytes, 2 needed", data.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_byte_first() {
        assert_eq!(decode(&[0x34, 0x12]), Ok(0x1234));
        assert!(decode(&[0x34]).is_err());
    }
}
