use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use rackpoll_snmp::traps::Envelope;

use super::{
    bucket::Bucket,
    senders::{Refusal, Senders},
};
use crate::config::{Config, Traps};

/// Decides which notifications are taken, before informs are answered.
pub(super) struct Gate {
    pub(super) senders: Senders,
    pub(super) counters: Counters,
    per_second: u32,
    per_device: u32,
    buckets: Mutex<Buckets>,
}

/// One for all and one for each address of a device, and of nobody else.
#[derive(Default)]
struct Buckets {
    all: Bucket,
    each: HashMap<IpAddr, Bucket>,
}

/// What became of notifications, since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Decoded, and for SNMPv3 proven.
    pub(super) received: AtomicU64,
    pub(super) accepted: AtomicU64,
    /// Of no device.
    pub(super) unknown_source: AtomicU64,
    pub(super) wrong_community: AtomicU64,
    /// A user of SNMPv3 that is not for this device, or one that has keys and did not use them.
    pub(super) wrong_user: AtomicU64,
    /// More than the limits.
    pub(super) over_limit: AtomicU64,
    /// Informs that were sent again.
    pub(super) repeated: AtomicU64,
    pub(super) polls: AtomicU64,
    pub(super) events: AtomicU64,
    /// The last address that was not taken, for whoever looks for it.
    pub(super) refused: Mutex<Option<IpAddr>>,
}

impl Counters {
    /// Notifications that were taken and are given up for want of room.
    pub(super) fn gives_up(&self, count: u64) {
        self.over_limit.fetch_add(count, Ordering::Relaxed);
    }
}

impl Gate {
    pub(super) fn new(traps: &Traps, config: &Config) -> Self {
        Self {
            senders: Senders::new(traps, config),
            counters: Counters::default(),
            per_second: traps.per_second,
            per_device: traps.per_device,
            buckets: Mutex::default(),
        }
    }

    /// Whether a notification is taken. Whoever knows neither the community nor a key takes nothing of the limits.
    pub(super) fn takes(&self, envelope: &Envelope<'_>, now: Instant) -> bool {
        let counters = &self.counters;
        counters.received.fetch_add(1, Ordering::Relaxed);
        let refused = match self.senders.judge(envelope) {
            Ok(address) if self.has_room(address, now) => {
                counters.accepted.fetch_add(1, Ordering::Relaxed);
                return true;
            }
            Ok(_) => &counters.over_limit,
            Err(Refusal::UnknownSource) => &counters.unknown_source,
            Err(Refusal::WrongCommunity) => &counters.wrong_community,
            Err(Refusal::WrongUser) => &counters.wrong_user,
        };
        refused.fetch_add(1, Ordering::Relaxed);
        *counters.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(envelope.source.ip());
        false
    }

    fn has_room(&self, address: IpAddr, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let all = buckets.all.less(now, self.per_second);
        let own = buckets.each.get(&address).copied().unwrap_or_default().less(now, self.per_device);
        let (Some(all), Some(own)) = (all, own) else { return false };
        buckets.all = all;
        // An address that a device has no longer is forgotten with the next start.
        buckets.each.insert(address, own);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rackpoll_snmp::traps::Proof;

    use super::*;
    use crate::config::Surroundings;

    #[test]
    fn whoever_knows_nothing_takes_nothing_of_the_limits() {
        let text = r#"
[traps]
listen = "127.0.0.1:1162"
max-per-second = 3
max-per-second-per-device = 2
[[credential]]
name = "c"
community = "sesame"
[[device]]
name = "a"
host = "10.0.0.1"
credential = "c"
[[device]]
name = "b"
host = "10.0.0.2"
credential = "c"
"#;
        let surroundings = Surroundings { variable: &|_| None, host_name: String::new() };
        let config = Config::parse(text, "t.toml".as_ref(), &surroundings).unwrap();
        let gate = Gate::new(config.traps.as_ref().unwrap(), &config);
        let start = Instant::now();
        let takes = |source: [u8; 4], community: &[u8], times: usize, later: u64| {
            let envelope =
                Envelope { source: (source, 9).into(), agent: None, proof: Proof::Community(community) };
            let now = start + Duration::from_secs(later);
            (0..times).filter(|_| gate.takes(&envelope, now)).count()
        };
        assert_eq!(takes([10, 0, 0, 1], b"open", 5_000, 0), 0);
        assert_eq!(takes([10, 0, 0, 3], b"sesame", 5_000, 0), 0);
        assert_eq!(takes([10, 0, 0, 1], b"sesame", 5_000, 0), 20);
        assert_eq!(takes([10, 0, 0, 2], b"sesame", 5_000, 0), 10, "thirty in all");
        assert_eq!(takes([10, 0, 0, 1], b"sesame", 5_000, 1), 2);
        assert_eq!(takes([10, 0, 0, 2], b"sesame", 5_000, 1), 1);
        let counters = &gate.counters;
        let counts = [
            &counters.received,
            &counters.accepted,
            &counters.unknown_source,
            &counters.wrong_community,
            &counters.over_limit,
        ]
        .map(|counter| counter.load(Ordering::Relaxed));
        assert_eq!(counts, [30_000, 33, 5_000, 5_000, 19_967]);
        assert_eq!(gate.buckets.lock().unwrap().each.len(), 2, "strangers leave nothing behind");
    }
}
