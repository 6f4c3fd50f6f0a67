//! Waiting polls: a command that says `wait: { every, until, atMost }` is polled again and again until its result is as it
//! should be, or until its time is over. One final answer; before it, a progress message for each poll.

use std::time::{Duration, SystemTime};

use rackpoll_model::{Fault, FaultKind};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{
    config::duration,
    dispatch::Dispatcher,
    job::{Credential, Job, Outcome, Priority, Target},
    outcome::rules::Until,
    publish::contract,
    state::State,
};

/// How often a waiting poll may poll.
const EVERY: std::ops::RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(3_600);
/// How long it may take in all.
const LONGEST: Duration = Duration::from_secs(86_400);

/// What a command waits for.
#[derive(Debug)]
pub struct Wait {
    every: Duration,
    at_most: Duration,
    until: Until,
}

impl Wait {
    /// Reads `wait` of a command's `value`, where there is one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(value: &Map<String, Value>) -> Result<Option<Self>, Fault> {
        let malformed = |what: String| Fault::new(FaultKind::MalformedCommand, what);
        let wait = match value.get("wait") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(wait)) => wait,
            Some(_) => return Err(malformed("`wait` has to be an object".to_owned())),
        };
        if let Some(unknown) = wait.keys().find(|key| !["every", "until", "atMost"].contains(&key.as_str())) {
            let unknown: String = unknown.chars().take(64).collect();
            return Err(malformed(format!("`wait` has no {unknown:?}; it has every, until and atMost")));
        }
        let time = |key: &str| {
            let found = match wait.get(key) {
                Some(Value::String(text)) => duration::parse(text),
                Some(Value::Number(millis)) => millis.as_u64().map(Duration::from_millis),
                _ => None,
            };
            found.ok_or_else(|| {
                malformed(format!("`wait.{key}` has to be a length of time: \"2s\", or milliseconds"))
            })
        };
        let (every, at_most) = (time("every")?, time("atMost")?);
        if !EVERY.contains(&every) {
            return Err(malformed("`wait.every` has to be 500ms to 1h".to_owned()));
        }
        if at_most < every || at_most > LONGEST {
            return Err(malformed("`wait.atMost` has to be `wait.every` to 1d".to_owned()));
        }
        let until = wait.get("until").unwrap_or(&Value::Null);
        let until = Until::read(until, "wait.until").map_err(|fault| malformed(fault.to_string()))?;
        Ok(Some(Self { every, at_most, until }))
    }
}

/// Where the polls of a waiting command go, and what they leave.
#[derive(Clone)]
pub struct Waiter {
    /// To the devices.
    pub dispatcher: Dispatcher,
    /// The final outcome.
    pub outcomes: mpsc::Sender<Outcome>,
    /// Progress.
    pub state: State,
    /// The agent stops: the command stays unacknowledged and comes again.
    pub stop: CancellationToken,
}

impl Waiter {
    /// Polls until the wait is over.
    pub async fn run(self, job: Job, wait: Wait) {
        let stop = self.stop.clone();
        let _ = stop.run_until_cancelled(self.poll(job, wait)).await;
    }

    async fn poll(self, mut job: Job, wait: Wait) {
        let again = Again {
            request: job.request.clone(),
            credential: job.credential.clone(),
            timeout: job.timeout,
            target: job.target.clone(),
        };
        let begun = SystemTime::now();
        for polls in 1_u64.. {
            let (divert, diverted) = oneshot::channel();
            job.subject.divert = Some(divert);
            self.dispatcher.submit(job).await;
            // Without an outcome the agent stops, and so does the wait.
            let Ok(mut outcome) = diverted.await else { return };
            let elapsed = begun.elapsed().unwrap_or_default();
            let is_met = outcome.reading.is_ok() && wait.until.is_met(&contract::result_value(&outcome));
            let is_over = elapsed.saturating_add(wait.every) > wait.at_most;
            let is_hopeless = outcome.reading.as_ref().is_err_and(|fault| !may_pass(fault));
            let so_far = json!({ "polls": polls, "elapsed": millis(elapsed), "met": is_met });
            outcome.subject.value.insert("_wait".to_owned(), so_far);
            if is_met || is_hopeless {
                self.finish(*outcome).await;
                return;
            }
            if is_over {
                let last = match &outcome.reading {
                    Ok(_) => String::new(),
                    Err(fault) => format!("; the last poll failed: {fault}"),
                };
                let message = format!(
                    "what was waited for has not come within {}{last}",
                    duration::print(wait.at_most)
                );
                outcome.reading = Err(Fault::new(FaultKind::ConditionNotMet, message));
                self.finish(*outcome).await;
                return;
            }
            self.state.publish(contract::progress(&outcome)).await;
            outcome.subject.value.shift_remove("_wait");
            tokio::time::sleep(wait.every).await;
            job = again.job(*outcome);
        }
    }

    async fn finish(&self, outcome: Outcome) {
        // The receiver lives as long as the agent.
        let _ = self.outcomes.send(outcome).await;
    }
}

/// A device that is restarted on purpose does not answer for a while; wrong credentials do not become right.
fn may_pass(fault: &Fault) -> bool {
    fault.kind.retry() || matches!(fault.kind, FaultKind::Refused)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What every poll of the wait is made of, besides its subject.
struct Again {
    request: rackpoll_model::PollRequest,
    credential: Credential,
    timeout: Duration,
    target: Target,
}

impl Again {
    fn job(&self, outcome: Outcome) -> Job {
        Job {
            request: self.request.clone(),
            target: self.target.clone(),
            credential: self.credential.clone(),
            timeout: self.timeout,
            priority: Priority::Command,
            wait: None,
            subject: outcome.subject,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_or_refused_with_a_reason() {
        let read = |wait: Value| Wait::read(json!({ "wait": wait }).as_object().unwrap());
        let good =
            read(json!({ "every": "2s", "until": { "power": false }, "atMost": 60_000 })).unwrap().unwrap();
        assert_eq!((good.every, good.at_most), (Duration::from_secs(2), Duration::from_secs(60)));
        assert!(Wait::read(&Map::new()).unwrap().is_none());
        for (wait, fault) in [
            (json!(7), "`wait` has to be an object"),
            (json!({ "every": "2s", "until": { "a": 1 } }), "`wait.atMost` has to be a length of time"),
            (
                json!({ "every": "2", "until": { "a": 1 }, "atMost": "1m" }),
                "`wait.every` has to be a length of time",
            ),
            (json!({ "every": 1, "until": { "a": 1 }, "atMost": "1m" }), "500ms to 1h"),
            (json!({ "every": "1m", "until": { "a": 1 }, "atMost": "1s" }), "`wait.every` to 1d"),
            (json!({ "every": "1s", "until": { "a": 1 }, "atMost": "2d" }), "`wait.every` to 1d"),
            (json!({ "every": "1s", "atMost": "1m" }), "`wait.until`: has to be an object"),
            (json!({ "every": "1s", "until": { "a": 1 }, "atMost": "1m", "x": 1 }), "`wait` has no \"x\""),
        ] {
            let told = read(wait.clone()).unwrap_err();
            assert_eq!(told.kind, FaultKind::MalformedCommand);
            assert!(told.message.contains(fault), "{wait}: {}", told.message);
        }
    }
}
