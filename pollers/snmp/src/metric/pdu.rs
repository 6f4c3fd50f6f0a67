//! Columns of PDU gateways, and how their values are scaled (HAWK-I2-MIB).

use rackpoll_model::{PduValue, Value};

use super::answers::{Column, text, word};

/// A column and what its values are.
pub(super) type PduColumn = (&'static str, Kind);

/// What a column's values are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// As it comes.
    Plain,
    /// An enumeration.
    Word,
    /// Of this unit, in so many parts of it: 1, 10 or 100.
    Measured(&'static str, u32),
}

/// The value of a row, where it has one that fits the column.
pub(super) fn value(column: &Column<'_>, (name, kind): PduColumn, index: &[u32]) -> Option<PduValue> {
    let value = column.value(index)?;
    match kind {
        Kind::Word => Some(PduValue::Word(word(name, value.signed()?))),
        Kind::Measured(unit, parts) => {
            // The columns are of 32 bits, which a double holds exactly.
            let number = i32::try_from(value.signed()?).ok().map(f64::from);
            let number = number.or_else(|| u32::try_from(value.unsigned()?).ok().map(f64::from))?;
            Some(PduValue::Measured { value: number / f64::from(parts), unit })
        }
        Kind::Plain => match value {
            Value::OctetString(_) => Some(PduValue::Text(text(value).unwrap_or_default())),
            _ => value.signed().map(PduValue::Number),
        },
    }
}
