//! The system event log: records, and the conversations that read it. Reading never clears.

mod information;
mod memory;
mod read;
mod record;
mod record_read;

pub use information::InformationPoll;
pub use memory::Memory;
pub use read::{LogPoll, Manufacturer};
pub use record::decode;
