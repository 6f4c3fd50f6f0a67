//! Get SDR Repository Info (IPMI 2.0 clause 33.9).

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get SDR Repository Info";
/// The command's number in network function `STORAGE`.
pub const COMMAND: u8 = 0x20;

/// Answer of Get SDR Repository Info (table 33-3), without the free space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RepositoryInfo {
    /// SDR version, BCD with the nibbles swapped: 0x51 is 1.5 and 2.0.
    pub version: u8,
    /// Number of records.
    pub records: u16,
    /// When a record was last added, by the BMC's clock. Good to be compared for equality only.
    pub added: u32,
    /// When a record was last erased, likewise.
    pub erased: u32,
}

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::STORAGE, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}

/// Takes the data of a good answer apart.
pub fn decode(data: &[u8]) -> Result<RepositoryInfo, Fault> {
    let [version, r0, r1, _f0, _f1, a0, a1, a2, a3, e0, e1, e2, e3, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 13 needed", data.len())));
    };
    Ok(RepositoryInfo {
        version,
        records: u16::from_le_bytes([r0, r1]),
        added: u32::from_le_bytes([a0, a1, a2, a3]),
        erased: u32::from_le_bytes([e0, e1, e2, e3]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // `ipmitool raw 0x0a 0x20` against ipmi_sim; `ipmitool sdr info` of the same says 46 records.
    #[test]
    fn as_ipmitool_reads_it() {
        let data = [0x51, 0x2e, 0x00, 0xfe, 0xff, 0x47, 0x08, 0, 0, 0, 0, 0, 0, 0x02];
        let info = RepositoryInfo { version: 0x51, records: 46, added: 0x847, erased: 0 };
        assert_eq!(decode(&data), Ok(info));
        for length in 0..13 {
            assert!(decode(&data[..length]).is_err());
        }
    }
}
