//! Get SDR (IPMI 2.0 clause 33.12): a record of the repository, or a part of one.

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get SDR";
/// The command's number in network function `STORAGE`.
pub const COMMAND: u8 = 0x23;

/// In place of a length: the record to its end.
pub const WHOLE: u8 = 0xff;
/// The first record.
pub const FIRST: u16 = 0x0000;
/// In place of a next record: there is none.
pub const LAST: u16 = 0xffff;

/// Which bytes of which record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From Reserve SDR Repository; 0 without one, which only whole records may be read with.
    pub reservation: u16,
    /// Record id.
    pub record: u16,
    /// First byte.
    pub offset: u8,
    /// Number of bytes, or `WHOLE`.
    pub length: u8,
}

impl Part {
    /// The request's data; the same for Get Device SDR.
    pub(super) fn encode(self) -> Vec<u8> {
        let [v0, v1] = self.reservation.to_le_bytes();
        let [r0, r1] = self.record.to_le_bytes();
        vec![v0, v1, r0, r1, self.offset, self.length]
    }
}

/// The request.
pub fn request(part: Part) -> Request {
    Request {
        netfn: netfn::STORAGE,
        lun: 0,
        command: COMMAND,
        privilege: Privilege::User,
        data: part.encode(),
    }
}

/// The next record's id and the bytes of a good answer.
pub fn decode(data: &[u8]) -> Result<(u16, &[u8]), Fault> {
    let Some(([low, high], bytes)) = data.split_first_chunk() else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 2 needed", data.len())));
    };
    Ok((u16::from_le_bytes([*low, *high]), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_and_answer() {
        let part = Part { reservation: 0x1234, record: 0x00ab, offset: 5, length: 16 };
        assert_eq!(request(part).data, [0x34, 0x12, 0xab, 0x00, 5, 16]);
        assert_eq!(decode(&[0xac, 0x00, 1, 2]), Ok((0xac, &[1, 2][..])));
        assert_eq!(decode(&[0xff, 0xff]), Ok((LAST, &[][..])));
        assert!(decode(&[1]).is_err());
    }
}
