use std::{sync::Weak, time::Duration};

use tokio::time::{Instant, MissedTickBehavior};

use crate::sockets::Shared;

/// How exact the timers of sessions at rest are. Keep-alives have five seconds of room.
const TICK: Duration = Duration::from_secs(1);

/// Runs the timers of sessions that no poll is waiting on: keep-alives, and the closing of sessions that nobody uses.
pub(crate) async fn run(shared: Weak<Shared>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        let now = Instant::now().into_std();
        for channel in shared.peers.all() {
            channel.run_timer(&shared, now);
        }
    }
}
