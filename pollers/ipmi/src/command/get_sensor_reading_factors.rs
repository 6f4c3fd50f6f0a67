//! Get Sensor Reading Factors (IPMI 2.0 clause 35.5): the conversion of a non-linear sensor at one reading.

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get Sensor Reading Factors";
/// The command's number in network function `SENSOR`.
pub const COMMAND: u8 = 0x23;

/// The six bytes of factors as bytes 25 to 30 of a full record have them (table 43-1).
pub type Factors = [u8; 6];

/// The request, for this raw reading of the sensor.
pub fn request(lun: u8, sensor: u8, reading: u8) -> Request {
    let data = vec![sensor, reading];
    Request { netfn: netfn::SENSOR, lun, command: COMMAND, privilege: Privilege::User, data }
}

/// The factors of a good answer. The next reading, from which on others hold, stands before them.
pub fn decode(data: &[u8]) -> Result<Factors, Fault> {
    let [_next, m, m_tolerance, b, b_accuracy, accuracy, exponents, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 7 needed", data.len())));
    };
    Ok([m, m_tolerance, b, b_accuracy, accuracy, exponents])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_follow_the_next_reading() {
        assert_eq!(decode(&[0x40, 1, 2, 3, 4, 5, 6]), Ok([1, 2, 3, 4, 5, 6]));
        assert!(decode(&[0x40, 1, 2, 3, 4, 5]).is_err());
        assert_eq!(request(1, 0x30, 0x3f).data, [0x30, 0x3f]);
    }
}
