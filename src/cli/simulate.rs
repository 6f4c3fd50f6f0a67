//! `rackpoll simulate`: a rack that is not there, for trying and for tests.

use std::{io::Write as _, net::Ipv4Addr};

use clap::Args;
use rackpoll_simulator::{
    link::Faults,
    rack::{self, RackConfig, RackError},
};
use tokio_util::sync::CancellationToken;

use super::{Exit, answer};
use crate::{
    lifecycle,
    observe::log::{self, Format},
};

/// Arguments of `rackpoll simulate`.
#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// How many BMCs
    #[arg(long, value_name = "N", default_value_t = 8)]
    bmcs: usize,
    /// How many SNMP agents
    #[arg(long, value_name = "N", default_value_t = 3)]
    agents: usize,
    /// The devices have the addresses after this one, in 127.0.0.0/8
    #[arg(long, value_name = "ADDRESS", default_value = "127.1.0.0")]
    base: Ipv4Addr,
    /// UDP port of the BMCs
    #[arg(long, value_name = "PORT", default_value_t = 6230)]
    bmc_port: u16,
    /// UDP port of the SNMP agents
    #[arg(long, value_name = "PORT", default_value_t = 1610)]
    agent_port: u16,
    /// All BMCs of this model; without it, of all models by turns
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// All SNMP agents of this make-up; without it, switches and PDUs by turns
    #[arg(long, value_name = "NAME")]
    agent_model: Option<String>,
    /// Datagrams lost each way, as 5%
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = share)]
    loss: f64,
    /// The same seed gives the same rack
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

/// `5%` as 0.05.
fn share(text: &str) -> Result<f64, String> {
    let percent: Option<f64> = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
    percent
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| "write a share from 0% to 100%, as 5%".to_owned())
}

pub(super) fn run(arguments: SimulateArguments) -> Exit {
    log::start(Format::Text, tracing::level_filters::LevelFilter::INFO);
    let config = RackConfig {
        bmcs: arguments.bmcs,
        agents: arguments.agents,
        base: arguments.base,
        bmc_port: arguments.bmc_port,
        agent_port: arguments.agent_port,
        model: arguments.model,
        agent_model: arguments.agent_model,
        faults: Faults::loss(arguments.loss),
        seed: arguments.seed,
        ..RackConfig::default()
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("{error}");
            return Exit::System;
        }
    };
    let ended = runtime.block_on(async {
        let stop = CancellationToken::new();
        if let Err(error) = lifecycle::stop_on_signal(stop.clone()) {
            tracing::error!("{error}");
            return Exit::System;
        }
        match rack::run(config, &mut std::io::stdout(), stop.cancelled_owned()).await {
            Ok(()) => Exit::Success,
            Err(error) => refuse(&error),
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    ended
}

fn refuse(error: &RackError) -> Exit {
    // The exit code tells it, too.
    let _ = writeln!(answer::err(), "rackpoll: {error}");
    Exit::Usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percentages() {
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!(share("0.5 %"), Ok(0.005));
        for wrong in ["5", "101%", "-1%", "nan%", "x%", ""] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }
}
