//! Why rules match, or do not: for people.

use serde_json::{Map, Value};

use super::{Rules, criterion::Criterion, pattern::Pattern, severity::Verdict};

/// What one rule says of an entry or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The rule, as it was written.
    pub rule: String,
    /// Whether it matches.
    pub matches: bool,
    /// What that gives, or why it does not match.
    pub why: String,
}

/// What every rule for entries says of this one, in order.
pub fn explain_entry<'r>(
    rules: impl Iterator<Item = &'r Rules>,
    entry: &Map<String, Value>,
) -> Vec<Explanation> {
    let explain = |rule: &super::entry::EntryRule| {
        let failed = rule.fields().iter().find_map(|(key, wanted)| match entry.get(key) {
            None => Some(format!("there is no `{key}`")),
            Some(value) => why_not(wanted, value).map(|why| format!("`{key}` {why}")),
        });
        Explanation {
            rule: rule.written().to_string(),
            matches: failed.is_none(),
            why: failed.unwrap_or_else(|| verdict(rule.verdict()).to_owned()),
        }
    };
    rules.flat_map(|rules| rules.entries.all()).map(explain).collect()
}

/// What every rule for this key says of the value, in order. Rules for other keys are not mentioned.
pub fn explain_value<'r>(
    rules: impl Iterator<Item = &'r Rules>,
    key: &str,
    value: &Value,
) -> Vec<Explanation> {
    let mut explanations = Vec::new();
    for (_, rule) in rules.flat_map(|rules| rules.values.of(key)) {
        let (written_key, written) = rule.written();
        let failed = why_not(rule.criterion(), value);
        explanations.push(Explanation {
            rule: Value::Object(Map::from_iter([(written_key.to_owned(), written.clone())])).to_string(),
            matches: failed.is_none(),
            why: failed.map_or_else(|| verdict(rule.verdict()).to_owned(), |why| format!("`{key}` {why}")),
        });
    }
    explanations
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Alert(severity) => severity.as_str(),
        Verdict::Ignore => "ignore",
    }
}

fn why_not(criterion: &Criterion, value: &Value) -> Option<String> {
    if criterion.holds(value, 0.0) {
        return None;
    }
    Some(match criterion {
        Criterion::Pattern(Pattern::Text(wanted)) => format!("is {value}, not {:?}", &**wanted),
        Criterion::Pattern(Pattern::Expression(expression)) => {
            format!("is {value}, which /{}/ does not match", expression.as_str())
        }
        Criterion::Checks(checks) => {
            let failed = checks.iter().find(|(_, check)| !check.holds(value, 0.0));
            format!("is {value}, for which `{}` does not hold", failed.map_or("", |(word, _)| word))
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::outcome::rules::{Budget, Compiler, RuleKind};

    fn rules(kind: RuleKind, written: &Value) -> Rules {
        let mut compiler = Compiler::default();
        Rules::read(kind, written, "alerts", &mut compiler, Budget::of_configuration()).unwrap()
    }

    #[test]
    fn each_rule_says_why() {
        let entries = rules(
            RuleKind::Entries,
            &json!([
                { "a": "x", "action": "critical" },
                { "a": "y" },
                { "a": "/z/" },
                { "b": "y" },
                { "n": { "min": 1, "max": 2 } },
                { "a": "x", "action": "ignore" },
            ]),
        );
        let entry = json!({ "a": "x", "n": 3 });
        let told = explain_entry(std::iter::once(&entries), entry.as_object().unwrap());
        let why: Vec<(bool, &str)> = told.iter().map(|told| (told.matches, told.why.as_str())).collect();
        assert_eq!(
            why,
            [
                (true, "critical"),
                (false, r#"`a` is "x", not "y""#),
                (false, r#"`a` is "x", which /z/ does not match"#),
                (false, "there is no `b`"),
                (false, "`n` is 3, for which `max` does not hold"),
                (true, "ignore"),
            ]
        );
        let values = rules(RuleKind::Values, &json!([{ ".1": { "min": 5 } }, { "/1/": "4" }, { ".2": "4" }]));
        let told = explain_value(std::iter::once(&values), ".1", &json!("4"));
        let why: Vec<(bool, &str)> = told.iter().map(|told| (told.matches, told.why.as_str())).collect();
        assert_eq!(why, [(false, r#"`.1` is "4", for which `min` does not hold"#), (true, "information")]);
    }
}
