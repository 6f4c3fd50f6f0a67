use async_snmp::v3::ReportStatus;
use rackpoll_model::{Fault, FaultKind, PrivProtocol, SnmpSecurity, SnmpUser};

use crate::elements::{Elements, INTEGER, OBJECT_ID, OCTET_STRING, SEQUENCE};

/// What an SNMPv3 agent reports in place of an answer (RFC 3414, clause 5: usmStats; RFC 3412 and RFC 3413 for the rest).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    UnsupportedSecurityLevel,
    NotInTimeWindow,
    UnknownUserName,
    UnknownEngineId,
    WrongDigest,
    DecryptionError,
    UnknownContext,
    /// Not in its time window, and never again: its count of restarts has come to its end (RFC 3414, clause 2.2.3).
    WornOut,
    /// No report, but an authenticated answer that does not stand the checks: of another engine, or of another time, by an
    /// agent that does not check ours.
    Unbelieved,
    Other,
}

/// usmStats: 1.3.6.1.6.3.15.1.1.
const USM_STATS: &[u8] = b"\x2b\x06\x01\x06\x03\x0f\x01\x01";
/// snmpUnavailableContexts and snmpUnknownContexts of SNMP-TARGET-MIB (RFC 3413).
const CONTEXTS: [[u32; 10]; 2] = [[1, 3, 6, 1, 6, 3, 12, 1, 4, 0], [1, 3, 6, 1, 6, 3, 12, 1, 5, 0]];
/// 2147483647, in BER.
const MOST_BOOTS: &[u8] = &[0x7f, 0xff, 0xff, 0xff];
/// The flag of a signed message (RFC 3412, clause 6.4).
const AUTHENTICATED: u8 = 1;
/// Report-PDU (RFC 3416, clause 3).
const REPORT: u8 = 0xa8;

impl Report {
    /// The report in a datagram that the library has turned down. It is nobody's word in particular: agents report a wrong
    /// password without authentication, since they have no key for it. It came to a message id that is hard to guess, though.
    pub(crate) fn read(datagram: &[u8]) -> Option<Self> {
        let mut message = Elements::new(datagram).inside(SEQUENCE)?;
        message.inside(INTEGER)?;
        let mut header = message.inside(SEQUENCE)?;
        header.inside(INTEGER)?;
        header.inside(INTEGER)?;
        let flags = *header.inside(OCTET_STRING)?.bytes().first()?;
        let mut security = message.inside(OCTET_STRING)?.inside(SEQUENCE)?;
        security.inside(OCTET_STRING)?;
        let boots = security.inside(INTEGER)?.bytes();
        match Self::reported(message) {
            Some(Self::NotInTimeWindow) if boots == MOST_BOOTS => Some(Self::WornOut),
            None if flags & AUTHENTICATED != 0 => Some(Self::Unbelieved),
            report => report,
        }
    }

    /// The same, of what comes after header and security parameters, where that is not encrypted.
    fn reported(mut message: Elements<'_>) -> Option<Self> {
        let mut scoped = message.inside(SEQUENCE)?;
        scoped.inside(OCTET_STRING)?;
        scoped.inside(OCTET_STRING)?;
        let mut pdu = scoped.inside(REPORT)?;
        for _ in 0..3 {
            pdu.inside(INTEGER)?;
        }
        let oid = pdu.inside(SEQUENCE)?.inside(SEQUENCE)?.inside(OBJECT_ID)?.bytes();
        match oid.strip_prefix(USM_STATS) {
            Some([1, 0]) => Some(Self::UnsupportedSecurityLevel),
            Some([2, 0]) => Some(Self::NotInTimeWindow),
            Some([3, 0]) => Some(Self::UnknownUserName),
            Some([4, 0]) => Some(Self::UnknownEngineId),
            Some([5, 0]) => Some(Self::WrongDigest),
            Some([6, 0]) => Some(Self::DecryptionError),
            _ => None,
        }
    }

    /// A report that the library has verified as far as it can be.
    pub(crate) fn of(status: &ReportStatus) -> Self {
        match status {
            ReportStatus::UnsupportedSecurityLevel { .. } => Self::UnsupportedSecurityLevel,
            ReportStatus::NotInTimeWindow { .. } => Self::NotInTimeWindow,
            ReportStatus::UnknownUserName { .. } => Self::UnknownUserName,
            ReportStatus::UnknownEngineId { .. } => Self::UnknownEngineId,
            ReportStatus::WrongDigest { .. } => Self::WrongDigest,
            ReportStatus::DecryptionError { .. } => Self::DecryptionError,
            ReportStatus::Other { oid, .. } if CONTEXTS.iter().any(|known| oid.arcs() == known) => {
                Self::UnknownContext
            }
            _ => Self::Other,
        }
    }

    /// Whether the agent is another one than we think, or has started anew: its engine has to be asked for again.
    pub(crate) fn is_about_the_engine(self) -> bool {
        matches!(self, Self::NotInTimeWindow | Self::UnknownEngineId | Self::Unbelieved)
    }

    /// What it means for a poll by this user.
    pub(crate) fn fault(self, user: &SnmpUser) -> Fault {
        let name = &user.name;
        let (kind, message) = match self {
            Self::UnsupportedSecurityLevel => {
                let (level, fix) = (level(user), other_level(user));
                (
                    FaultKind::NoCommonSecurity,
                    format!("the agent does not serve the user {name:?} at the security level {level} (usmStatsUnsupportedSecLevels); {fix}"),
                )
            }
            Self::UnknownUserName => (
                FaultKind::UnknownUser,
                format!("the agent has no user {name:?} (usmStatsUnknownUserNames); check v3-user"),
            ),
            Self::WrongDigest => (
                FaultKind::WrongPassword,
                format!(
                    "the authentication password of the user {name:?} is wrong, or its protocol is (usmStatsWrongDigests); check v3-auth-password and v3-auth-proto"
                ),
            ),
            Self::DecryptionError => (
                FaultKind::WrongPassword,
                format!(
                    "the privacy password of the user {name:?} is wrong, or its protocol is (usmStatsDecryptionErrors); check v3-priv-password and v3-priv-proto{}",
                    other_keys(user)
                ),
            ),
            Self::UnknownContext => (
                FaultKind::InsufficientPrivilege,
                format!("the agent has no context {:?} (snmpUnknownContexts); check v3-context", user.context),
            ),
            Self::NotInTimeWindow => (
                FaultKind::BadAnswer,
                "the agent says that requests are out of its time window (usmStatsNotInTimeWindows), however often it is asked for its time"
                    .to_owned(),
            ),
            Self::WornOut => (
                FaultKind::BadAnswer,
                "the agent has counted its restarts to the end (snmpEngineBoots 2147483647) and takes no authenticated request any more; give it a new engine id"
                    .to_owned(),
            ),
            Self::UnknownEngineId => (
                FaultKind::BadAnswer,
                "the agent does not know the engine id that it has just given itself (usmStatsUnknownEngineIDs); an address with several agents behind it does so"
                    .to_owned(),
            ),
            Self::Unbelieved => (
                FaultKind::BadAnswer,
                "what the agent answers is not signed by the engine that it says it is, or is of another time".to_owned(),
            ),
            Self::Other => {
                (FaultKind::BadAnswer, "the agent answers with a report that nobody knows".to_owned())
            }
        };
        Fault::new(kind, message)
    }
}

/// The user's security level as RFC 3411 writes it.
pub(crate) fn level(user: &SnmpUser) -> &'static str {
    match user.security {
        SnmpSecurity::None => "noAuthNoPriv",
        SnmpSecurity::Auth(..) => "authNoPriv",
        SnmpSecurity::AuthPriv(..) => "authPriv",
    }
}

/// What to change where the agent does not serve the user's level.
fn other_level(user: &SnmpUser) -> &'static str {
    match user.security {
        SnmpSecurity::None => "give it v3-auth-proto and v3-auth-password",
        SnmpSecurity::Auth(..) => {
            "leave out v3-auth-proto and v3-auth-password, or give the user an authentication key there"
        }
        SnmpSecurity::AuthPriv(..) => {
            "leave out v3-priv-proto and v3-priv-password, or give the user a privacy key there"
        }
    }
}

/// Another protocol to try, where two agents mean two of them by one name.
fn other_keys(user: &SnmpUser) -> String {
    use PrivProtocol as P;
    let SnmpSecurity::AuthPriv(_, (protocol, _)) = &user.security else { return String::new() };
    let other = match protocol {
        P::Aes192 => P::Aes192Cisco,
        P::Aes256 => P::Aes256Cisco,
        P::Aes192Cisco => P::Aes192,
        P::Aes256Cisco => P::Aes256,
        P::Des | P::Aes128 => return String::new(),
    };
    format!(", or try v3-priv-proto {other}: there are two ways to stretch a key for it")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report that the digest of message id 0x010203 is wrong, made by hand after RFC 3412 and RFC 3414.
    const WRONG_DIGEST: &[u8] =
        b"\x30\x57\x02\x01\x03\x30\x10\x02\x03\x01\x02\x03\x02\x03\x00\xff\xe3\x04\x01\x00\x02\x01\x03\x04\
        \x17\x30\x15\x04\x05\x80\x00\x00\x00\x01\x02\x01\x01\x02\x01\x07\x04\x02\x6d\x65\x04\x00\x04\x00\
        \x30\x27\x04\x05\x80\x00\x00\x00\x01\x04\x00\xa8\x1c\x02\x01\x05\x02\x01\x00\x02\x01\x00\x30\x11\
        \x30\x0f\x06\x0a\x2b\x06\x01\x06\x03\x0f\x01\x01\x05\x00\x41\x01\x01";

    #[test]
    fn a_report_is_told_by_its_counter() {
        assert_eq!(Report::read(WRONG_DIGEST), Some(Report::WrongDigest));
    }

    #[test]
    fn garbage_is_no_report() {
        for length in 0..WRONG_DIGEST.len() {
            assert_eq!(Report::read(&WRONG_DIGEST[..length]), None, "cut to {length}");
        }
        assert_eq!(Report::read(b"\x30\x03\x02\x01\x03"), None);
    }
}
