//! ASF presence ping and pong (IPMI 2.0 clauses 13.2.3 and 13.2.4).

use super::{Malformed, cursor::Cursor, rmcp};

/// IANA enterprise number of ASF, most significant byte first.
const ASF_IANA: [u8; 4] = 4542u32.to_be_bytes();
const PRESENCE_PONG: u8 = 0x40;
const PRESENCE_PING: u8 = 0x80;

/// An ASF message; only presence matters to IPMI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// Is anybody there?
    Ping {
        /// Comes back in the pong.
        tag: u8,
    },
    /// Somebody is.
    Pong {
        /// The ping's tag.
        tag: u8,
        /// The managed node speaks IPMI (supported entities, bit 7).
        ipmi: bool,
    },
}

impl Message {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        if cursor.array()? != ASF_IANA {
            return Err(Malformed::Type);
        }
        let [kind, tag, _reserved, length] = cursor.array()?;
        let data = cursor.slice(usize::from(length))?;
        match kind {
            PRESENCE_PING => Ok(Self::Ping { tag }),
            PRESENCE_PONG => {
                let mut data = Cursor::new(data);
                data.skip(8)?;
                Ok(Self::Pong { tag, ipmi: data.u8()? & 0x80 != 0 })
            }
            _ => Err(Malformed::Type),
        }
    }

    /// Appends the whole datagram.
    pub fn encode(self, out: &mut Vec<u8>) {
        rmcp::begin_asf(out);
        out.extend_from_slice(&ASF_IANA);
        match self {
            Self::Ping { tag } => out.extend_from_slice(&[PRESENCE_PING, tag, 0x00, 0x00]),
            Self::Pong { tag, ipmi } => {
                out.extend_from_slice(&[PRESENCE_PONG, tag, 0x00, 0x10]);
                out.extend_from_slice(&ASF_IANA);
                out.extend_from_slice(&[0; 4]);
                // Supported entities: bit 7 IPMI, bits 3:0 = 1 ASF 1.0. Supported interactions: none.
                out.extend_from_slice(&[if ipmi { 0x81 } else { 0x01 }, 0x00]);
                out.extend_from_slice(&[0; 6]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Datagram, *};

    #[test]
    fn ping_is_pinned_and_both_come_back() {
        let mut ping = Vec::new();
        Message::Ping { tag: 0x2a }.encode(&mut ping);
        assert_eq!(ping, [6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 0x2a, 0, 0]);
        assert_eq!(Datagram::decode(&ping), Ok(Datagram::Asf(Message::Ping { tag: 0x2a })));

        let mut pong = Vec::new();
        Message::Pong { tag: 7, ipmi: true }.encode(&mut pong);
        assert_eq!(pong.len(), 28);
        assert_eq!(Datagram::decode(&pong), Ok(Datagram::Asf(Message::Pong { tag: 7, ipmi: true })));
        for length in 4..pong.len() {
            assert!(Datagram::decode(&pong[..length]).is_err());
        }
    }
}
