//! What is wrong with a configuration: always all of it at once, each with its place and, where there is one, the fix.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A line of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was opened.
    pub file: Arc<Path>,
    /// Counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One thing that is wrong, or (as a warning) that deserves a second look. Its texts never contain a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigFault {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub hint: Option<String>,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// Every fault of a configuration, in the order of files and lines. One per line when printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults {
    /// Never empty.
    pub faults: Vec<ConfigFault>,
    /// What else deserves a look.
    pub warnings: Vec<ConfigFault>,
}

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigFaults {}

/// Faults and warnings while they are collected.
#[derive(Debug, Default)]
pub(super) struct Findings {
    faults: Vec<ConfigFault>,
    warnings: Vec<ConfigFault>,
}

impl Findings {
    pub(super) fn fault(&mut self, place: &Place, what: impl Into<String>) {
        self.faults.push(ConfigFault { place: place.clone(), what: what.into(), hint: None });
    }

    pub(super) fn fault_with_hint(
        &mut self,
        place: &Place,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.faults.push(ConfigFault { place: place.clone(), what: what.into(), hint: Some(hint.into()) });
    }

    /// A fault about a word that should have been one of `known`.
    pub(super) fn unknown_word<'a>(
        &mut self,
        place: &Place,
        what: impl Into<String>,
        word: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) {
        let hint = did_you_mean(word, known).map(|near| format!("did you mean `{near}`?"));
        self.faults.push(ConfigFault { place: place.clone(), what: what.into(), hint });
    }

    pub(super) fn warn(&mut self, place: &Place, what: impl Into<String>, hint: Option<String>) {
        self.warnings.push(ConfigFault { place: place.clone(), what: what.into(), hint });
    }

    /// The warnings of a configuration without faults, or everything that was found.
    pub(super) fn conclude(mut self, files: &[PathBuf]) -> Result<Vec<ConfigFault>, ConfigFaults> {
        let rank = |fault: &ConfigFault| {
            let file = files.iter().position(|file| **file == *fault.place.file).unwrap_or(usize::MAX);
            (file, fault.place.line)
        };
        self.faults.sort_by_key(rank);
        self.warnings.sort_by_key(rank);
        if self.faults.is_empty() {
            return Ok(self.warnings);
        }
        Err(ConfigFaults { faults: self.faults, warnings: self.warnings })
    }
}

/// The known word nearest to this one, if it is near enough to have been meant: one slip in three letters.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    if word.len() > 64 {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| (slips(&word, &candidate.to_lowercase()), candidate))
        .filter(|(slips, candidate)| {
            *slips <= (candidate.chars().count() / 3).max(1) && *slips < candidate.len()
        })
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// How many letters have to be put in, left out, changed, or swapped with the next.
fn slips(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (i, left) in a.chars().enumerate() {
        let mut row = Vec::with_capacity(last.len());
        row.push(i + 1);
        for (j, right) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = at(&last, j) + usize::from(left != *right);
            best = best.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = j.checked_sub(1).filter(|k| previous == Some(*right) && b.get(*k) == Some(&left));
            if let Some(k) = swapped {
                best = best.min(at(&before_last, k) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
        previous = Some(left);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_single_letters() {
        assert_eq!(slips("", "abc"), 3);
        assert_eq!(slips("abc", ""), 3);
        assert_eq!(slips("kitten", "sitting"), 3);
        assert_eq!(slips("device", "device"), 0);
        assert_eq!(slips("evn", "env"), 1);
        assert_eq!(slips("ca", "abc"), 3);
    }

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["every", "cron", "timezone", "timeout"];
        assert_eq!(did_you_mean("evry", known), Some("every"));
        assert_eq!(did_you_mean("Timezone", known), Some("timezone"));
        assert_eq!(did_you_mean("time-out", known), Some("timeout"));
        assert_eq!(did_you_mean("interval", known), None);
    }
}
