use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::Authentication;

/// Output of an HMAC, whole or cut to the length that the wire carries. It may be key material: it is wiped when
/// dropped and cannot print itself.
pub struct AuthCode {
    bytes: [u8; 32],
    length: usize,
}

impl AuthCode {
    /// The bytes themselves, for the wire.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether `code` is this code, in a time that does not tell where they differ.
    pub fn matches(&self, code: &[u8]) -> bool {
        self.as_bytes().ct_eq(code).into()
    }

    /// Only the first bytes, where the wire carries fewer.
    pub(super) fn truncated(mut self, length: usize) -> Self {
        self.length = self.length.min(length);
        self
    }
}

impl Drop for AuthCode {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// HMAC over the parts one after another.
pub(super) fn hmac(algorithm: Authentication, key: &[u8], parts: &[&[u8]]) -> AuthCode {
    let mut code = AuthCode { bytes: [0; 32], length: 0 };
    match algorithm {
        Authentication::HmacSha1 => fill::<Hmac<Sha1>>(&mut code, key, parts),
        Authentication::HmacSha256 => fill::<Hmac<Sha256>>(&mut code, key, parts),
    }
    code
}

fn fill<M: Mac + KeyInit>(code: &mut AuthCode, key: &[u8], parts: &[&[u8]]) {
    // HMAC takes keys of every length.
    let Ok(mut mac) = M::new_from_slice(key) else { return };
    for part in parts {
        mac.update(part);
    }
    let mut output = mac.finalize().into_bytes();
    if let Some(bytes) = code.bytes.get_mut(..output.len()) {
        bytes.copy_from_slice(&output);
        code.length = output.len();
    }
    output.as_mut_slice().zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(code: &AuthCode) -> String {
        code.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    // RFC 2202 and RFC 4231, test case 2 of each.
    #[test]
    fn published_vectors() {
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert_eq!(
            hex(&hmac(Authentication::HmacSha1, b"Jefe", &parts)),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
        assert_eq!(
            hex(&hmac(Authentication::HmacSha256, b"Jefe", &parts)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn comparison_sees_every_bit_and_the_length() {
        let code = hmac(Authentication::HmacSha1, b"k", &[b"m"]).truncated(12);
        let mut bytes = code.as_bytes().to_vec();
        assert!(code.matches(&bytes));
        assert!(!code.matches(&bytes[..11]));
        bytes[11] ^= 1;
        assert!(!code.matches(&bytes));
        assert!(!code.matches(&[]));
    }
}
