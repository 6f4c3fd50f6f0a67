//! Get Channel Cipher Suites (IPMI 2.0 clause 22.15): asked before a session, and not answered by every BMC.

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, get_channel_authentication_capabilities::THIS_CHANNEL, netfn};

/// The command's name.
pub const NAME: &str = "Get Channel Cipher Suites";
/// The command's number in network function `APP`.
pub const COMMAND: u8 = 0x54;
/// An answer with fewer record bytes is the last one.
pub const BYTES_PER_ANSWER: usize = 16;
/// Highest list index: six bits (table 22-17).
pub const MAX_INDEX: u8 = 0x3f;

/// Asks for the part of the list with this index, suites of the IPMI payload, listed by suite.
pub fn request(index: u8) -> Request {
    Request {
        netfn: netfn::APP,
        lun: 0,
        command: COMMAND,
        privilege: Privilege::Callback,
        data: vec![THIS_CHANNEL, 0x00, 0x80 | index & MAX_INDEX],
    }
}

/// The record bytes of a good answer, at most 16. The parts together are for `wire::decode_records`.
pub fn decode(data: &[u8]) -> Result<&[u8], Fault> {
    match data {
        [_channel, records @ ..] => Ok(records.get(..BYTES_PER_ANSWER).unwrap_or(records)),
        [] => Err(bad_answer(NAME, "no channel number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_by_suite_and_index() {
        assert_eq!(request(1).data, [0x0e, 0x00, 0x81]);
    }

    #[test]
    fn an_answer_holds_at_most_sixteen_bytes() {
        assert_eq!(decode(&[1]), Ok(&[][..]));
        assert_eq!(decode(&[1; 20]).map(<[u8]>::len), Ok(16));
        assert!(decode(&[]).is_err());
    }
}
