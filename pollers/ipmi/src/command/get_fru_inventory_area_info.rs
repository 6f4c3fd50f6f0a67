//! Get FRU Inventory Area Info (IPMI 2.0 clause 34.1).

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get FRU Inventory Area Info";
/// The command's number in network function `STORAGE`.
pub const COMMAND: u8 = 0x10;

/// Answer of Get FRU Inventory Area Info.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AreaInfo {
    /// Size of the inventory, bytes.
    pub size: u16,
    /// Offsets and counts are in words of two bytes.
    pub by_words: bool,
}

/// The request for this FRU id.
pub fn request(id: u8) -> Request {
    Request { netfn: netfn::STORAGE, lun: 0, command: COMMAND, privilege: Privilege::User, data: vec![id] }
}

/// Takes the data of a good answer apart.
pub fn decode(data: &[u8]) -> Result<AreaInfo, Fault> {
    let [low, high, access, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, 3 needed", data.len())));
    };
    Ok(AreaInfo { size: u16::from_le_bytes([low, high]), by_words: access & 0x01 != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_and_access() {
        assert_eq!(decode(&[0, 8, 0]), Ok(AreaInfo { size: 2_048, by_words: false }));
        assert_eq!(decode(&[1, 0, 1]), Ok(AreaInfo { size: 1, by_words: true }));
        assert!(decode(&[0, 8]).is_err());
    }
}
