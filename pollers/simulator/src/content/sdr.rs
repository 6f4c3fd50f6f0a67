//! Sensor data records (IPMI 2.0 clause 43), made from what a sensor is.

use super::sensor::{Analog, Discrete, Format, Kind, Sensor, THRESHOLD, threshold_events};

const VERSION: u8 = 0x51;
const FULL: u8 = 0x01;
const COMPACT: u8 = 0x02;
const FRU_LOCATOR: u8 = 0x11;
const CONTROLLER_LOCATOR: u8 = 0x12;
/// The BMC owns every sensor (byte 6, table 43-1).
const OWNER: u8 = 0x20;
/// Eight-bit ASCII with Latin 1 (clause 43.15).
const ASCII: u8 = 0xc0;
/// Chassis, FRU inventory, SEL, SDR repository and sensors (table 20-2, byte 7).
pub(crate) const CAPABILITIES: u8 = 0x8f;
/// Longest id string.
pub(crate) const MAX_NAME: usize = 16;

/// The record of a sensor: full for analog ones and where the sensor asks for it, else compact.
pub fn sensor_record(id: u16, sensor: &Sensor) -> Vec<u8> {
    match &sensor.kind {
        Kind::Analog(analog) => {
            let mut body = key_and_entity(sensor, THRESHOLD, 0x68);
            let mask = analog.thresholds.mask();
            let events = threshold_events(mask);
            // Lower thresholds have their reading mask in bits 14:12 of the assertion mask, upper ones of the
            // deassertion mask: "threshold comparison is returned".
            body.extend_from_slice(&(events & 0x0fff | u16::from(mask & 0x07) << 12).to_le_bytes());
            body.extend_from_slice(&(events & 0x0fff | u16::from(mask >> 3) << 12).to_le_bytes());
            body.extend_from_slice(&[mask, mask]);
            put_analog(&mut body, analog);
            put_name(&mut body, &sensor.name);
            record(id, FULL, body)
        }
        Kind::Discrete(discrete) => {
            let mut body = key_and_entity(sensor, discrete.event_type, 0x40);
            for mask in [discrete.states, discrete.states, discrete.states] {
                body.extend_from_slice(&(mask & 0x7fff).to_le_bytes());
            }
            // No analog reading, no unit.
            body.extend_from_slice(&[0xc0, 0, 0]);
            let kind = put_discrete(&mut body, discrete);
            put_name(&mut body, &sensor.name);
            record(id, kind, body)
        }
    }
}

/// Management controller device locator (clause 43.9): the BMC itself.
pub fn controller_locator(id: u16, name: &str) -> Vec<u8> {
    // Address, channel, no power state notification, capabilities as in Get Device ID; entity system management
    // module.
    let mut body = vec![OWNER, 0x00, 0x00, CAPABILITIES, 0, 0, 0, 0x2e, 1, 0];
    put_name(&mut body, name);
    record(id, CONTROLLER_LOCATOR, body)
}

/// FRU device locator (clause 43.8): a logical FRU of the BMC.
pub fn fru_locator(id: u16, fru: u8, entity: (u8, u8), name: &str) -> Vec<u8> {
    // Logical FRU, device type 10h with modifier 00h: IPMI FRU inventory.
    let mut body = vec![OWNER, fru, 0x80, 0x00, 0, 0x10, 0x00, entity.0, entity.1, 0];
    put_name(&mut body, name);
    record(id, FRU_LOCATOR, body)
}

fn record(id: u16, kind: u8, body: Vec<u8>) -> Vec<u8> {
    let mut record = Vec::with_capacity(body.len().saturating_add(5));
    record.extend_from_slice(&id.to_le_bytes());
    // Bodies are at most 59 bytes.
    record.extend_from_slice(&[VERSION, kind, body.len() as u8]);
    record.extend(body);
    record
}

/// Owner to event type: bytes 6 to 14 of both sensor records.
fn key_and_entity(sensor: &Sensor, event_type: u8, capabilities: u8) -> Vec<u8> {
    // Initialization: scanning, events, thresholds, hysteresis and sensor type, all on at start.
    vec![
        OWNER,
        0x00,
        sensor.number,
        sensor.entity.0,
        sensor.entity.1,
        0x7f,
        capabilities,
        sensor.sensor_type,
        event_type,
    ]
}

fn put_analog(body: &mut Vec<u8>, analog: &Analog) {
    let conversion = &analog.conversion;
    let format = match conversion.format {
        Format::Unsigned => 0x00,
        Format::Signed => 0x80,
    };
    body.extend_from_slice(&[format | u8::from(analog.percentage), analog.unit, 0, conversion.linearization]);
    for (factor, low_bits) in [(conversion.m, 1), (conversion.b, 1)] {
        // Ten bits: eight, then the upper two beside tolerance or accuracy.
        let bits = factor as u16;
        body.extend_from_slice(&[bits as u8, (bits >> 8 << 6) as u8 | low_bits]);
    }
    body.push(0);
    body.push((conversion.result_exponent as u8) << 4 | conversion.b_exponent as u8 & 0x0f);
    // Nominal, normal maximum and normal minimum are given.
    let normal = |offset: i16| conversion.to_raw(analog.center.saturating_add(offset));
    let (lowest, highest) = match conversion.format {
        Format::Unsigned => (0x00, 0xff),
        Format::Signed => (0x80, 0x7f),
    };
    let swing = analog.swing;
    body.extend_from_slice(&[
        0x07,
        normal(0),
        normal(swing),
        normal(swing.saturating_neg()),
        highest,
        lowest,
    ]);
    let [lnc, lc, lnr, unc, uc, unr] = analog.thresholds.raw.map(Option::unwrap_or_default);
    body.extend_from_slice(&[unr, uc, unc, lnr, lc, lnc, analog.hysteresis, analog.hysteresis, 0, 0, 0]);
}

fn put_discrete(body: &mut Vec<u8>, discrete: &Discrete) -> u8 {
    if discrete.full_record {
        // Linearization to OEM byte: none of it means anything without an analog reading.
        body.extend_from_slice(&[0; 24]);
        FULL
    } else {
        // Not shared; no hysteresis.
        body.extend_from_slice(&[0x01, 0x00, 0, 0, 0, 0, 0, 0]);
        COMPACT
    }
}

fn put_name(body: &mut Vec<u8>, name: &str) {
    let name = name.as_bytes();
    let name = name.get(..MAX_NAME).unwrap_or(name);
    body.push(ASCII | name.len() as u8);
    body.extend_from_slice(name);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{model::Model, models};

    fn sensor<'a>(model: &'a Model, name: &str) -> &'a Sensor {
        model.sensors.iter().find(|sensor| sensor.name == name).unwrap()
    }

    #[test]
    fn lengths_are_those_of_the_record_tables() {
        let model = models::server();
        let inlet = sensor(&model, "Inlet Temp");
        let record = sensor_record(1, inlet);
        // Table 43-1: the id string begins at byte 49.
        assert_eq!(record.len(), 48 + inlet.name.len());
        assert_eq!(usize::from(record[4]), record.len() - 5);
        assert_eq!(record[47], 0xc0 | 10);
        let intrusion = sensor(&model, "Intrusion");
        // Table 43-2: the id string begins at byte 33.
        assert_eq!(sensor_record(2, intrusion).len(), 32 + intrusion.name.len());
    }

    #[test]
    fn factors_are_ten_bits_and_exponents_four() {
        let model = models::server();
        let mut volts = sensor(&model, "P12V").clone();
        let Kind::Analog(analog) = &mut volts.kind else { panic!("not analog") };
        analog.conversion.m = -2;
        analog.conversion.b = 0x155;
        analog.conversion.b_exponent = -1;
        analog.conversion.result_exponent = -3;
        let record = sensor_record(1, &volts);
        assert_eq!((record[24], record[25] & 0xc0), (0xfe, 0xc0));
        assert_eq!((record[26], record[27] & 0xc0), (0x55, 0x40));
        assert_eq!(record[29], 0xdf);
    }
}
