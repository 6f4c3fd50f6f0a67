//! `snmp-pdu-sensor-status`.

use rackpoll_model::PduChannel;

use super::{
    Answers, Questions,
    answers::rows,
    pdu::{Kind, PduColumn},
    pdu_power::values,
};

/// Both tables: measuring inputs and contacts. They share the numbers of the channels.
const COLUMNS: [PduColumn; 21] = [
    ("ipTHAChan", Kind::Plain),
    ("ipTHARS", Kind::Word),
    ("ipTHAName", Kind::Plain),
    ("ipTHALocn", Kind::Plain),
    ("ipTHAAutoDetect", Kind::Word),
    ("ipTHAType", Kind::Word),
    ("ipTHAValue", Kind::Plain),
    ("ipTHAScaling", Kind::Plain),
    ("ipTHAOffset", Kind::Plain),
    ("ipTHAHysteresis", Kind::Plain),
    ("ipContChan", Kind::Plain),
    ("ipContRS", Kind::Word),
    ("ipContName", Kind::Plain),
    ("ipContLocn", Kind::Plain),
    ("ipContAutoDetect", Kind::Word),
    ("ipContNormState", Kind::Word),
    ("ipContCurrState", Kind::Word),
    ("ipContTrigMode", Kind::Word),
    ("ipContReset", Kind::Plain),
    ("ipContTrapEn", Kind::Word),
    ("ipContTrapPeriod", Kind::Plain),
];

pub(super) fn questions(answers: &Answers) -> Questions {
    if answers.has_asked("ipTHATable") {
        Questions::none()
    } else {
        Questions::one_by_one(["ipTHATable", "ipContTable"])
    }
}

pub(super) fn channels(answers: &Answers) -> Vec<PduChannel> {
    let columns = COLUMNS.map(|(name, _)| answers.column(name));
    rows(&columns.iter().collect::<Vec<_>>(), 1)
        .into_iter()
        .map(|index| PduChannel {
            number: index.first().copied().unwrap_or_default(),
            values: values(&columns, &COLUMNS, index),
        })
        .collect()
}
