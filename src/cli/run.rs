use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{DEFAULT_CONFIG, Exit, answer};
use crate::{
    app,
    config::Config,
    lifecycle,
    observe::log::{self, Format},
};

/// Arguments of `rackpoll run`.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Configuration file; drop-ins are read from conf.d/ beside it
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// The log's form; RACKPOLL_LOG sets its level
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    log_format: Format,
}

pub(super) fn run(arguments: &RunArguments) -> Exit {
    log::start(arguments.log_format, tracing::level_filters::LevelFilter::INFO);
    let config = match Config::load(&arguments.config) {
        Ok(config) => config,
        Err(faults) => return refuse(&faults),
    };
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return system(&error),
    };
    let exit = runtime.block_on(async {
        let stop = CancellationToken::new();
        if let Err(error) = lifecycle::stop_on_signal(stop.clone()) {
            return system(&error);
        }
        match app::run(config, stop).await {
            Ok(()) => Exit::Success,
            Err(error) => {
                tracing::error!("{error}");
                Exit::System
            }
        }
    });
    // Threads that wait for a disk or a name server must not hold the exit up.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    exit
}

fn refuse(faults: &crate::config::ConfigFaults) -> Exit {
    // The exit code tells it, too.
    let _ = writeln!(answer::err(), "{faults}");
    Exit::Config
}

fn system(error: &dyn std::error::Error) -> Exit {
    tracing::error!("{error}");
    Exit::System
}

pub(super) fn check(config: &Path) -> Exit {
    let written = super::check::check(config, &mut answer::out(), &mut answer::err());
    match written {
        Ok(super::check::EXIT_GOOD) => Exit::Success,
        Ok(_) => Exit::Config,
        // The answer cannot be written.
        Err(_) => Exit::System,
    }
}
