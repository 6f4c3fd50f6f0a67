//! A simulated rack: BMCs over RMCP+ and SNMP agents, thousands in one process, with faults on the link.
//!
//! Everything but `rack` is without I/O and follows from seeds: the same times and datagrams in give the same out.

pub mod bmc;
pub mod content;
pub mod link;
pub mod rack;
pub mod random;
pub mod snmp;
