//! The nouns that every room of rackpoll shares: what is asked of a device, what it answered, and what went wrong.
//!
//! Values here are typed and carry their units; the texts that RackHD's consumers expect are made at the edge
//! (`rackpoll::publish::contract`), never here.

mod chassis;
mod command;
mod controller;
pub mod event;
mod fault;
mod fru;
mod metric;
mod metric_reading;
mod notification;
mod oid;
mod reading;
mod secret;
mod sel;
mod sensor;
mod snmp_credential;
mod varbind;

pub use chassis::{ChassisStatus, Uid};
pub use command::{IpmiCommand, PollRequest, SnmpRequest, UnknownCommand};
pub use controller::{Controller, PowerReading, SelfTest};
pub use fault::{Blame, Fault, FaultKind};
pub use fru::{
    FruBoard, FruChassis, FruDcLoad, FruDcOutput, FruDevice, FruInventory, FruPart, FruPowerSupply,
    FruProduct, FruRecord, FruState,
};
pub use metric::{Metric, MetricRequest, UnknownMetric};
pub use metric_reading::{
    CiscoMemory, CiscoProcessor, EntitySensor, EntitySensorValue, HostProcessor, INTERFACE_COUNTERS,
    InterfaceCounters, InterfaceState, InterfaceUtilization, LldpNeighbor, MemoryUsage, MetricReading,
    MetricResult, Pdu, PduChannel, PduOutlet, PduValue, ProcessorLoad, StorageArea, SwitchSensor, Ups,
    UpsBattery, UpsLine, Word,
};
pub use notification::{Notification, SecurityLevel, SnmpVersion};
pub use oid::{Oid, OidFault};
pub use reading::Reading;
pub use secret::Secret;
pub use sel::{
    EventData, EventSensor, SelAllocation, SelBody, SelEntry, SelInformation, SelLog, SelTime, SystemEvent,
};
pub use sensor::{
    Entity, EventControl, EventEnable, Level, Limits, Ranges, Rate, Relation, Sensor, SensorOwner,
    SensorReading, SensorState, SensorThresholds, States, Threshold, ThresholdAccess, ThresholdSet,
    ThresholdStatus, Thresholds, Unit,
};
pub use snmp_credential::{
    AuthProtocol, PrivProtocol, SnmpCredential, SnmpSecurity, SnmpUser, UnknownProtocol,
};
pub use varbind::{OidWalk, Value, VarBind};
