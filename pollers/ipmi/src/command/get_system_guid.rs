//! Get System GUID (IPMI 2.0 clause 22.14).

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get System GUID";
/// The command's number in network function `APP`.
pub const COMMAND: u8 = 0x37;

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::APP, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}

/// The GUID of a good answer, the last byte of its text first.
pub fn decode(data: &[u8]) -> Result<[u8; 16], Fault> {
    match data.first_chunk() {
        Some(guid) => Ok(*guid),
        None => Err(bad_answer(NAME, format_args!("{} bytes, 16 needed", data.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes() {
        assert_eq!(decode(&[7; 16]), Ok([7; 16]));
        assert!(decode(&[7; 15]).is_err());
    }
}
