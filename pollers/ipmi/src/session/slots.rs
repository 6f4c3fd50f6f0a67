//! The BMC's few session slots: when there is none, and which ones we may hold ourselves.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Session, SessionError, Timing};

/// Slots that were left and may still be taken; no BMC has more.
const MOST: usize = 16;

/// What is known about the BMC's session slots.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// No login before this time.
    closed_until: Option<Instant>,
    /// How often in a row there was no slot.
    refusals: u32,
    /// When each of our lost sessions loses its slot at the latest, oldest first.
    orphans: VecDeque<Instant>,
}

impl Slots {
    /// A slot may be ours that we have no more use for.
    pub(super) fn orphaned(&mut self, now: Instant, timing: &Timing) {
        self.forget_old(now);
        if self.orphans.len() < MOST
            && let Some(until) = now.checked_add(timing.orphan)
        {
            self.orphans.push_back(until);
        }
    }

    pub(super) fn orphans(&self, now: Instant) -> usize {
        self.orphans.iter().filter(|until| **until > now).count()
    }

    /// A login has succeeded.
    pub(super) fn had_one(&mut self) {
        self.refusals = 0;
        self.closed_until = None;
    }

    /// How long there is to wait before a login may be tried.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        let wait = self.closed_until?.saturating_duration_since(now);
        (!wait.is_zero()).then_some(wait)
    }

    fn forget_old(&mut self, now: Instant) {
        self.orphans.retain(|until| *until > now);
    }
}

impl Session {
    /// The BMC has no slot for us: it is left in peace for a while, longer each time.
    pub(super) fn no_slot(&mut self, now: Instant) -> SessionError {
        let timing = self.options.timing;
        let doublings = self.slots.refusals.min(8);
        let wait = timing.no_slot.saturating_mul(1 << doublings).min(timing.longest_no_slot);
        // A fifth less at random, so that those who were refused together do not come back together.
        let wait = self.random_between(wait.saturating_sub(wait / 5), wait / 5);
        self.slots.refusals = self.slots.refusals.saturating_add(1);
        self.slots.closed_until = now.checked_add(wait);
        self.slots_error(now)
    }

    pub(super) fn slots_error(&self, now: Instant) -> SessionError {
        let wait = self.slots.wait(now).unwrap_or_default();
        SessionError::NoSessionSlot { orphans: self.slots.orphans(now), wait }
    }
}
