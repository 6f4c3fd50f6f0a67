//! Episodes: from the moment a condition is told until it has cleared. Pure: the state before and what a poll says go in,
//! the state after and what has to be told come out.

use std::{collections::BTreeMap, ops::Bound};

use serde::{Deserialize, Serialize};

use super::{
    Severity,
    calm::{Calm, Lasting, Repeat},
};

/// What an event says about its episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// The same in all events of the episode, and the same again when a crash makes the agent tell them twice.
    pub id: String,
    /// Where in the episode the event is.
    pub state: Stage,
    /// Counts the events that the condition has made, from 1. A clear has the count of the last before it.
    pub count: u64,
    /// It comes and goes too often to be told each time.
    pub flapping: bool,
}

/// A place in an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It begins.
    Open,
    /// It lasts.
    Repeat,
    /// It is over.
    Clear,
}

impl Stage {
    /// The word on the bus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Repeat => "repeat",
            Self::Clear => "clear",
        }
    }
}

/// One condition: a sensor out of bounds, a state, a value that matches a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Condition {
    /// Whether the last poll said that it holds.
    holds: bool,
    /// Since when all polls say so, in Unix milliseconds.
    since: i64,
    /// How many polls in a row say so.
    polls: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open: Option<Open>,
    /// When it was opened, as far back as flapping is looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    opened: Vec<i64>,
    /// The value of the last poll at which it held, where a repeated value is not told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip)]
    seen: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    id: String,
    count: u64,
    told: i64,
    severity: Severity,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    flapping: bool,
}

/// Conditions of one poller and one kind of alert. A device may say a hundred thousand values, and a rule may want them all.
const MOST: usize = 10_000;

/// All conditions of one poller and one kind of alert that are open, on their way, or still counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Conditions(
    BTreeMap<String, Condition>,
    /// There were more than are kept.
    #[serde(skip)]
    bool,
);

/// What one poll says about a condition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Saw<'a> {
    /// Whether the condition holds.
    pub(crate) holds: bool,
    /// How bad it is, if it holds.
    pub(crate) severity: Severity,
    /// Where only a new value is told again: the value.
    pub(crate) value: Option<&'a str>,
    /// How long it has to last, where its rule says so itself.
    pub(crate) lasts: Option<Lasting>,
}

/// One poll's look at all its conditions.
pub(crate) struct Round<'a> {
    conditions: &'a mut Conditions,
    calm: &'a Calm,
    now: i64,
    /// In a maintenance window nothing begins and nothing is repeated.
    quiet: bool,
    id: &'a dyn Fn(&str) -> String,
}

impl<'a> Round<'a> {
    /// `id` makes the id of an episode that begins at this poll from its condition's key.
    pub(crate) fn new(
        conditions: &'a mut Conditions,
        calm: &'a Calm,
        now: i64,
        quiet: bool,
        id: &'a dyn Fn(&str) -> String,
    ) -> Self {
        Self { conditions, calm, now, quiet, id }
    }

    /// Whether the condition's episode is open: where it is, a rule's hysteresis counts.
    pub(crate) fn is_open(&self, key: &str) -> bool {
        self.conditions.0.get(key).is_some_and(|condition| condition.open.is_some())
    }

    /// What the keys have behind this beginning, of all conditions that may be open or on their way.
    pub(crate) fn known<'k>(&'k self, beginning: &'k str) -> impl Iterator<Item = &'k str> {
        let from = (Bound::Included(beginning), Bound::Unbounded);
        self.conditions.0.range::<str, _>(from).map_while(move |(key, _)| key.strip_prefix(beginning))
    }

    /// Whether nothing is open or on its way, so that what does not hold need not be looked at.
    pub(crate) fn is_idle(&self) -> bool {
        self.conditions.0.is_empty()
    }

    /// What has to be told of this condition, with the severity it was opened with where it clears.
    pub(crate) fn see(&mut self, key: &str, saw: &Saw<'_>) -> Option<(Episode, Severity)> {
        let is_full = self.conditions.0.len() >= MOST;
        let condition = match self.conditions.0.get_mut(key) {
            Some(condition) => condition,
            None if !saw.holds => return None,
            None if is_full => {
                self.conditions.1 = true;
                return None;
            }
            None => self.conditions.0.entry(key.to_owned()).or_insert_with(|| Condition {
                holds: true,
                since: self.now,
                polls: 0,
                open: None,
                opened: Vec::new(),
                value: None,
                seen: false,
            }),
        };
        if std::mem::replace(&mut condition.seen, true) {
            // Walks that overlap say a value twice; the first one counts, and the poll counts once.
            return None;
        }
        condition.step(saw, self.now, self.calm, self.quiet, || (self.id)(key))
    }

    /// Conditions that this poll did not mention at all do not hold any more: what has to be told of them. `keep` says
    /// which could not be looked at.
    pub(crate) fn finish(self, keep: impl Fn(&str) -> bool) -> Vec<(String, Episode, Severity)> {
        let gone = Saw { holds: false, severity: Severity::Information, value: None, lasts: None };
        let mut told = Vec::new();
        for (key, condition) in &mut self.conditions.0 {
            if !condition.seen && !keep(key) {
                let tell = condition.step(&gone, self.now, self.calm, self.quiet, String::new);
                told.extend(tell.map(|(episode, severity)| (key.clone(), episode, severity)));
            }
            condition.seen = false;
        }
        let (now, calm) = (self.now, self.calm);
        self.conditions.0.retain(|_, condition| {
            condition.forget_old(now, calm);
            condition.holds || condition.open.is_some() || !condition.opened.is_empty()
        });
        told
    }
}

impl Conditions {
    /// What is left of those of the last poll. A text that cannot be read is as good as none: what holds is told anew.
    pub(crate) fn read(kept: Option<&str>) -> Self {
        kept.and_then(|kept| serde_json::from_str(kept).ok()).unwrap_or_default()
    }

    /// Whether some hold that are not kept, and not told, because there are too many.
    pub(crate) fn are_cut(&self) -> bool {
        self.1
    }

    /// What has to be kept until the next poll.
    pub(crate) fn written(&self) -> Option<String> {
        if self.0.is_empty() { None } else { serde_json::to_string(self).ok() }
    }
}

impl Condition {
    fn step(
        &mut self,
        saw: &Saw<'_>,
        now: i64,
        calm: &Calm,
        quiet: bool,
        id: impl FnOnce() -> String,
    ) -> Option<(Episode, Severity)> {
        // Where the clock was set back while the agent was away, time counts from now on.
        self.since = self.since.min(now);
        self.opened.iter_mut().for_each(|at| *at = now.min(*at));
        if self.holds != saw.holds {
            self.holds = saw.holds;
            self.since = now;
            self.polls = 0;
        }
        self.polls = self.polls.saturating_add(1);
        let lasted = now.saturating_sub(self.since);
        if saw.holds {
            let is_news = saw.value.is_none() || self.value.as_deref() != saw.value;
            match &mut self.open {
                Some(open) => {
                    open.told = open.told.min(now);
                    if quiet || open.flapping || !is_news || !open.is_due(calm.repeat, now) {
                        return None;
                    }
                    self.value = saw.value.map(str::to_owned);
                    open.count = open.count.saturating_add(1);
                    open.told = now;
                    open.severity = saw.severity;
                    Some((open.episode(Stage::Repeat), open.severity))
                }
                None => {
                    let lasts = saw.lasts.unwrap_or(calm.lasts);
                    if quiet || !lasts.is_over(self.polls, lasted) {
                        return None;
                    }
                    self.value = saw.value.map(str::to_owned);
                    self.forget_old(now, calm);
                    let mut flapping = false;
                    if let Some(flap) = calm.flap {
                        self.opened.push(now);
                        flapping = u32::try_from(self.opened.len()).is_ok_and(|times| times > flap.changes);
                    }
                    let open = Open { id: id(), count: 1, told: now, severity: saw.severity, flapping };
                    let episode = open.episode(Stage::Open);
                    self.open = Some(open);
                    Some((episode, saw.severity))
                }
            }
        } else {
            let open = self.open.as_ref()?;
            let over = calm.clears.is_over(self.polls, lasted);
            let settled = match calm.flap {
                Some(flap) if open.flapping => Lasting::Time(flap.within).is_over(self.polls, lasted),
                _ => true,
            };
            if !over || !settled {
                return None;
            }
            let tell = (open.episode(Stage::Clear), open.severity);
            self.open = None;
            self.value = None;
            Some(tell)
        }
    }

    fn forget_old(&mut self, now: i64, calm: &Calm) {
        match calm.flap {
            Some(flap) => {
                let within = i64::try_from(flap.within.as_millis()).unwrap_or(i64::MAX);
                self.opened.retain(|at| now.saturating_sub(*at) < within);
            }
            None => self.opened.clear(),
        }
    }
}

impl Open {
    fn is_due(&self, repeat: Repeat, now: i64) -> bool {
        match repeat {
            Repeat::EveryPoll => true,
            Repeat::Never => false,
            Repeat::AtMostEvery(time) => Lasting::Time(time).is_over(0, now.saturating_sub(self.told)),
        }
    }

    fn episode(&self, state: Stage) -> Episode {
        Episode { id: self.id.clone(), state, count: self.count, flapping: self.flapping }
    }
}

#[cfg(test)]
mod tests;
