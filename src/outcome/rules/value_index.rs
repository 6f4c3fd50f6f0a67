use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use serde_json::{Map, Value};

use super::{
    MOST_FAULTS,
    check::{Bound, kind_of},
    fault::{Path, RuleFault},
    limits::Budget,
    memo::Memo,
    number::{Measured, Number},
    pattern::Compiler,
    value::{ValueRule, canonical},
};

/// The rules for values of one place, by key, and those of a key by the numbers that bound them: of ten thousand rules a
/// value meets the few that hold.
#[derive(Debug)]
pub(super) struct ValueRules {
    rules: Vec<ValueRule>,
    /// By canonical key, of the rules that have one.
    by_key: HashMap<Box<str>, Arc<Concerning>>,
    /// The rules whose key is an expression.
    expressions: Vec<usize>,
    /// Where there are any: all rules that concern a key.
    known: Memo<Arc<Concerning>>,
}

/// The rules that concern one key.
#[derive(Debug, Default)]
struct Concerning {
    /// In the order in which they were written.
    all: Vec<usize>,
    /// Those with a lower bound, the lowest first.
    above: Vec<(Number, usize)>,
    /// Of the rest those with an upper bound, the highest first.
    below: Vec<(Number, usize)>,
    /// All others.
    others: Vec<usize>,
}

static NONE: LazyLock<Arc<Concerning>> = LazyLock::new(Arc::default);

impl Default for ValueRules {
    fn default() -> Self {
        Self::new(Vec::new(), 0)
    }
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
        let mut read = Vec::new();
        match rules {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let at = path.index(index);
                    match item {
                        Value::Object(map) => extend(&mut read, map, &at, compiler, budget, faults),
                        other => faults.push(RuleFault::new(
                            &at,
                            format!("an SNMP rule is an object keyed by oid, not {}", kind_of(other)),
                        )),
                    }
                    if faults.len() >= MOST_FAULTS {
                        break;
                    }
                }
            }
            Value::Object(map) => extend(&mut read, map, path, compiler, budget, faults),
            other => faults.push(RuleFault::new(
                path,
                format!("SNMP rules are a list of objects keyed by oid, not {}", kind_of(other)),
            )),
        }
        Self::new(read, budget.remembered())
    }

    /// `remembered` keys are looked at once.
    fn new(rules: Vec<ValueRule>, remembered: usize) -> Self {
        let mut by_key: HashMap<Box<str>, Vec<usize>> = HashMap::new();
        let mut expressions = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            match rule.one_key() {
                Some(key) => by_key.entry(key.into()).or_default().push(index),
                None => expressions.push(index),
            }
        }
        let sorted = |(key, all)| (key, Arc::new(Concerning::new(all, &rules)));
        let by_key = by_key.into_iter().map(sorted).collect();
        Self { by_key, expressions, known: Memo::of(remembered), rules }
    }

    pub(super) fn all(&self) -> &[ValueRule] {
        &self.rules
    }

    /// The rules that concern a key, in the order in which they were written.
    pub(super) fn of(&self, key: &str) -> impl Iterator<Item = (usize, &ValueRule)> {
        let concerning = self.concerning(key);
        let places = (0..concerning.all.len()).filter_map(move |place| concerning.all.get(place).copied());
        places.filter_map(|index| Some((index, self.rules.get(index)?)))
    }

    /// Adds the rules that concern a key and hold for its value, without hysteresis; each with its place in the list.
    pub(super) fn holding<'r>(
        &'r self,
        key: &str,
        measured: &Measured<'_>,
        mut found: impl FnMut(usize, &'r ValueRule),
    ) {
        self.concerning(key).may_hold(measured, |index| {
            if let Some(rule) = self.rules.get(index).filter(|rule| rule.holds(measured, false)) {
                found(index, rule);
            }
        });
    }

    fn concerning(&self, key: &str) -> Arc<Concerning> {
        let exactly = || self.by_key.get(canonical(key)).unwrap_or(&NONE);
        if self.expressions.is_empty() {
            return Arc::clone(exactly());
        }
        self.known.get_or_make(key, || {
            let exactly = exactly();
            let matches = |index: &usize| self.rules.get(*index).is_some_and(|rule| rule.concerns(key));
            let mut all: Vec<usize> = self.expressions.iter().copied().filter(matches).collect();
            if all.is_empty() {
                return Arc::clone(exactly);
            }
            all.extend(&exactly.all);
            all.sort_unstable();
            Arc::new(Concerning::new(all, &self.rules))
        })
    }
}

fn extend(
    rules: &mut Vec<ValueRule>,
    map: &Map<String, Value>,
    path: &Path<'_>,
    compiler: &mut Compiler,
    budget: &mut Budget,
    faults: &mut Vec<RuleFault>,
) {
    for (key, rule) in map {
        match ValueRule::read(key, rule, &path.key(key), compiler, budget) {
            Ok(rule) => rules.push(rule),
            Err(fault) => faults.push(fault),
        }
        if faults.len() >= MOST_FAULTS {
            return;
        }
    }
}

impl Concerning {
    fn new(all: Vec<usize>, rules: &[ValueRule]) -> Self {
        let (mut above, mut below, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for index in &all {
            match rules.get(*index).and_then(|rule| rule.criterion().bound()) {
                Some(Bound::Lower(bound)) => above.push((bound, *index)),
                Some(Bound::Upper(bound)) => below.push((bound, *index)),
                None => others.push(*index),
            }
        }
        // Bounds of rules are numbers, which all have an order.
        let order = |one: &(Number, usize), two: &(Number, usize)| {
            one.0.compare(two.0).unwrap_or(std::cmp::Ordering::Equal)
        };
        above.sort_by(order);
        below.sort_by(|one, two| order(two, one));
        Self { all, above, below, others }
    }

    /// All but those that cannot hold because the value is beyond their bound.
    fn may_hold(&self, measured: &Measured<'_>, mut look: impl FnMut(usize)) {
        self.others.iter().for_each(|index| look(*index));
        if self.above.is_empty() && self.below.is_empty() {
            return;
        }
        let Some(number) = measured.number() else { return };
        let reached = |bound: &Number| number.compare(*bound).is_some_and(std::cmp::Ordering::is_ge);
        let above = self.above.iter().take_while(|(bound, _)| reached(bound));
        let below = self
            .below
            .iter()
            .take_while(|(bound, _)| number.compare(*bound).is_some_and(std::cmp::Ordering::is_le));
        above.chain(below).for_each(|(_, index)| look(*index));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::outcome::rules::{RuleKind, Rules};

    #[test]
    fn the_index_finds_what_a_look_at_every_rule_finds() {
        let mut written = Vec::new();
        for key in [".1.3.6.1", "1.3.6.1", "/6\\.1$/", ".1.3.6.2", "/^if/"] {
            for rule in [
                json!({ "greaterThan": 5 }),
                json!({ "greaterThan": 5.5, "hysteresis": 3 }),
                json!({ "min": 7, "max": 9 }),
                json!({ "min": 9_007_199_254_740_993_u64 }),
                json!({ "lessThan": 6 }),
                json!({ "max": -2.5, "severity": "critical" }),
                json!({ "integer": true }),
                json!({ "equals": 7 }),
                json!({ "severity": "ignore" }),
                json!("7"),
                json!("/7/"),
            ] {
                written.push(json!({ key: rule }));
            }
        }
        let written = Value::Array(written);
        let mut compiler = Compiler::default();
        let budget = Budget::of_configuration();
        let rules = Rules::read(RuleKind::Values, &written, "alerts", &mut compiler, budget).unwrap().values;
        for key in [".1.3.6.1", "1.3.6.1", ".1.3.6.2", ".9.6.1", "if.7", "other"] {
            for value in [
                json!("7"),
                json!(7),
                json!("5"),
                json!("5.5"),
                json!(-3),
                json!("9007199254740992"),
                json!("9007199254740993"),
                json!("seven"),
                json!("17"),
                json!(null),
                json!(["7"]),
            ] {
                let measured = Measured::new(&value);
                let mut found = Vec::new();
                rules.holding(key, &measured, |index, _| found.push(index));
                found.sort_unstable();
                let all = rules.all().iter().enumerate();
                let concerned = all.filter(|(_, rule)| rule.concerns(key));
                let indices = |rules: Vec<(usize, &ValueRule)>| -> Vec<usize> {
                    rules.into_iter().map(|(index, _)| index).collect()
                };
                assert_eq!(indices(rules.of(key).collect()), indices(concerned.clone().collect()), "{key}");
                let holding = concerned.filter(|(_, rule)| rule.holds(&measured, false));
                assert_eq!(found, indices(holding.collect()), "{key} {value}");
            }
        }
    }
}
