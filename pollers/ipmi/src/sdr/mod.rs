//! Sensor data records (IPMI 2.0 chapter 43): decoding them, reading a repository in parts, and polls of its sensors.

mod conversion;
mod events;
mod library;
mod link;
mod memory;
mod name;
mod poll;
mod profile;
mod record;
mod repository;
mod sensor_record;
mod walk;

#[cfg(test)]
mod tests;

pub use conversion::{Conversion, Format, Linearisation};
pub use library::Library;
pub use memory::SensorMemory;
pub use name::decode as decode_name;
pub use poll::{SensorPoll, Want};
pub use profile::{MAX_PROFILE, NoProfile, SdrProfile};
pub use record::{
    ControllerLocator, EntityAssociation, EventOnlySensor, FruLocator, Malformed, OemRecord, Record,
};
pub use repository::{Key, Repository, Source};
pub use sensor_record::{Direction, SensorRecord, Sharing};
