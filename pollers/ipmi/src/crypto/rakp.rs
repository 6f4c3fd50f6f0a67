use rackpoll_model::Secret;

use super::{AuthCode, Authentication, mac::hmac};
use crate::wire::{Role, UserName};

/// What both sides have told each other up to RAKP 2; the authentication codes and the session key cover it.
///
/// Names as in IPMI 2.0 clause 13.31: SIDm/SIDc, Rm/Rc, GUIDc, ROLEm, ULENGTHm, UNAMEm, where the specification's
/// "m" is the remote console and its "c" the managed system.
#[derive(Clone, Copy)]
pub struct Transcript {
    /// SIDm: the console's session id.
    pub console_session_id: u32,
    /// SIDc: the BMC's session id.
    pub managed_session_id: u32,
    /// Rm.
    pub console_random: [u8; 16],
    /// Rc.
    pub managed_random: [u8; 16],
    /// GUIDc.
    pub guid: [u8; 16],
    /// ROLEm, as RAKP 1 carried it.
    pub role: Role,
    /// UNAMEm with its length.
    pub user: UserName,
}

impl Transcript {
    /// Code of RAKP 2: HMAC by the user's key over SIDm, SIDc, Rm, Rc, GUIDc, ROLEm, ULENGTHm, UNAMEm.
    pub fn rakp2_code(&self, algorithm: Authentication, password: &Secret) -> AuthCode {
        hmac(
            algorithm,
            password.expose(),
            &[
                &self.console_session_id.to_le_bytes(),
                &self.managed_session_id.to_le_bytes(),
                &self.console_random,
                &self.managed_random,
                &self.guid,
                &self.role_and_name_length(),
                self.user.as_bytes(),
            ],
        )
    }

    /// Code of RAKP 3: HMAC by the user's key over Rc, SIDm, ROLEm, ULENGTHm, UNAMEm.
    pub fn rakp3_code(&self, algorithm: Authentication, password: &Secret) -> AuthCode {
        hmac(
            algorithm,
            password.expose(),
            &[
                &self.managed_random,
                &self.console_session_id.to_le_bytes(),
                &self.role_and_name_length(),
                self.user.as_bytes(),
            ],
        )
    }

    /// SIK: HMAC by K_G, or by the user's key where the BMC has none, over Rm, Rc, ROLEm, ULENGTHm, UNAMEm.
    pub(super) fn session_integrity_key(&self, algorithm: Authentication, key: &Secret) -> AuthCode {
        hmac(
            algorithm,
            key.expose(),
            &[&self.console_random, &self.managed_random, &self.role_and_name_length(), self.user.as_bytes()],
        )
    }

    fn role_and_name_length(&self) -> [u8; 2] {
        // At most 16 by the type.
        [self.role.0, self.user.as_bytes().len() as u8]
    }
}
