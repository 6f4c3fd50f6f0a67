//! A sign of life on the bus, every few seconds.

use std::time::{Duration, SystemTime};

use crate::{
    config::host_name,
    publish::contract::{self, Heartbeat},
    state::State,
};

/// Tells that the agent lives, for as long as it does.
pub async fn run(every: Duration, state: State) {
    let host_name = host_name();
    let (pid, uid) = (std::process::id(), rustix::process::getuid().as_raw());
    let mut clock = tokio::time::interval(every);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = None;
    loop {
        clock.tick().await;
        let at = SystemTime::now();
        let heartbeat = Heartbeat { host_name: &host_name, pid, uid, resident: resident(), at, last, every };
        state.heartbeat(contract::heartbeat(&heartbeat)).await;
        last = Some(at);
    }
}

/// Resident memory in bytes, as the kernel tells it in kB.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}
