use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use async_snmp::{Auth, MasterKeys, UsmConfig, v3};
use bytes::Bytes;
use rackpoll_model::{AuthProtocol, Fault, FaultKind, PrivProtocol, SnmpCredential, SnmpSecurity};

/// Credentials whose keys are kept. A fleet has a handful; beyond this many they are made anew.
const MOST: usize = 1_024;

/// Keys that were made from passwords. Making one hashes a megibyte (RFC 3414, clause A.2): once for a credential, and not
/// once for each of its thousand devices. What is kept are master keys; they are bound to an engine id device by device.
#[derive(Default)]
pub(crate) struct Keys {
    made: Mutex<HashMap<SnmpCredential, Auth>>,
}

impl Keys {
    /// What the library needs to ask with this credential.
    pub(crate) fn auth(&self, credential: &SnmpCredential) -> Result<Auth, Fault> {
        if let Some(community) = credential.community() {
            let community = Bytes::copy_from_slice(community.expose());
            return Ok(match credential {
                SnmpCredential::V1(_) => Auth::v1(community),
                _ => Auth::v2c(community),
            });
        }
        // What is in the map is whole, whatever happened to another task.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(auth) = made.get(credential) {
            return Ok(auth.clone());
        }
        let auth = make(credential)?;
        if made.len() < MOST {
            made.insert(credential.clone(), auth.clone());
        }
        Ok(auth)
    }
}

fn make(credential: &SnmpCredential) -> Result<Auth, Fault> {
    let SnmpCredential::V3(user) = credential else {
        return Err(Fault::new(FaultKind::Internal, "a community has no keys"));
    };
    if let Some(wrong) = user.wrong() {
        return Err(Fault::new(FaultKind::MalformedCommand, wrong));
    }
    let refused = |error: v3::CryptoError| Fault::new(FaultKind::Internal, format!("no keys: {error}"));
    let config = UsmConfig::new(Bytes::copy_from_slice(user.name.as_bytes()))
        .context_name(Bytes::copy_from_slice(user.context.as_bytes()));
    let config = match master_keys(&user.security).map_err(refused)? {
        None => config,
        Some(keys) => config.with_master_keys(keys).map_err(refused)?,
    };
    Ok(Auth::Usm(config))
}

/// The keys that the passwords make; none at noAuthNoPriv.
pub(crate) fn master_keys(security: &SnmpSecurity) -> Result<Option<MasterKeys>, v3::CryptoError> {
    match security {
        SnmpSecurity::None => Ok(None),
        SnmpSecurity::Auth(protocol, password) => {
            MasterKeys::new(auth_protocol(*protocol), password.expose()).map(Some)
        }
        SnmpSecurity::AuthPriv((auth, auth_password), (privacy, priv_password)) => {
            MasterKeys::new(auth_protocol(*auth), auth_password.expose())
                .and_then(|keys| keys.with_privacy(priv_protocol(*privacy), priv_password.expose()))
                .map(Some)
        }
    }
}

/// The half of DES's initialisation vectors that has to be another one after each start (RFC 3414, clause 8.1.1.1, calls it
/// the sender's boots): random in place of kept on disk, so that it repeats by chance of 1 in 2^31 only.
pub(crate) fn des_salt() -> Result<v3::DesSaltState, Fault> {
    static SALT: OnceLock<Option<v3::DesSaltState>> = OnceLock::new();
    SALT.get_or_init(|| {
        let mut random = [0; 4];
        getrandom::fill(&mut random).ok()?;
        // 1 to 2^31 - 2.
        let boots = (u32::from_be_bytes(random) & 0x7fff_ffff).clamp(1, 0x7fff_fffe);
        let previous = v3::PersistedDesSaltState::new(boots).ok()?;
        v3::DesSaltState::restart(previous, |_| Ok::<(), std::convert::Infallible>(())).ok()
    })
    .clone()
    .ok_or_else(|| Fault::new(FaultKind::Internal, "the system has no random bytes for DES"))
}

fn auth_protocol(protocol: AuthProtocol) -> v3::AuthProtocol {
    match protocol {
        AuthProtocol::Md5 => v3::AuthProtocol::Md5,
        AuthProtocol::Sha1 => v3::AuthProtocol::Sha1,
        AuthProtocol::Sha224 => v3::AuthProtocol::Sha224,
        AuthProtocol::Sha256 => v3::AuthProtocol::Sha256,
        AuthProtocol::Sha384 => v3::AuthProtocol::Sha384,
        AuthProtocol::Sha512 => v3::AuthProtocol::Sha512,
    }
}

fn priv_protocol(protocol: PrivProtocol) -> v3::PrivProtocol {
    match protocol {
        PrivProtocol::Des => v3::PrivProtocol::Des,
        PrivProtocol::Aes128 => v3::PrivProtocol::Aes128,
        PrivProtocol::Aes192 => v3::PrivProtocol::Aes192Blumenthal,
        PrivProtocol::Aes256 => v3::PrivProtocol::Aes256Blumenthal,
        PrivProtocol::Aes192Cisco => v3::PrivProtocol::Aes192Reeder,
        PrivProtocol::Aes256Cisco => v3::PrivProtocol::Aes256Reeder,
    }
}
