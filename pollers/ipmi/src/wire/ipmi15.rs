use super::{Malformed, cursor::Cursor, rmcp};

/// IPMI 1.5 session header and payload (IPMI 2.0 table 13-8): for the commands that come before a session, and for
/// IPMI 1.5 sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipmi15Packet<'a> {
    /// 0 none, 1 MD2, 2 MD5, 4 password, 5 OEM.
    pub auth_type: u8,
    /// 0 outside a session.
    pub sequence: u32,
    /// 0 outside a session.
    pub session_id: u32,
    /// The authentication code, where the type is another than none.
    pub code: Option<[u8; 16]>,
    /// The LAN message.
    pub payload: &'a [u8],
}

impl<'a> Ipmi15Packet<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let auth_type = cursor.u8()?;
        if !matches!(auth_type, 0 | 1 | 2 | 4 | 5) {
            return Err(Malformed::UnknownHeader);
        }
        let sequence = cursor.u32()?;
        let session_id = cursor.u32()?;
        let code = if auth_type == 0 { None } else { Some(cursor.array()?) };
        let length = cursor.u8()?;
        // What follows the payload is the legacy pad of table 13-8, note 1.
        Ok(Self { auth_type, sequence, session_id, code, payload: cursor.slice(usize::from(length))? })
    }

    /// Whether it is outside any session and not authenticated, as the commands before a session are.
    pub fn is_sessionless(&self) -> bool {
        self.auth_type == 0 && self.sequence == 0 && self.session_id == 0
    }

    /// Appends a whole datagram outside any session. The payload must be no longer than 255 bytes; what is past that
    /// is cut off.
    pub fn encode_sessionless(out: &mut Vec<u8>, payload: &[u8]) {
        Ipmi15Packet { auth_type: 0, sequence: 0, session_id: 0, code: None, payload }.encode(out);
    }

    /// Appends the whole datagram. The payload must be no longer than 255 bytes; what is past that is cut off.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let length = u8::try_from(self.payload.len()).unwrap_or(u8::MAX);
        rmcp::begin_ipmi(out);
        out.push(self.auth_type);
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&self.session_id.to_le_bytes());
        if let Some(code) = self.code {
            out.extend_from_slice(&code);
        }
        out.push(length);
        out.extend(self.payload.iter().take(usize::from(length)));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Datagram, *};

    #[test]
    fn comes_back() {
        let mut bytes = Vec::new();
        Ipmi15Packet::encode_sessionless(&mut bytes, &[1, 2, 3]);
        let Ok(Datagram::Ipmi15(packet)) = Datagram::decode(&bytes) else { panic!("not IPMI 1.5") };
        assert!(packet.is_sessionless());
        assert_eq!(packet.payload, [1, 2, 3]);
        for length in 4..bytes.len() {
            assert!(Datagram::decode(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn an_authentication_code_is_cut_out() {
        let mut bytes = vec![6, 0, 0xff, 7, 2];
        bytes.extend_from_slice(&[9, 0, 0, 0, 7, 0, 0, 0]);
        bytes.extend_from_slice(&[0xee; 16]);
        bytes.extend_from_slice(&[2, 0xaa, 0xbb]);
        let Ok(Datagram::Ipmi15(packet)) = Datagram::decode(&bytes) else { panic!("not IPMI 1.5") };
        assert!(!packet.is_sessionless());
        assert_eq!(packet.payload, [0xaa, 0xbb]);
        assert_eq!(packet.code, Some([0xee; 16]));
        let mut ours = Vec::new();
        packet.encode(&mut ours);
        assert_eq!(ours, bytes);
    }
}
