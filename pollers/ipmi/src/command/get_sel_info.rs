//! Get SEL Info (IPMI 2.0 clause 31.2).

use rackpoll_model::{Fault, SelInformation, SelTime};

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get SEL Info";
/// The command's number in network function `STORAGE`.
pub const COMMAND: u8 = 0x40;

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::STORAGE, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}

/// Takes the data of a good answer apart. The allocation is another command's.
pub fn decode(data: &[u8]) -> Result<SelInformation, Fault> {
    let [version, e0, e1, f0, f1, a0, a1, a2, a3, d0, d1, d2, d3, operations, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 14 needed", data.len())));
    };
    Ok(SelInformation {
        version,
        entries: u16::from_le_bytes([e0, e1]),
        free_space: u16::from_le_bytes([f0, f1]),
        last_addition: SelTime(u32::from_le_bytes([a0, a1, a2, a3])),
        last_erase: SelTime(u32::from_le_bytes([d0, d1, d2, d3])),
        operations,
        allocation: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // ipmitool raw 0x0a 0x40 against ipmi_sim with 120 records; "sel info" of the same says: 120 entries, 14080 bytes
    // free, 'Delete' 'Reserve'.
    #[test]
    fn as_ipmitool_reads_it() {
        let data = [0x51, 0x78, 0, 0, 0x37, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a];
        let information = decode(&data).unwrap();
        assert_eq!((information.version, information.entries, information.free_space), (0x51, 120, 14_080));
        assert!(information.delete() && information.reserve());
        assert!(!information.overflow() && !information.partial_add() && !information.allocation_info());
        for length in 0..14 {
            assert!(decode(&data[..length]).is_err());
        }
    }
}
