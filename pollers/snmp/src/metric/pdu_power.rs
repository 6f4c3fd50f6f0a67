//! `snmp-pdu-power-status`.

use rackpoll_model::{Pdu, PduOutlet};

use super::{
    Answers, Questions,
    answers::{Column, rows},
    pdu::{Kind, PduColumn, value},
};

const PDUS: [PduColumn; 11] = [
    ("pduName", Kind::Plain),
    ("pduRS", Kind::Word),
    ("pduMonEn", Kind::Word),
    ("pduCommsFail", Kind::Word),
    ("pduRMSVoltsValue", Kind::Measured("Volts", 1)),
    ("pduRMSAmpsValue", Kind::Measured("Amps", 10)),
    ("pduTotalEnergyValue", Kind::Measured("kWh", 10)),
    ("pduMeanKVAValue", Kind::Measured("kVA", 10)),
    ("pduMeanKWattsValue", Kind::Measured("kW", 10)),
    ("pduPwrFactorValue", Kind::Measured("", 100)),
    ("pduPwrSupplyFreq", Kind::Measured("Hz", 10)),
];

const OUTLETS: [PduColumn; 7] = [
    ("pduOutName", Kind::Plain),
    ("pduOutOn", Kind::Word),
    ("pduOutRMSAmpsValue", Kind::Measured("Amps", 10)),
    ("pduOutRMSAmpsPeak", Kind::Measured("Amps", 10)),
    ("pduOutMeanKVAValue", Kind::Measured("kVA", 10)),
    ("pduOutKWHrValue", Kind::Measured("kWhr", 10)),
    ("pduOutPFactorValue", Kind::Measured("", 100)),
];

/// A device that has no PDUs is asked for nothing more.
pub(super) fn questions(answers: &Answers) -> Questions {
    if !answers.has_asked("pduName") {
        Questions::one_by_one(["pduName", "pduRS"])
    } else if answers.lacks("pduName") && answers.lacks("pduRS") || answers.has_asked("pduOutName") {
        Questions::none()
    } else {
        let rest = PDUS.iter().chain(&OUTLETS).map(|&(name, _)| name);
        Questions::one_by_one(rest.filter(|name| !answers.has_asked(name)))
    }
}

pub(super) fn pdus(answers: &Answers) -> Vec<Pdu> {
    let columns = PDUS.map(|(name, _)| answers.column(name));
    let outlets = OUTLETS.map(|(name, _)| answers.column(name));
    let outlet_indices = rows(&outlets.iter().collect::<Vec<_>>(), 2);
    rows(&columns.iter().collect::<Vec<_>>(), 1)
        .into_iter()
        .map(|index| Pdu {
            number: index.first().copied().unwrap_or_default(),
            values: values(&columns, &PDUS, index),
            outlets: outlet_indices
                .iter()
                .filter(|outlet| outlet.first() == index.first())
                .map(|outlet| PduOutlet {
                    number: outlet.last().copied().unwrap_or_default(),
                    values: values(&outlets, &OUTLETS, outlet),
                })
                .collect(),
        })
        .collect()
}

pub(super) fn values(
    columns: &[Column<'_>],
    kinds: &[PduColumn],
    index: &[u32],
) -> Vec<(&'static str, rackpoll_model::PduValue)> {
    let pairs = columns.iter().zip(kinds);
    pairs.filter_map(|(column, &kind)| Some((kind.0, value(column, kind, index)?))).collect()
}
