use crate::wire::Malformed;

/// Why a datagram was dropped: each is one check that it failed. None of them says anything about the BMC's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// It breaks its format.
    Malformed(Malformed),
    /// Nobody waits for a message of its kind.
    Unexpected,
    /// Open Session or RAKP: another tag than the one sent.
    Tag,
    /// Open Session or RAKP: another console session id than the login's.
    ConsoleSession,
    /// Another session's id, or a session's where there is none.
    SessionId,
    /// In a session and without integrity code.
    NotAuthenticated,
    /// In a session and not encrypted.
    NotEncrypted,
    /// The integrity code is wrong.
    Integrity,
    /// The session sequence number was seen before or is too old.
    Sequence,
    /// Another request sequence number than that of the command in flight.
    RequestSequence,
    /// Another network function.
    NetFn,
    /// Another command.
    Command,
}

impl Dropped {
    /// Whether the peer must be talking nonsense, as against being late or repeating itself.
    pub(super) fn is_garbage(self) -> bool {
        matches!(self, Self::Malformed(_) | Self::NotAuthenticated | Self::NotEncrypted | Self::Integrity)
    }
}

impl From<Malformed> for Dropped {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Runs the checks. In tests any one of them can be turned off, to show that no other check stands in for it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Guard {
    #[cfg(test)]
    pub(super) off: Option<Dropped>,
}

impl Guard {
    pub(super) fn check(self, holds: bool, otherwise: Dropped) -> Result<(), Dropped> {
        #[cfg(test)]
        if self.off == Some(otherwise) {
            return Ok(());
        }
        if holds { Ok(()) } else { Err(otherwise) }
    }
}
