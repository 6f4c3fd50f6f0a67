//! Get Sensor Hysteresis (IPMI 2.0 clause 35.7).

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get Sensor Hysteresis";
/// The command's number in network function `SENSOR`.
pub const COMMAND: u8 = 0x25;

/// The request.
pub fn request(lun: u8, sensor: u8) -> Request {
    // The second byte is reserved and asked for as FFh.
    let data = vec![sensor, 0xff];
    Request { netfn: netfn::SENSOR, lun, command: COMMAND, privilege: Privilege::User, data }
}

/// Positive and negative hysteresis of a good answer, raw.
pub fn decode(data: &[u8]) -> Result<(u8, u8), Fault> {
    let [positive, negative, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 2 needed", data.len())));
    };
    Ok((positive, negative))
}
