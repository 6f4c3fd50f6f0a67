//! Rules for single values: what SNMP agents say, and metrics, by oid or dotted key.
//! `{ "<key>" | "/expression/": "text" | "/expression/" | { <validation rules>, "severity", "desc", "for", "hysteresis" } }`

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

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
/// Keys whose rules are remembered: the columns of some large switches. They come again at every poll of every device.
const REMEMBERED: usize = 32_768;

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
    fn read(
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
fn canonical(key: &str) -> &str {
    match key.strip_prefix('.') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_digit()) => rest,
        _ => key,
    }
}

/// All rules for values of one place, by key.
#[derive(Debug, Default)]
pub(super) struct ValueRules {
    rules: Vec<ValueRule>,
    exact: HashMap<Box<str>, Vec<usize>>,
    expressions: Vec<usize>,
    /// Which rules concern a key; looked up by expression once.
    known: Mutex<HashMap<Box<str>, Arc<[usize]>>>,
}

impl ValueRules {
    /// Reads a list of objects, or one object.
    pub(super) fn read(
        rules: &Value,
        path: &Path<'_>,
        compiler: &mut Compiler,
        budget: &mut Budget,
        faults: &mut Vec<RuleFault>,
    ) -> Self {
        let mut read = Self::default();
        match rules {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let at = path.index(index);
                    match item {
                        Value::Object(map) => read.extend(map, &at, compiler, budget, faults),
                        other => faults.push(RuleFault::new(
                            &at,
                            format!("an SNMP rule is an object keyed by oid, not {}", kind_of(other)),
                        )),
                    }
                    if faults.len() >= super::MOST_FAULTS {
                        break;
                    }
                }
            }
            Value::Object(map) => read.extend(map, path, compiler, budget, faults),
            other => faults.push(RuleFault::new(
                path,
                format!("SNMP rules are a list of objects keyed by oid, not {}", kind_of(other)),
            )),
        }
        read
    }

    fn extend(
        &mut self,
        map: &Map<String, Value>,
        path: &Path<'_>,
        compiler: &mut Compiler,
        budget: &mut Budget,
        faults: &mut Vec<RuleFault>,
    ) {
        for (key, rule) in map {
            match ValueRule::read(key, rule, &path.key(key), compiler, budget) {
                Ok(rule) => self.add(rule),
                Err(fault) => faults.push(fault),
            }
            if faults.len() >= super::MOST_FAULTS {
                return;
            }
        }
    }

    fn add(&mut self, rule: ValueRule) {
        let index = self.rules.len();
        match &rule.key {
            Pattern::Text(key) => self.exact.entry((**key).into()).or_default().push(index),
            Pattern::Expression(_) => self.expressions.push(index),
        }
        self.rules.push(rule);
    }

    pub(super) fn all(&self) -> &[ValueRule] {
        &self.rules
    }

    /// The rules that concern a key, in the order in which they were written.
    pub(super) fn of(&self, key: &str) -> impl Iterator<Item = &ValueRule> {
        let (exact, both) = if self.expressions.is_empty() {
            (self.exactly(key), None)
        } else {
            (&[][..], Some(self.both(key)))
        };
        let both: Arc<[usize]> = both.unwrap_or_default();
        let places = (0..both.len()).filter_map(move |place| both.get(place).copied());
        exact.iter().copied().chain(places).filter_map(|index| self.rules.get(index))
    }

    fn exactly(&self, key: &str) -> &[usize] {
        self.exact.get(canonical(key)).map(Vec::as_slice).unwrap_or_default()
    }

    fn both(&self, key: &str) -> Arc<[usize]> {
        let known = |known: &HashMap<Box<str>, Arc<[usize]>>| known.get(key).map(Arc::clone);
        if let Some(found) = known(&self.known.lock().unwrap_or_else(PoisonError::into_inner)) {
            return found;
        }
        let mut found: Vec<usize> = self.exactly(key).to_vec();
        let by_expression = self.expressions.iter().copied();
        found.extend(
            by_expression.filter(|index| self.rules.get(*index).is_some_and(|rule| rule.concerns(key))),
        );
        found.sort_unstable();
        let found: Arc<[usize]> = found.into();
        let mut remembered = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(key.into(), Arc::clone(&found));
        found
    }
}
