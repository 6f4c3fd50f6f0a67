//! The measured clients. Each logs in everywhere first; only the polls after that count.

pub mod bare;
mod blocking;
mod ipmi_crate;
mod ours;
mod sensors;

use std::{fmt, net::SocketAddr, process::Command, time::Duration};

use clap::ValueEnum;

use crate::{
    cost::{Cost, Error},
    servers::PASSWORD,
};

pub use sensors::Seen;

/// The server's default of the simulator.
pub const USER: &str = "admin";
/// How long one poll may take.
const LIMIT: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub struct Arguments {
    #[arg(long)]
    pub engine: Engine,
    /// Of the runtime, where the engine has one
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Of each BMC
    #[arg(long)]
    pub polls: u64,
    #[arg(long)]
    pub password: String,
    pub bmcs: Vec<SocketAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Our engine, cipher suite 3
    Rackpoll,
    /// Our engine, cipher suite 17
    Rackpoll17,
    /// Our engine, cipher suite 3, all sensors
    RackpollSensors,
    /// The crate `ipmi`
    Ipmi,
    /// The crate `ipmi-rs`
    IpmiRs,
    /// Sealed datagrams over a blocking socket, and no protocol
    Bare,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rackpoll => "rackpoll",
            Self::Rackpoll17 => "rackpoll17",
            Self::RackpollSensors => "rackpoll-sensors",
            Self::Ipmi => "ipmi",
            Self::IpmiRs => "ipmi-rs",
            Self::Bare => "bare",
        })
    }
}

/// Runs a client in a process of its own, `polls` of each BMC. Answers its cost, and what else it has printed.
pub fn start(
    engine: Engine,
    threads: usize,
    polls: u64,
    bmcs: &[SocketAddr],
) -> Result<(Cost, String), Error> {
    let output = Command::new(std::env::current_exe()?)
        .args(["client", "--engine", &engine.to_string(), "--threads", &threads.to_string()])
        .args(["--polls", &polls.to_string(), "--password", PASSWORD])
        .args(bmcs.iter().map(ToString::to_string))
        .output()?;
    if !output.status.success() {
        return Err(format!("{engine}: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    let said = String::from_utf8(output.stdout)?;
    let (first, rest) = said.split_once('\n').unwrap_or((&said, ""));
    let cost: Cost = first.parse()?;
    if cost.failed > 0 {
        return Err(format!("{engine}: {} of {} polls failed", cost.failed, cost.polls).into());
    }
    Ok((cost, rest.to_owned()))
}

/// Runs the client and prints its cost.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let cost = match arguments.engine {
        Engine::RackpollSensors => {
            let (cost, seen) = runtime(arguments)?.block_on(sensors::run(arguments))?;
            print!("{cost}\n{seen}");
            return Ok(());
        }
        Engine::Rackpoll | Engine::Rackpoll17 => runtime(arguments)?.block_on(ours::run(arguments)),
        Engine::Ipmi => runtime(arguments)?.block_on(ipmi_crate::run(arguments)),
        Engine::IpmiRs => blocking::run(arguments, blocking::IpmiRs::open),
        Engine::Bare => blocking::run(arguments, bare::Exchange::open),
    }?;
    println!("{cost}");
    Ok(())
}

fn runtime(arguments: &Arguments) -> Result<tokio::runtime::Runtime, Error> {
    let mut builder = match arguments.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(threads);
            builder
        }
    };
    Ok(builder.enable_all().build()?)
}
