//! Rules for entries: SEL entries and sensors. `{ "<key>": "text" | "/expression/" | { <validation rules> }, …,
//! "action": severity }`; all fields have to match, and the last rule that matches has the say.

use serde_json::{Map, Value};

use super::{
    Severity,
    check::kind_of,
    criterion::Criterion,
    fault::{Path, RuleFault},
    limits::Budget,
    pattern::Compiler,
    severity::Verdict,
};

/// Most fields of one rule: an entry has 19.
const MOST_FIELDS: usize = 64;

/// One rule for entries.
#[derive(Debug)]
pub(super) struct EntryRule {
    fields: Vec<(String, Criterion)>,
    verdict: Verdict,
    /// The rule as it was written, without its `action`: what an alert says it matched.
    written: Value,
}

impl EntryRule {
    pub(super) fn read(
        rule: &Value,
        path: &Path<'_>,
        compiler: &mut Compiler,
        budget: &mut Budget,
    ) -> Result<Self, RuleFault> {
        let Value::Object(rule) = rule else {
            return Err(RuleFault::new(path, format!("a rule is an object, not {}", kind_of(rule))));
        };
        budget.rule().map_err(|what| RuleFault::new(path, what))?;
        if rule.len() > MOST_FIELDS {
            return Err(RuleFault::new(path, format!("a rule has at most {MOST_FIELDS} fields")));
        }
        let mut fields = Vec::with_capacity(rule.len());
        let mut verdict = Verdict::Alert(Severity::Information);
        let mut written = Map::new();
        for (key, value) in rule {
            let at = path.key(key);
            if key == "action" {
                verdict = value
                    .as_str()
                    .and_then(Verdict::read)
                    .ok_or_else(|| RuleFault::new(&at, format!("has to be one of {}", Verdict::WORDS)))?;
                continue;
            }
            fields.push((key.clone(), Criterion::read(value, &at, compiler, budget)?));
            written.insert(key.clone(), value.clone());
        }
        Ok(Self { fields, verdict, written: Value::Object(written) })
    }

    pub(super) fn matches(&self, entry: &Map<String, Value>) -> bool {
        self.fields.iter().all(|(key, wanted)| entry.get(key).is_some_and(|value| wanted.holds(value, 0.0)))
    }

    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(super) fn written(&self) -> &Value {
        &self.written
    }

    pub(super) fn fields(&self) -> &[(String, Criterion)] {
        &self.fields
    }
}
