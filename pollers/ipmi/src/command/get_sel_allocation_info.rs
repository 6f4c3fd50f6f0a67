//! Get SEL Allocation Info (IPMI 2.0 clause 31.3). Optional: Get SEL Info says whether there is one.

use rackpoll_model::{Fault, SelAllocation};

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get SEL Allocation Info";
/// The command's number in network function `STORAGE`.
pub const COMMAND: u8 = 0x41;

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::STORAGE, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}

/// Takes the data of a good answer apart.
pub fn decode(data: &[u8]) -> Result<SelAllocation, Fault> {
    let [u0, u1, s0, s1, f0, f1, l0, l1, largest_record, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 9 needed", data.len())));
    };
    Ok(SelAllocation {
        units: u16::from_le_bytes([u0, u1]),
        unit_size: u16::from_le_bytes([s0, s1]),
        free_units: u16::from_le_bytes([f0, f1]),
        largest_free_block: u16::from_le_bytes([l0, l1]),
        largest_record,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_in_order() {
        let data = [0x00, 0x02, 0x12, 0x00, 0xe0, 0x01, 0xdf, 0x01, 0x01];
        let allocation = decode(&data).unwrap();
        assert_eq!(
            (allocation.units, allocation.unit_size, allocation.free_units, allocation.largest_free_block),
            (512, 18, 480, 479)
        );
        assert_eq!(allocation.largest_record, 1);
        for length in 0..9 {
            assert!(decode(&data[..length]).is_err());
        }
    }
}
