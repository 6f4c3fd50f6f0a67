//! The command line: arguments in, exit codes out.

mod answer;
pub mod check;
mod demo;
mod exit;
mod poll;
mod profile;
mod rules;
mod run;
mod simulate;
mod snmp_login;
mod table;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub use exit::Exit;

/// Where the configuration is when nobody says otherwise.
pub const DEFAULT_CONFIG: &str = "/etc/rackpoll/rackpoll.toml";

/// Polls data-centre hardware: BMCs over IPMI 2.0, switches, PDUs and BMCs over SNMP.
///
/// `rackpoll demo` needs nothing and shows what it does.
#[derive(Debug, Parser)]
#[command(name = "rackpoll", version, propagate_version = true, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the agent: poll on schedules and on commands from the bus, publish results and alerts
    Run(run::RunArguments),
    /// Show what it does: the agent, a broker inside it and a simulated rack; nothing to set up
    Demo(demo::DemoArguments),
    /// Check a configuration; names every fault with file, line and a hint
    Check {
        /// Configuration file; drop-ins are read from conf.d/ beside it
        #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
        config: PathBuf,
    },
    /// Poll one device now and print what it says
    #[command(subcommand)]
    Poll(poll::PollCommand),
    /// Check the rules of alerts, play stored results to them, explain a match
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Show what the agent has learned about its BMCs
    #[command(subcommand)]
    Profile(profile::ProfileCommand),
    /// Simulate a rack of BMCs and SNMP agents on loopback addresses
    Simulate(simulate::SimulateArguments),
}

/// Runs what the arguments say.
pub fn main() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let helpful = !error.use_stderr();
            // Where nobody reads the help there is nobody to tell.
            let _ = error.print();
            return if helpful { Exit::Success } else { Exit::Usage };
        }
    };
    match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Check { config } => run::check(&config),
        Command::Poll(command) => poll::run(command),
        Command::Rules(command) => rules::run(&command),
        Command::Profile(command) => profile::run(command),
        Command::Simulate(arguments) => simulate::run(arguments),
    }
}
