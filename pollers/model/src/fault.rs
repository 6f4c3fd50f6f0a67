use std::fmt;

/// Who has to act so that a failed poll can succeed (`error.blame` on the bus).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// The path to the device: no route, no answer.
    Network,
    /// The device answered, and its answer was wrong or a refusal.
    Device,
    /// User, password, community or privilege.
    Credentials,
    /// What was asked: a malformed command, an unknown one, a host that is not ours.
    Request,
    /// The agent itself: overload, shutdown, a defect.
    Agent,
}

impl Blame {
    /// The word on the bus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Device => "device",
            Self::Credentials => "credentials",
            Self::Request => "request",
            Self::Agent => "agent",
        }
    }
}

/// What kind of failure it was. Each kind has one blame and one answer to "is another try worth it".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The host's name or MAC address has no address.
    UnknownHost,
    /// The network says that there is no way, or nobody listens on the port (ICMP).
    Unreachable,
    /// No answer within the deadline.
    Timeout,
    /// The user does not exist on the device, or is disabled.
    UnknownUser,
    /// The password, community or key is wrong.
    WrongPassword,
    /// The user lacks the privilege, or the device does not grant it.
    InsufficientPrivilege,
    /// All session slots of the BMC are taken.
    NoSessionSlot,
    /// The device says that it is busy.
    Busy,
    /// The device refused the command with a completion code or an SNMP error.
    Refused,
    /// The SNMP agent has no such object, or no such instance of it.
    NoSuchObject,
    /// The device's answer cannot be right: garbage, wrong lengths, contradictions.
    BadAnswer,
    /// No cipher suite or security model that both sides accept.
    NoCommonSecurity,
    /// What was waited for has not come in time.
    ConditionNotMet,
    /// A field of the command is missing, has the wrong type or a value that cannot be.
    MalformedCommand,
    /// A command that nobody knows.
    UnknownCommand,
    /// A command that is known and not built yet.
    NotSupported,
    /// The host is outside the networks that this agent serves, or the credential's own.
    NotServed,
    /// No credential of that name.
    UnknownCredential,
    /// The device's mailbox is full.
    MailboxFull,
    /// The agent is stopping.
    ShuttingDown,
    /// A defect of the agent.
    Internal,
}

impl FaultKind {
    /// The error's name on the bus.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownHost => "UnknownHostError",
            Self::Unreachable => "UnreachableError",
            Self::Timeout => "TimeoutError",
            Self::UnknownUser => "UnknownUserError",
            Self::WrongPassword => "WrongPasswordError",
            Self::InsufficientPrivilege => "InsufficientPrivilegeError",
            Self::NoSessionSlot => "NoSessionSlotError",
            Self::Busy => "DeviceBusyError",
            Self::Refused => "RefusedError",
            Self::NoSuchObject => "NoSuchObjectError",
            Self::BadAnswer => "BadAnswerError",
            Self::NoCommonSecurity => "NoCommonSecurityError",
            Self::ConditionNotMet => "ConditionNotMetError",
            Self::MalformedCommand => "MalformedCommandError",
            Self::UnknownCommand => "UnknownCommandError",
            Self::NotSupported => "NotSupportedError",
            Self::NotServed => "NotServedError",
            Self::UnknownCredential => "UnknownCredentialError",
            Self::MailboxFull => "MailboxFullError",
            Self::ShuttingDown => "ShuttingDownError",
            Self::Internal => "InternalError",
        }
    }

    /// Who has to act.
    pub fn blame(self) -> Blame {
        match self {
            Self::UnknownHost | Self::Unreachable | Self::Timeout => Blame::Network,
            Self::UnknownUser
            | Self::WrongPassword
            | Self::InsufficientPrivilege
            | Self::UnknownCredential => Blame::Credentials,
            Self::ConditionNotMet
            | Self::NoSessionSlot
            | Self::Busy
            | Self::Refused
            | Self::BadAnswer
            | Self::NoCommonSecurity => Blame::Device,
            Self::MalformedCommand
            | Self::UnknownCommand
            | Self::NotSupported
            | Self::NotServed
            | Self::NoSuchObject => Blame::Request,
            Self::MailboxFull | Self::ShuttingDown | Self::Internal => Blame::Agent,
        }
    }

    /// Whether the same poll may succeed later without anyone changing anything.
    pub fn retry(self) -> bool {
        matches!(
            self,
            Self::UnknownHost
                | Self::Unreachable
                | Self::Timeout
                | Self::NoSessionSlot
                | Self::Busy
                | Self::BadAnswer
                | Self::ConditionNotMet
                | Self::MailboxFull
                | Self::ShuttingDown
        )
    }
}

/// Why a poll has no reading. The message names the peer and the fix, and never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of failure.
    pub kind: FaultKind,
    /// One sentence for a person.
    pub message: String,
}

impl Fault {
    /// A fault of this kind with a sentence for a person.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for Fault {}
