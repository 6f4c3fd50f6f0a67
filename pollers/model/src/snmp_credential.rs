use std::{fmt, str::FromStr};

use crate::{Secret, SecurityLevel};

/// With what an SNMP agent is asked, and so in which version of SNMP.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SnmpCredential {
    /// SNMPv1 (RFC 1157).
    V1(Secret),
    /// SNMPv2c (RFC 1901).
    V2c(Secret),
    /// SNMPv3 with the user-based security model (RFC 3414).
    V3(SnmpUser),
}

impl SnmpCredential {
    /// The community, where it has one.
    pub fn community(&self) -> Option<&Secret> {
        match self {
            Self::V1(community) | Self::V2c(community) => Some(community),
            Self::V3(_) => None,
        }
    }
}

/// A user of SNMPv3.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SnmpUser {
    /// The security name, 1 to 32 bytes (RFC 3414, clause 5: usmUserSecurityName).
    pub name: String,
    /// Keys, and with them the security level.
    pub security: SnmpSecurity,
    /// The context name, mostly empty; at most 255 bytes.
    pub context: String,
}

/// The security levels (RFC 3411, clause 3.4.3) with what each needs. Passwords have at least 8 bytes (RFC 3414, clause 11.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SnmpSecurity {
    /// noAuthNoPriv.
    None,
    /// authNoPriv.
    Auth(AuthProtocol, Secret),
    /// authPriv.
    AuthPriv((AuthProtocol, Secret), (PrivProtocol, Secret)),
}

impl SnmpSecurity {
    /// The security level.
    pub fn level(&self) -> SecurityLevel {
        match self {
            Self::None => SecurityLevel::NoAuthNoPriv,
            Self::Auth(..) => SecurityLevel::AuthNoPriv,
            Self::AuthPriv(..) => SecurityLevel::AuthPriv,
        }
    }

    /// Whether messages are encrypted by DES.
    pub fn uses_des(&self) -> bool {
        matches!(self, Self::AuthPriv(_, (PrivProtocol::Des, _)))
    }
}

/// How messages are authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthProtocol {
    /// HMAC-MD5-96 (RFC 3414).
    Md5,
    /// HMAC-SHA-96 (RFC 3414).
    Sha1,
    /// HMAC-128-SHA-224 (RFC 7860).
    Sha224,
    /// HMAC-192-SHA-256 (RFC 7860).
    Sha256,
    /// HMAC-256-SHA-384 (RFC 7860).
    Sha384,
    /// HMAC-384-SHA-512 (RFC 7860).
    Sha512,
}

/// How messages are encrypted. Longer AES has no RFC; agents differ in how they stretch a key that is too short for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrivProtocol {
    /// CBC-DES (RFC 3414).
    Des,
    /// CFB128-AES-128 (RFC 3826).
    Aes128,
    /// AES-192, key stretched as draft-blumenthal-aes-usm-04 says: net-snmp and most others.
    Aes192,
    /// AES-256, likewise.
    Aes256,
    /// AES-192, key stretched as draft-reeder-snmpv3-usm-3desede-00 says: Cisco and some others.
    Aes192Cisco,
    /// AES-256, likewise.
    Aes256Cisco,
}

impl AuthProtocol {
    /// All, in the order of their strength.
    pub const ALL: [Self; 6] =
        [Self::Md5, Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// As net-snmp writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }
}

impl PrivProtocol {
    /// All, in the order of their strength.
    pub const ALL: [Self; 6] =
        [Self::Des, Self::Aes128, Self::Aes192, Self::Aes256, Self::Aes192Cisco, Self::Aes256Cisco];

    /// As net-snmp writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Des => "DES",
            Self::Aes128 => "AES",
            Self::Aes192 => "AES-192",
            Self::Aes256 => "AES-256",
            Self::Aes192Cisco => "AES-192-C",
            Self::Aes256Cisco => "AES-256-C",
        }
    }
}

/// A word that names no algorithm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownProtocol {
    /// For authentication.
    #[error(
        "there is no such authentication protocol; known are MD5, SHA, SHA-224, SHA-256, SHA-384, SHA-512"
    )]
    Auth,
    /// For privacy.
    #[error(
        "there is no such privacy protocol; known are DES, AES, AES-192, AES-256, and AES-192-C, AES-256-C for Cisco's keys"
    )]
    Priv,
}

/// Without hyphens and in capitals: people write sha256, SHA-256 and Sha256.
fn plain(word: &str) -> String {
    word.chars().filter(|c| *c != '-').map(|c| c.to_ascii_uppercase()).collect()
}

impl FromStr for AuthProtocol {
    type Err = UnknownProtocol;

    fn from_str(word: &str) -> Result<Self, UnknownProtocol> {
        let word = plain(word);
        let word = if word == "SHA1" { "SHA" } else { &word };
        Self::ALL.into_iter().find(|known| plain(known.as_str()) == word).ok_or(UnknownProtocol::Auth)
    }
}

impl FromStr for PrivProtocol {
    type Err = UnknownProtocol;

    fn from_str(word: &str) -> Result<Self, UnknownProtocol> {
        let word = plain(word);
        let word = if word == "AES128" { "AES" } else { &word };
        Self::ALL.into_iter().find(|known| plain(known.as_str()) == word).ok_or(UnknownProtocol::Priv)
    }
}

impl fmt::Display for AuthProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for PrivProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Longest security name, bytes.
const LONGEST_NAME: usize = 32;
/// Longest context name, bytes (RFC 3411: SnmpAdminString).
const LONGEST_CONTEXT: usize = 255;
/// Shortest password, bytes.
const SHORTEST_PASSWORD: usize = 8;

impl SnmpUser {
    /// What is wrong with it that no agent would take; `None` where nothing is.
    pub fn wrong(&self) -> Option<&'static str> {
        let passwords: &[&Secret] = match &self.security {
            SnmpSecurity::None => &[],
            SnmpSecurity::Auth(_, password) => &[password],
            SnmpSecurity::AuthPriv((_, auth), (_, privacy)) => &[auth, privacy],
        };
        if self.name.is_empty() || self.name.len() > LONGEST_NAME {
            return Some("the user's name has to be 1 to 32 bytes long (RFC 3414)");
        }
        if self.context.len() > LONGEST_CONTEXT {
            return Some("the context has more than 255 bytes");
        }
        if passwords.iter().any(|password| password.expose().len() < SHORTEST_PASSWORD) {
            return Some("passwords of SNMPv3 have at least 8 bytes (RFC 3414)");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_by_the_names_that_people_write() {
        for known in AuthProtocol::ALL {
            assert_eq!(known.to_string().parse(), Ok(known));
        }
        for known in PrivProtocol::ALL {
            assert_eq!(known.to_string().to_lowercase().parse(), Ok(known));
        }
        assert_eq!("sha256".parse(), Ok(AuthProtocol::Sha256));
        assert_eq!("SHA-1".parse(), Ok(AuthProtocol::Sha1));
        assert_eq!("AES128".parse(), Ok(PrivProtocol::Aes128));
        assert_eq!("AES256C".parse(), Ok(PrivProtocol::Aes256Cisco));
        assert_eq!("3DES".parse::<PrivProtocol>(), Err(UnknownProtocol::Priv));
        assert_eq!("".parse::<AuthProtocol>(), Err(UnknownProtocol::Auth));
    }

    #[test]
    fn a_user_that_no_agent_takes_is_told() {
        let user = |name: &str, password: &str, context: &str| SnmpUser {
            name: name.into(),
            security: SnmpSecurity::Auth(AuthProtocol::Sha256, password.into()),
            context: context.into(),
        };
        assert_eq!(user("u", "12345678", "").wrong(), None);
        assert!(user("", "12345678", "").wrong().is_some());
        assert!(user(&"u".repeat(33), "12345678", "").wrong().is_some());
        assert!(user("u", "1234567", "").wrong().is_some());
        assert!(user("u", "12345678", &"c".repeat(256)).wrong().is_some());
    }
}
