//! Start, stop and what systemd wants to hear of it.

pub mod heartbeat;

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels the token at SIGTERM or SIGINT.
///
/// # Errors
/// The process may not handle signals.
pub fn stop_on_signal(stop: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping");
        stop.cancel();
    });
    Ok(())
}

/// Tells systemd that the agent runs, and keeps its watchdog content where the unit has one. Without systemd nothing
/// happens.
pub fn running(stop: &CancellationToken) {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let stop = stop.clone();
    tokio::spawn(async move {
        let mut beat = tokio::time::interval(limit.div_f32(3.0).max(Duration::from_millis(100)));
        while stop.run_until_cancelled(beat.tick()).await.is_some() {
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
        }
    });
}

/// Tells systemd that the agent is on its way out.
pub fn stopping() {
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
}
