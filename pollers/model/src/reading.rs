use crate::{
    ChassisStatus, Controller, FruDevice, MetricReading, OidWalk, PowerReading, SelInformation, SelLog,
    SensorReading, SensorThresholds, Uid,
};

/// What a poll found out.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// System power is on.
    Power(bool),
    /// Chassis identify state.
    Uid(Uid),
    /// Chassis status.
    Chassis(ChassisStatus),
    /// The SEL's size, stamps and abilities.
    SelInformation(SelInformation),
    /// The newest records of the SEL, at least 25 where there are so many.
    Sel(SelLog),
    /// The SEL's records for those who follow it.
    SelEntries(SelLog),
    /// One per sensor, in the repository's order.
    Sdr(Vec<SensorReading>),
    /// The drive slots' sensors among them.
    DriveHealth(Vec<SensorReading>),
    /// One per threshold sensor, in the repository's order.
    Thresholds(Vec<SensorThresholds>),
    /// What the management controller says of itself.
    Controller(Controller),
    /// The system's power.
    PowerReading(PowerReading),
    /// The FRU devices, the BMC's own first.
    Fru(Vec<FruDevice>),
    /// One per oid that was asked, in that order.
    Oids(Vec<OidWalk>),
    /// What a metric poller makes of an agent's objects.
    Metric(MetricReading),
}
