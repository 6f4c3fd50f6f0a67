//! Reserve SDR Repository (IPMI 2.0 clause 33.11): partial reads need a reservation, which any change of the repository
//! cancels.

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Reserve SDR Repository";
/// The command's number in network function `STORAGE`.
pub const COMMAND: u8 = 0x22;

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::STORAGE, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}

/// The reservation id of a good answer.
pub fn decode(data: &[u8]) -> Result<u16, Fault> {
    let [low, high, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 2 needed", data.len())));
    };
    Ok(u16::from_le_bytes([low, high]))
}
