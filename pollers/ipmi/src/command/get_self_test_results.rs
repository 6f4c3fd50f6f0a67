//! Get Self Test Results (IPMI 2.0 clause 20.4).

use rackpoll_model::{Fault, SelfTest};

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get Self Test Results";
/// The command's number in network function `APP`.
pub const COMMAND: u8 = 0x04;

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::APP, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}

/// Takes the data of a good answer apart.
pub fn decode(data: &[u8]) -> Result<SelfTest, Fault> {
    let [result, detail, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, 2 needed", data.len())));
    };
    Ok(match result {
        0x55 => SelfTest::Passed,
        0x56 => SelfTest::NotImplemented,
        0x57 => SelfTest::Corrupted(detail),
        0x58 => SelfTest::Fatal(detail),
        _ => SelfTest::Other(result, detail),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_result_has_its_meaning() {
        assert_eq!(decode(&[0x55, 0]), Ok(SelfTest::Passed));
        assert_eq!(decode(&[0x56, 0]), Ok(SelfTest::NotImplemented));
        assert_eq!(decode(&[0x57, 0x81]), Ok(SelfTest::Corrupted(0x81)));
        assert_eq!(decode(&[0x58, 2]), Ok(SelfTest::Fatal(2)));
        assert_eq!(decode(&[0x01, 2]), Ok(SelfTest::Other(1, 2)));
        assert!(decode(&[0x55]).is_err());
    }
}
