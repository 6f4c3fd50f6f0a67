//! Read FRU Data (IPMI 2.0 clause 34.2).

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Read FRU Data";
/// The command's number in network function `STORAGE`.
pub const COMMAND: u8 = 0x11;
/// Completion code: the FRU device is busy.
pub const DEVICE_BUSY: u8 = 0x81;

/// The request. Offset and count are in the units of the device's access.
pub fn request(id: u8, offset: u16, count: u8) -> Request {
    let [low, high] = offset.to_le_bytes();
    let data = vec![id, low, high, count];
    Request { netfn: netfn::STORAGE, lun: 0, command: COMMAND, privilege: Privilege::User, data }
}

/// The bytes of a good answer. The count before them says how many there are, in units.
pub fn decode(data: &[u8], by_words: bool) -> Result<&[u8], Fault> {
    let (count, bytes) = data.split_first().ok_or_else(|| bad_answer(NAME, "no bytes, at least 1 needed"))?;
    let count = usize::from(*count) * if by_words { 2 } else { 1 };
    match bytes.get(..count) {
        Some(bytes) if count > 0 => Ok(bytes),
        _ => Err(bad_answer(NAME, format_args!("{} bytes that are said to be {count}", bytes.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_it_says() {
        assert_eq!(request(3, 0x0120, 16).data, [3, 0x20, 0x01, 16]);
        assert_eq!(decode(&[2, 7, 8, 9], false), Ok(&[7, 8][..]));
        assert_eq!(decode(&[1, 7, 8, 9], true), Ok(&[7, 8][..]));
        for bad in [&[][..], &[0], &[2, 7]] {
            assert!(decode(bad, false).is_err());
        }
    }
}
