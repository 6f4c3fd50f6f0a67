//! Outcomes as RackHD's messages: JSON, keys and properties. Pure; `tests/golden` pins every message.

mod cache_entry;
mod controller;
mod event;
mod fru;
mod good;
mod heartbeat;
mod metric;
mod poll;
mod reading;
mod reply;
mod result;
mod sel;
mod sensors;
mod time;
mod trap;

pub use cache_entry::{cache_entry, cache_id};
pub use event::{NodeEvent, SegmentEvent, Teller, alert, node_event, segment_event};
pub use good::Good;
pub use heartbeat::{Heartbeat, heartbeat};
pub use poll::Accounting;
pub use reading::reading_value;
pub use reply::{cache_answer, error_event, no_cache_record, setting_answer};
pub use result::{failure, progress, result, result_value};
pub use sel::long as sel_entry;
pub use time::rfc3339_millis;
pub use trap::{TrapEvent, trap, trap_poll};

#[cfg(test)]
mod golden;
