//! Rules that make alerts: previous and current state in, alerts out. Pure.
//!
//! `set` reads rules once, from a configuration or a command; `sdr`, `sel`, `snmp` and `chassis` look at results with them; `sel_log` says
//! which entries of a log are news;
//! `episode` says what of that is told, and how often.

pub(crate) mod access;
mod alert;
mod calm;
pub mod chassis;
mod check;
mod criterion;
mod entry;
mod entry_index;
pub(crate) mod episode;
mod explain;
mod fault;
mod limits;
mod lint;
mod memo;
mod number;
mod pattern;
pub(crate) mod pdu;
mod replay;
pub(crate) mod sdr;
mod segment;
pub(crate) mod sel;
pub mod sel_log;
mod set;
mod severity;
pub(crate) mod snmp;
mod until;
mod value;
mod value_index;
mod watch;
mod window;

use serde_json::{Map, Value};

use crate::config::did_you_mean;

pub use access::NodeChange;
pub(crate) use alert::Device;
pub use alert::{Action, Alert};
pub use calm::{Calm, Flap, Lasting, Repeat};
pub use episode::{Episode, Stage};
pub use explain::{Explanation, explain_entry, explain_value};
pub use fault::{RuleFault, RuleStep};
pub use limits::Budget;
pub use lint::{LintFinding, Sight, lint};
pub use pattern::Compiler;
pub use replay::Replay;
pub use segment::Segments;
pub use set::{RuleKind, Rules};
pub use severity::{Severity, Verdict};
pub use until::Until;
pub(crate) use until::look_up;
pub use watch::{Elsewhere, Seen, Watch};
pub use window::Window;

/// Faults of one list of rules that are told at once: who has made more has made the same one again.
const MOST_FAULTS: usize = 32;

/// What the last rule that matches an entry says.
fn last_verdict<'r>(rules: impl Iterator<Item = &'r Rules>, entry: &Map<String, Value>) -> Option<Verdict> {
    rules.filter_map(|rules| rules.entries.matching(entry).last()).last().map(entry::EntryRule::verdict)
}

#[cfg(test)]
mod tests;
