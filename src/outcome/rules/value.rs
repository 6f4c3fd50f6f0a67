//! Rules for single values: what SNMP agents say, and metrics, by oid or dotted key.
//! `{ "<key>" | "/expression/": "text" | "/expression/" | { <validation rules>, "severity", "desc", "for", "hysteresis" } }`

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    Severity,
    calm::Lasting,
    check::kind_of,
    criterion::{Checks, Criterion},
    fault::{Path, RuleFault},
    limits::Budget,
    number::{Measured, Number},
    pattern::{Compiler, Pattern},
    severity::Verdict,
};

/// Longest oid or metric key of a rule, bytes.
const LONGEST_KEY: usize = 1_024;
/// Longest description of a rule, bytes.
const LONGEST_DESCRIPTION: usize = 1_024;

/// One rule for values.
#[derive(Debug)]
pub(super) struct ValueRule {
    key: Pattern,
    criterion: Criterion,
    verdict: Verdict,
    description: Option<String>,
    lasts: Option<Lasting>,
    hysteresis: f64,
    /// What an alert says it matched: the text, or the validation rules.
    matched: Value,
    /// Tells this rule from others on the same key, in the state file too.
    mark: String,
    /// As it was written, for those who ask.
    written: (String, Value),
}

impl ValueRule {
    pub(super) fn read(
        key: &str,
        rule: &Value,
        path: &Path<'_>,
        compiler: &mut Compiler,
        budget: &mut Budget,
    ) -> Result<Self, RuleFault> {
        let fault = |what: String| RuleFault::new(path, what);
        budget.rule().map_err(fault)?;
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(fault(format!("an oid or key has 1 to {LONGEST_KEY} bytes")));
        }
        let written = (key.to_owned(), rule.clone());
        let key = compiler.pattern(canonical(key), budget).map_err(fault)?;
        let mut read = Self {
            key,
            criterion: Criterion::Checks(Vec::new()),
            verdict: Verdict::Alert(Severity::Information),
            description: None,
            lasts: None,
            hysteresis: 0.0,
            matched: rule.clone(),
            mark: String::new(),
            written,
        };
        read.criterion = match rule {
            Value::Object(words) => read.words(words, path, compiler, budget)?,
            other => Criterion::read(other, path, compiler, budget)?,
        };
        read.mark = mark(&read.written.0, &read.matched);
        Ok(read)
    }

    fn words(
        &mut self,
        words: &Map<String, Value>,
        path: &Path<'_>,
        compiler: &mut Compiler,
        budget: &mut Budget,
    ) -> Result<Criterion, RuleFault> {
        let mut checks = Checks::new(words.len(), path)?;
        let mut matched = Map::new();
        for (word, argument) in words {
            let at = path.key(word);
            let fault = |what: String| RuleFault::new(&at, what);
            match word.as_str() {
                "severity" => {
                    self.verdict = argument
                        .as_str()
                        .and_then(Verdict::read)
                        .ok_or_else(|| fault(format!("has to be one of {}", Verdict::WORDS)))?;
                }
                "desc" => {
                    let text = argument.as_str().filter(|text| text.len() <= LONGEST_DESCRIPTION);
                    let what = || fault(format!("has to be a text of at most {LONGEST_DESCRIPTION} bytes"));
                    self.description = Some(text.ok_or_else(what)?.to_owned());
                }
                "for" => self.lasts = Some(Lasting::read(argument).map_err(fault)?),
                "hysteresis" => {
                    let number = Number::of(argument).filter(|_| argument.is_number()).map(Number::real);
                    let what =
                        || fault(format!("needs a number that is not negative, not {}", kind_of(argument)));
                    self.hysteresis = number.filter(|number| *number >= 0.0).ok_or_else(what)?;
                }
                _ => {
                    checks.read(word, argument, path, compiler, budget)?;
                    matched.insert(word.clone(), argument.clone());
                }
            }
        }
        if self.hysteresis > 0.0 && !checks.has_bounds() {
            let what = "`hysteresis` needs greaterThan, lessThan, min or max beside it";
            return Err(RuleFault::new(path, what));
        }
        self.matched = Value::Object(matched);
        // A severity alone: every new value of this key is worth telling, or none is.
        checks.finish(words.contains_key("severity"), path)
    }

    /// Whether the value is as the rule says; with its hysteresis, where it has been so before.
    pub(super) fn holds(&self, measured: &Measured<'_>, open: bool) -> bool {
        self.criterion.holds_measured(measured, if open { self.hysteresis } else { 0.0 })
    }

    pub(super) fn criterion(&self) -> &Criterion {
        &self.criterion
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(super) fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    pub(super) fn lasts(&self) -> Option<Lasting> {
        self.lasts
    }

    pub(super) fn matched(&self) -> &Value {
        &self.matched
    }

    pub(super) fn mark(&self) -> &str {
        &self.mark
    }

    /// Its key and its rule, as written.
    pub(super) fn written(&self) -> (&str, &Value) {
        (&self.written.0, &self.written.1)
    }

    /// The one key that it concerns, canonical; none where it concerns all that an expression matches.
    pub(super) fn one_key(&self) -> Option<&str> {
        match &self.key {
            Pattern::Text(key) => Some(key),
            Pattern::Expression(_) => None,
        }
    }

    pub(super) fn concerns(&self, key: &str) -> bool {
        match &self.key {
            Pattern::Text(wanted) => **wanted == *canonical(key),
            Pattern::Expression(_) => self.key.matches(key),
        }
    }
}

/// The first 8 bytes of a SHA-256 in hexadecimal: the same in every run and version.
pub(super) fn mark(key: &str, matched: &Value) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(format!("{key}\n{matched}"));
    digest.iter().take(8).fold(String::with_capacity(16), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// An oid is the same with and without its leading dot.
pub(super) fn canonical(key: &str) -> &str {
    match key.strip_prefix('.') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_digit()) => rest,
        _ => key,
    }
}
