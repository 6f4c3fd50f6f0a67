use super::{
    Malformed,
    cursor::Cursor,
    rmcp::{self, AUTH_TYPE_RMCP_PLUS},
};

/// Payload types (IPMI 2.0 table 13-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadType {
    /// A LAN message.
    Ipmi,
    /// Serial over LAN.
    Sol,
    /// Console to BMC.
    OpenSessionRequest,
    /// BMC to console.
    OpenSessionResponse,
    /// Console to BMC.
    Rakp1,
    /// BMC to console.
    Rakp2,
    /// Console to BMC.
    Rakp3,
    /// BMC to console.
    Rakp4,
    /// Any other number of six bits, OEM explicit (2) among them.
    Other(u8),
}

impl PayloadType {
    /// By the six bits on the wire.
    pub fn from_number(number: u8) -> Self {
        match number & 0x3f {
            0x00 => Self::Ipmi,
            0x01 => Self::Sol,
            0x10 => Self::OpenSessionRequest,
            0x11 => Self::OpenSessionResponse,
            0x12 => Self::Rakp1,
            0x13 => Self::Rakp2,
            0x14 => Self::Rakp3,
            0x15 => Self::Rakp4,
            other => Self::Other(other),
        }
    }

    /// The six bits on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::Ipmi => 0x00,
            Self::Sol => 0x01,
            Self::OpenSessionRequest => 0x10,
            Self::OpenSessionResponse => 0x11,
            Self::Rakp1 => 0x12,
            Self::Rakp2 => 0x13,
            Self::Rakp3 => 0x14,
            Self::Rakp4 => 0x15,
            Self::Other(number) => number & 0x3f,
        }
    }
}

const OEM_EXPLICIT: u8 = 0x02;
const ENCRYPTED: u8 = 0x80;
const AUTHENTICATED: u8 = 0x40;
/// The pad that aligns what is authenticated to four bytes (table 13-8).
const INTEGRITY_PAD: u8 = 0xff;
/// Next header, always 07h in this version (table 13-8).
const NEXT_HEADER: u8 = 0x07;

/// RMCP+ session header, payload and what follows it (IPMI 2.0 table 13-8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RmcpPlusPacket<'a> {
    /// What the payload is.
    pub payload_type: PayloadType,
    /// The payload is encrypted.
    pub encrypted: bool,
    /// An integrity trailer follows the payload.
    pub authenticated: bool,
    /// The receiver's id of the session; 0 outside a session.
    pub session_id: u32,
    /// Session sequence number; authenticated and other packets count apart; 0 outside a session.
    pub sequence: u32,
    /// As it stands on the wire, encrypted or not.
    pub payload: &'a [u8],
    /// From the authentication type field to the end of the datagram.
    session: &'a [u8],
    /// What follows the payload.
    trailer: &'a [u8],
}

/// The integrity trailer, cut where its code begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer<'a> {
    /// The bytes that the code covers: from the authentication type to the next header field.
    pub signed: &'a [u8],
    /// The authentication code.
    pub code: &'a [u8],
}

impl<'a> RmcpPlusPacket<'a> {
    pub(super) fn decode(session: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(session);
        if cursor.u8()? != AUTH_TYPE_RMCP_PLUS {
            return Err(Malformed::UnknownHeader);
        }
        let kind = cursor.u8()?;
        if kind & 0x3f == OEM_EXPLICIT {
            // OEM IANA and OEM payload id.
            cursor.skip(6)?;
        }
        let session_id = cursor.u32()?;
        let sequence = cursor.u32()?;
        let length = cursor.u16()?;
        let payload = cursor.slice(usize::from(length))?;
        Ok(Self {
            payload_type: PayloadType::from_number(kind),
            encrypted: kind & ENCRYPTED != 0,
            authenticated: kind & AUTHENTICATED != 0,
            session_id,
            sequence,
            payload,
            session,
            trailer: cursor.rest(),
        })
    }

    /// Cuts out the code of `code_length` bytes at the datagram's end. Pad and next header are not looked at: they are
    /// under the code.
    pub fn trailer(&self, code_length: usize) -> Result<Trailer<'a>, Malformed> {
        // At least pad length and next header stand between payload and code.
        if self.trailer.len() < code_length.saturating_add(2) {
            return Err(Malformed::Truncated);
        }
        let cut = self.session.len().saturating_sub(code_length);
        let (signed, code) = self.session.split_at_checked(cut).ok_or(Malformed::Truncated)?;
        Ok(Trailer { signed, code })
    }
}

/// Appends a whole datagram outside any session: Open Session and RAKP.
pub fn encode_sessionless(out: &mut Vec<u8>, payload_type: PayloadType, payload: &[u8]) {
    rmcp::begin_ipmi(out);
    out.extend_from_slice(&[AUTH_TYPE_RMCP_PLUS, payload_type.number()]);
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&u16::try_from(payload.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(payload.iter().take(usize::from(u16::MAX)));
}

/// Begins a datagram inside a session and answers where its authenticated part begins. The payload's length is set
/// by `end_payload`.
pub(crate) fn begin_in_session(
    out: &mut Vec<u8>,
    payload_type: PayloadType,
    (encrypted, authenticated): (bool, bool),
    session_id: u32,
    sequence: u32,
) -> usize {
    rmcp::begin_ipmi(out);
    let start = out.len();
    let kind = payload_type.number()
        | if encrypted { ENCRYPTED } else { 0 }
        | if authenticated { AUTHENTICATED } else { 0 };
    out.extend_from_slice(&[AUTH_TYPE_RMCP_PLUS, kind]);
    out.extend_from_slice(&session_id.to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    start
}

/// Bytes of the session header from authentication type to payload length.
pub(crate) const IN_SESSION_HEADER: usize = 12;

/// Sets the payload's length and, where the packet is authenticated, appends pad, pad length and next header; the
/// authentication code comes next.
pub(crate) fn end_payload(out: &mut Vec<u8>, start: usize, authenticated: bool) {
    let payload = out.len().saturating_sub(start).saturating_sub(IN_SESSION_HEADER);
    let length = u16::try_from(payload).unwrap_or(u16::MAX).to_le_bytes();
    let field = start.saturating_add(IN_SESSION_HEADER - 2);
    if let Some(bytes) = out.get_mut(field..field.saturating_add(2)) {
        bytes.copy_from_slice(&length);
    }
    if !authenticated {
        return;
    }
    // With pad length and next header the authenticated part is a multiple of four.
    let pad = (4 - (out.len().saturating_sub(start).saturating_add(2)) % 4) % 4;
    out.extend(std::iter::repeat_n(INTEGRITY_PAD, pad));
    out.extend_from_slice(&[pad as u8, NEXT_HEADER]);
}

#[cfg(test)]
mod tests {
    use super::{super::Datagram, *};

    #[test]
    fn every_payload_type_comes_back() {
        for number in 0..0x40 {
            assert_eq!(PayloadType::from_number(number).number(), number);
        }
    }

    #[test]
    fn trailer_covers_header_to_next_header() {
        for length in 0..9 {
            let mut bytes = Vec::new();
            let start = begin_in_session(&mut bytes, PayloadType::Ipmi, (true, true), 0x0403_0201, 9);
            bytes.extend(std::iter::repeat_n(0xaa, length));
            end_payload(&mut bytes, start, true);
            assert_eq!((bytes.len() - start) % 4, 0);
            let signed = bytes[start..].to_vec();
            bytes.extend_from_slice(&[0xcc; 12]);
            let Ok(Datagram::RmcpPlus(packet)) = Datagram::decode(&bytes) else { panic!("not RMCP+") };
            assert!(packet.encrypted && packet.authenticated);
            assert_eq!((packet.session_id, packet.sequence), (0x0403_0201, 9));
            assert_eq!(packet.payload.len(), length);
            let trailer = packet.trailer(12).unwrap();
            assert_eq!(trailer.signed, signed);
            assert_eq!(trailer.code, [0xcc; 12]);
            assert_eq!(packet.trailer(12 + 4), Err(Malformed::Truncated));
        }
    }
}
