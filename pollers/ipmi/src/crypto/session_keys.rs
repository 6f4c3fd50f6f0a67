use rackpoll_model::Secret;
use zeroize::Zeroizing;

use super::{
    AuthCode, Authentication, CipherSuite, Transcript,
    confidentiality::Aes,
    mac::{Keyed, hmac},
};
use crate::wire::{Malformed, Trailer};

/// K1 and K2 are made from constants of 20 bytes, whatever the hash (IPMI 2.0 clause 13.32; the errata for SHA-256 left
/// it, and so do ipmitool and freeipmi).
const CONSTANT_LENGTH: usize = 20;

/// The keys of one session. Wiped when dropped; no `Debug`.
pub struct SessionKeys {
    suite: CipherSuite,
    /// SIK, for the check value of RAKP 4.
    sik: AuthCode,
    packets: Box<PacketKeys>,
}

/// What the keys are expanded to once, so that no packet pays for it. Half a kilobyte: on the heap.
struct PacketKeys {
    /// Of K1.
    integrity: Keyed,
    /// Of the first 16 bytes of K2.
    aes: Aes,
}

impl SessionKeys {
    /// Makes the keys of a session (clause 13.31 and 13.32). `k_g` is the BMC's key where it has one; without it the
    /// user's password stands in.
    pub fn derive(
        suite: CipherSuite,
        password: &Secret,
        k_g: Option<&Secret>,
        transcript: &Transcript,
    ) -> Self {
        let algorithm = suite.authentication();
        let sik = transcript.session_integrity_key(algorithm, k_g.unwrap_or(password));
        let (k1, k2) = long_keys(algorithm, &sik);
        // Both integrity algorithms use the hash of their suite's RAKP.
        let packets = PacketKeys { integrity: Keyed::new(algorithm, k1.as_bytes()), aes: Aes::new(&k2) };
        Self { suite, sik, packets: Box::new(packets) }
    }

    /// The suite that the keys are for.
    pub fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// Integrity check value of RAKP 4: HMAC by SIK over Rm, SIDc, GUIDc, cut (clause 13.23 and 13.28).
    pub fn rakp4_check(&self, transcript: &Transcript) -> AuthCode {
        hmac(
            self.suite.authentication(),
            self.sik.as_bytes(),
            &[&transcript.console_random, &transcript.managed_session_id.to_le_bytes(), &transcript.guid],
        )
        .truncated(self.suite.authentication().check_length())
    }

    /// Bytes of the code at a packet's end.
    pub fn code_length(&self) -> usize {
        self.suite.integrity().code_length()
    }

    /// Code over the authenticated part of a packet.
    pub fn integrity_code(&self, signed: &[u8]) -> AuthCode {
        self.packets.integrity.code(signed).truncated(self.code_length())
    }

    /// Whether a packet's code is right.
    pub fn verify(&self, trailer: &Trailer<'_>) -> bool {
        self.integrity_code(trailer.signed).matches(trailer.code)
    }

    /// Appends the payload as the suite carries it: in clear, or confidentiality header (the IV), the encrypted payload
    /// and its trailer (clause 13.29). An IV must be random and never used twice.
    pub fn encrypt(&self, out: &mut Vec<u8>, iv: [u8; 16], payload: &[u8]) {
        if self.suite.encrypts() {
            self.packets.aes.encrypt(out, iv, payload);
        } else {
            out.extend_from_slice(payload);
        }
    }

    /// Decrypts into `out`, which is emptied first. For suites that encrypt.
    pub fn decrypt(&self, out: &mut Vec<u8>, payload: &[u8]) -> Result<(), Malformed> {
        self.packets.aes.decrypt(out, payload)
    }
}

/// K1, and the first 16 bytes of K2 (clause 13.32).
fn long_keys(algorithm: Authentication, sik: &AuthCode) -> (AuthCode, Zeroizing<[u8; 16]>) {
    let k1 = hmac(algorithm, sik.as_bytes(), &[&[0x01; CONSTANT_LENGTH]]);
    let long_k2 = hmac(algorithm, sik.as_bytes(), &[&[0x02; CONSTANT_LENGTH]]);
    let mut k2 = Zeroizing::new([0; 16]);
    for (to, from) in k2.iter_mut().zip(long_k2.as_bytes()) {
        *to = *from;
    }
    (k1, k2)
}

#[cfg(test)]
mod vectors;
