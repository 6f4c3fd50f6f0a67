use super::{Ipmi15Packet, Malformed, RmcpPlusPacket, asf, cursor::Cursor};

/// Longest datagram that either side sends or takes; RMCP messages fit one unfragmented Ethernet frame
/// (IPMI 2.0 clause 13.1.4 asks for at least 256 bytes of RMCP data).
pub const MAX_DATAGRAM: usize = 1472;

/// RMCP version of ASF 2.0 (IPMI 2.0 table 13-1).
const VERSION: u8 = 0x06;
/// Sequence number of messages that want no RMCP acknowledgement; all IPMI messages (table 13-1).
const NO_ACK: u8 = 0xff;
/// Class of ASF messages.
const CLASS_ASF: u8 = 0x06;
/// Class of IPMI messages.
const CLASS_IPMI: u8 = 0x07;
/// Session header format RMCP+ (table 13-6).
pub(super) const AUTH_TYPE_RMCP_PLUS: u8 = 0x06;

/// A datagram of the BMC port, sorted by its headers (IPMI 2.0 clauses 13.1 and 13.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datagram<'a> {
    /// Presence ping or pong.
    Asf(asf::Message),
    /// IPMI 1.5 session header: the only form for commands before an RMCP+ session.
    Ipmi15(Ipmi15Packet<'a>),
    /// RMCP+ session header.
    RmcpPlus(RmcpPlusPacket<'a>),
}

impl<'a> Datagram<'a> {
    /// Sorts a datagram and checks its headers; payloads are only cut out.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let [version, _reserved, _sequence, class] = cursor.array()?;
        if version != VERSION {
            return Err(Malformed::NotRmcp);
        }
        let body = cursor.rest();
        match class {
            CLASS_ASF => asf::Message::decode(body).map(Self::Asf),
            CLASS_IPMI if body.first() == Some(&AUTH_TYPE_RMCP_PLUS) => {
                RmcpPlusPacket::decode(body).map(Self::RmcpPlus)
            }
            CLASS_IPMI => Ipmi15Packet::decode(body).map(Self::Ipmi15),
            _ => Err(Malformed::NotRmcp),
        }
    }
}

/// Begins a datagram of class IPMI.
pub(super) fn begin_ipmi(out: &mut Vec<u8>) {
    out.extend_from_slice(&[VERSION, 0x00, NO_ACK, CLASS_IPMI]);
}

/// Begins a datagram of class ASF; pings carry the no-acknowledge sequence number too.
pub(super) fn begin_asf(out: &mut Vec<u8>) {
    out.extend_from_slice(&[VERSION, 0x00, NO_ACK, CLASS_ASF]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_protocols_are_refused() {
        assert_eq!(Datagram::decode(&[]), Err(Malformed::Truncated));
        assert_eq!(Datagram::decode(&[5, 0, 0xff, 7, 0, 0]), Err(Malformed::NotRmcp));
        assert_eq!(Datagram::decode(&[6, 0, 0xff, 8, 0, 0]), Err(Malformed::NotRmcp));
        // An RMCP acknowledgement: bit 7 of the class. BMCs need not send them and nobody needs them.
        assert_eq!(Datagram::decode(&[6, 0, 0x01, 0x87]), Err(Malformed::NotRmcp));
    }

    #[test]
    fn no_prefix_of_a_datagram_panics() {
        let mut whole = Vec::new();
        super::super::encode_sessionless(&mut whole, super::super::PayloadType::Rakp1, &[1, 2, 3]);
        for length in 0..whole.len() {
            assert!(Datagram::decode(&whole[..length]).is_err());
        }
        assert!(Datagram::decode(&whole).is_ok());
    }
}
