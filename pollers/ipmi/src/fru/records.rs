//! Records of the multi-record area (FRU Information Storage Definition, clause 18).

use rackpoll_model::{FruDcLoad, FruDcOutput, FruPowerSupply, FruRecord};

/// Takes a record apart; one that is too short for its type stays as it came.
pub(super) fn decode(kind: u8, data: Vec<u8>) -> FruRecord {
    let known = match kind {
        0x00 => power_supply(&data).map(FruRecord::PowerSupply),
        0x01 => dc_output(&data).map(FruRecord::DcOutput),
        0x02 => dc_load(&data).map(FruRecord::DcLoad),
        _ => None,
    };
    known.unwrap_or(FruRecord::Other { kind, data })
}

/// Two bytes, low byte first.
fn words(data: &[u8]) -> impl Iterator<Item = u16> {
    let (pairs, _odd) = data.as_chunks();
    pairs.iter().map(|pair| u16::from_le_bytes(*pair))
}

fn power_supply(data: &[u8]) -> Option<FruPowerSupply> {
    let numbers = data.first_chunk::<24>()?;
    let word = |at: usize| words(numbers.get(at..)?).next();
    let [inrush_current, inrush_interval] = *numbers.get(4..)?.first_chunk()?;
    let [low, high, dropout_tolerance, flags] = *numbers.get(14..)?.first_chunk()?;
    let peak = word(18)?;
    let voltages = *numbers.get(20)?;
    Some(FruPowerSupply {
        capacity: word(0)? & 0x0fff,
        peak_va: word(2)?,
        inrush_current,
        inrush_interval,
        input_voltage_1: (word(6)?, word(8)?),
        input_voltage_2: (word(10)?, word(12)?),
        input_frequency: (low, high),
        dropout_tolerance,
        flags,
        peak_capacity: (peak & 0x0fff, (peak >> 12) as u8),
        combined: (voltages >> 4, voltages & 0x0f, word(21)?),
        fan_threshold: *numbers.last()?,
    })
}

fn dc_output(data: &[u8]) -> Option<FruDcOutput> {
    let (number, numbers) = data.split_first()?;
    let mut words = words(numbers.get(..12)?);
    Some(FruDcOutput {
        number: number & 0x0f,
        standby: number & 0x80 != 0,
        nominal: words.next()?.cast_signed(),
        negative_deviation: words.next()?.cast_signed(),
        positive_deviation: words.next()?.cast_signed(),
        ripple: words.next()?,
        minimum_current: words.next()?,
        maximum_current: words.next()?,
    })
}

fn dc_load(data: &[u8]) -> Option<FruDcLoad> {
    let (number, numbers) = data.split_first()?;
    let mut words = words(numbers.get(..12)?);
    Some(FruDcLoad {
        number: number & 0x0f,
        nominal: words.next()?.cast_signed(),
        minimum_voltage: words.next()?.cast_signed(),
        maximum_voltage: words.next()?.cast_signed(),
        ripple: words.next()?,
        minimum_current: words.next()?,
        maximum_current: words.next()?,
    })
}
