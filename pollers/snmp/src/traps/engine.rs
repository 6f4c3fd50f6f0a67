use std::convert::Infallible;

use async_snmp::v3::{
    AuthoritativeEngine, DesSaltState, PersistedAuthoritativeEngine, PersistedDesSaltState,
};

use super::ListenError;

/// Our own SNMP engine, to which the senders of informs have to bind their keys (RFC 3414, clause 2).
#[derive(Clone)]
pub struct LocalEngine {
    pub(super) authoritative: AuthoritativeEngine,
    boots: u32,
}

/// An engine id that nobody else has: administratively assigned octets (RFC 3411, clause 5, SnmpEngineID), at random, under
/// the enterprise number 0, which is reserved.
pub fn new_engine_id(random: [u8; 16]) -> Vec<u8> {
    let mut id = vec![0x80, 0, 0, 0, 5];
    id.extend(random);
    id
}

impl LocalEngine {
    /// The engine of this id in its `boots`-th life: 1 for the first, and higher at each start. The caller has them on disk
    /// already, so that no start can have the number of an earlier one (RFC 3414, clause 2.2.2).
    ///
    /// # Errors
    /// The id is none (RFC 3411: 5 to 32 bytes), or `boots` is 0.
    pub fn new(id: &[u8], boots: u32) -> Result<Self, ListenError> {
        let refused = |error: Box<async_snmp::Error>| ListenError::Library(error.to_string());
        let kept = move |engine: &PersistedAuthoritativeEngine| {
            // Asked again when 2^31 seconds have gone by, 68 years.
            if engine.engine_boots() == boots { Ok(()) } else { Err("the agent has to be started again") }
        };
        let authoritative = match boots.checked_sub(1) {
            None => return Err(ListenError::Library("snmpEngineBoots begins with 1".to_owned())),
            Some(0) => AuthoritativeEngine::install(id.to_vec(), kept),
            Some(before) => {
                let before = PersistedAuthoritativeEngine::new(id.to_vec(), before).map_err(refused)?;
                AuthoritativeEngine::restart(before, kept)
            }
        };
        Ok(Self { authoritative: authoritative.map_err(refused)?, boots })
    }

    /// What DES makes its initialisation vectors of, for our answers to informs (RFC 3414, clause 8.1.1.1).
    pub(super) fn des_salt(&self) -> Result<DesSaltState, ListenError> {
        let refused = |error: &dyn std::fmt::Display| ListenError::Library(error.to_string());
        let kept = |_: &PersistedDesSaltState| Ok::<(), Infallible>(());
        let salt = match self.boots {
            0 | 1 => DesSaltState::install(kept),
            boots => {
                let before = PersistedDesSaltState::new(boots - 1).map_err(|error| refused(&error))?;
                DesSaltState::restart(before, kept)
            }
        };
        salt.map_err(|error| refused(&error))
    }
}
