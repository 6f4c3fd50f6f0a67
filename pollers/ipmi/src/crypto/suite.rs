use std::fmt;

use crate::wire::Algorithms;

/// The cipher suites that rackpoll speaks (IPMI 2.0 table 22-20 and its errata 7), weaker before stronger.
/// Suites without encryption or with MD5, RC4 or no authentication are left out on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CipherSuite {
    /// RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128.
    Three,
    /// RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    Seventeen,
}

/// RAKP authentication algorithm (table 13-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// RAKP-HMAC-SHA1.
    HmacSha1,
    /// RAKP-HMAC-SHA256.
    HmacSha256,
}

/// Integrity algorithm (table 13-18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Integrity {
    /// HMAC-SHA1-96.
    HmacSha1_96,
    /// HMAC-SHA256-128.
    HmacSha256_128,
}

impl CipherSuite {
    /// Strongest first.
    pub const ALL: [Self; 2] = [Self::Seventeen, Self::Three];

    /// The suite's number.
    pub fn id(self) -> u8 {
        match self {
            Self::Three => 3,
            Self::Seventeen => 17,
        }
    }

    /// By its number; none for the suites that rackpoll does not speak.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.id() == id)
    }

    /// The numbers that Open Session carries.
    pub fn algorithms(self) -> Algorithms {
        match self {
            Self::Three => Algorithms { authentication: 1, integrity: 1, confidentiality: 1 },
            Self::Seventeen => Algorithms { authentication: 3, integrity: 4, confidentiality: 1 },
        }
    }

    /// The suite made of exactly these algorithms.
    pub fn from_algorithms(algorithms: Algorithms) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.algorithms() == algorithms)
    }

    /// How RAKP authenticates.
    pub fn authentication(self) -> Authentication {
        match self {
            Self::Three => Authentication::HmacSha1,
            Self::Seventeen => Authentication::HmacSha256,
        }
    }

    /// How packets are authenticated.
    pub fn integrity(self) -> Integrity {
        match self {
            Self::Three => Integrity::HmacSha1_96,
            Self::Seventeen => Integrity::HmacSha256_128,
        }
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id())
    }
}

impl Integrity {
    /// Bytes of the authentication code at a packet's end, and of RAKP 4's integrity check value.
    pub fn code_length(self) -> usize {
        match self {
            Self::HmacSha1_96 => 12,
            Self::HmacSha256_128 => 16,
        }
    }
}
