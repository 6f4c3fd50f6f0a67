//! Get Sensor Thresholds (IPMI 2.0 clause 35.9).

use rackpoll_model::{Fault, ThresholdSet};

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get Sensor Thresholds";
/// The command's number in network function `SENSOR`.
pub const COMMAND: u8 = 0x27;

/// The request.
pub fn request(lun: u8, sensor: u8) -> Request {
    Request { netfn: netfn::SENSOR, lun, command: COMMAND, privilege: Privilege::User, data: vec![sensor] }
}

/// Which thresholds a good answer has, and all six raw, in the order of the mask's bits.
pub fn decode(data: &[u8]) -> Result<(ThresholdSet, [u8; 6]), Fault> {
    let [mask, lnc, lcr, lnr, unc, ucr, unr, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 7 needed", data.len())));
    };
    Ok((ThresholdSet(mask & 0x3f), [lnc, lcr, lnr, unc, ucr, unr]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_follow_the_mask() {
        let data = [0xdb, 1, 2, 3, 4, 5, 6];
        assert_eq!(decode(&data), Ok((ThresholdSet(0x1b), [1, 2, 3, 4, 5, 6])));
        for length in 0..7 {
            assert!(decode(&data[..length]).is_err());
        }
    }
}
