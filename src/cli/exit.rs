use std::process::{ExitCode, Termination};

use rackpoll_model::{Blame, Fault, FaultKind};

/// How a command ended; the numbers are those of sysexits.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All well.
    Success,
    /// The command line is wrong (EX_USAGE).
    Usage,
    /// The device's answer cannot be right, or it refused (EX_DATAERR).
    BadAnswer,
    /// The device cannot be reached (EX_UNAVAILABLE).
    Unreachable,
    /// A defect of ours (EX_SOFTWARE).
    Software,
    /// The operating system refused something: a socket, a file (EX_OSERR).
    System,
    /// User, password, community or privilege were refused (EX_NOPERM).
    Refused,
    /// The configuration is wrong (EX_CONFIG).
    Config,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Usage => 64,
            Self::BadAnswer => 65,
            Self::Unreachable => 69,
            Self::Software => 70,
            Self::System => 71,
            Self::Refused => 77,
            Self::Config => 78,
        }
    }
}

impl From<&Fault> for Exit {
    fn from(fault: &Fault) -> Self {
        match (fault.kind, fault.kind.blame()) {
            (FaultKind::UnknownHost, _) | (_, Blame::Network) => Self::Unreachable,
            (_, Blame::Credentials) => Self::Refused,
            (_, Blame::Device) => Self::BadAnswer,
            (_, Blame::Request) => Self::Usage,
            (_, Blame::Agent) => Self::Software,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}
