use std::sync::{PoisonError, atomic::Ordering};

use rackpoll_snmp::traps::Listener;

use super::gate::Counters;

/// What was dropped, and what of it was told already.
#[derive(Debug, Default)]
pub(super) struct Told([u64; 12]);

impl Told {
    /// Tells what was dropped since the last time, where anything was.
    pub(super) fn tell(&mut self, counters: &Counters, listeners: &[Listener]) {
        let heard = |counter: fn(&Listener) -> u64| listeners.iter().map(counter).sum();
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let now = [
            load(&counters.unknown_source),
            load(&counters.wrong_community),
            load(&counters.wrong_user),
            load(&counters.over_limit),
            heard(|listener| listener.heard().undecodable.load(Ordering::Relaxed)),
            heard(|listener| listener.heard().unknown_user.load(Ordering::Relaxed)),
            heard(|listener| listener.heard().wrong_key.load(Ordering::Relaxed)),
            heard(|listener| listener.heard().not_in_time.load(Ordering::Relaxed)),
            heard(|listener| listener.heard().wrong_level.load(Ordering::Relaxed)),
            heard(|listener| listener.heard().other_engine.load(Ordering::Relaxed)),
            heard(|listener| listener.heard().socket_failures.load(Ordering::Relaxed)),
            heard(|listener| listener.dropped_by_system().unwrap_or(0)),
        ];
        let mut new = [0; 12];
        for ((new, told), now) in new.iter_mut().zip(&mut self.0).zip(now) {
            // What the system does not say this time it says the next.
            *new = now.saturating_sub(*told);
            *told = now.max(*told);
        }
        if new.iter().all(|count| *count == 0) {
            return;
        }
        let [
            unknown_source,
            wrong_community,
            wrong_user,
            over_limit,
            undecodable,
            unknown_user,
            wrong_key,
            not_in_time,
            wrong_level,
            other_engine,
            socket_failures,
            by_the_system,
        ] = new;
        let last = *counters.refused.lock().unwrap_or_else(PoisonError::into_inner);
        tracing::warn!(
            unknown_source,
            wrong_community,
            wrong_user,
            over_limit,
            undecodable,
            unknown_user,
            wrong_key,
            not_in_time,
            wrong_level,
            other_engine,
            socket_failures,
            by_the_system,
            last_refused = last.map(tracing::field::display),
            received = load(&counters.received),
            accepted = load(&counters.accepted),
            repeated_informs = load(&counters.repeated),
            polls = load(&counters.polls),
            events = load(&counters.events),
            "traps were dropped since this was last told; received to events count from the start"
        );
    }
}
