use std::fmt;

use crate::wire::Algorithms;

/// The cipher suites that rackpoll speaks (IPMI 2.0 table 22-20 and its errata 7), weaker before stronger. Suites with
/// MD5 or RC4 are left out on purpose. Those that encrypt nothing are used only where somebody has allowed them by
/// their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CipherSuite {
    /// Nothing at all: whoever knows a user's name is in.
    Zero,
    /// RAKP-HMAC-SHA1; packets can be read and changed on their way.
    One,
    /// RAKP-HMAC-SHA1, HMAC-SHA1-96; packets can be read on their way.
    Two,
    /// RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128.
    Three,
    /// RAKP-HMAC-SHA256; packets can be read and changed on their way.
    Fifteen,
    /// RAKP-HMAC-SHA256, HMAC-SHA256-128; packets can be read on their way.
    Sixteen,
    /// RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128.
    Seventeen,
}

/// RAKP authentication algorithm (table 13-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// RAKP-none.
    None,
    /// RAKP-HMAC-SHA1.
    HmacSha1,
    /// RAKP-HMAC-SHA256.
    HmacSha256,
}

/// Integrity algorithm (table 13-18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Integrity {
    /// None: packets carry no code.
    None,
    /// HMAC-SHA1-96.
    HmacSha1_96,
    /// HMAC-SHA256-128.
    HmacSha256_128,
}

impl CipherSuite {
    /// Strongest first: what hides comes before what only signs, and that before what does neither.
    pub const ALL: [Self; 7] =
        [Self::Seventeen, Self::Three, Self::Sixteen, Self::Two, Self::Fifteen, Self::One, Self::Zero];

    /// Those that authenticate, sign and encrypt, strongest first: what is used where nobody says otherwise.
    pub const ENCRYPTED: [Self; 2] = [Self::Seventeen, Self::Three];

    /// The suite's number.
    pub fn id(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
            Self::Fifteen => 15,
            Self::Sixteen => 16,
            Self::Seventeen => 17,
        }
    }

    /// By its number; none for the suites that rackpoll does not speak.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.id() == id)
    }

    /// The numbers that Open Session carries.
    pub fn algorithms(self) -> Algorithms {
        let authentication = match self.authentication() {
            Authentication::None => 0,
            Authentication::HmacSha1 => 1,
            Authentication::HmacSha256 => 3,
        };
        let integrity = match self.integrity() {
            Integrity::None => 0,
            Integrity::HmacSha1_96 => 1,
            Integrity::HmacSha256_128 => 4,
        };
        Algorithms { authentication, integrity, confidentiality: u8::from(self.encrypts()) }
    }

    /// The suite made of exactly these algorithms.
    pub fn from_algorithms(algorithms: Algorithms) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.algorithms() == algorithms)
    }

    /// How RAKP authenticates.
    pub fn authentication(self) -> Authentication {
        match self {
            Self::Zero => Authentication::None,
            Self::One | Self::Two | Self::Three => Authentication::HmacSha1,
            Self::Fifteen | Self::Sixteen | Self::Seventeen => Authentication::HmacSha256,
        }
    }

    /// How packets are authenticated.
    pub fn integrity(self) -> Integrity {
        match self {
            Self::Zero | Self::One | Self::Fifteen => Integrity::None,
            Self::Two | Self::Three => Integrity::HmacSha1_96,
            Self::Sixteen | Self::Seventeen => Integrity::HmacSha256_128,
        }
    }

    /// Whether payloads are encrypted; with AES-CBC-128 then.
    pub fn encrypts(self) -> bool {
        matches!(self, Self::Three | Self::Seventeen)
    }

    /// What whoever listens on the way can do, in words for a person; none for a suite that hides and signs.
    pub fn weakness(self) -> Option<&'static str> {
        match self {
            Self::Zero => {
                Some("has no password, no signature and no encryption: whoever reaches the BMC is in")
            }
            Self::One | Self::Fifteen => {
                Some("neither signs nor encrypts: everything can be read and changed on its way")
            }
            Self::Two | Self::Sixteen => Some("does not encrypt: everything can be read on its way"),
            Self::Three | Self::Seventeen => None,
        }
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id())
    }
}

impl Authentication {
    /// Bytes of RAKP 4's integrity check value: the code of the hash that RAKP uses, cut as its integrity algorithm cuts
    /// it, also in a suite whose packets carry no code (clause 13.28.1 and 13.28.1b).
    pub fn check_length(self) -> usize {
        match self {
            Self::None => 0,
            Self::HmacSha1 => 12,
            Self::HmacSha256 => 16,
        }
    }
}

impl Integrity {
    /// Bytes of the authentication code at a packet's end.
    pub fn code_length(self) -> usize {
        match self {
            Self::None => 0,
            Self::HmacSha1_96 => 12,
            Self::HmacSha256_128 => 16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Table 22-20, and the rows that errata 7 adds.
    #[test]
    fn suites_are_made_of_the_algorithms_of_the_table() {
        let table: [(u8, [u8; 3]); 7] = [
            (0, [0, 0, 0]),
            (1, [1, 0, 0]),
            (2, [1, 1, 0]),
            (3, [1, 1, 1]),
            (15, [3, 0, 0]),
            (16, [3, 4, 0]),
            (17, [3, 4, 1]),
        ];
        for (id, [authentication, integrity, confidentiality]) in table {
            let suite = CipherSuite::from_id(id).unwrap();
            let algorithms = Algorithms { authentication, integrity, confidentiality };
            assert_eq!(suite.algorithms(), algorithms, "suite {id}");
            assert_eq!(CipherSuite::from_algorithms(algorithms), Some(suite));
            assert_eq!(suite.weakness().is_none(), confidentiality == 1);
        }
        for id in [4, 5, 6, 8, 12, 14, 18, 0x80] {
            assert_eq!(CipherSuite::from_id(id), None, "suite {id}");
        }
        assert!(CipherSuite::ENCRYPTED.iter().all(|suite| suite.encrypts()));
    }
}
