//! rackpoll: an agent that polls data-centre hardware and tells RackHD's bus what it found.
//!
//! `README.md` has the map of these rooms and the picture of the one way through.

pub mod app;
pub mod broker;
pub mod cli;
pub mod config;
pub mod demo;
mod desk;
pub mod device;
pub mod dispatch;
pub mod intake;
pub mod job;
pub mod lifecycle;
pub mod observe;
pub mod outcome;
pub mod publish;
pub mod state;
