//! Get Device ID (IPMI 2.0 clause 20.1). Cheap, known to every BMC and allowed to everyone: it serves as keep-alive.

use rackpoll_model::{Controller, Fault};

use super::{Privilege, Request, bad_answer, netfn};

/// The command's name.
pub const NAME: &str = "Get Device ID";
/// The command's number in network function `APP`.
pub const COMMAND: u8 = 0x01;

/// Answer of Get Device ID (table 20-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceId {
    /// 0 where the manufacturer gives none.
    pub device: u8,
    /// The device gives SDRs of its own.
    pub device_sdrs: bool,
    /// The device has an SDR repository.
    pub sdr_repository: bool,
    /// Firmware revision: major, and minor as BCD.
    pub firmware: (u8, u8),
    /// False while the firmware is being updated or starts.
    pub available: bool,
    /// IPMI version as BCD with the nibbles swapped: 0x02 is 2.0, 0x51 is 1.5.
    pub ipmi_version: u8,
    /// Enterprise number, 20 bits.
    pub manufacturer: u32,
    /// The manufacturer's number for the product.
    pub product: u16,
}

/// The request.
pub fn request() -> Request {
    Request { netfn: netfn::APP, lun: 0, command: COMMAND, privilege: Privilege::User, data: Vec::new() }
}

/// Takes the data of a good answer apart.
pub fn decode(data: &[u8]) -> Result<DeviceId, Fault> {
    let [device, revision, major, minor, version, support, m0, m1, m2, p0, p1, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 11 needed", data.len())));
    };
    Ok(DeviceId {
        device,
        device_sdrs: revision & 0x80 != 0,
        sdr_repository: support & 0x02 != 0,
        firmware: (major & 0x7f, minor),
        available: major & 0x80 == 0,
        ipmi_version: version,
        manufacturer: u32::from_le_bytes([m0, m1, m2 & 0x0f, 0]),
        product: u16::from_le_bytes([p0, p1]),
    })
}

/// Everything that a good answer says, for `mc`.
pub fn controller(data: &[u8]) -> Result<Controller, Fault> {
    let id = decode(data)?;
    let byte = |at: usize| data.get(at).copied().unwrap_or_default();
    Ok(Controller {
        device: id.device,
        revision: byte(1) & 0x0f,
        device_sdrs: id.device_sdrs,
        firmware: id.firmware,
        available: id.available,
        ipmi_version: id.ipmi_version,
        support: byte(5),
        manufacturer: id.manufacturer,
        product: id.product,
        auxiliary: data.get(11..).and_then(<[u8]>::first_chunk).copied(),
        self_test: None,
        guid: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // ipmitool -I lanplus -C 3 -H 127.0.0.1 -p 17623 -U admin -P admin raw 6 1, against ipmi_sim's model vnode;
    // "mc info" of the same says: manufacturer 4753, product 3842, firmware 9.08.
    #[test]
    fn as_ipmitool_reads_it() {
        let data = [0x00, 0x03, 0x09, 0x08, 0x02, 0x9f, 0x91, 0x12, 0x00, 0x02, 0x0f, 0, 0, 0, 0];
        let id = decode(&data).unwrap();
        assert_eq!((id.manufacturer, id.product, id.firmware), (4753, 3842, (9, 0x08)));
        assert!(id.available);
        for length in 0..11 {
            assert!(decode(&data[..length]).is_err());
        }
    }
}
