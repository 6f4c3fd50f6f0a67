use std::fmt;

use md5::{Digest, Md5};
use rackpoll_model::Secret;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How IPMI 1.5 sessions are authenticated (IPMI 2.0 table 13-8), weakest first. None of them encrypts. MD2 is left out:
/// it is broken, and what knows it knows MD5 too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ipmi15Authentication {
    /// Nothing: whoever knows a user's name is in.
    None,
    /// The password itself, in every datagram, in clear.
    Password,
    /// MD5 over password and message.
    Md5,
}

impl Ipmi15Authentication {
    /// Strongest first.
    pub const ALL: [Self; 3] = [Self::Md5, Self::Password, Self::None];

    /// The number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Md5 => 2,
            Self::Password => 4,
        }
    }

    /// By the number on the wire.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The word in configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Password => "password",
            Self::Md5 => "md5",
        }
    }

    /// What whoever listens on the way can do, in words for a person.
    pub fn weakness(self) -> &'static str {
        match self {
            Self::None => "has no password and no encryption: whoever reaches the BMC is in",
            Self::Password => "sends the password in clear with every datagram",
            Self::Md5 => "does not encrypt: everything can be read on its way",
        }
    }
}

impl fmt::Display for Ipmi15Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Longest password of IPMI 1.5 (clause 22.17).
pub const IPMI_15_PASSWORD: usize = 16;

/// What codes of IPMI 1.5 datagrams are made with. Wiped when dropped; no `Debug`.
#[derive(Clone)]
pub struct Ipmi15Key {
    authentication: Ipmi15Authentication,
    password: Zeroizing<[u8; IPMI_15_PASSWORD]>,
}

impl Ipmi15Key {
    /// None where the password is longer than IPMI 1.5 knows.
    pub fn new(authentication: Ipmi15Authentication, password: &Secret) -> Option<Self> {
        let bytes = password.expose();
        let mut padded = Zeroizing::new([0; IPMI_15_PASSWORD]);
        padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { authentication, password: padded })
    }

    /// How datagrams are authenticated.
    pub fn authentication(&self) -> Ipmi15Authentication {
        self.authentication
    }

    /// The same password for another kind of authentication.
    pub fn with(&self, authentication: Ipmi15Authentication) -> Self {
        Self { authentication, password: self.password.clone() }
    }

    /// Code of a datagram (clause 22.17.1); none where datagrams carry none. `sequence` as it stands on the wire.
    pub fn code(&self, session_id: u32, sequence: [u8; 4], message: &[u8]) -> Option<[u8; 16]> {
        match self.authentication {
            Ipmi15Authentication::None => None,
            Ipmi15Authentication::Password => Some(*self.password),
            Ipmi15Authentication::Md5 => {
                let mut hash = Md5::new();
                hash.update(&self.password[..]);
                hash.update(session_id.to_le_bytes());
                hash.update(message);
                hash.update(sequence);
                hash.update(&self.password[..]);
                Some(hash.finalize().into())
            }
        }
    }

    /// Whether a datagram's code is right, in a time that does not tell where they differ.
    pub fn verify(&self, session_id: u32, sequence: [u8; 4], message: &[u8], code: Option<[u8; 16]>) -> bool {
        match (self.code(session_id, sequence, message), code) {
            (None, None) => true,
            (Some(expected), Some(code)) => expected.ct_eq(&code).into(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(authentication: Ipmi15Authentication) -> Ipmi15Key {
        Ipmi15Key::new(authentication, &Secret::from("admin")).unwrap()
    }

    // { printf 'admin\0\0\0\0\0\0\0\0\0\0\0\1\2\3\4message\5\0\0\0admin\0\0\0\0\0\0\0\0\0\0\0'; } | openssl dgst -md5
    #[test]
    fn as_openssl_hashes() {
        let code = key(Ipmi15Authentication::Md5).code(0x0403_0201, [5, 0, 0, 0], b"message").unwrap();
        let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "3b35cfad04ec45082f2cf7eec9076e82");
    }

    #[test]
    fn every_part_counts_and_passwords_of_seventeen_bytes_are_refused() {
        let md5 = key(Ipmi15Authentication::Md5);
        let code = md5.code(1, [2, 0, 0, 0], b"m");
        assert!(md5.verify(1, [2, 0, 0, 0], b"m", code));
        assert!(!md5.verify(2, [2, 0, 0, 0], b"m", code));
        assert!(!md5.verify(1, [3, 0, 0, 0], b"m", code));
        assert!(!md5.verify(1, [2, 0, 0, 0], b"n", code));
        assert!(!md5.verify(1, [2, 0, 0, 0], b"m", None));
        let password = key(Ipmi15Authentication::Password);
        assert_eq!(password.code(1, [2, 0, 0, 0], b"m").as_ref().map(|code| &code[..5]), Some(&b"admin"[..]));
        let none = key(Ipmi15Authentication::None);
        assert!(none.verify(1, [2, 0, 0, 0], b"m", None));
        assert!(!none.verify(1, [2, 0, 0, 0], b"m", code));
        assert!(Ipmi15Key::new(Ipmi15Authentication::Md5, &Secret::from("seventeen bytes !")).is_none());
    }
}
