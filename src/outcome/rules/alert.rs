use serde_json::Value;

use super::{Severity, episode::Episode};

/// The kinds of alerts, by their word on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// The chassis was switched.
    ChassisPower,
    /// A sensor.
    Sdr,
    /// A SEL entry.
    Sel,
    /// A SEL was cleared, or a record of it deleted.
    SelCleared,
    /// A SEL has lost events.
    SelRolled,
    /// A value of an SNMP agent.
    Snmp,
    /// An outlet was switched.
    PduPower,
}

impl Action {
    /// Two words of the routing key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChassisPower => "chassispower.updated",
            Self::Sdr => "sdr.updated",
            Self::Sel => "sel.updated",
            Self::SelCleared => "sel.cleared",
            Self::SelRolled => "sel.rolled",
            Self::Snmp => "snmp.updated",
            Self::PduPower => "pdupower.updated",
        }
    }
}

/// An alert before it is a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// What kind.
    pub action: Action,
    /// How bad.
    pub severity: Severity,
    /// What it is about (contract.md, section 5).
    pub data: Value,
    /// Where in its episode.
    pub episode: Episode,
}

/// What every alert of a result says of its device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Device<'a> {
    /// `host` of the command.
    pub(crate) host: &'a Value,
    /// `user` of the command.
    pub(crate) user: &'a Value,
}
