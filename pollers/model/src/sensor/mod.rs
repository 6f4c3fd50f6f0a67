//! Sensors: what their records say of them, and what they read.

mod entity;
mod reading;
mod threshold;
mod unit;

pub use entity::Entity;
pub use reading::{EventEnable, SensorReading, SensorState, SensorThresholds, States, ThresholdStatus};
pub use threshold::{Level, Threshold, ThresholdAccess, ThresholdSet, Thresholds};
pub use unit::{Rate, Relation, Unit};

use crate::event::{EventType, SensorType};

/// What the record of a sensor says (IPMI 2.0 clauses 43.1 and 43.2). It changes only with the record, so many readings
/// share one.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensor {
    /// Record id in the repository.
    pub record_id: u16,
    /// Who has the sensor.
    pub owner: SensorOwner,
    /// The sensor's number with its owner.
    pub number: u8,
    /// The id string.
    pub name: Box<str>,
    /// What it watches.
    pub entity: Entity,
    /// What it measures.
    pub sensor_type: SensorType,
    /// How its states are to be read.
    pub event_type: EventType,
    /// The unit of its values.
    pub unit: Unit,
    /// Whether its readings are numbers with that unit.
    pub analog: bool,
    /// How its events can be switched.
    pub event_control: EventControl,
    /// The manufacturer's own byte.
    pub oem: u8,
    /// What only threshold sensors have.
    pub limits: Option<Box<Limits>>,
}

impl Sensor {
    /// Whether readings are compared with thresholds; otherwise the sensor has states.
    pub fn is_threshold(&self) -> bool {
        self.event_type == EventType::THRESHOLD
    }
}

/// The owner of a sensor (table 43-1, bytes 6 and 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SensorOwner {
    /// Slave address of a controller, or with bit 0 set the id of a system software.
    pub address: u8,
    /// Channel over which the owner is reached; 0 is the primary IPMB.
    pub channel: u8,
    /// Logical unit of the owner.
    pub lun: u8,
}

/// How the events of a sensor can be switched on and off (table 43-1, byte 12 bits 1:0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventControl {
    /// Each threshold or state of its own.
    PerThreshold,
    /// Only all of the sensor.
    EntireSensor,
    /// Only those of the whole controller.
    GlobalDisable,
    /// It has no events.
    NoEvents,
}

/// Thresholds and ranges of a threshold sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Whether thresholds can be read and set.
    pub access: ThresholdAccess,
    /// Thresholds that can be read.
    pub readable: ThresholdSet,
    /// Thresholds that can be set.
    pub settable: ThresholdSet,
    /// Thresholds that a reading says its comparison with.
    pub compared: ThresholdSet,
    /// Thresholds that the BMC sets from the record: those that can be read, where the record has them.
    pub thresholds: Thresholds,
    /// How far a value has to go back until the state changes back, upwards; none where the record leaves it open.
    pub positive_hysteresis: Option<Level>,
    /// The same, downwards.
    pub negative_hysteresis: Option<Level>,
    /// What only full records have.
    pub ranges: Option<Ranges>,
}

/// Ranges of a full sensor record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranges {
    /// The nominal reading.
    pub nominal: Option<Level>,
    /// The lowest normal reading.
    pub normal_minimum: Option<Level>,
    /// The highest normal reading.
    pub normal_maximum: Option<Level>,
    /// The lowest reading that the sensor can give; none where the record leaves it at the format's end.
    pub minimum: Option<Level>,
    /// The highest reading that the sensor can give; none where the record leaves it at the format's end.
    pub maximum: Option<Level>,
    /// A reading is right to plus or minus this, in the sensor's unit; none where that depends on the reading.
    pub tolerance: Option<f64>,
    /// And to plus or minus this percentage.
    pub accuracy: f64,
}
