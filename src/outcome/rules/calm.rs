use std::time::Duration;

use serde_json::Value;

use crate::config::duration;

/// Longest that a condition may be asked to last.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// Most polls that a condition may be asked to last.
const MOST_POLLS: u32 = 10_000;

/// How calmly alerts are told. The default is RackHD's: at once, and again at every poll.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Calm {
    /// How long a condition has to last before it is told.
    pub lasts: Lasting,
    /// How long it has to be gone before that is told.
    pub clears: Lasting,
    /// How often a condition that lasts is told again.
    pub repeat: Repeat,
    /// When coming and going becomes one thing that is told once.
    pub flap: Option<Flap>,
    /// Tells, too, when an SNMP value stops matching; RackHD says nothing then.
    pub tell_value_cleared: bool,
}

/// A number of polls in a row, or a length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// At least so many polls in a row say so; 1 is at once.
    Polls(u32),
    /// All polls of at least so long say so.
    Time(Duration),
}

impl Default for Lasting {
    fn default() -> Self {
        Self::Polls(1)
    }
}

impl Lasting {
    /// Reads a number of polls, or a text with a length of time.
    pub(super) fn read(value: &Value) -> Result<Self, String> {
        let found = match value {
            Value::Number(number) => number.as_u64().and_then(Self::of_polls),
            Value::String(text) => duration::parse(text).and_then(Self::of_time),
            _ => None,
        };
        found.ok_or_else(|| {
            format!("needs 1 to {MOST_POLLS} polls, or a length of time such as \"30s\", up to 30 days")
        })
    }

    /// So many polls, where that is a number of polls.
    pub fn of_polls(polls: u64) -> Option<Self> {
        let polls = u32::try_from(polls).ok()?;
        (1..=MOST_POLLS).contains(&polls).then_some(Self::Polls(polls))
    }

    /// So long, where that is not too long.
    pub fn of_time(time: Duration) -> Option<Self> {
        (time <= LONGEST).then_some(Self::Time(time))
    }

    pub(super) fn is_over(self, polls: u32, millis: i64) -> bool {
        match self {
            Self::Polls(least) => polls >= least,
            Self::Time(least) => u128::try_from(millis).is_ok_and(|millis| millis >= least.as_millis()),
        }
    }
}

/// How often a condition that lasts is told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repeat {
    /// At every poll, as RackHD does.
    #[default]
    EveryPoll,
    /// Once, when it begins.
    Never,
    /// At most once in this time.
    AtMostEvery(Duration),
}

/// A condition that begins more often than `changes` times `within` this long is told once more, as flapping, and then not
/// before it has been gone for as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flap {
    /// Beginnings that are still told.
    pub changes: u32,
    /// Over how long they are counted.
    pub within: Duration,
}
