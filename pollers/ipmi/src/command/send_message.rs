//! Send Message (IPMI 2.0 clause 22.7): a command for a controller behind the BMC, and its answer.

use super::{Request, completion, netfn};
use crate::wire::{BMC_ADDRESS, LanRequest, LanResponse};

/// The command's name.
pub const NAME: &str = "Send Message";
/// The command's number in network function `APP`.
pub const COMMAND: u8 = 0x34;

/// Bits 7:6 of the channel byte: the BMC remembers whom the answer is for (table 22-9).
const TRACKED: u8 = 0x40;

/// A controller behind the BMC: where a sensor's record says that its owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bridge {
    /// The channel that it is on; 0 is the primary IPMB.
    pub channel: u8,
    /// Its slave address, eight bits with bit 0 clear.
    pub address: u8,
}

/// Wraps a command for the controller. Its answer carries `sequence` again.
pub fn request(bridge: Bridge, sequence: u8, inner: &Request) -> Request {
    let mut data = vec![TRACKED | bridge.channel & 0x0f];
    LanRequest {
        responder: bridge.address,
        lun: inner.lun,
        netfn: inner.netfn,
        // On the far bus it is the BMC that asks.
        requester: BMC_ADDRESS,
        requester_lun: 0,
        sequence,
        command: inner.command,
        data: &inner.data,
    }
    .encode(&mut data);
    Request { netfn: netfn::APP, lun: 0, command: COMMAND, privilege: inner.privilege, data }
}

/// What an answer to Send Message says about the command inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarded<'a> {
    /// It is under way, and its answer comes in a message of its own.
    UnderWay,
    /// Its answer is inside.
    Answered(LanResponse<'a>),
    /// It did not get there; the completion code that this amounts to for the command inside.
    Refused(u8),
    /// Neither: what is inside is no answer.
    Nonsense,
}

/// Takes an answer to Send Message apart.
pub fn decode(code: u8, data: &[u8]) -> Forwarded<'_> {
    match (code, data) {
        (completion::OK, []) => Forwarded::UnderWay,
        (completion::OK, inner) => {
            LanResponse::decode(inner).map_or(Forwarded::Nonsense, Forwarded::Answered)
        }
        // Table 22-9: lost arbitration and bus error pass.
        (0x81 | 0x82, _) => Forwarded::Refused(completion::NODE_BUSY),
        // NAK on write: nobody has this address.
        (0x83, _) => Forwarded::Refused(completion::DESTINATION_UNAVAILABLE),
        (other, _) => Forwarded::Refused(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Privilege;

    fn inner() -> Request {
        Request { netfn: netfn::SENSOR, lun: 0, command: 0x2d, privilege: Privilege::User, data: vec![0x30] }
    }

    // As ipmitool 1.8.19 sends `-b 0 -t 0x2c raw 4 0x2d 0x30` from the channel byte on, apart from its sequence number.
    #[test]
    fn the_message_inside_is_addressed_from_the_bmc() {
        let bridge = Bridge { channel: 0, address: 0x2c };
        let request = request(bridge, 1, &inner());
        assert_eq!((request.netfn, request.command), (0x06, 0x34));
        assert_eq!(request.data, [0x40, 0x2c, 0x10, 0xc4, 0x20, 0x04, 0x2d, 0x30, 0x7f]);
    }

    #[test]
    fn answers_come_inside_or_apart() {
        let bytes = {
            let mut bytes = Vec::new();
            LanResponse {
                requester: 0x20,
                requester_lun: 0,
                netfn: 5,
                responder: 0x2c,
                lun: 0,
                sequence: 1,
                command: 0x2d,
                completion: 0,
                data: &[0x97, 0xc0, 0, 0],
            }
            .encode(&mut bytes);
            bytes
        };
        assert!(matches!(decode(0, &bytes), Forwarded::Answered(answer) if answer.data[0] == 0x97));
        assert_eq!(decode(0, &[]), Forwarded::UnderWay);
        for length in 1..bytes.len() {
            assert_eq!(decode(0, &bytes[..length]), Forwarded::Nonsense);
        }
        assert_eq!(decode(0x83, &[]), Forwarded::Refused(0xd3));
        assert_eq!(decode(0x82, &[]), Forwarded::Refused(0xc0));
        assert_eq!(decode(0xc1, &[]), Forwarded::Refused(0xc1));
    }
}
