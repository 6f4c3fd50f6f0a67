use rackpoll_model::OidWalk;

use super::{
    Answers,
    answers::{Column, rows},
    told_apart::told_apart,
};
use crate::names::builtin;

/// An interface's place in the tables, and the name that it is known by.
pub(super) struct Interface {
    /// ifIndex. It may be another after a restart of the device.
    pub(super) index: [u32; 1],
    /// ifName, else ifDescr, else the ifIndex; told apart from others of the same.
    pub(super) name: String,
}

/// Whether some rows have no ifName and ifDescr has not been asked for yet.
pub(super) fn needs_descriptions(answers: &Answers, columns: &[&str]) -> bool {
    let names = answers.column("ifName");
    !answers.has_asked("ifDescr")
        && !answers.broke("ifName")
        && indices(answers, columns).iter().any(|index| names.text(index).is_none())
}

/// The interfaces that any of the columns, or ifName or ifDescr, tells of, by ifIndex.
///
/// Where the walk of the names broke off, rows without a name are left out: under another name they would be other interfaces.
pub(super) fn interfaces(answers: &Answers, columns: &[&str]) -> Vec<Interface> {
    let (names, descriptions) = (answers.column("ifName"), answers.column("ifDescr"));
    let names_broke = answers.broke("ifName");
    let descriptions_broke = answers.broke("ifDescr");
    let named: Vec<(String, u32)> = indices(answers, columns)
        .into_iter()
        .filter_map(|index| {
            let name = match names.text(&index) {
                Some(name) => name,
                None if names_broke => return None,
                None => match descriptions.text(&index) {
                    Some(description) => description,
                    None if descriptions_broke => return None,
                    None => format!("ifIndex {}", index[0]),
                },
            };
            Some((name, index[0]))
        })
        .collect();
    let indices: Vec<u32> = named.iter().map(|&(_, index)| index).collect();
    told_apart(named)
        .into_iter()
        .zip(indices)
        .map(|(name, index)| Interface { index: [index], name })
        .collect()
}

fn indices(answers: &Answers, columns: &[&str]) -> Vec<[u32; 1]> {
    let names = ["ifName", "ifDescr"];
    let columns: Vec<Column<'_>> =
        columns.iter().chain(&names).map(|column| answers.column(column)).collect();
    let columns: Vec<&Column<'_>> = columns.iter().collect();
    rows(&columns, 1).into_iter().filter_map(|index| index.try_into().ok()).collect()
}

/// Bits per second: ifHighSpeed where ifSpeed has no room for it or is missing, ifSpeed otherwise.
pub(super) fn speed(if_speed: Option<u64>, if_high_speed: Option<u64>) -> Option<u64> {
    /// ifSpeed of whatever does not fit into it (RFC 2863, ifSpeed).
    const TOO_FAST: u64 = u32::MAX as u64;
    let high = if_high_speed.filter(|&high| high > 0).map(|high| high.saturating_mul(1_000_000));
    match if_speed {
        Some(speed) if speed < TOO_FAST => Some(speed),
        Some(speed) => high.or(Some(speed)),
        None => high.or(if_high_speed),
    }
}

/// Whether any of these walks broke off.
pub(super) fn any_broke(answers: &Answers, columns: &[&str]) -> bool {
    columns.iter().any(|column| {
        answers.walk(&builtin::oid(column)).is_some_and(|OidWalk { error, .. }| error.is_some())
    })
}
