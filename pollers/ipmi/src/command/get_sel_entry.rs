//! Get SEL Entry (IPMI 2.0 clause 31.5).

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get SEL Entry";
/// The command's number in network function `STORAGE`.
pub const COMMAND: u8 = 0x43;

/// Asks for the log's first record.
pub const FIRST: u16 = 0x0000;
/// Asks for the log's last record; as a next record id: there is none.
pub const LAST: u16 = 0xffff;
/// Size of a record, bytes.
pub const RECORD: u8 = 16;

/// The request for a whole record. The reservation is 0 where there is none: whole records need none.
pub fn whole(reservation: u16, record_id: u16) -> Request {
    request(reservation, record_id, 0, 0xff)
}

/// The request for a part of a record, which needs a reservation where it does not begin at 0.
pub fn part(reservation: u16, record_id: u16, offset: u8, length: u8) -> Request {
    request(reservation, record_id, offset, length)
}

fn request(reservation: u16, record_id: u16, offset: u8, length: u8) -> Request {
    let [r0, r1] = reservation.to_le_bytes();
    let [i0, i1] = record_id.to_le_bytes();
    let data = vec![r0, r1, i0, i1, offset, length];
    Request { netfn: netfn::STORAGE, lun: 0, command: COMMAND, privilege: Privilege::User, data }
}

/// The next record's id, and the bytes of this one.
pub fn decode(data: &[u8]) -> Result<(u16, &[u8]), Fault> {
    match data {
        [low, high, record @ ..] => Ok((u16::from_le_bytes([*low, *high]), record)),
        _ => Err(bad_answer(NAME, format_args!("{} bytes, at least 2 needed", data.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_low_byte_first() {
        assert_eq!(whole(0x1234, 0xffff).data, [0x34, 0x12, 0xff, 0xff, 0, 0xff]);
        assert_eq!(part(1, 2, 8, 8).data, [1, 0, 2, 0, 8, 8]);
        assert_eq!(decode(&[0x02, 0x01, 7, 8]), Ok((0x0102, &[7, 8][..])));
        assert!(decode(&[0x02]).is_err());
    }
}
