//! Activate Session (IPMI 2.0 clause 22.17): the second half of an IPMI 1.5 login.

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};
use crate::crypto::Ipmi15Authentication;

/// The command's name.
pub const NAME: &str = "Activate Session";
/// The command's number in network function `APP`.
pub const COMMAND: u8 = 0x3a;

/// A session that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activated {
    /// How the rest of the session is authenticated; a number that we do not speak is none of ours.
    pub authentication: Option<Ipmi15Authentication>,
    /// The session's id, of both sides.
    pub session_id: u32,
    /// Number of the first datagram that the BMC takes.
    pub first_sequence: u32,
}

/// The request. `first_answer`: the number that the BMC's first datagram shall have, not 0.
pub fn request(
    authentication: Ipmi15Authentication,
    limit: Privilege,
    challenge: &[u8; 16],
    first_answer: u32,
) -> Request {
    let mut data = vec![authentication.number(), limit as u8];
    data.extend_from_slice(challenge);
    data.extend_from_slice(&first_answer.to_le_bytes());
    Request { netfn: netfn::APP, lun: 0, command: COMMAND, privilege: Privilege::Callback, data }
}

/// Takes the data of a good answer apart.
pub fn decode(data: &[u8]) -> Result<Activated, Fault> {
    let [authentication, a, b, c, d, e, f, g, h, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 9 needed", data.len())));
    };
    Ok(Activated {
        authentication: Ipmi15Authentication::from_number(authentication & 0x0f),
        session_id: u32::from_le_bytes([a, b, c, d]),
        first_sequence: u32::from_le_bytes([e, f, g, h]),
    })
}

/// What a refusal amounts to (table 22-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 81h to 83h: no slot in the BMC, for this user, or at this level.
    NoSlot,
    /// 86h: more than the user may.
    Privilege,
    /// 85h: the temporary session id is not known any more.
    Forgotten,
    /// Another code.
    Other(u8),
}

/// Sorts a completion code other than 00h.
pub fn refusal(code: u8) -> Refusal {
    match code {
        0x81..=0x83 => Refusal::NoSlot,
        0x85 => Refusal::Forgotten,
        0x86 => Refusal::Privilege,
        other => Refusal::Other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_and_answer_are_laid_out_as_in_table_22_21() {
        let request = request(Ipmi15Authentication::Password, Privilege::User, &[7; 16], 0x0403_0201);
        assert_eq!(request.data[..3], [4, 2, 7]);
        assert_eq!(request.data[18..], [1, 2, 3, 4]);
        let answer = decode(&[2, 1, 0, 0, 0, 9, 0, 0, 0, 4]).unwrap();
        let authentication = Some(Ipmi15Authentication::Md5);
        assert_eq!(answer, Activated { authentication, session_id: 1, first_sequence: 9 });
        assert_eq!(decode(&[1, 1, 0, 0, 0, 9, 0, 0, 0, 4]).unwrap().authentication, None, "MD2");
        assert!(decode(&[2, 1, 0, 0, 0, 9, 0, 0]).is_err());
        assert_eq!(refusal(0x82), Refusal::NoSlot);
        assert_eq!(refusal(0xcc), Refusal::Other(0xcc));
    }
}
