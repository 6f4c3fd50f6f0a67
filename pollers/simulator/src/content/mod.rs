//! What simulated BMCs are made of: sensors, SDR records, event log entries and inventory. All of it is made up here.

pub mod fru;
pub mod incident;
pub mod model;
pub mod models;
pub mod sdr;
pub mod sel;
pub mod sensor;
