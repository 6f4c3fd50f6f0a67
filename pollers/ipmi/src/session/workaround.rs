use std::{fmt, str::FromStr};

/// Habits of BMCs that cannot be found out, or that should not be lived with unasked. Named as FreeIPMI names them; what
/// rackpoll does about the others of its list is in docs/workarounds.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Workaround {
    /// What the BMC says it can do is not asked for: RMCP+ is tried all the same.
    AuthCap,
    /// Wrong checksums in answers are accepted, where the answer has a right integrity code.
    NoChecksumCheck,
    /// Answers with session id 0 are accepted, where the answer has a right integrity code.
    IdZero,
    /// IPMI 1.5: datagrams are authenticated although the BMC says that it wants them not to be.
    ForcePerMsg,
    /// IPMI 1.5: session sequence numbers have their most significant byte first.
    EndianSeq,
    /// IPMI 1.5: the codes of answers are not looked at.
    NoAuthCodeCheck,
    /// User names are sixteen bytes long, with their padding.
    Intel20,
}

impl Workaround {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::AuthCap,
        Self::NoChecksumCheck,
        Self::IdZero,
        Self::ForcePerMsg,
        Self::EndianSeq,
        Self::NoAuthCodeCheck,
        Self::Intel20,
    ];

    /// The word in configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthCap => "authcap",
            Self::NoChecksumCheck => "nochecksumcheck",
            Self::IdZero => "idzero",
            Self::ForcePerMsg => "forcepermsg",
            Self::EndianSeq => "endianseq",
            Self::NoAuthCodeCheck => "noauthcodecheck",
            Self::Intel20 => "intel20",
        }
    }
}

impl fmt::Display for Workaround {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no workaround.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such workaround")]
pub struct UnknownWorkaround;

impl FromStr for Workaround {
    type Err = UnknownWorkaround;

    fn from_str(word: &str) -> Result<Self, UnknownWorkaround> {
        Self::ALL.into_iter().find(|workaround| workaround.as_str() == word).ok_or(UnknownWorkaround)
    }
}
