//! Names that become words of routing keys and levels of topics.

use std::{fmt, ops::Deref};

/// A poller's, device's, node's, agent's or credential's name: `[A-Za-z0-9_-]{1,64}` (contract.md, section 3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// The rule that [`Name`] follows, for people.
pub const NAME_RULE: &str = "1 to 64 of A-Z a-z 0-9 _ -";

impl Name {
    /// The name, if it follows the rule.
    pub fn new(text: &str) -> Option<Self> {
        is_name(text).then(|| Self(text.to_owned()))
    }

    /// The text with `-` for every character that no name may have.
    pub(super) fn made_from(word: &str) -> Self {
        let letters = word.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' });
        let word: String = letters.take(64).collect();
        Self(if word.is_empty() { "-".to_owned() } else { word })
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the text may stand as one word of a routing key.
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Whether the text may be a poller's id on the bus: a name, or `<poller>@<device>`.
pub fn is_work_item_id(text: &str) -> bool {
    match text.split_once('@') {
        Some((poller, device)) => is_name(poller) && is_name(device),
        None => is_name(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_routing_keys_only() {
        for good in ["a", "rack-7_A", "5858c89bca4349fa0409ba8d", &"x".repeat(64)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a.b", "#", "*", "a/b", "+", "a b", "é", "a@b", "a\0", &"x".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(is_work_item_id("sensors@r1-u01"));
        for bad in ["@", "a@", "@b", "a@b@c", "a.b@c"] {
            assert!(!is_work_item_id(bad), "{bad}");
        }
    }
}
