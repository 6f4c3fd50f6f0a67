//! `snmp-memory-usage`.

use rackpoll_model::{CiscoMemory, MemoryUsage, StorageArea, Value};

use super::{
    Answers, Questions, answers::rows, is_cisco, processor_load::cisco_names, told_apart::told_apart,
};

const CISCO: [&str; 3] = ["cpmCPUTotalPhysicalIndex", "cpmCPUMemoryUsed", "cpmCPUMemoryFree"];
const STORAGE: [&str; 4] = ["hrStorageDescr", "hrStorageUsed", "hrStorageSize", "hrStorageAllocationUnits"];

pub(super) fn questions(answers: &Answers) -> Questions {
    if !answers.has_asked("sysObjectID") {
        Questions::columns(["sysObjectID"])
    } else if is_cisco(answers) && !answers.has_asked("cpmCPUMemoryUsed") {
        Questions::columns(CISCO)
    } else if !has_cisco(answers) && !answers.has_asked("hrStorageUsed") {
        Questions::columns(STORAGE)
    } else {
        Questions::none()
    }
}

/// Whether Cisco's columns have been asked for and are not known to be empty. Some of Cisco's have hrStorageTable only.
fn has_cisco(answers: &Answers) -> bool {
    CISCO[1..].iter().any(|name| answers.has_asked(name) && !answers.lacks(name))
}

pub(super) fn usage(answers: &Answers) -> MemoryUsage {
    if has_cisco(answers) {
        MemoryUsage::Cisco(cisco(answers))
    } else {
        MemoryUsage::Storage(storage(answers))
    }
}

fn cisco(answers: &Answers) -> Vec<CiscoMemory> {
    let (used, free) = (answers.column("cpmCPUMemoryUsed"), answers.column("cpmCPUMemoryFree"));
    let indices: Vec<&[u32]> = rows(&[&used, &free], 1).into_iter().collect();
    cisco_names(answers, &indices)
        .into_iter()
        .zip(indices)
        .map(|(name, index)| CiscoMemory { name, used: used.unsigned(index), free: free.unsigned(index) })
        .collect()
}

fn storage(answers: &Answers) -> Vec<StorageArea> {
    let [descriptions, used, size, units] = STORAGE.map(|name| answers.column(name));
    let indices: Vec<(&[u32], String)> = rows(&[&descriptions], 1)
        .into_iter()
        .filter_map(|index| Some((index, descriptions.text(index)?)))
        .filter(|(_, description)| description.starts_with("RAM"))
        .collect();
    let names =
        indices.iter().map(|(index, name)| (name.clone(), index.first().copied().unwrap_or_default()));
    told_apart(names.collect())
        .into_iter()
        .zip(&indices)
        .map(|(name, (index, _))| StorageArea {
            name,
            used: used.value(index).and_then(amount),
            size: size.value(index).and_then(amount),
            unit: units.unsigned(index).filter(|&unit| unit > 0),
        })
        .collect()
}

/// hrStorageUsed and hrStorageSize are Integer32 and cannot be negative: agents whose amount has no room in 31 bits send it
/// in 32.
fn amount(value: &Value) -> Option<u64> {
    match *value {
        Value::Integer(number) => Some(number.cast_unsigned().into()),
        _ => value.unsigned(),
    }
}
