use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use rackpoll_model::{Fault, FaultKind, Oid, OidWalk, Value, VarBind, Word};

use crate::names::builtin;

/// Longest text of a device that becomes a name or a value; the MIBs allow 255 octets.
const LONGEST_TEXT: usize = 255;

/// What the agent has answered so far.
#[derive(Debug, Default)]
pub struct Answers {
    walks: Vec<(OidWalk, Instant)>,
}

/// A column's values by their index, in the agent's order.
pub(super) struct Column<'a>(BTreeMap<&'a [u32], &'a Value>);

impl Answers {
    /// Takes the walks of one round of questions, finished at this moment.
    pub fn put(&mut self, walks: Vec<OidWalk>, at: Instant) {
        self.walks.extend(walks.into_iter().map(|walk| (walk, at)));
    }

    /// Whether the agent has given no variable at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.walks.iter().all(|(walk, _)| walk.varbinds.is_empty())
    }

    /// The walk of exactly this oid.
    pub(super) fn walk(&self, root: &Oid) -> Option<&OidWalk> {
        self.walks.iter().map(|(walk, _)| walk).find(|walk| walk.root == *root)
    }

    /// Whether the object, by its built-in name, has been asked for.
    pub(super) fn has_asked(&self, name: &str) -> bool {
        self.walk(&builtin::oid(name)).is_some()
    }

    /// Whether the agent answered, and has nothing of this object.
    pub(super) fn lacks(&self, name: &str) -> bool {
        self.walk(&builtin::oid(name)).is_some_and(|walk| walk.varbinds.is_empty() && walk.error.is_none())
    }

    /// Whether the walk of this object broke off.
    pub(super) fn broke(&self, name: &str) -> bool {
        self.walk(&builtin::oid(name)).is_some_and(|walk| walk.error.is_some())
    }

    /// When the answer about this object was complete.
    pub(super) fn at(&self, name: &str) -> Option<Instant> {
        let root = builtin::oid(name);
        self.walks.iter().find(|(walk, _)| walk.root == root).map(|&(_, at)| at)
    }

    /// The values of a column, whether it was asked for itself or with the tree that it is in.
    pub(super) fn column(&self, name: &str) -> Column<'_> {
        let column = builtin::oid(name);
        let walks = self.walks.iter().filter(|(walk, _)| column.is_within(&walk.root));
        Column(
            walks
                .flat_map(|(walk, _)| &walk.varbinds)
                .filter(|varbind| !varbind.value.is_exception())
                .filter_map(|VarBind { oid, value }| Some((oid.after(&column)?, value)))
                .collect(),
        )
    }

    /// The value of an object that there is one of.
    pub(super) fn scalar(&self, name: &str) -> Option<&Value> {
        self.column(name).0.get([0].as_slice()).copied()
    }

    /// What could not be read. That an instance does not exist is an answer, and no error.
    pub(super) fn errors(&self) -> Vec<(Oid, Fault)> {
        let walks = self.walks.iter().filter_map(|(walk, _)| Some((walk.root.clone(), walk.error.clone()?)));
        walks.filter(|(_, fault)| fault.kind != FaultKind::NoSuchObject).collect()
    }
}

impl<'a> Column<'a> {
    /// The value of a row.
    pub(super) fn value(&self, index: &[u32]) -> Option<&'a Value> {
        self.0.get(index).copied()
    }

    /// A number that is not negative.
    pub(super) fn unsigned(&self, index: &[u32]) -> Option<u64> {
        self.value(index)?.unsigned()
    }

    /// A number.
    pub(super) fn signed(&self, index: &[u32]) -> Option<i64> {
        self.value(index)?.signed()
    }

    /// A text that is not empty.
    pub(super) fn text(&self, index: &[u32]) -> Option<String> {
        text(self.value(index)?)
    }

    /// The octets.
    pub(super) fn octets(&self, index: &[u32]) -> Option<&'a [u8]> {
        self.value(index)?.bytes()
    }

    /// A word of the enumeration of this built-in object.
    pub(super) fn word(&self, name: &str, index: &[u32]) -> Option<Word> {
        self.signed(index).map(|number| word(name, number))
    }

    /// The rows' indices.
    pub(super) fn indices(&self) -> impl Iterator<Item = &'a [u32]> {
        self.0.keys().copied()
    }

    /// Whether there is no row.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The rows that any of the columns has a value of, with indices of so many numbers. Others are the agent's mistakes.
pub(super) fn rows<'a>(columns: &[&Column<'a>], numbers: usize) -> BTreeSet<&'a [u32]> {
    columns.iter().flat_map(|column| column.indices()).filter(|index| index.len() == numbers).collect()
}

/// The word of a built-in enumeration for a number.
pub(super) fn word(name: &str, number: i64) -> Word {
    builtin::word(name, number).map_or(Word::Number(number), Word::Known)
}

/// A text as a name or value: without the padding that some agents send, on one line, of bounded length.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = String::from_utf8_lossy(value.bytes()?);
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    let text: String =
        text.chars().take(LONGEST_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    (!text.is_empty()).then_some(text)
}

/// Whether the device says that it is Cisco's (enterprise 9).
pub(super) fn is_cisco(answers: &Answers) -> bool {
    matches!(answers.scalar("sysObjectID"),
        Some(Value::ObjectId(oid)) if oid.is_within(&Oid::new(&[1, 3, 6, 1, 4, 1, 9])))
}
