//! Close Session (IPMI 2.0 clause 22.19).

use super::{Privilege, Request, netfn};

/// The command's name.
pub const NAME: &str = "Close Session";
/// The command's number in network function `APP`.
pub const COMMAND: u8 = 0x3c;

/// Closes the session with this id of the BMC's; a session may close itself at any level.
pub fn request(managed_session_id: u32) -> Request {
    Request {
        netfn: netfn::APP,
        lun: 0,
        command: COMMAND,
        privilege: Privilege::Callback,
        data: managed_session_id.to_le_bytes().to_vec(),
    }
}
