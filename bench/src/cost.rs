use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use nix::sys::resource::{UsageWho, UsageWho::RUSAGE_SELF, getrusage};

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

/// How long a client is measured at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    Time(Duration),
    /// Polls of each BMC.
    Polls(u64),
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{} ms", time.as_millis()),
            Self::Polls(polls) => write!(f, "{polls} polls"),
        }
    }
}

impl FromStr for Span {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(' ') {
            Some((number, "ms")) => Ok(Self::Time(Duration::from_millis(number.parse()?))),
            Some((number, "polls")) => Ok(Self::Polls(number.parse()?)),
            _ => Err(format!("no span: {text:?}").into()),
        }
    }
}

/// A span that has begun, in this process.
pub struct Round {
    begun: Instant,
    before: f64,
    end: End,
}

/// What tells the sessions that a round is at its end.
#[derive(Debug, Clone)]
pub struct End {
    polls: u64,
    come: Arc<AtomicBool>,
}

impl Round {
    pub fn begin(span: Span) -> Result<Self, Error> {
        let come = Arc::new(AtomicBool::new(false));
        let polls = match span {
            Span::Polls(polls) => polls,
            Span::Time(time) => {
                // No clock to be read for each poll.
                let come = come.clone();
                std::thread::spawn(move || {
                    std::thread::sleep(time);
                    come.store(true, Relaxed);
                });
                u64::MAX
            }
        };
        let end = End { polls, come };
        Ok(Self { begun: Instant::now(), before: processor_time(RUSAGE_SELF)?, end })
    }

    pub fn end(&self) -> End {
        self.end.clone()
    }

    /// What it cost, from the polls of each session and those of them that failed.
    pub fn cost(&self, sessions: impl IntoIterator<Item = (u64, u64)>) -> Result<Cost, Error> {
        let (processor, wall) =
            (processor_time(RUSAGE_SELF)? - self.before, self.begun.elapsed().as_secs_f64());
        let (polls, failed) = sessions
            .into_iter()
            .fold((0, 0), |(polls, failed), session| (polls + session.0, failed + session.1));
        Ok(Cost { processor, wall, polls, failed })
    }
}

impl End {
    /// Whether a session that has polled so often polls once more.
    pub fn is_ahead(&self, polls: u64) -> bool {
        polls < self.polls && !self.come.load(Relaxed)
    }
}

/// Processor seconds, user and system, of this process or of its ended children.
pub fn processor_time(who: UsageWho) -> Result<f64, Error> {
    let usage = getrusage(who)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}
