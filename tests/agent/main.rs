//! The whole agent against real peers: the program that is shipped, started as an operator starts it, talks to ipmi_sim,
//! snmpsim, net-snmp's snmpd, RabbitMQ and Mosquitto, each started by the test that needs it.
//!
//! A peer that is not installed fails the test that needs it (`scripts/install-peers.sh` installs all); none is skipped.
#![allow(clippy::disallowed_methods, reason = "tests start real peers; the agent starts none")]
#![allow(clippy::panic, reason = "a test ends where its peer does not do its part")]
#![allow(dead_code, reason = "the harness is ahead of its tests")]
#![allow(unreachable_pub, missing_docs, reason = "one test program, nothing outside it to document for")]

mod agent;
mod bus;
mod peers;
mod secrets;

mod peers_start;

mod alert_table;
mod alerts;
mod calm;
mod cli;
mod commands;
mod demo;
mod hostile;
mod kill;
mod metrics;
mod mqtt;
mod outage;
mod profile;
mod sel;
mod settings;
mod shutdown;
mod snmp;
mod sockets;
mod systemd;
mod traps;
mod waiting;
