use std::future::Future;

use rackpoll_model::{Fault, FaultKind, Oid};

use crate::varbinds::VarBinds;

/// What an SNMP agent can be asked in one exchange. The walks know nothing but this; the library behind it can be another.
///
/// An exchange ends with an answer, with a failure, or never: whoever asks brings the deadline and drops the future.
pub(crate) trait Agent: Sync {
    /// Ends when there may be one exchange more.
    fn ready(&self) -> impl Future<Output = ()> + Send;

    /// GET: one variable binding for each oid, in their order.
    fn get(&self, oids: &[Oid]) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// GETNEXT: what follows each oid, in their order.
    fn get_next(&self, oids: &[Oid]) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// GETBULK without non-repeaters: rows of what follows each oid, at most so many.
    fn get_bulk(
        &self,
        oids: &[Oid],
        repetitions: u32,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// Whether the version has GETBULK and says by exceptions what SNMPv1 says by errors.
    fn is_v1(&self) -> bool;
}

/// A good answer. It may be shorter or longer than what was asked for: nothing about its shape is promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) varbinds: VarBinds,
    /// Bytes of the datagram.
    pub(crate) size: usize,
}

/// Why an exchange has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The agent's answer would not fit into a datagram (error status 1).
    TooBig,
    /// Another error status; `index` counts from 1, 0 where it is about no variable.
    Status { status: i32, index: u32 },
    /// Nothing more can be learned by asking again.
    Fault(Fault),
}

/// SNMPv1's only word for "there is none" and "nothing follows" (RFC 1157, clause 4.1.2).
pub(crate) const NO_SUCH_NAME: i32 = 2;

/// An agent that lets nobody see the object (RFC 3416, clause 3).
const AUTHORIZATION_ERROR: i32 = 16;
const NO_ACCESS: i32 = 6;

impl Failure {
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::TooBig => Fault::new(
                FaultKind::Refused,
                "the agent says that even the smallest answer is too big (tooBig)",
            ),
            Self::Status { status: NO_SUCH_NAME, .. } => {
                Fault::new(FaultKind::NoSuchObject, "the agent has no such object (noSuchName)")
            }
            Self::Status { status, .. } => {
                let kind = match *status {
                    AUTHORIZATION_ERROR | NO_ACCESS => FaultKind::InsufficientPrivilege,
                    _ => FaultKind::Refused,
                };
                Fault::new(kind, format!("the agent refused with {}", status_name(*status)))
            }
            Self::Fault(fault) => fault.clone(),
        }
    }
}

/// The names of RFC 3416, clause 3.
fn status_name(status: i32) -> String {
    const NAMES: [&str; 19] = [
        "noError",
        "tooBig",
        "noSuchName",
        "badValue",
        "readOnly",
        "genErr",
        "noAccess",
        "wrongType",
        "wrongLength",
        "wrongEncoding",
        "wrongValue",
        "noCreation",
        "inconsistentValue",
        "resourceUnavailable",
        "commitFailed",
        "undoFailed",
        "authorizationError",
        "notWritable",
        "inconsistentName",
    ];
    match usize::try_from(status).ok().and_then(|status| NAMES.get(status)) {
        Some(name) => format!("{name} ({status})"),
        None => format!("the unknown error status {status}"),
    }
}
