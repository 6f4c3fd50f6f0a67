use serde_json::Value;

use super::{
    check::{Check, kind_of},
    criterion::Criterion,
    fault::{Path, RuleFault},
    limits::Budget,
    pattern::Compiler,
};

/// Most values that are waited for at once.
const MOST: usize = 16;

/// What a result has to be like, by dotted keys: `{ "chassis.power": false }`. All of it has to be so.
#[derive(Debug)]
pub struct Until(Vec<(String, Criterion)>);

impl Until {
    /// Reads an object of dotted keys, each with a text, an expression, validation rules, or a value that it has to equal.
    ///
    /// # Errors
    /// What is wrong, with its place.
    pub fn read(until: &Value, root: &str) -> Result<Self, RuleFault> {
        let root = Path::Root(root);
        let Value::Object(map) = until else {
            let what = format!("has to be an object of dotted keys and values, not {}", kind_of(until));
            return Err(RuleFault::new(&root, what));
        };
        if map.is_empty() || map.len() > MOST {
            return Err(RuleFault::new(&root, format!("holds 1 to {MOST} keys, not {}", map.len())));
        }
        let mut compiler = Compiler::default();
        let mut budget = Budget::of_command();
        let mut read = Vec::with_capacity(map.len());
        for (key, wanted) in map {
            let at = root.key(key);
            let criterion = match wanted {
                Value::Bool(_) | Value::Number(_) => {
                    Criterion::Checks(vec![("equals", Check::Equals(wanted.clone()))])
                }
                _ => Criterion::read(wanted, &at, &mut compiler, &mut budget)?,
            };
            read.push((key.clone(), criterion));
        }
        Ok(Self(read))
    }

    /// Whether a result's `value` is so.
    pub fn is_met(&self, value: &Value) -> bool {
        self.0
            .iter()
            .all(|(key, criterion)| look_up(value, key).is_some_and(|value| criterion.holds(value, 0.0)))
    }
}

/// The value of a dotted key. A key may have dots of its own, as oids do, so the longest that is there is taken.
pub(crate) fn look_up<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    if let Value::Array(items) = value {
        let (index, rest) = key.split_once('.').map_or((key, None), |(index, rest)| (index, Some(rest)));
        let item = items.get(index.parse::<usize>().ok()?)?;
        return rest.map_or(Some(item), |rest| look_up(item, rest));
    }
    let map = value.as_object()?;
    if let Some(found) = map.get(key) {
        return Some(found);
    }
    let dots = key.match_indices('.').map(|(at, _)| at);
    dots.rev().find_map(|at| {
        let (first, rest) = key.split_at_checked(at)?;
        look_up(map.get(first)?, rest.strip_prefix('.')?)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_is_met_where_all_its_keys_are() {
        let result = json!({ "chassis": { "power": false, "uid": "Off" }, "result": [{ "values": { ".1.3.6": "42" } }] });
        for (until, met) in [
            (json!({ "chassis.power": false }), true),
            (json!({ "chassis.power": true }), false),
            (json!({ "chassis.power": false, "chassis.uid": "/^O/" }), true),
            (json!({ "chassis.power": false, "chassis.uid": "On" }), false),
            (json!({ "result.0.values..1.3.6": { "greaterThan": 41 } }), true),
            (json!({ "result.1.values..1.3.6": { "greaterThan": 41 } }), false),
            (json!({ "no.such.key": false }), false),
        ] {
            assert_eq!(Until::read(&until, "wait.until").unwrap().is_met(&result), met, "{until}");
        }
    }

    #[test]
    fn what_cannot_be_waited_for_is_refused() {
        for (until, fault) in [
            (json!("x"), "`wait.until`: has to be an object of dotted keys"),
            (json!({}), "holds 1 to 16 keys"),
            (json!({ "a.b": null }), "`wait.until[\"a.b\"]`: needs a text"),
            (json!({ "a": { "mni": 1 } }), "did you mean `min`?"),
            (json!({ "a": "/(/" }), "no regular expression"),
        ] {
            let told = Until::read(&until, "wait.until").unwrap_err().to_string();
            assert!(told.contains(fault), "{until}: {told}");
        }
    }
}
