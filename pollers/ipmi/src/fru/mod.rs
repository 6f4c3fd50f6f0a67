//! FRU inventories: which part is which, from whom, with which numbers (IPMI 2.0 chapter 34, and the Platform Management
//! FRU Information Storage Definition).

mod inventory;
mod poll;
mod records;
mod text;

pub use poll::{FruPoll, Locate, Located};
