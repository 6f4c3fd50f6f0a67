//! `node.accessible` and `node.inaccessible`: the first poller of a node comes up, its last goes down.

use rackpoll_model::{Blame, Fault, FaultKind};

use super::{Calm, calm::Lasting};

/// What is known of one poller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Its device answers.
    pub(crate) up: bool,
    /// Failed polls in a row.
    pub(crate) failures: u32,
    /// Since when they fail, in Unix milliseconds.
    pub(crate) since: i64,
}

/// What becomes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeChange {
    /// Its first poller is up.
    Accessible,
    /// Its last poller is down.
    Inaccessible,
}

impl NodeChange {
    /// The word on the bus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accessible => "accessible",
            Self::Inaccessible => "inaccessible",
        }
    }
}

/// Whether a poll says that its device is up; a poll that the agent itself did not make, or could not make because of
/// what was asked, says nothing.
pub(crate) fn is_up<T>(reading: &Result<T, Fault>) -> Option<bool> {
    match reading {
        Ok(_) => Some(true),
        // The device said something; what it did not do is another matter.
        Err(fault) if fault.kind == FaultKind::ConditionNotMet => None,
        Err(fault) => match fault.kind.blame() {
            Blame::Network | Blame::Device | Blame::Credentials => Some(false),
            Blame::Request | Blame::Agent => None,
        },
    }
}

/// The poller's standing after a poll. It is down once its polls have failed for as long as `calm` asks.
pub(crate) fn stand(before: Option<Standing>, up: bool, now: i64, calm: &Calm) -> Standing {
    if up {
        return Standing { up: true, failures: 0, since: now };
    }
    let (failures, since) = match before {
        // Where the clock was set back while the agent was away, time counts from now on.
        Some(before) if before.failures > 0 => (before.failures.saturating_add(1), before.since.min(now)),
        _ => (1, now),
    };
    let over = Lasting::is_over(calm.lasts, failures, now.saturating_sub(since));
    Standing { up: before.is_some_and(|before| before.up) && !over, failures, since }
}

/// What becomes of the node. `others` is whether any other poller of it is up; none where it has no other.
pub(crate) fn change(before: Option<Standing>, after: Standing, others: Option<bool>) -> Option<NodeChange> {
    let was_up = before.map(|before| before.up);
    match (was_up, after.up, others) {
        (Some(true), true, _) | (_, _, Some(true)) => None,
        (_, true, _) => Some(NodeChange::Accessible),
        (Some(true), false, _) | (None, false, None) => Some(NodeChange::Inaccessible),
        (Some(false), false, _) | (None, false, Some(false)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Polls of two pollers of a node: `A` and `B` good, `a` and `b` failed. What is told: `+`, `-`, or `.` nothing.
    fn play(calm: &Calm, polls: &str) -> String {
        let mut standings: [Option<Standing>; 2] = [None, None];
        let mut told = String::new();
        for (now, poll) in polls.chars().enumerate() {
            let index = usize::from(poll.eq_ignore_ascii_case(&'b'));
            let before = standings[index];
            let after = stand(before, poll.is_ascii_uppercase(), i64::try_from(now).unwrap(), calm);
            let others = standings[1 - index].map(|other| other.up);
            standings[index] = Some(after);
            told.push(match change(before, after, others) {
                Some(NodeChange::Accessible) => '+',
                Some(NodeChange::Inaccessible) => '-',
                None => '.',
            });
        }
        told
    }

    #[test]
    fn the_first_up_and_the_last_down_are_told() {
        let at_once = Calm::default();
        for (polls, told) in
            [("AAA", "+.."), ("aaA", "-.+"), ("ABaAab", "+....-"), ("abAB", "-.+."), ("ABabBa", "+..-+.")]
        {
            assert_eq!(play(&at_once, polls), told, "{polls}");
        }
        let third = Calm { lasts: Lasting::Polls(3), ..Calm::default() };
        assert_eq!(play(&third, "AaaAaaaaA"), "+.....-.+");
    }

    #[test]
    fn only_what_the_device_or_its_way_is_to_blame_for_is_down() {
        let of = |kind| is_up::<()>(&Err(Fault::new(kind, "")));
        assert_eq!(is_up(&Ok(())), Some(true));
        assert_eq!(of(FaultKind::Timeout), Some(false));
        assert_eq!(of(FaultKind::WrongPassword), Some(false));
        assert_eq!(of(FaultKind::MalformedCommand), None);
        assert_eq!(of(FaultKind::MailboxFull), None);
    }
}
