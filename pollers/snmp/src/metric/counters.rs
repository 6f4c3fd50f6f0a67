//! `snmp-txrx-counters`.

use std::sync::LazyLock;

use rackpoll_model::{INTERFACE_COUNTERS, InterfaceCounters};

use super::{
    Answers, Questions,
    answers::Column,
    interfaces::{interfaces, needs_descriptions},
};

/// The columns of IF-MIB, in the order of the counters.
static COLUMNS: LazyLock<[String; INTERFACE_COUNTERS.len()]> =
    LazyLock::new(|| INTERFACE_COUNTERS.map(|counter| format!("if{counter}")));

fn columns() -> [&'static str; INTERFACE_COUNTERS.len()] {
    COLUMNS.each_ref().map(String::as_str)
}

pub(super) fn questions(answers: &Answers) -> Questions {
    if !answers.has_asked("ifName") {
        Questions::columns(std::iter::once("ifName").chain(columns()))
    } else if needs_descriptions(answers, &columns()) {
        Questions::columns(["ifDescr"])
    } else {
        Questions::none()
    }
}

pub(super) fn rows(answers: &Answers) -> Vec<InterfaceCounters> {
    let values: [Column<'_>; INTERFACE_COUNTERS.len()] = columns().map(|column| answers.column(column));
    interfaces(answers, &columns())
        .into_iter()
        .map(|interface| InterfaceCounters {
            values: values.each_ref().map(|column| column.unsigned(&interface.index)),
            name: interface.name,
        })
        .collect()
}
