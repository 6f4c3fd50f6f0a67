use serde_json::Value;

use super::{
    MOST_FAULTS,
    check::kind_of,
    entry::EntryRule,
    entry_index::EntryRules,
    fault::{Path, RuleFault},
    limits::Budget,
    pattern::Compiler,
    value_index::ValueRules,
};

/// What rules look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// Entries with fields: the SEL's, and sensors.
    Entries,
    /// Single values by oid or dotted key: SNMP.
    Values,
}

/// The rules of one place (a poller, a device, a tag, a command), read once and never changed.
#[derive(Debug, Default)]
pub struct Rules {
    pub(super) entries: EntryRules,
    pub(super) values: ValueRules,
}

impl Rules {
    /// Reads rules as they stand in a command's `alerts`. `root` is how faults name that place.
    ///
    /// # Errors
    /// What is wrong, with its place; where much is wrong, the first of it.
    pub fn read(
        kind: RuleKind,
        rules: &Value,
        root: &str,
        compiler: &mut Compiler,
        mut budget: Budget,
    ) -> Result<Self, Vec<RuleFault>> {
        let root = Path::Root(root);
        let mut faults = Vec::new();
        let mut read = Self::default();
        match (kind, rules) {
            (_, Value::Null) => {}
            (RuleKind::Values, rules) => {
                read.values = ValueRules::read(rules, &root, compiler, &mut budget, &mut faults);
            }
            (RuleKind::Entries, Value::Array(items)) => {
                let mut rules = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    match EntryRule::read(item, &root.index(index), compiler, &mut budget) {
                        Ok(rule) => rules.push(rule),
                        Err(fault) => faults.push(fault),
                    }
                    if faults.len() >= MOST_FAULTS {
                        break;
                    }
                }
                read.entries = EntryRules::new(rules, budget.remembered());
            }
            (RuleKind::Entries, other) => {
                faults.push(RuleFault::new(
                    &root,
                    format!("rules are a list of objects, not {}", kind_of(other)),
                ));
            }
        }
        if faults.is_empty() { Ok(read) } else { Err(faults) }
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.entries.all().len() + self.values.all().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
