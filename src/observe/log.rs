//! The log: readable lines on a terminal, journal fields under systemd, JSON lines where asked for.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// Variable that overrides the level, as `info` or `rackpoll=debug,lapin=warn`.
const VARIABLE: &str = "RACKPOLL_LOG";

/// Chatty libraries speak up only when they have something to say.
const QUIET: &str = "lapin=off,rumqttd=off,rumqttc=warn,async_snmp=off";

/// Where the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Journal fields where standard error is systemd's journal, else text.
    #[default]
    Auto,
    /// One readable line an event, on standard error.
    Text,
    /// One JSON object an event, on standard error.
    Json,
}

/// Starts the log of this process. A second call changes nothing.
pub fn start(format: Format, default_level: LevelFilter) {
    let filter = std::env::var(VARIABLE)
        .ok()
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new(format!("{default_level},{QUIET}")));
    let journal =
        (format == Format::Auto && under_systemd()).then(tracing_journald::layer).and_then(Result::ok);
    let text = (journal.is_none() && format != Format::Json).then(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .boxed()
    });
    let json = (format == Format::Json)
        .then(|| tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).boxed());
    // An error means that a log is running already, as in tests that start the agent twice.
    let _ = tracing_subscriber::registry().with(filter).with(journal).with(text).with(json).try_init();
}

/// systemd says so where it connected standard error to the journal (`man systemd.exec`, JOURNAL_STREAM).
fn under_systemd() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some() && !std::io::stderr().is_terminal()
}
