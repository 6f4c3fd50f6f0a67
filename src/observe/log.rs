//! The log: readable lines on a terminal, journal fields under systemd, JSON lines where asked for.

use std::{
    io::IsTerminal,
    sync::{Mutex, OnceLock, PoisonError},
};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    layer::SubscriberExt,
    reload::{self, Handle},
    util::SubscriberInitExt,
};

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
    let wanted = std::env::var(VARIABLE).ok();
    let (filter, said) = wanted
        .and_then(|text| Some((EnvFilter::try_new(&text).ok()?, text)))
        .unwrap_or_else(|| (filter(default_level), default_level.to_string()));
    let (filter, handle) = reload::Layer::new(filter);
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
    if tracing_subscriber::registry().with(filter).with(journal).with(text).with(json).try_init().is_ok() {
        let _ = RUNNING.set(Running { handle, said: Mutex::new(said) });
    }
}

/// The log of this process, once it has one.
static RUNNING: OnceLock<Running> = OnceLock::new();

struct Running {
    handle: Handle<EnvFilter, Registry>,
    /// The level, or what the environment says in place of one.
    said: Mutex<String>,
}

fn filter(level: LevelFilter) -> EnvFilter {
    EnvFilter::new(format!("{level},{QUIET}"))
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(LevelFilter);

impl Level {
    /// What [`parse`](Self::parse) knows, besides RackHD's words for the same.
    pub const WORDS: &'static str = "error, warn, info, debug and trace";

    /// Reads a level, ours or RackHD's.
    pub fn parse(word: &str) -> Option<Self> {
        Some(Self(match word {
            "emerg" | "alert" | "error" => LevelFilter::ERROR,
            "warning" | "warn" => LevelFilter::WARN,
            "notice" | "info" => LevelFilter::INFO,
            "debug" => LevelFilter::DEBUG,
            "silly" | "trace" => LevelFilter::TRACE,
            _ => return None,
        }))
    }

    /// Our word for it.
    pub fn as_str(self) -> &'static str {
        match self.0 {
            LevelFilter::OFF => "off",
            LevelFilter::ERROR => "error",
            LevelFilter::WARN => "warn",
            LevelFilter::INFO => "info",
            LevelFilter::DEBUG => "debug",
            LevelFilter::TRACE => "trace",
        }
    }
}

/// How much is logged now: a level, or what the environment says in place of one; nothing without a log.
pub fn level() -> Option<String> {
    RUNNING.get().map(|running| running.said.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Logs so much from now on; whether there is a log.
pub fn set_level(level: Level) -> bool {
    let Some(running) = RUNNING.get() else { return false };
    *running.said.lock().unwrap_or_else(PoisonError::into_inner) = level.as_str().to_owned();
    running.handle.reload(filter(level.0)).is_ok()
}

/// systemd says so where it connected standard error to the journal (`man systemd.exec`, JOURNAL_STREAM).
fn under_systemd() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some() && !std::io::stderr().is_terminal()
}
