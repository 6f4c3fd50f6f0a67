//! `snmp-interface-state`.

use rackpoll_model::{InterfaceState, Word};

use super::{
    Answers, Questions,
    interfaces::{interfaces, needs_descriptions, speed},
};

const COLUMNS: [&str; 6] = ["ifName", "ifAdminStatus", "ifOperStatus", "ifSpeed", "ifHighSpeed", "ifMtu"];

pub(super) fn questions(answers: &Answers) -> Questions {
    if !answers.has_asked("ifName") {
        Questions::columns(COLUMNS)
    } else if needs_descriptions(answers, &COLUMNS) {
        Questions::columns(["ifDescr"])
    } else {
        Questions::none()
    }
}

pub(super) fn rows(answers: &Answers) -> Vec<InterfaceState> {
    let (admin, oper) = (answers.column("ifAdminStatus"), answers.column("ifOperStatus"));
    let (speeds, high_speeds) = (answers.column("ifSpeed"), answers.column("ifHighSpeed"));
    let mtus = answers.column("ifMtu");
    interfaces(answers, &COLUMNS)
        .into_iter()
        .map(|interface| {
            let index = &interface.index;
            let admin = admin.word("ifAdminStatus", index);
            let oper = oper.word("ifOperStatus", index);
            InterfaceState {
                name: interface.name,
                admin,
                oper,
                speed: speed(speeds.unsigned(index), high_speeds.unsigned(index)),
                mtu: mtus.signed(index),
                link_error: admin == Some(Word::Known("up")) && oper == Some(Word::Known("down")),
            }
        })
        .collect()
}
