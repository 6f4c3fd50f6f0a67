//! `snmp-processor-load`.

use rackpoll_model::{CiscoProcessor, HostProcessor, ProcessorLoad};

use super::{
    Answers, Questions,
    answers::{Column, rows},
    is_cisco,
    told_apart::told_apart,
};

/// What Cisco measures since IOS 12.0(3)T, and what it replaces.
const CISCO: [&str; 4] =
    ["cpmCPUTotalPhysicalIndex", "cpmCPUTotal5secRev", "cpmCPUTotal1minRev", "cpmCPUTotal5minRev"];
const OLD_CISCO: [&str; 3] = ["cpmCPUTotal5sec", "cpmCPUTotal1min", "cpmCPUTotal5min"];

pub(super) fn questions(answers: &Answers) -> Questions {
    let lacks_all = |columns: &[&str]| columns.iter().all(|column| answers.lacks(column));
    if !answers.has_asked("sysObjectID") {
        Questions::columns(["sysObjectID"])
    } else if is_cisco(answers) && !answers.has_asked("cpmCPUTotal5secRev") {
        Questions::columns(CISCO)
    } else if is_cisco(answers) && lacks_all(&CISCO[1..]) && !answers.has_asked("cpmCPUTotal5sec") {
        Questions::columns(OLD_CISCO)
    } else if !has_cisco(answers) && !answers.has_asked("hrProcessorLoad") {
        Questions::columns(["hrProcessorLoad"])
    } else if !answers.column("hrProcessorLoad").is_empty() && !answers.has_asked("hrDeviceDescr") {
        Questions::columns(["hrDeviceDescr"])
    } else {
        Questions::none()
    }
}

/// Whether Cisco's table has been asked for and is not known to be empty. Some of Cisco's have hrProcessorTable only.
fn has_cisco(answers: &Answers) -> bool {
    CISCO[1..].iter().chain(&OLD_CISCO).any(|name| answers.has_asked(name) && !answers.lacks(name))
}

pub(super) fn load(answers: &Answers) -> ProcessorLoad {
    if has_cisco(answers) { ProcessorLoad::Cisco(cisco(answers)) } else { ProcessorLoad::Host(host(answers)) }
}

fn host(answers: &Answers) -> Vec<HostProcessor> {
    let (loads, descriptions) = (answers.column("hrProcessorLoad"), answers.column("hrDeviceDescr"));
    let found: Vec<(String, u32, i64)> = rows(&[&loads], 1)
        .into_iter()
        .filter_map(|index| {
            let number = *index.first()?;
            let name = descriptions.text(index).unwrap_or_else(|| format!("processor {number}"));
            Some((name, number, loads.signed(index)?))
        })
        .collect();
    let names = told_apart(found.iter().map(|(name, number, _)| (name.clone(), *number)).collect());
    names.into_iter().zip(found).map(|(name, (_, _, load))| HostProcessor { name, load }).collect()
}

fn cisco(answers: &Answers) -> Vec<CiscoProcessor> {
    let [new, old] =
        [[CISCO[1], CISCO[2], CISCO[3]], OLD_CISCO].map(|names| names.map(|name| answers.column(name)));
    let [five_seconds, one_minute, five_minutes] = &new;
    let [old_five_seconds, old_one_minute, old_five_minutes] = &old;
    let columns: Vec<&Column<'_>> = new.iter().chain(&old).collect();
    let indices: Vec<&[u32]> = rows(&columns, 1).into_iter().collect();
    cisco_names(answers, &indices)
        .into_iter()
        .zip(indices)
        .map(|(name, index)| CiscoProcessor {
            name,
            five_seconds: five_seconds.unsigned(index).or_else(|| old_five_seconds.unsigned(index)),
            one_minute: one_minute.unsigned(index).or_else(|| old_one_minute.unsigned(index)),
            five_minutes: five_minutes.unsigned(index).or_else(|| old_five_minutes.unsigned(index)),
        })
        .collect()
}

/// cpmCPUTotalPhysicalIndex; where the device leaves it open, the row's own number.
pub(super) fn cisco_names(answers: &Answers, indices: &[&[u32]]) -> Vec<String> {
    let physical = answers.column("cpmCPUTotalPhysicalIndex");
    let names = indices.iter().map(|index| {
        let row = index.first().copied().unwrap_or_default();
        let name =
            physical.unsigned(index).map_or_else(|| format!("processor {row}"), |index| index.to_string());
        (name, row)
    });
    told_apart(names.collect())
}
