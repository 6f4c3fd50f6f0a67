use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value};

use super::{
    criterion::Criterion,
    entry::EntryRule,
    pattern::{Pattern, text_of},
};

/// The rules for entries of one place, by a text that each needs: of ten thousand rules an entry meets the few that it may match.
#[derive(Debug, Default)]
pub(super) struct EntryRules {
    rules: Vec<EntryRule>,
    /// Rules with a field that has to be a certain text, by the first such field and its text.
    by_text: BTreeMap<String, HashMap<Box<str>, Vec<usize>>>,
    /// Of the others those with an expression, by the first field that has one.
    by_expression: BTreeMap<String, Vec<usize>>,
    /// Which of these a text may match, by field and text: sensors and states come again at every poll of every device.
    known: Mutex<HashMap<Text, Arc<[usize]>>>,
    /// All others.
    rest: Vec<usize>,
}

/// A field and what it says.
type Text = (String, String);

/// Texts that are remembered; then all are forgotten.
const REMEMBERED: usize = 16_384;
/// Longer ones are not remembered.
const LONGEST: usize = 256;

impl EntryRules {
    pub(super) fn push(&mut self, rule: EntryRule) {
        let index = self.rules.len();
        let text = rule.fields().iter().find_map(|(key, criterion)| match criterion {
            Criterion::Pattern(Pattern::Text(text)) => Some((key, text)),
            _ => None,
        });
        match text {
            Some((key, text)) => {
                let texts = self.by_text.entry(key.clone()).or_default();
                texts.entry((**text).into()).or_default().push(index);
            }
            None => {
                let expression = rule.fields().iter().find(|(_, criterion)| is_expression(criterion));
                match expression {
                    Some((key, _)) => self.by_expression.entry(key.clone()).or_default().push(index),
                    None => self.rest.push(index),
                }
            }
        }
        self.rules.push(rule);
    }

    pub(super) fn all(&self) -> &[EntryRule] {
        &self.rules
    }

    /// The rules that match an entry, in the order in which they were written.
    pub(super) fn matching<'r>(&'r self, entry: &Map<String, Value>) -> impl Iterator<Item = &'r EntryRule> {
        let mut found: Vec<usize> = Vec::new();
        for (key, texts) in &self.by_text {
            let mut look = |value: &Value| {
                let indices = text_of(value).and_then(|text| texts.get(&*text));
                found.extend(indices.into_iter().flatten());
            };
            match entry.get(key) {
                Some(Value::Array(items)) => items.iter().for_each(look),
                Some(value) => look(value),
                None => {}
            }
        }
        for (key, rules) in &self.by_expression {
            let mut look = |value: &Value| {
                if let Some(text) = text_of(value) {
                    found.extend(self.expressions(key, rules, &text).iter());
                }
            };
            match entry.get(key) {
                Some(Value::Array(items)) => items.iter().for_each(look),
                Some(value) => look(value),
                None => {}
            }
        }
        found.extend(&self.rest);
        found.sort_unstable();
        found.dedup();
        found.retain(|index| self.rules.get(*index).is_some_and(|rule| rule.matches(entry)));
        found.into_iter().filter_map(|index| self.rules.get(index))
    }
}

impl EntryRules {
    /// Which of these rules, whose field `key` is an expression, this text matches there.
    fn expressions(&self, key: &str, rules: &[usize], text: &str) -> Arc<[usize]> {
        let place = (key.to_owned(), text.to_owned());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&place).map(Arc::clone);
        if let Some(known) = known {
            return known;
        }
        let matches = |index: &usize| {
            let fields = self.rules.get(*index).map(EntryRule::fields).unwrap_or_default();
            fields.iter().any(|(field, criterion)| {
                field == key
                    && matches!(criterion, Criterion::Pattern(pattern @ Pattern::Expression(_)) if pattern.matches(text))
            })
        };
        let found: Arc<[usize]> = rules.iter().copied().filter(matches).collect();
        if text.len() <= LONGEST {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(place, Arc::clone(&found));
        }
        found
    }
}

fn is_expression(criterion: &Criterion) -> bool {
    matches!(criterion, Criterion::Pattern(Pattern::Expression(_)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::outcome::rules::{Budget, Compiler, RuleKind, Rules};

    #[test]
    fn the_index_finds_what_a_look_at_every_rule_finds() {
        let written = json!([
            { "a": "1" }, { "a": "/1/" }, { "a": "1", "b": "2" }, { "b": "2", "a": "/x/" }, {},
            { "b": { "minLength": 1 }, "a": "1" }, { "list": "x" }, { "list": "x", "a": "9" }, { "n": "7" },
        ]);
        let rules = Rules::read(
            RuleKind::Entries,
            &written,
            "alerts",
            &mut Compiler::default(),
            Budget::of_configuration(),
        )
        .unwrap();
        for entry in [
            json!({}),
            json!({ "a": "1" }),
            json!({ "a": "1", "b": "2" }),
            json!({ "a": "x1", "b": "2" }),
            json!({ "list": ["x", "y", "x"], "a": "9", "n": 7 }),
            json!({ "a": null, "b": ["2"] }),
        ] {
            let entry = entry.as_object().unwrap();
            let found: Vec<String> =
                rules.entries.matching(entry).map(|rule| rule.written().to_string()).collect();
            let expected: Vec<String> = rules
                .entries
                .all()
                .iter()
                .filter(|rule| rule.matches(entry))
                .map(|rule| rule.written().to_string())
                .collect();
            assert_eq!(found, expected, "{entry:?}");
        }
    }
}
