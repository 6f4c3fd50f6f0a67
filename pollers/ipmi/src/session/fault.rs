use std::time::Duration;

use rackpoll_model::{Fault, FaultKind};

use crate::{
    crypto::{CipherSuite, Ipmi15Authentication},
    wire::Status,
};

/// Why a session could not be had, or a command had no answer. Converts into a fault whose sentence says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionError {
    /// The deadline has passed.
    Timeout {
        /// What was waited for.
        waiting_for: &'static str,
        /// Whether the BMC had answered anything.
        heard: bool,
    },
    /// The deadline has passed, and all that came was nonsense.
    Garbage {
        /// How many such datagrams.
        datagrams: u32,
    },
    /// The BMC knows no such user.
    UnknownUser,
    /// The codes of RAKP 2 or RAKP 3 do not match.
    WrongPassword,
    /// The check value of RAKP 4 does not match although the password did: K_G differs.
    WrongBmcKey,
    /// No free session slot.
    NoSessionSlot {
        /// How many slots may be held by sessions that we have lost.
        orphans: usize,
        /// How long the BMC is left in peace.
        wait: Duration,
    },
    /// IPMI 1.5: the BMC gives challenges and does not answer Activate Session.
    SilentActivation,
    /// The privilege is not granted.
    Privilege(Fault),
    /// None of our cipher suites is accepted.
    NoCommonSuite {
        /// What we have tried.
        tried: Vec<CipherSuite>,
        /// What the BMC says that it offers, where it says so.
        offered: Option<Vec<u8>>,
    },
    /// The BMC speaks IPMI 1.5 only, and no such session is allowed that it knows.
    NoRmcpPlus {
        /// What it would allow.
        offered: Vec<Ipmi15Authentication>,
    },
    /// IPMI 1.5: a command of the login was refused, or its answer cannot be right.
    Login15(Fault),
    /// Another refusal of a login message.
    Refused {
        /// The message.
        message: &'static str,
        /// Why.
        status: Status,
    },
    /// A login message that is whole and cannot be right.
    BadLogin(&'static str),
}

impl From<SessionError> for Fault {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Timeout { waiting_for, heard: false } => Self::new(
                FaultKind::Timeout,
                format!(
                    "no answer at all before the deadline ({waiting_for}); check address and port, that IPMI over LAN is \
                     enabled, and that no firewall drops UDP"
                ),
            ),
            SessionError::Timeout { waiting_for, heard: true } => Self::new(
                FaultKind::Timeout,
                format!(
                    "the BMC stopped answering before the deadline ({waiting_for}); it may be overloaded, or datagrams are lost"
                ),
            ),
            SessionError::Garbage { datagrams } => Self::new(
                FaultKind::BadAnswer,
                format!(
                    "{datagrams} datagrams came in answer and none makes sense as IPMI; check that this port is a BMC's"
                ),
            ),
            SessionError::UnknownUser => Self::new(
                FaultKind::UnknownUser,
                "the BMC knows no such user, or the user is disabled; check the user name and its LAN access",
            ),
            SessionError::WrongPassword => Self::new(
                FaultKind::WrongPassword,
                "the password is not the one that the BMC has for this user",
            ),
            SessionError::WrongBmcKey => Self::new(
                FaultKind::WrongPassword,
                "the password is right and the session key is not: the BMC has a key of its own (K_G) that the credential lacks",
            ),
            SessionError::NoSessionSlot { orphans, wait } => {
                let ours = match orphans {
                    0 => String::new(),
                    1 => "; one may be a session of ours that was lost, and has its time-out before it"
                        .to_owned(),
                    more => format!(
                        "; {more} may be sessions of ours that were lost, and have their time-out before them"
                    ),
                };
                Self::new(
                    FaultKind::NoSessionSlot,
                    format!(
                        "all session slots of the BMC are taken{ours}; close other sessions, or wait until the BMC drops idle ones; no login is tried for {} s",
                        wait.as_secs().max(1)
                    ),
                )
            }
            SessionError::SilentActivation => Self::new(
                FaultKind::WrongPassword,
                "the BMC does not answer Activate Session: with IPMI 1.5 that is what a wrong password looks like",
            ),
            SessionError::Login15(fault) => fault,
            SessionError::Privilege(fault) => fault,
            SessionError::NoCommonSuite { tried, offered } => {
                Self::new(FaultKind::NoCommonSecurity, no_common_suite(&tried, offered.as_deref()))
            }
            SessionError::NoRmcpPlus { offered } => {
                let allow = if offered.is_empty() {
                    "rackpoll needs IPMI 2.0, and the BMC offers nothing for 1.5 that rackpoll speaks"
                        .to_owned()
                } else {
                    let offered: Vec<_> = offered.iter().map(|kind| kind.as_str()).collect();
                    format!(
                        "it is used only where it is allowed by name: ipmi-1-5 of the credential, --ipmi-1-5 on the command line; the BMC offers {}",
                        offered.join(", ")
                    )
                };
                Self::new(
                    FaultKind::NoCommonSecurity,
                    format!("the BMC speaks IPMI 1.5 only, which has no encryption; {allow}"),
                )
            }
            SessionError::Refused { message, status } => Self::new(
                FaultKind::Refused,
                format!("the BMC refuses {message}: {} (status {:#04x})", status.meaning(), status.0),
            ),
            SessionError::BadLogin(what) => Self::new(
                FaultKind::BadAnswer,
                format!("the BMC's part of the login cannot be right: {what}"),
            ),
        }
    }
}

fn no_common_suite(tried: &[CipherSuite], offered: Option<&[u8]>) -> String {
    let list =
        |ids: &mut dyn Iterator<Item = u8>| ids.map(|id| id.to_string()).collect::<Vec<_>>().join(", ");
    let ours = list(&mut tried.iter().map(|suite| suite.id()));
    let Some(offered) = offered else {
        return format!(
            "the BMC accepts none of our cipher suites ({ours}) and does not say which it has; enable suite 17 or 3 on it"
        );
    };
    let theirs = list(&mut offered.iter().copied());
    let weak = list(&mut offered.iter().copied().filter(|id| {
        CipherSuite::from_id(*id).is_some_and(|suite| !suite.encrypts() && !tried.contains(&suite))
    }));
    let allow = if weak.is_empty() {
        String::new()
    } else {
        format!(
            ", or allow by number what does not encrypt ({weak}): cipher-suites of the credential, --cipher-suite on the command line"
        )
    };
    format!(
        "the BMC accepts none of our cipher suites ({ours}) and offers {theirs}; enable suite 17 or 3 on it{allow}"
    )
}
