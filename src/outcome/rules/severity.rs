use std::fmt;

/// How bad an alert is: a word of its routing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Where a rule says nothing.
    Information,
    /// Worth a look.
    Warning,
    /// Worth waking somebody.
    Critical,
}

impl Severity {
    /// The word on the bus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a rule that matches says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// An alert of this severity.
    Alert(Severity),
    /// No alert, whatever other rules say.
    Ignore,
}

impl Verdict {
    pub(super) const WORDS: &'static str = "information, warning, critical or ignore";

    pub(super) fn read(word: &str) -> Option<Self> {
        Some(match word {
            "information" => Self::Alert(Severity::Information),
            "warning" => Self::Alert(Severity::Warning),
            "critical" => Self::Alert(Severity::Critical),
            "ignore" => Self::Ignore,
            _ => return None,
        })
    }
}
