use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value};

use super::{
    criterion::Criterion,
    entry::EntryRule,
    memo::Memo,
    pattern::{Pattern, text_of},
};

/// The rules for entries of one place, by a text that each needs: of ten thousand rules an entry meets the few that it may match.
#[derive(Debug, Default)]
pub(super) struct EntryRules {
    rules: Vec<EntryRule>,
    /// Rules with fields that have to be a certain text, by the one that fewest rules need.
    by_text: BTreeMap<String, HashMap<Box<str>, Vec<usize>>>,
    /// Of the others those with an expression, by the first field that has one.
    by_expression: BTreeMap<String, ByExpression>,
    /// All others.
    rest: Vec<usize>,
}

#[derive(Debug)]
struct ByExpression {
    rules: Vec<usize>,
    /// Which of them a text matches.
    known: Memo<Arc<[usize]>>,
}

impl EntryRules {
    /// `remembered` texts of a field are looked at once.
    pub(super) fn new(rules: Vec<EntryRule>, remembered: usize) -> Self {
        let mut uses: HashMap<(&str, &str), usize> = HashMap::new();
        for text in rules.iter().flat_map(texts) {
            *uses.entry(text).or_default() += 1;
        }
        let mut by_text: BTreeMap<String, HashMap<Box<str>, Vec<usize>>> = BTreeMap::new();
        let mut by_expression: BTreeMap<String, ByExpression> = BTreeMap::new();
        let mut rest = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let rarest = texts(rule).min_by_key(|text| uses.get(text));
            let first = rule.fields().iter().find(|(_, criterion)| expression(criterion).is_some());
            if let Some((field, text)) = rarest {
                by_text.entry(field.to_owned()).or_default().entry(text.into()).or_default().push(index);
            } else if let Some((field, _)) = first {
                let empty = || ByExpression { rules: Vec::new(), known: Memo::of(remembered) };
                by_expression.entry(field.clone()).or_insert_with(empty).rules.push(index);
            } else {
                rest.push(index);
            }
        }
        Self { by_text, by_expression, rest, rules }
    }

    pub(super) fn all(&self) -> &[EntryRule] {
        &self.rules
    }

    /// The rules that match an entry, in the order in which they were written.
    pub(super) fn matching<'r>(&'r self, entry: &Map<String, Value>) -> impl Iterator<Item = &'r EntryRule> {
        let mut found: Vec<usize> = self.rest.clone();
        for (field, rules) in &self.by_text {
            each_text(entry.get(field), |text| found.extend(rules.get(text).into_iter().flatten()));
        }
        for (field, by) in &self.by_expression {
            each_text(entry.get(field), |text| found.extend(by.matching(field, text, &self.rules).iter()));
        }
        found.sort_unstable();
        found.dedup();
        found.retain(|index| self.rules.get(*index).is_some_and(|rule| rule.matches(entry)));
        found.into_iter().filter_map(|index| self.rules.get(index))
    }
}

impl ByExpression {
    fn matching(&self, field: &str, text: &str, rules: &[EntryRule]) -> Arc<[usize]> {
        let matches = |index: &usize| {
            let fields = rules.get(*index).map(EntryRule::fields).unwrap_or_default();
            let of_field = fields.iter().filter(|(key, _)| key == field);
            of_field.filter_map(|(_, criterion)| expression(criterion)).any(|pattern| pattern.matches(text))
        };
        self.known.get_or_make(text, || self.rules.iter().copied().filter(matches).collect())
    }
}

/// The fields that have to be a certain text.
fn texts(rule: &EntryRule) -> impl Iterator<Item = (&str, &str)> {
    rule.fields().iter().filter_map(|(field, criterion)| match criterion {
        Criterion::Pattern(Pattern::Text(text)) => Some((field.as_str(), &**text)),
        _ => None,
    })
}

fn expression(criterion: &Criterion) -> Option<&Pattern> {
    match criterion {
        Criterion::Pattern(pattern @ Pattern::Expression(_)) => Some(pattern),
        _ => None,
    }
}

/// Every text of a field: itself, or those of its elements.
fn each_text(value: Option<&Value>, mut look: impl FnMut(&str)) {
    let mut of = |value: &Value| {
        if let Some(text) = text_of(value) {
            look(&text);
        }
    };
    match value {
        Some(Value::Array(items)) => items.iter().for_each(of),
        Some(value) => of(value),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::outcome::rules::{Budget, Compiler, RuleKind, Rules};

    #[test]
    fn the_index_finds_what_a_look_at_every_rule_finds() {
        let written = json!([
            { "a": "1" }, { "a": "/1/" }, { "a": "1", "b": "2" }, { "b": "2", "a": "/x/" }, {},
            { "b": { "minLength": 1 }, "a": "1" }, { "a": "1", "c": "4" }, { "list": "x" }, { "list": "x", "a": "9" }, { "n": "7" },
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
            json!({ "a": "1", "c": "4" }),
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
