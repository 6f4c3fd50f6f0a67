//! Get Channel Authentication Capabilities (IPMI 2.0 clause 22.13), the first command of a login.

use rackpoll_model::Fault;

use super::{Privilege, Request, bad_answer, netfn};
use crate::crypto::Ipmi15Authentication;

/// The command's name.
pub const NAME: &str = "Get Channel Authentication Capabilities";
/// The command's number in network function `APP`.
pub const COMMAND: u8 = 0x38;
/// The channel that the request came in on.
pub const THIS_CHANNEL: u8 = 0x0e;

/// What the channel can do, as far as rackpoll asks (table 22-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthenticationCapabilities {
    /// The BMC's channel number.
    pub channel: u8,
    /// RMCP+ sessions are supported. False where the BMC gives no IPMI 2.0 data.
    pub rmcp_plus: bool,
    /// A key of the BMC (K_G) is set, and logins need it.
    pub k_g: bool,
    /// How IPMI 1.5 sessions may be authenticated, a bit each: 0 none, 2 MD5, 4 password.
    ipmi_15: u8,
}

impl AuthenticationCapabilities {
    /// Whether IPMI 1.5 sessions may be authenticated so.
    pub fn allows(&self, authentication: Ipmi15Authentication) -> bool {
        self.ipmi_15 >> authentication.number() & 1 != 0
    }
}

/// The request; asks for IPMI 2.0 data.
pub fn request(privilege: Privilege) -> Request {
    Request {
        netfn: netfn::APP,
        lun: 0,
        command: COMMAND,
        privilege: Privilege::Callback,
        data: vec![0x80 | THIS_CHANNEL, privilege as u8],
    }
}

/// Takes the data of a good answer apart.
pub fn decode(data: &[u8]) -> Result<AuthenticationCapabilities, Fault> {
    let [channel, types, status, extended, ..] = *data else {
        return Err(bad_answer(NAME, format_args!("{} bytes, at least 4 needed", data.len())));
    };
    let has_extended = types & 0x80 != 0;
    Ok(AuthenticationCapabilities {
        channel: channel & 0x0f,
        rmcp_plus: has_extended && extended & 0x02 != 0,
        k_g: has_extended && status & 0x20 != 0,
        ipmi_15: types & 0x3f,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_this_channel_and_ipmi_2_data() {
        assert_eq!(request(Privilege::User).data, [0x8e, 0x02]);
    }

    // The second is what ipmi_sim 2.0.33 answers to `ipmitool -I lanplus -C 3 -vvvvv`.
    #[test]
    fn rmcp_plus_needs_its_bit_and_the_data_itself() {
        let rmcp_plus = |data: &[u8]| decode(data).map(|capabilities| capabilities.rmcp_plus).unwrap();
        assert!(!rmcp_plus(&[1, 0x17, 0x06, 0x03, 0, 0, 0, 0]));
        assert!(rmcp_plus(&[1, 0x97, 0x06, 0x03, 0, 0, 0, 0]));
        assert!(!rmcp_plus(&[1, 0x97, 0x06, 0x01, 0, 0, 0, 0]));
        assert!(decode(&[1, 0x97, 0x26, 0x02]).unwrap().k_g);
        assert!(decode(&[1, 0x97, 0x06]).is_err());
        let kinds = decode(&[1, 0x94, 0x06, 0x03]).unwrap();
        assert!(kinds.allows(Ipmi15Authentication::Md5) && kinds.allows(Ipmi15Authentication::Password));
        assert!(!kinds.allows(Ipmi15Authentication::None));
    }
}
