use std::sync::Arc;

use super::{Calm, Rules, Window, value::canonical};

/// What is looked for in a poller's results, and how calmly it is told.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// Rules of the tags, of the device, of the poller or the command, in this order: the later has the say.
    pub rules: Vec<Arc<Rules>>,
    /// What is not told here, because it is told already.
    pub elsewhere: Elsewhere,
    /// How calmly.
    pub calm: Arc<Calm>,
    /// When nothing is told.
    pub maintenance: Vec<Arc<Window>>,
    /// RackHD's type of the node, in its events.
    pub node_type: Option<Arc<str>>,
}

impl Watch {
    /// Whether a maintenance window is open.
    pub fn is_quiet(&self, now: i64) -> bool {
        self.maintenance.iter().any(|window| window.covers(now))
    }

    /// All lists of rules in their order.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rules> + Clone {
        self.rules.iter().map(|rules| &**rules)
    }
}

/// What a schedule of the agent's own tells of a device. Where a command asks for the same, the rules that both have tell
/// it once: at the schedule's poller, whose episodes last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// So many lists of rules, from the first, are the schedule's, too.
    pub lists: usize,
    /// What it looks at.
    pub seen: Vec<Seen>,
}

/// A part of what a device says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// All that the command asks for.
    All,
    /// This oid and all below it.
    Below(String),
    /// This variable.
    One(String),
}

impl Elsewhere {
    /// Whether what this list of rules says of a key is told elsewhere.
    pub(super) fn has(&self, list: usize, key: &str) -> bool {
        let key = canonical(key);
        let is_seen = |seen: &Seen| match seen {
            Seen::All => true,
            Seen::Below(root) => {
                let rest = key.strip_prefix(canonical(root));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
            Seen::One(one) => key == canonical(one),
        };
        list < self.lists && self.seen.iter().any(is_seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_schedules_own_rules_on_what_it_looks_at_are_told_elsewhere() {
        let seen = vec![Seen::Below("1.3.6.1.2".to_owned()), Seen::One(".1.3.6.1.9.0".to_owned())];
        let elsewhere = Elsewhere { lists: 2, seen };
        for (list, key, has) in [
            (0, ".1.3.6.1.2", true),
            (1, ".1.3.6.1.2.7", true),
            (2, ".1.3.6.1.2.7", false),
            (0, ".1.3.6.1.20", false),
            (0, ".1.3.6.1.9.0", true),
            (0, ".1.3.6.1.9.0.1", false),
        ] {
            assert_eq!(elsewhere.has(list, key), has, "{list} {key}");
        }
        assert!(Elsewhere { lists: 1, seen: vec![Seen::All] }.has(0, "eth0.state"));
        assert!(!Elsewhere::default().has(0, ""));
    }
}
