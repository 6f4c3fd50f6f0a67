use std::fmt;

/// Why a rule is refused, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// From the rules' own root, as JavaScript would write it: `alerts[2]["Event Data"]`.
    pub path: String,
    /// The same, step by step from the root.
    pub steps: Vec<RuleStep>,
    /// What is wrong.
    pub what: String,
}

impl RuleFault {
    pub(super) fn new(path: &Path<'_>, what: impl Into<String>) -> Self {
        let mut steps = Vec::new();
        path.steps(&mut steps);
        Self { path: path.to_string(), steps, what: what.into() }
    }
}

/// A step from a list or an object to what is inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleStep {
    /// An element of a list.
    Index(usize),
    /// A key of an object.
    Key(String),
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.path, self.what)
    }
}

/// A place inside the rules while they are read; written out only where there is something to tell.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    /// Where the rules stand: `alerts`, `config.alerts`.
    Root(&'a str),
    /// An element of a list.
    Index(&'a Self, usize),
    /// A key of an object.
    Key(&'a Self, &'a str),
}

impl<'a> Path<'a> {
    pub(super) fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    fn steps(&self, steps: &mut Vec<RuleStep>) {
        match self {
            Self::Root(_) => {}
            Self::Index(above, index) => {
                above.steps(steps);
                steps.push(RuleStep::Index(*index));
            }
            Self::Key(above, key) => {
                above.steps(steps);
                steps.push(RuleStep::Key((*key).to_owned()));
            }
        }
    }

    pub(super) fn key(&'a self, key: &'a str) -> Self {
        Self::Key(self, key)
    }
}

/// Longest key that is written out.
const LONGEST_KEY: usize = 64;

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(root) => f.write_str(root),
            Self::Index(above, index) => write!(f, "{above}[{index}]"),
            Self::Key(above, key) => {
                let is_word = key.starts_with(|first: char| !first.is_ascii_digit())
                    && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                if is_word && key.len() <= LONGEST_KEY {
                    return write!(f, "{above}.{key}");
                }
                let short: String = key.chars().take(LONGEST_KEY).collect();
                write!(f, "{above}[{short:?}]")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_as_javascript_writes_them() {
        let root = Path::Root("config.alerts");
        let first = root.index(0);
        let oid = first.key(".1.3.6");
        assert_eq!(oid.key("greaterThan").to_string(), "config.alerts[0][\".1.3.6\"].greaterThan");
        let long = "x".repeat(1_000);
        assert!(oid.key(&long).to_string().len() < 200);
    }
}
