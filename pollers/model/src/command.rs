use std::{fmt, str::FromStr};

use crate::MetricRequest;

/// The IPMI polls, by the names they have on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IpmiCommand {
    /// Is the system power on (Get Chassis Status).
    Power,
    /// The chassis identify state (Get Chassis Status).
    Uid,
    /// Power and identify state in one (Get Chassis Status).
    Chassis,
    /// The SEL's size, stamps and abilities (Get SEL Info, Get SEL Allocation Info).
    SelInformation,
    /// The last 25 SEL entries.
    Sel,
    /// The SEL entries that are new since the last poll.
    SelEntries,
    /// All sensors with readings, thresholds and states.
    Sdr,
    /// The drive slots' states.
    DriveHealth,
    /// The thresholds of all threshold sensors.
    Thresholds,
    /// The FRU inventories: which part is which.
    Fru,
    /// What the management controller says of itself.
    Mc,
    /// The system's power (DCMI Get Power Reading).
    Dcmi,
}

impl IpmiCommand {
    /// Every command, in the order of the contract.
    pub const ALL: [Self; 12] = [
        Self::Power,
        Self::Uid,
        Self::Chassis,
        Self::SelInformation,
        Self::Sel,
        Self::SelEntries,
        Self::Sdr,
        Self::DriveHealth,
        Self::Thresholds,
        Self::Fru,
        Self::Mc,
        Self::Dcmi,
    ];

    /// The word in routing keys and the key of the result.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Power => "power",
            Self::Uid => "uid",
            Self::Chassis => "chassis",
            Self::SelInformation => "selInformation",
            Self::Sel => "sel",
            Self::SelEntries => "selEntries",
            Self::Sdr => "sdr",
            Self::DriveHealth => "driveHealth",
            Self::Thresholds => "thresholds",
            Self::Fru => "fru",
            Self::Mc => "mc",
            Self::Dcmi => "dcmi",
        }
    }
}

impl fmt::Display for IpmiCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown IPMI command {0:?}; known are power, uid, chassis, selInformation, sel, selEntries, sdr, driveHealth, thresholds, \
     fru, mc, dcmi"
)]
pub struct UnknownCommand(pub String);

impl FromStr for IpmiCommand {
    type Err = UnknownCommand;

    fn from_str(word: &str) -> Result<Self, UnknownCommand> {
        Self::ALL
            .into_iter()
            .find(|command| command.as_str() == word)
            .ok_or_else(|| UnknownCommand(word.chars().take(64).collect()))
    }
}

/// What an SNMP poll asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SnmpRequest {
    /// Walk each of these, as asked (`.1.3.6.1.2.1.1` or without the leading dot).
    Oids(Vec<String>),
    /// Get each of these variables.
    Get(Vec<String>),
    /// The first variables below each of these, at most so many of each.
    Bulk(Vec<String>, u32),
    /// These columns of a table (`.1.3.6.1.2.1.2.2` is ifTable), side by side.
    Table(String, Vec<u32>),
    /// One of the metric pollers.
    Metric(MetricRequest),
}

impl SnmpRequest {
    /// The oids as they were asked; of a metric the ones that came with it, if any.
    pub fn oids(&self) -> &[String] {
        match self {
            Self::Oids(oids) | Self::Get(oids) | Self::Bulk(oids, _) => oids,
            Self::Table(table, _) => std::slice::from_ref(table),
            Self::Metric(request) => &request.sensor_oids,
        }
    }
}

/// What is asked of a device.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PollRequest {
    /// Over IPMI.
    Ipmi(IpmiCommand),
    /// Over SNMP.
    Snmp(SnmpRequest),
}
