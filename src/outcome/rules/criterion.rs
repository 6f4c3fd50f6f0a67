use serde_json::Value;

use super::{
    check::{Bound, Check, WORDS, kind_of},
    did_you_mean,
    fault::{Path, RuleFault},
    limits::Budget,
    number::Measured,
    pattern::{Compiler, Pattern},
};

/// Most validation rules of one value.
const MOST_CHECKS: usize = 64;
/// Longest text of a rule, bytes.
const LONGEST: usize = 4_096;

/// What a value has to be like.
#[derive(Debug)]
pub(super) enum Criterion {
    Pattern(Pattern),
    /// All of them, each with its name.
    Checks(Vec<(&'static str, Check)>),
}

impl Criterion {
    pub(super) fn read(
        value: &Value,
        path: &Path<'_>,
        compiler: &mut Compiler,
        budget: &mut Budget,
    ) -> Result<Self, RuleFault> {
        match value {
            Value::String(text) if text.len() > LONGEST => {
                Err(RuleFault::new(path, format!("has more than {LONGEST} bytes")))
            }
            Value::String(text) => match compiler.pattern(text, budget) {
                Ok(pattern) => Ok(Self::Pattern(pattern)),
                Err(what) => Err(RuleFault::new(path, what)),
            },
            Value::Object(rules) => {
                let mut checks = Checks::new(rules.len(), path)?;
                for (word, argument) in rules {
                    checks.read(word, argument, path, compiler, budget)?;
                }
                checks.finish(false, path)
            }
            other => Err(RuleFault::new(
                path,
                format!("needs a text, a regular expression or validation rules, not {}", kind_of(other)),
            )),
        }
    }

    pub(super) fn holds(&self, value: &Value, slack: f64) -> bool {
        self.holds_measured(&Measured::new(value), slack)
    }

    pub(super) fn holds_measured(&self, measured: &Measured<'_>, slack: f64) -> bool {
        match self {
            Self::Pattern(pattern) => match measured.value {
                Value::Array(_) => pattern.matches_value(measured.value),
                _ => measured.text().is_some_and(|text| pattern.matches(text)),
            },
            Self::Checks(checks) => checks.iter().all(|(_, check)| check.holds_measured(measured, slack)),
        }
    }

    /// A number that bounds what meets it, if there is one.
    pub(super) fn bound(&self) -> Option<Bound> {
        match self {
            Self::Pattern(_) => None,
            Self::Checks(checks) => checks.iter().find_map(|(_, check)| check.bound()),
        }
    }

    /// Two of its rules that no value can meet together.
    pub(super) fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        let Self::Checks(checks) = self else { return None };
        let pairs = checks.iter().flat_map(|one| checks.iter().map(move |two| (one, two)));
        pairs
            .filter(|(one, two)| !std::ptr::eq(*one, *two) && one.1.contradicts(&two.1))
            .map(|(one, two)| (one.0, two.0))
            .next()
    }
}

/// Validation rules while they are read.
pub(super) struct Checks(Vec<(&'static str, Check)>);

impl Checks {
    pub(super) fn new(rules: usize, path: &Path<'_>) -> Result<Self, RuleFault> {
        if rules > MOST_CHECKS {
            return Err(RuleFault::new(path, format!("there are more than {MOST_CHECKS} validation rules")));
        }
        Ok(Self(Vec::with_capacity(rules)))
    }

    pub(super) fn read(
        &mut self,
        word: &str,
        argument: &Value,
        path: &Path<'_>,
        compiler: &mut Compiler,
        budget: &mut Budget,
    ) -> Result<(), RuleFault> {
        let at = path.key(word);
        let Some(known) = WORDS.into_iter().find(|known| *known == word) else {
            let near = did_you_mean(word, WORDS);
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(RuleFault::new(&at, format!("there is no such validation rule{hint}")));
        };
        if let Some(check) = Check::read(word, argument, &at, compiler, budget) {
            self.0.push((known, check?));
        }
        Ok(())
    }

    pub(super) fn has_bounds(&self) -> bool {
        self.0.iter().any(|(_, check)| check.bound().is_some())
    }

    /// The criterion; without any rule it is met by everything, which has to be meant.
    pub(super) fn finish(self, may_be_empty: bool, path: &Path<'_>) -> Result<Criterion, RuleFault> {
        if self.0.is_empty() && !may_be_empty {
            return Err(RuleFault::new(path, "has no validation rule"));
        }
        Ok(Criterion::Checks(self.0))
    }
}
