/// One sensor of the SDR repository with what it read.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorReading {
    /// The id string of the record.
    pub name: String,
}
