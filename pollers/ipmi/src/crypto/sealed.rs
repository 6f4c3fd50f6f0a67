use super::SessionKeys;
use crate::wire::{PayloadType, RmcpPlusPacket, begin_in_session, end_payload};

/// Appends a whole datagram of a session, encrypted and authenticated as its suite wants. `session_id` is the
/// receiver's id.
pub fn seal(
    out: &mut Vec<u8>,
    keys: &SessionKeys,
    payload_type: PayloadType,
    session_id: u32,
    sequence: u32,
    iv: [u8; 16],
    payload: &[u8],
) {
    let signed = keys.code_length() > 0;
    let start = begin_in_session(out, payload_type, (keys.suite().encrypts(), signed), session_id, sequence);
    keys.encrypt(out, iv, payload);
    end_payload(out, start, signed);
    let code = keys.integrity_code(out.get(start..).unwrap_or_default());
    out.extend_from_slice(code.as_bytes());
}

/// How taking a datagram of a session apart went. In a session everything is encrypted and authenticated as its suite
/// wants: what is not is refused, however right it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsealed {
    /// The payload is in the buffer.
    Plain,
    /// Not encrypted or not authenticated and should be, or the other way round.
    Bare,
    /// The authentication code is wrong.
    Forged,
    /// The code is right and the encrypted payload makes no sense.
    Garbled,
}

/// Checks the code of a datagram and decrypts its payload into `plain`, which is emptied first. Session id and sequence
/// are the caller's to check.
pub fn unseal(plain: &mut Vec<u8>, keys: &SessionKeys, packet: &RmcpPlusPacket<'_>) -> Unsealed {
    plain.clear();
    let signed = keys.code_length() > 0;
    if packet.encrypted != keys.suite().encrypts() || packet.authenticated != signed {
        return Unsealed::Bare;
    }
    if !signed {
        plain.extend_from_slice(packet.payload);
        return Unsealed::Plain;
    }
    match packet.trailer(keys.code_length()) {
        Ok(trailer) if keys.verify(&trailer) => {}
        _ => return Unsealed::Forged,
    }
    if !packet.encrypted {
        plain.extend_from_slice(packet.payload);
        return Unsealed::Plain;
    }
    match keys.decrypt(plain, packet.payload) {
        Ok(()) => Unsealed::Plain,
        Err(_) => Unsealed::Garbled,
    }
}
