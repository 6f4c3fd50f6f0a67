//! Triggers: an event of the bus starts polls, of the devices that it names.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, SystemTime},
};

use serde_json::Value;

use crate::{broker::BusEvent, config::Trigger, job::Job, outcome::rules::look_up};

/// Largest event that is read.
const LARGEST_BODY: usize = 256 << 10;
/// Most devices that one event may name.
const MOST_DEVICES: usize = 1_024;

/// All triggers of a configuration.
pub struct Triggers {
    triggers: Vec<Armed>,
    graph_id: String,
}

struct Armed {
    trigger: Trigger,
    /// Places in `trigger.polls` by the device's name, node, and host.
    by_device: HashMap<String, Vec<usize>>,
    /// When each poll was last started by this trigger.
    last: HashMap<usize, SystemTime>,
}

impl Triggers {
    /// Triggers whose results go out under `graph_id`.
    pub fn new(triggers: &[Trigger], graph_id: &str) -> Self {
        let armed = |trigger: &Trigger| {
            let mut by_device: HashMap<String, Vec<usize>> = HashMap::new();
            for (place, poll) in trigger.polls.iter().enumerate() {
                let node = poll.node.as_ref().map(ToString::to_string);
                let names = [
                    Some(poll.device.to_string()),
                    node,
                    Some(poll.target.host.clone()),
                    Some(poll.target.name.clone()),
                ];
                for name in names.into_iter().flatten().collect::<HashSet<_>>() {
                    by_device.entry(name).or_default().push(place);
                }
            }
            Armed { trigger: trigger.clone(), by_device, last: HashMap::new() }
        };
        Self { triggers: triggers.iter().map(armed).collect(), graph_id: graph_id.to_owned() }
    }

    /// The polls that an event starts.
    pub fn fire(&mut self, event: &BusEvent, now: SystemTime) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut body = None;
        for armed in &mut self.triggers {
            if !armed.trigger.key.matches(&event.routing_key) {
                continue;
            }
            let places: Vec<usize> = match &armed.trigger.device_field {
                None => (0..armed.trigger.polls.len()).collect(),
                Some(field) => {
                    let body = body.get_or_insert_with(|| read(&event.body));
                    let mut places: Vec<usize> = devices(body, field)
                        .into_iter()
                        .filter_map(|device| armed.by_device.get(device))
                        .flatten()
                        .copied()
                        .collect();
                    places.sort_unstable();
                    places.dedup();
                    places
                }
            };
            for place in places {
                let rest = armed.trigger.at_most_every;
                let rested = armed.last.get(&place).is_none_or(|last| {
                    // A clock that was set back must not silence a trigger.
                    now.duration_since(*last).map_or(true, |since| since >= rest)
                });
                if rested && let Some(poll) = armed.trigger.polls.get(place) {
                    armed.last.insert(place, now);
                    jobs.push(poll.job(&self.graph_id, now, 0));
                }
            }
        }
        jobs
    }
}

fn read(body: &[u8]) -> Value {
    if body.len() > LARGEST_BODY {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_default()
}

/// The texts under a field of the event, or of the `value` of its envelope.
fn devices<'v>(body: &'v Value, field: &str) -> Vec<&'v str> {
    let found = look_up(body, field).or_else(|| look_up(body.get("value")?, field));
    match found {
        Some(Value::String(device)) => vec![device],
        Some(Value::Array(devices)) => devices.iter().take(MOST_DEVICES).filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A pattern of routing keys, as topic exchanges match them: `*` is one word, `#` is any number of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern(String);

/// Longest pattern, bytes: AMQP's routing keys have 255 at most.
const LONGEST_PATTERN: usize = 255;

impl KeyPattern {
    /// Reads a pattern; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let is_word = |word: &str| {
            matches!(word, "*" | "#")
                || !word.is_empty()
                    && word
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':'))
        };
        let several = text.split('.').filter(|word| *word == "#").count();
        (text.len() <= LONGEST_PATTERN && several <= 4 && text.split('.').all(is_word))
            .then(|| Self(text.to_owned()))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a routing key is one of these.
    pub fn matches(&self, key: &str) -> bool {
        let pattern: Vec<&str> = self.0.split('.').collect();
        let key: Vec<&str> = key.split('.').collect();
        matches(&pattern, &key)
    }
}

fn matches(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern, key) {
        ([], []) => true,
        (["#", rest @ ..], _) => {
            (0..=key.len()).any(|skip| matches(rest, key.get(skip..).unwrap_or_default()))
        }
        (["*", rest @ ..], [_, key @ ..]) => matches(rest, key),
        ([word, rest @ ..], [first, key @ ..]) => word == first && matches(rest, key),
        _ => false,
    }
}

/// How long a trigger rests for each device, where its configuration says nothing: events come in flocks.
pub const REST: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Config, Surroundings};

    #[test]
    fn patterns_match_as_topic_exchanges_do() {
        for (pattern, key, matched) in [
            ("graph.finished.#", "graph.finished.information.5", true),
            ("graph.finished.#", "graph.finished", true),
            ("graph.finished.*", "graph.finished", false),
            ("graph.*.x", "graph.finished.x", true),
            ("#", "anything.at.all", true),
            ("#.end", "a.b.end", true),
            ("#.end", "end", true),
            ("#.b.#", "a.b.c", true),
            ("a", "a.b", false),
            ("a.b", "a", false),
        ] {
            assert_eq!(KeyPattern::parse(pattern).unwrap().matches(key), matched, "{pattern} {key}");
        }
        for text in ["", "a..b", "a b", "a.#x", &"a.".repeat(200), "#.#.#.#.#"] {
            assert!(KeyPattern::parse(text).is_none(), "{text}");
        }
    }

    const CONFIG: &str = r#"
[[credential]]
name = "c"
user = "u"
password = { env = "P" }
[[device]]
name = "d1"
host = "10.0.0.1"
credential = "c"
node = "n1"
[[device]]
name = "d2"
host = "10.0.0.2"
credential = "c"
[[poller]]
id = "power"
devices = "*"
ipmi = "power"
every = "1h"
paused = true
[[trigger]]
key = "graph.finished.#"
pollers = ["power"]
device-field = "data.node"
[[trigger]]
key = "site.check"
pollers = "power"
at-most-every = "1m"
"#;

    #[test]
    fn events_start_the_polls_of_the_devices_that_they_name() {
        let surroundings = Surroundings { variable: &|_| Some("secret".into()), host_name: String::new() };
        let config = Config::parse(CONFIG, "t.toml".as_ref(), &surroundings).unwrap();
        let mut triggers = Triggers::new(&config.triggers, "g");
        let mut fire = |key: &str, body: &str, seconds| {
            let event = BusEvent { routing_key: key.to_owned(), body: body.as_bytes().to_vec() };
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let jobs = triggers.fire(&event, now);
            jobs.into_iter().filter_map(|job| job.subject.work_item_id).collect::<Vec<_>>()
        };
        let named = |name: Value| json!({ "data": { "node": name } }).to_string();
        for (seconds, name, polls) in [
            (0, json!("n1"), &["power@d1"][..]),
            (10, json!("d1"), &["power@d1"]),
            (20, json!("10.0.0.2"), &["power@d2"]),
            (30, json!(["n1", "d2", "d1", 7]), &["power@d1", "power@d2"]),
            (40, json!("stranger"), &[]),
            (50, json!({}), &[]),
        ] {
            assert_eq!(fire("graph.finished.x", &named(name), seconds), polls, "{seconds}");
        }
        let enveloped = json!({ "value": { "data": { "node": "n1" } } }).to_string();
        assert_eq!(fire("graph.finished.x", &enveloped, 60), ["power@d1"]);
        assert_eq!(fire("graph.finished.x", &enveloped, 64), [""; 0], "it rests");
        assert_eq!(fire("graph.finished.x", &enveloped, 65), ["power@d1"]);
        assert_eq!(fire("graph.finished.x", "nonsense", 90), [""; 0]);
        assert_eq!(fire("graph.started.x", &enveloped, 90), [""; 0]);
        assert_eq!(fire("site.check", "nonsense", 100), ["power@d1", "power@d2"]);
        assert_eq!(fire("site.check", "", 159), [""; 0]);
        assert_eq!(fire("site.check", "", 160).len(), 2);
        assert_eq!(fire("site.check", "", 10).len(), 2, "the clock was set back");
    }
}
