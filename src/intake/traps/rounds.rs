use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use rackpoll_model::Notification;

/// Different notifications of a device that wait for its polls; the oldest beyond are dropped and counted.
const MOST_WAITING: usize = 64;

/// A notification that waits for polls, or for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) notification: Notification,
    /// When it came, the last of them.
    pub(super) at: SystemTime,
    /// For how many it stands: others that said the same came before it while it waited.
    pub(super) count: u64,
}

/// The devices that are polled because of notifications, each with what came meanwhile: however many come, there is one
/// round of polls under way and one that waits.
#[derive(Debug, Default)]
pub(super) struct Rounds(HashMap<usize, Vec<Arrived>>);

/// What became of a notification.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Its round begins now.
    Begins(Arrived),
    /// It waits; so many had to make room for it.
    Waits { dropped: u64 },
}

impl Rounds {
    pub(super) fn take(&mut self, device: usize, notification: Notification, at: SystemTime) -> Taken {
        let mut arrived = Arrived { notification, at, count: 1 };
        let Some(waiting) = self.0.get_mut(&device) else {
            self.0.insert(device, Vec::new());
            return Taken::Begins(arrived);
        };
        if let Some(place) =
            waiting.iter().position(|other| says_the_same(&other.notification, &arrived.notification))
        {
            arrived.count += waiting.remove(place).count;
        }
        let dropped = if waiting.len() < MOST_WAITING { 0 } else { waiting.remove(0).count };
        waiting.push(arrived);
        Taken::Waits { dropped }
    }

    /// A device's round is over: what the next one is for, or nothing, and then it is at rest.
    pub(super) fn next(&mut self, device: usize) -> Option<Vec<Arrived>> {
        let waiting = self.0.get_mut(&device).map(std::mem::take).filter(|waiting| !waiting.is_empty());
        if waiting.is_none() {
            self.0.remove(&device);
        }
        waiting
    }
}

/// Everything but when, in whichever version.
fn says_the_same(one: &Notification, other: &Notification) -> bool {
    one.oid == other.oid
        && one.varbinds == other.varbinds
        && one.user == other.user
        && one.source.ip() == other.source.ip()
        && one.agent == other.agent
}

/// Informs that were taken lately: one that is sent again, because our answer was lost, is no other.
#[derive(Debug, Default)]
pub(super) struct Informs {
    known: HashSet<(SocketAddr, i32)>,
    order: VecDeque<(SystemTime, (SocketAddr, i32))>,
}

/// How long senders may go on sending an inform again: net-snmp does so for 6 s, Cisco's routers for 90 s by default.
const AGAIN_WITHIN: Duration = Duration::from_secs(120);
/// Informs that are remembered; half a MB.
const MOST_INFORMS: usize = 8_192;

impl Informs {
    /// Whether it is the first of its kind; remembers it.
    pub(super) fn is_first(&mut self, notification: &Notification, at: SystemTime) -> bool {
        let Some(request_id) = notification.request_id.filter(|_| notification.is_inform) else {
            return true;
        };
        let is_over = |then: SystemTime| at.duration_since(then).is_ok_and(|since| since > AGAIN_WITHIN);
        while let Some((then, key)) = self.order.front().copied() {
            if self.order.len() < MOST_INFORMS && !is_over(then) {
                break;
            }
            self.order.pop_front();
            self.known.remove(&key);
        }
        let key = (notification.source, request_id);
        let is_first = self.known.insert(key);
        if is_first {
            self.order.push_back((at, key));
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use rackpoll_model::{Oid, SnmpVersion, Value, VarBind};

    use super::*;

    fn notification(port: u32) -> Notification {
        let varbind = VarBind { oid: Oid::new(&[1, 3, port]), value: Value::Integer(2) };
        Notification {
            source: ([10, 0, 0, 9], 4_000).into(),
            agent: None,
            version: SnmpVersion::V2c,
            user: None,
            is_inform: false,
            request_id: Some(7),
            oid: Oid::new(&[1, 3, 6]),
            enterprise: None,
            uptime: port,
            varbinds: vec![varbind],
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn one_round_runs_and_one_waits_however_many_come() {
        let mut rounds = Rounds::default();
        assert!(matches!(rounds.take(1, notification(1), at(1)), Taken::Begins(Arrived { count: 1, .. })));
        assert!(matches!(rounds.take(2, notification(1), at(1)), Taken::Begins(_)), "another device");
        for second in 2..10_000 {
            assert_eq!(rounds.take(1, notification(1), at(second)), Taken::Waits { dropped: 0 });
        }
        let mut restarted = notification(2);
        restarted.uptime = 0;
        assert_eq!(rounds.take(1, restarted.clone(), at(10_000)), Taken::Waits { dropped: 0 });
        let next = rounds.next(1).unwrap();
        assert_eq!(
            next.iter().map(|arrived| (arrived.at, arrived.count)).collect::<Vec<_>>(),
            [(at(9_999), 9_998), (at(10_000), 1)]
        );
        assert_eq!(
            rounds.take(1, restarted, at(10_001)),
            Taken::Waits { dropped: 0 },
            "the second round runs"
        );
        assert_eq!(rounds.next(1).unwrap().len(), 1);
        assert_eq!(rounds.next(1), None);
        assert!(matches!(rounds.take(1, notification(1), at(10_002)), Taken::Begins(_)), "it was at rest");
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_go() {
        let mut rounds = Rounds::default();
        rounds.take(1, notification(0), at(0));
        rounds.take(1, notification(1), at(1));
        rounds.take(1, notification(1), at(1));
        for port in 2..=64 {
            assert_eq!(rounds.take(1, notification(port), at(2)), Taken::Waits { dropped: 0 });
        }
        assert_eq!(rounds.take(1, notification(65), at(3)), Taken::Waits { dropped: 2 }, "it stood for two");
        assert_eq!(rounds.take(1, notification(64), at(3)), Taken::Waits { dropped: 0 }, "it is known");
        let uptimes: Vec<u32> =
            rounds.next(1).unwrap().iter().map(|arrived| arrived.notification.uptime).collect();
        assert_eq!((uptimes.len(), uptimes[0], uptimes[63]), (64, 2, 64));
    }

    #[test]
    fn an_inform_that_is_sent_again_is_no_other() {
        let mut informs = Informs::default();
        let trap = notification(1);
        assert!(informs.is_first(&trap, at(1)) && informs.is_first(&trap, at(1)), "traps are not sent again");
        let inform = Notification { is_inform: true, ..trap };
        assert!(informs.is_first(&inform, at(1)));
        assert!(!informs.is_first(&inform, at(100)));
        let other = Notification { request_id: Some(8), ..inform.clone() };
        assert!(informs.is_first(&other, at(100)));
        assert!(informs.is_first(&inform, at(122)), "its number is free again");
        for request_id in 0..100_000 {
            let inform = Notification { request_id: Some(request_id), ..inform.clone() };
            informs.is_first(&inform, at(122));
        }
        assert!(informs.known.len() <= MOST_INFORMS && informs.order.len() == informs.known.len());
    }
}
