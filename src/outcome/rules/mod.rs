//! Rules that make alerts: previous and current state in, changes out. Pure.

pub mod chassis;
