//! Reserve Device SDR Repository (IPMI 2.0 clause 35.4). The answer is that of Reserve SDR Repository.

use super::{Privilege, Request, netfn};

/// The command's name.
pub const NAME: &str = "Reserve Device SDR Repository";
/// The command's number in network function `SENSOR`.
pub const COMMAND: u8 = 0x22;

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::SENSOR, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}
