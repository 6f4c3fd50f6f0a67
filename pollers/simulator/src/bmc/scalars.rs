use rackpoll_ipmi::command::completion;

use super::machine::{Answer, Machine};
use crate::content::sdr::CAPABILITIES;

impl Machine {
    /// Commands of clause 20 and 22 that need no knowledge of the session.
    pub(super) fn application_command(&self, command: u8, _data: &[u8]) -> Answer {
        match command {
            0x01 => Ok(self.device_id()),
            // Get Self Test Results: no error.
            0x04 => Ok(vec![0x55, 0x00]),
            // Get ACPI Power State: S0/G0 or S5/G2; D0.
            0x07 => Ok(vec![if self.power() { 0x00 } else { 0x05 }, 0x00]),
            0x08 | 0x37 => Ok(self.guid().to_vec()),
            // Get BMC Global Enables: system event logging.
            0x2f => Ok(vec![0x08]),
            // Get Channel Info: channel 1, 802.3 LAN, IPMB protocol, multi-session, IPMI's enterprise number.
            0x42 => Ok(vec![0x01, 0x04, 0x01, 0x80, 0xf2, 0x1b, 0x00, 0x00, 0x00]),
            _ => Err(completion::INVALID_COMMAND),
        }
    }

    /// Table 20-2; the manufacturer is unspecified.
    fn device_id(&self) -> Vec<u8> {
        let (major, minor) = self.model.firmware;
        let [p0, p1] = self.model.product_id.to_le_bytes();
        vec![0x20, 0x01, major & 0x7f, minor, 0x02, CAPABILITIES, 0, 0, 0, p0, p1, 0, 0, 0, 0]
    }
}
