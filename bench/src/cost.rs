use std::{fmt, str::FromStr};

use nix::sys::resource::{UsageWho, getrusage};

pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What some polls cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Processor seconds, user and system.
    pub processor: f64,
    /// Seconds by the clock.
    pub wall: f64,
    pub polls: u64,
    pub failed: u64,
}

impl Cost {
    /// Processor seconds for 1,000 polls.
    pub fn per_thousand(&self) -> f64 {
        self.processor / self.polls as f64 * 1000.0
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.processor, self.wall, self.polls, self.failed)
    }
}

impl FromStr for Cost {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let [processor, wall, polls, failed] = text.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(format!("no cost: {text:?}").into());
        };
        Ok(Self {
            processor: processor.parse()?,
            wall: wall.parse()?,
            polls: polls.parse()?,
            failed: failed.parse()?,
        })
    }
}

/// Processor seconds, user and system, of this process or of its ended children.
pub fn processor_time(who: UsageWho) -> Result<f64, Error> {
    let usage = getrusage(who)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}
