//! Get Device SDR (IPMI 2.0 clause 35.3). Parts and answers are those of Get SDR.

use super::{Privilege, Request, get_sdr::Part, netfn};

/// The command's name.
pub const NAME: &str = "Get Device SDR";
/// The command's number in network function `SENSOR`.
pub const COMMAND: u8 = 0x21;

/// The request.
pub fn request(part: Part) -> Request {
    Request {
        netfn: netfn::SENSOR,
        lun: 0,
        command: COMMAND,
        privilege: Privilege::User,
        data: part.encode(),
    }
}
