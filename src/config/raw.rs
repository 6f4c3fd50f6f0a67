//! The files as they are: a tree in which every value knows its line. Nothing is judged here but TOML itself.
//!
//! Serde stops at the first thing that it does not like. A person who edits a configuration wants all of them at once, so
//! the tree is walked by hand: each section takes the keys that it knows, and what is left is unknown.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use zeroize::Zeroizing;

use super::{
    duration,
    fault::{Findings, Place},
};

/// A value and its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Raw,
}

/// TOML's kinds of values.
pub(super) enum Raw {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Date(String),
    List(Vec<Node>),
    Table(Table),
}

// A text may be a secret that was written into the file.
impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind())
    }
}

impl Raw {
    /// What it is, with an article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Texts of a list, each with its place.
pub(super) type Texts = Vec<(Place, String)>;

/// A table whose keys are taken one by one.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) place: Place,
    entries: BTreeMap<String, Node>,
    asked: Vec<&'static str>,
}

impl Table {
    /// Takes a key's value out, and remembers that the key is a known one.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node> {
        self.asked.push(key);
        self.entries.remove(key)
    }

    /// Whether the key is there and was not taken yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// All that was not taken yet, by key.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries.iter().map(|(key, node)| (key.as_str(), node))
    }

    /// A key's value, left where it is.
    pub(super) fn look_at(&self, key: &str) -> Option<&Node> {
        self.entries.get(key)
    }

    /// Faults every key that nobody took. `whole` names the table: `[agent]`.
    pub(super) fn refuse_rest(self, whole: &str, findings: &mut Findings) {
        for (key, node) in &self.entries {
            let what = format!("unknown key `{}` in {whole}", shorten(key));
            findings.unknown_word(&node.place, what, key, self.asked.iter().copied());
        }
    }

    /// Puts the later file's keys over this one's, table by table; lists of tables grow.
    pub(super) fn overlay(&mut self, later: Self) {
        for (key, node) in later.entries {
            match (self.entries.get_mut(&key).map(|mine| &mut mine.value), node.value) {
                (Some(Raw::Table(mine)), Raw::Table(theirs)) => mine.overlay(theirs),
                (Some(Raw::List(mine)), Raw::List(theirs)) if is_tables(mine) && is_tables(&theirs) => {
                    mine.extend(theirs);
                }
                (_, value) => {
                    self.entries.insert(key, Node { place: node.place, value });
                }
            }
        }
    }

    pub(super) fn text(&mut self, key: &'static str, findings: &mut Findings) -> Option<(Place, String)> {
        let node = self.take(key)?;
        match node.value {
            Raw::Text(text) => Some((node.place, text)),
            other => {
                findings.fault(&node.place, format!("`{key}` has to be a text, not {}", other.kind()));
                None
            }
        }
    }

    pub(super) fn boolean(&mut self, key: &'static str, findings: &mut Findings) -> Option<bool> {
        let node = self.take(key)?;
        match node.value {
            Raw::Boolean(value) => Some(value),
            other => {
                findings.fault(&node.place, format!("`{key}` has to be true or false, not {}", other.kind()));
                None
            }
        }
    }

    pub(super) fn whole(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<i64>,
        findings: &mut Findings,
    ) -> Option<i64> {
        let node = self.take(key)?;
        match node.value {
            Raw::Integer(value) if range.contains(&value) => Some(value),
            Raw::Integer(value) => {
                let (low, high) = range.into_inner();
                findings.fault(&node.place, format!("`{key}` has to be {low} to {high}, not {value}"));
                None
            }
            other => {
                findings
                    .fault(&node.place, format!("`{key}` has to be a whole number, not {}", other.kind()));
                None
            }
        }
    }

    /// A length of time with its unit, within the range.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<std::time::Duration>,
        findings: &mut Findings,
    ) -> Option<std::time::Duration> {
        let node = self.take(key)?;
        duration::check(key, &node, range, findings)
    }

    /// A list of texts; a single text counts as a list of one.
    pub(super) fn texts(&mut self, key: &'static str, findings: &mut Findings) -> Option<Texts> {
        let node = self.take(key)?;
        let items = match node.value {
            Raw::Text(text) => return Some(vec![(node.place, text)]),
            Raw::List(items) => items,
            other => {
                let what = format!("`{key}` has to be a list of texts, not {}", other.kind());
                findings.fault(&node.place, what);
                return None;
            }
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.value {
                Raw::Text(text) => texts.push((item.place, text)),
                other => {
                    let what = format!("`{key}` has to be a list of texts; here is {}", other.kind());
                    findings.fault(&item.place, what);
                }
            }
        }
        Some(texts)
    }

    /// A table such as `[agent]`; an empty one where there is none.
    pub(super) fn section(&mut self, key: &'static str, findings: &mut Findings) -> Self {
        let empty = Self { place: self.place.clone(), entries: BTreeMap::new(), asked: Vec::new() };
        match self.take(key).map(|node| (node.place, node.value)) {
            None => empty,
            Some((_, Raw::Table(table))) => table,
            Some((place, Raw::List(items))) if is_tables(&items) => {
                findings.fault_with_hint(
                    &place,
                    format!("there is one `{key}` only"),
                    format!("did you mean `[{key}]`?"),
                );
                empty
            }
            Some((place, other)) => {
                findings.fault(&place, format!("`{key}` has to be a table, not {}", other.kind()));
                empty
            }
        }
    }

    /// A list of tables such as `[[device]]`.
    pub(super) fn sections(&mut self, key: &'static str, findings: &mut Findings) -> Vec<Self> {
        let Some(node) = self.take(key) else { return Vec::new() };
        let items = match node.value {
            Raw::List(items) => items,
            Raw::Table(_) => {
                let hint = format!("did you mean `[[{key}]]`?");
                findings.fault_with_hint(&node.place, format!("`{key}` is a list of tables"), hint);
                return Vec::new();
            }
            other => {
                let what = format!("`{key}` has to be a list of tables, not {}", other.kind());
                findings.fault(&node.place, what);
                return Vec::new();
            }
        };
        let mut tables = Vec::with_capacity(items.len());
        for item in items {
            match item.value {
                Raw::Table(table) => tables.push(table),
                other => findings.fault(&item.place, format!("`{key}` holds tables, not {}", other.kind())),
            }
        }
        tables
    }
}

fn is_tables(items: &[Node]) -> bool {
    !items.is_empty() && items.iter().all(|item| matches!(item.value, Raw::Table(_)))
}

/// At most 64 characters of what somebody wrote, safe to print.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(64).flat_map(char::escape_debug).collect();
    if text.chars().nth(64).is_some() {
        short.push('…');
    }
    short
}

/// Parses one file; every syntax fault that the parser can tell apart is reported.
pub(super) fn parse(text: &Zeroizing<String>, file: &Arc<Path>, findings: &mut Findings) -> Table {
    let lines = Lines::of(text, file);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        findings.fault(&lines.place(at), format!("not TOML: {}", error.message()));
    }
    table(document.into_inner(), lines.place(0), &lines, findings)
}

struct Lines {
    file: Arc<Path>,
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str, file: &Arc<Path>) -> Self {
        let starts =
            text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1).collect();
        Self { file: Arc::clone(file), starts }
    }

    fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset) + 1;
        Place { file: Arc::clone(&self.file), line }
    }
}

fn table(table: DeTable<'_>, place: Place, lines: &Lines, findings: &mut Findings) -> Table {
    let mut entries = BTreeMap::new();
    for (key, value) in table {
        let place = lines.place(key.span().start);
        let value = node(value, place, lines, findings);
        entries.insert(key.into_inner().into_owned(), value);
    }
    Table { place, entries, asked: Vec::new() }
}

fn node(value: Spanned<DeValue<'_>>, place: Place, lines: &Lines, findings: &mut Findings) -> Node {
    let value = match value.into_inner() {
        DeValue::String(text) => Raw::Text(text.into_owned()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Raw::Integer(integer),
            Err(_) => {
                findings.fault(&place, "this number is too large");
                Raw::Integer(0)
            }
        },
        DeValue::Float(float) => Raw::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(boolean) => Raw::Boolean(boolean),
        DeValue::Datetime(date) => Raw::Date(date.to_string()),
        DeValue::Array(items) => {
            let mut list = Vec::with_capacity(items.len());
            for item in items {
                let place = lines.place(item.span().start);
                list.push(node(item, place, lines, findings));
            }
            Raw::List(list)
        }
        DeValue::Table(inner) => Raw::Table(table(inner, place.clone(), lines, findings)),
    };
    Node { place, value }
}
