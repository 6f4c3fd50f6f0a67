//! The measured clients. Each logs in everywhere first; only the polls after that count, and its sessions stay open
//! from one round to the next.

pub mod bare;
mod blocking;
mod ipmi_crate;
mod ours;
mod process;
mod sensors;

use std::{fmt, io::Write, net::SocketAddr, time::Duration};

use clap::ValueEnum;
use rackpoll_model::IpmiCommand;

use crate::cost::{Cost, Error, Span};

pub use process::Client;
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
    /// The least that a client in Go does, with a socket and a goroutine a BMC; a program of its own
    GoFloor,
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
            Self::GoFloor => "go-floor",
            Self::IpmiRs => "ipmi-rs",
            Self::Bare => "bare",
        })
    }
}

/// Runs the client in this process.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    match arguments.engine {
        Engine::Rackpoll | Engine::Rackpoll17 => {
            let runtime = runtime(arguments)?;
            let mut sessions = runtime.block_on(ours::Sessions::open(arguments, IpmiCommand::Chassis))?;
            rounds(|span| runtime.block_on(sessions.round(span)))?;
            runtime.block_on(sessions.close());
        }
        Engine::RackpollSensors => {
            let runtime = runtime(arguments)?;
            let mut sessions = runtime.block_on(ours::Sessions::open(arguments, IpmiCommand::Sdr))?;
            rounds(|span| runtime.block_on(sessions.round(span)))?;
            print!("{}", runtime.block_on(sensors::see(&mut sessions))?);
            runtime.block_on(sessions.close());
        }
        Engine::Ipmi => {
            let runtime = runtime(arguments)?;
            let mut sessions = runtime.block_on(ipmi_crate::Sessions::open(arguments))?;
            rounds(|span| runtime.block_on(sessions.round(span)))?;
            runtime.block_on(sessions.close())?;
        }
        Engine::GoFloor => return Err("go-floor is a program of its own".into()),
        Engine::IpmiRs => blocking::run(arguments, blocking::IpmiRs::open)?,
        Engine::Bare => blocking::run(arguments, bare::Exchange::open)?,
    }
    Ok(())
}

/// A round for each line of the standard input, until it ends.
fn rounds(mut round: impl FnMut(Span) -> Result<Cost, Error>) -> Result<(), Error> {
    println!("{}", process::READY);
    std::io::stdout().flush()?;
    for line in std::io::stdin().lines() {
        println!("{}", round(line?.parse()?)?);
        std::io::stdout().flush()?;
    }
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
