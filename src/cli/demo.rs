//! `rackpoll demo`.

use std::time::Duration;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::Exit;
use crate::{
    config::duration,
    demo::{self, Shown},
    lifecycle,
    observe::log,
};

/// Arguments of `rackpoll demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// End by itself after this time, as 30s or 2m; the exit code then tells whether there were results
    #[arg(long = "for", value_name = "TIME", value_parser = length)]
    length: Option<Duration>,
}

fn length(text: &str) -> Result<Duration, &'static str> {
    duration::parse(text).ok_or("a time has a number and a unit: 30s, 2m")
}

pub(super) fn run(arguments: &DemoArguments) -> Exit {
    // Failures of the simulated rack are among the lines; the log is for what should not happen.
    log::start(log::Format::Text, tracing::level_filters::LevelFilter::ERROR);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let exit = runtime.block_on(async {
        let stop = CancellationToken::new();
        if let Err(error) = lifecycle::stop_on_signal(stop.clone()) {
            return fail(&error);
        }
        match demo::run(arguments.length, stop).await {
            Ok(Shown { results: 1.., .. }) => Exit::Success,
            Ok(_) => fail(&"no result came over the bus"),
            Err(error) => fail(&error),
        }
    });
    runtime.shutdown_timeout(Duration::from_millis(200));
    exit
}

fn fail(error: &dyn std::fmt::Display) -> Exit {
    tracing::error!("{error}");
    Exit::System
}
