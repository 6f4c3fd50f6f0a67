//! Set Session Privilege Level (IPMI 2.0 clause 22.18). A session begins at USER, whatever its limit.

use rackpoll_model::{Fault, FaultKind};

use super::{Privilege, Request, Response, netfn};

/// The command's name.
pub const NAME: &str = "Set Session Privilege Level";
/// The command's number in network function `APP`.
pub const COMMAND: u8 = 0x3b;

/// The request.
pub fn request(level: Privilege) -> Request {
    Request {
        netfn: netfn::APP,
        lun: 0,
        command: COMMAND,
        privilege: Privilege::User,
        data: vec![level as u8],
    }
}

/// Whether the answer refuses the level. Any other code says that the BMC does not do the command itself (Cisco UCS);
/// then the command that needed the level shows what is allowed.
pub fn refusal(level: Privilege, answer: &Response) -> Option<Fault> {
    let reason = match answer.completion {
        0x80 => "the level is not available for this user",
        0x81 => "the level exceeds the limit of user or channel",
        _ => return None,
    };
    Some(Fault::new(
        FaultKind::InsufficientPrivilege,
        format!("the BMC does not grant {}: {reason}; raise the user's privilege limit", level.as_str()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_codes_refuse_the_level() {
        let refused =
            |completion| refusal(Privilege::Operator, &Response { completion, data: Vec::new() }).is_some();
        assert!(refused(0x80) && refused(0x81));
        assert!(!refused(0x00) && !refused(0xc1));
        assert_eq!(request(Privilege::Administrator).data, [4]);
    }
}
