//! Benchmarks: what a poll costs in processor time, ours and other tools', in one run on one machine.
//!
//! Each measured client is a process of its own, so that nothing of the servers or of another client is counted with
//! it. The rounds of the clients are interleaved, and the median of the rounds is what is printed; `engine` also
//! compares the clients round by round (`paired`).
#![allow(
    clippy::disallowed_methods,
    reason = "what is measured, and its servers, are programs; the agent starts none"
)]

mod agent;
mod client;
mod cost;
mod engines;
mod exporter;
mod go_floor;
mod paired;
mod programs;
mod sensors;
mod servers;
mod snmp;
mod table;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Chassis polls on open sessions, in one process: the engine beside the crates
    Engine(engines::Arguments),
    /// Chassis polls by one process a poll: the command line beside ipmitool and freeipmi
    Tools(tools::Arguments),
    /// All sensors again of BMCs that are known: the engine beside ipmitool and freeipmi
    Sensors(sensors::Arguments),
    /// Walks of switches with 48 ports, beside net-snmp and snmp_exporter; and 5,000 switches from one socket
    Snmp(snmp::Arguments),
    /// Runs one client of SNMP and prints what it cost
    #[command(hide = true)]
    SnmpClient(snmp::ClientArguments),
    /// Walks many switches at once and prints what came of it
    #[command(hide = true)]
    SnmpFleet(snmp::FleetArguments),
    /// The whole agent: scheduled, decoded, cached, published, confirmed
    Agent(agent::Arguments),
    /// The whole agent with thousands of devices: lateness, memory, processor time
    Fleet(agent::FleetArguments),
    /// One client, told on its standard input how long to poll; for the other subcommands
    #[command(hide = true)]
    Client(client::Arguments),
    /// The simulator, in a process of its own
    #[command(hide = true)]
    Rack(servers::RackArguments),
    /// Answers datagrams with datagrams; the server of the bare exchange
    #[command(hide = true)]
    Echo,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().what {
        What::Engine(arguments) => engines::run(&arguments),
        What::Tools(arguments) => tools::run(&arguments),
        What::Sensors(arguments) => sensors::run(&arguments),
        What::Snmp(arguments) => snmp::run(&arguments),
        What::SnmpClient(arguments) => snmp::client(&arguments),
        What::SnmpFleet(arguments) => snmp::fleet(&arguments),
        What::Agent(arguments) => agent::run(&arguments),
        What::Fleet(arguments) => agent::fleet(&arguments),
        What::Client(arguments) => client::run(&arguments),
        What::Rack(arguments) => servers::rack(&arguments),
        What::Echo => client::bare::echo(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
