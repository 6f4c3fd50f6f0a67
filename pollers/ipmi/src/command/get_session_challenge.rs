//! Get Session Challenge (IPMI 2.0 clause 22.16): the first half of an IPMI 1.5 login.

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};
use crate::{crypto::Ipmi15Authentication, wire::UserName};

/// The command's name.
pub const NAME: &str = "Get Session Challenge";
/// The command's number in network function `APP`.
pub const COMMAND: u8 = 0x39;
/// The BMC knows no such user.
pub const INVALID_USER: u8 = 0x81;
/// The user without a name is not enabled.
pub const NULL_USER_DISABLED: u8 = 0x82;

/// What the BMC gives to whoever wants to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge {
    /// Serves until the session is active.
    pub temporary_session_id: u32,
    /// Goes back in Activate Session.
    pub string: [u8; 16],
}

/// The request.
pub fn request(authentication: Ipmi15Authentication, user: &UserName) -> Request {
    let mut data = vec![authentication.number()];
    data.extend_from_slice(&user.padded());
    Request { netfn: netfn::APP, lun: 0, command: COMMAND, privilege: Privilege::Callback, data }
}

/// Takes the data of a good answer apart.
pub fn decode(data: &[u8]) -> Result<Challenge, Fault> {
    let short = || bad_answer(NAME, format_args!("{} bytes, 20 needed", data.len()));
    let (id, rest) = data.split_first_chunk::<4>().ok_or_else(short)?;
    let string = rest.first_chunk::<16>().ok_or_else(short)?;
    Ok(Challenge { temporary_session_id: u32::from_le_bytes(*id), string: *string })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_padded_and_answers_measured() {
        let user = UserName::new(b"admin").unwrap();
        let request = request(Ipmi15Authentication::Md5, &user);
        assert_eq!(request.data[..7], *b"\x02admin\0");
        assert_eq!(request.data.len(), 17);
        let data: Vec<u8> = (1..=20).collect();
        let challenge = decode(&data).unwrap();
        assert_eq!((challenge.temporary_session_id, challenge.string[0]), (0x0403_0201, 5));
        assert!(decode(&data[..19]).is_err());
    }
}
