use std::fmt;

use super::{Malformed, Status, cursor::Cursor};

/// User name as RAKP carries it: at most 16 bytes (IPMI 2.0 table 13-11).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserName {
    bytes: [u8; 16],
    length: u8,
}

impl UserName {
    /// None where the name is longer than 16 bytes. An empty name is the null user.
    pub fn new(name: &[u8]) -> Option<Self> {
        let mut bytes = [0; 16];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self { bytes, length: name.len() as u8 })
    }

    /// All sixteen bytes, with zeros after the name.
    pub fn padded(&self) -> [u8; 16] {
        self.bytes
    }

    /// The same name, with the zeros after it as a part of it: as some old BMCs want it (FreeIPMI's `intel20`).
    pub fn with_padding(self) -> Self {
        Self { bytes: self.bytes, length: 16 }
    }

    /// The name's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserName({:?})", String::from_utf8_lossy(self.as_bytes()))
    }
}

/// The role byte of RAKP 1: requested maximum privilege and how the user is looked up (table 13-11). It goes into the
/// authentication codes exactly as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Role(pub u8);

impl Role {
    const NAME_ONLY: u8 = 0x10;

    /// Looked up by the name alone, whatever privilege the user has. The other way, name and privilege together, needs
    /// the user's exact limit.
    pub fn name_only(privilege: u8) -> Self {
        Self(privilege & 0x0f | Self::NAME_ONLY)
    }

    /// Whether the user is looked up by the name alone.
    pub fn is_name_only(self) -> bool {
        self.0 & Self::NAME_ONLY != 0
    }

    /// Requested maximum privilege level, 0 to 15.
    pub fn privilege(self) -> u8 {
        self.0 & 0x0f
    }
}

/// RAKP message 1, console to BMC (table 13-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rakp1 {
    /// Comes back in the answer.
    pub tag: u8,
    /// The BMC's id of the session.
    pub managed_session_id: u32,
    /// The console's random number.
    pub console_random: [u8; 16],
    /// Requested privilege and kind of lookup.
    pub role: Role,
    /// Who logs in.
    pub user: UserName,
}

/// RAKP message 2, BMC to console (table 13-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rakp2<'a> {
    /// The user is known.
    Accepted {
        /// The tag of RAKP 1.
        tag: u8,
        /// The console's id of the session.
        console_session_id: u32,
        /// The BMC's random number.
        managed_random: [u8; 16],
        /// The BMC's GUID.
        guid: [u8; 16],
        /// Proves that the BMC knows the password.
        code: &'a [u8],
    },
    /// The BMC refuses; such answers may be as short as two bytes.
    Refused {
        /// The tag of RAKP 1.
        tag: u8,
        /// Why, never `Status::OK`.
        status: Status,
        /// The console's id, where the answer is long enough to hold it.
        console_session_id: Option<u32>,
    },
}

/// RAKP message 3, console to BMC (table 13-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rakp3<'a> {
    /// Comes back in the answer.
    pub tag: u8,
    /// Other than `Status::OK` the console gives the session up, and the code is empty.
    pub status: Status,
    /// The BMC's id of the session.
    pub managed_session_id: u32,
    /// Proves that the console knows the password.
    pub code: &'a [u8],
}

/// RAKP message 4, BMC to console (table 13-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rakp4<'a> {
    /// The session is open.
    Accepted {
        /// The tag of RAKP 3.
        tag: u8,
        /// The console's id of the session.
        console_session_id: u32,
        /// Proves that both sides have the same session key.
        check: &'a [u8],
    },
    /// The BMC refuses; such answers may be as short as two bytes.
    Refused {
        /// The tag of RAKP 3.
        tag: u8,
        /// Why, never `Status::OK`.
        status: Status,
        /// The console's id, where the answer is long enough to hold it.
        console_session_id: Option<u32>,
    },
}

impl Rakp1 {
    /// Takes a payload apart.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let [tag, _, _, _] = cursor.array()?;
        let managed_session_id = cursor.u32()?;
        let console_random = cursor.array()?;
        let [role, _, _, length] = cursor.array()?;
        let user = UserName::new(cursor.slice(usize::from(length))?).ok_or(Malformed::Length)?;
        Ok(Self { tag, managed_session_id, console_random, role: Role(role), user })
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.tag, 0, 0, 0]);
        out.extend_from_slice(&self.managed_session_id.to_le_bytes());
        out.extend_from_slice(&self.console_random);
        out.extend_from_slice(&[self.role.0, 0, 0, self.user.length]);
        out.extend_from_slice(self.user.as_bytes());
    }
}

impl<'a> Rakp2<'a> {
    /// Takes a payload apart.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (tag, status, console_session_id, mut cursor) = decode_answer(bytes)?;
        if status != Status::OK {
            return Ok(Self::Refused { tag, status, console_session_id });
        }
        let console_session_id = console_session_id.ok_or(Malformed::Truncated)?;
        let managed_random = cursor.array()?;
        let guid = cursor.array()?;
        Ok(Self::Accepted { tag, console_session_id, managed_random, guid, code: cursor.rest() })
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Accepted { tag, console_session_id, managed_random, guid, code } => {
                encode_answer(out, *tag, Status::OK, Some(*console_session_id));
                out.extend_from_slice(managed_random);
                out.extend_from_slice(guid);
                out.extend_from_slice(code);
            }
            Self::Refused { tag, status, console_session_id } => {
                encode_answer(out, *tag, *status, *console_session_id);
            }
        }
    }
}

impl<'a> Rakp3<'a> {
    /// Takes a payload apart.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (tag, status, managed_session_id, cursor) = decode_answer(bytes)?;
        let managed_session_id = managed_session_id.ok_or(Malformed::Truncated)?;
        Ok(Self { tag, status, managed_session_id, code: cursor.rest() })
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode_answer(out, self.tag, self.status, Some(self.managed_session_id));
        out.extend_from_slice(self.code);
    }
}

impl<'a> Rakp4<'a> {
    /// Takes a payload apart.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (tag, status, console_session_id, cursor) = decode_answer(bytes)?;
        if status != Status::OK {
            return Ok(Self::Refused { tag, status, console_session_id });
        }
        let console_session_id = console_session_id.ok_or(Malformed::Truncated)?;
        Ok(Self::Accepted { tag, console_session_id, check: cursor.rest() })
    }

    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Accepted { tag, console_session_id, check } => {
                encode_answer(out, *tag, Status::OK, Some(*console_session_id));
                out.extend_from_slice(check);
            }
            Self::Refused { tag, status, console_session_id } => {
                encode_answer(out, *tag, *status, *console_session_id);
            }
        }
    }
}

/// RAKP 2, 3 and 4 begin alike: tag, status, two reserved bytes, the receiver's session id.
fn decode_answer(bytes: &[u8]) -> Result<(u8, Status, Option<u32>, Cursor<'_>), Malformed> {
    let mut cursor = Cursor::new(bytes);
    let [tag, status] = cursor.array()?;
    let session_id = cursor.skip(2).and_then(|()| cursor.u32()).ok();
    Ok((tag, Status(status), session_id, cursor))
}

fn encode_answer(out: &mut Vec<u8>, tag: u8, status: Status, session_id: Option<u32>) {
    out.extend_from_slice(&[tag, status.0]);
    if let Some(id) = session_id {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&id.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rakp_1_comes_back_and_no_prefix_panics() {
        let message = Rakp1 {
            tag: 1,
            managed_session_id: 0x1122_3344,
            console_random: [7; 16],
            role: Role::name_only(2),
            user: UserName::new(b"viewer").unwrap(),
        };
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        assert_eq!(bytes.len(), 28 + 6);
        assert_eq!(Rakp1::decode(&bytes), Ok(message));
        for length in 0..bytes.len() {
            assert_eq!(Rakp1::decode(&bytes[..length]), Err(Malformed::Truncated));
        }
    }

    #[test]
    fn names_of_seventeen_bytes_are_refused() {
        assert!(UserName::new(&[b'a'; 16]).is_some());
        assert!(UserName::new(&[b'a'; 17]).is_none());
        let mut bytes = vec![0; 28];
        bytes[27] = 17;
        bytes.extend_from_slice(&[b'a'; 17]);
        assert_eq!(Rakp1::decode(&bytes), Err(Malformed::Length));
    }

    #[test]
    fn answers_come_back() {
        let code = [0xab; 20];
        let mut bytes = Vec::new();
        let two = Rakp2::Accepted {
            tag: 2,
            console_session_id: 9,
            managed_random: [1; 16],
            guid: [2; 16],
            code: &code,
        };
        two.encode(&mut bytes);
        assert_eq!(Rakp2::decode(&bytes), Ok(two));
        for length in 0..40 {
            assert!(Rakp2::decode(&bytes[..length]).is_err());
        }

        let mut bytes = Vec::new();
        let three = Rakp3 { tag: 3, status: Status::OK, managed_session_id: 5, code: &code };
        three.encode(&mut bytes);
        assert_eq!(Rakp3::decode(&bytes), Ok(three));

        let mut bytes = Vec::new();
        let four = Rakp4::Accepted { tag: 4, console_session_id: 9, check: &code[..12] };
        four.encode(&mut bytes);
        assert_eq!(Rakp4::decode(&bytes), Ok(four));
    }

    #[test]
    fn refusals_of_two_bytes() {
        let status = Status::UNAUTHORIZED_NAME;
        let refused = Rakp2::Refused { tag: 2, status, console_session_id: None };
        assert_eq!(Rakp2::decode(&[2, 0x0d]), Ok(refused));
        let refused = Rakp4::Refused { tag: 2, status, console_session_id: None };
        assert_eq!(Rakp4::decode(&[2, 0x0d]), Ok(refused));
        assert_eq!(Rakp2::decode(&[2]), Err(Malformed::Truncated));
    }
}
