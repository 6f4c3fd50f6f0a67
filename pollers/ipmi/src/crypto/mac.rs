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
        // Of length nothing, which is what RAKP-none and packets without a code carry.
        Authentication::None => {}
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
    finish(code, mac);
}

/// HMAC under one key for many messages: what the key alone makes of the hash is kept, which is half of the work for
/// messages as short as ours.
#[derive(Clone)]
pub(super) enum Keyed {
    /// Codes of length nothing.
    None,
    /// HMAC-SHA1.
    Sha1(Hmac<Sha1>),
    /// HMAC-SHA256.
    Sha256(Hmac<Sha256>),
}

impl Keyed {
    pub(super) fn new(algorithm: Authentication, key: &[u8]) -> Self {
        match algorithm {
            Authentication::None => Self::None,
            // HMAC takes keys of every length.
            Authentication::HmacSha1 => Hmac::new_from_slice(key).map_or(Self::None, Self::Sha1),
            Authentication::HmacSha256 => Hmac::new_from_slice(key).map_or(Self::None, Self::Sha256),
        }
    }

    pub(super) fn code(&self, message: &[u8]) -> AuthCode {
        let mut code = AuthCode { bytes: [0; 32], length: 0 };
        match self {
            Self::None => {}
            Self::Sha1(keyed) => finish(&mut code, keyed.clone().chain_update(message)),
            Self::Sha256(keyed) => finish(&mut code, keyed.clone().chain_update(message)),
        }
        code
    }
}

fn finish<M: Mac>(code: &mut AuthCode, mac: M) {
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

    // RFC 2202, test case 2.
    #[test]
    fn published_vector_of_hmac_sha1() {
        let parts: [&[u8]; 2] = [b"what do ya want ", b"for nothing?"];
        assert_eq!(
            hex(&hmac(Authentication::HmacSha1, b"Jefe", &parts)),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
    }

    // RFC 4231, test cases 1 to 4, 6 and 7 (5 cuts the output to 128 bits, as the wire does).
    #[test]
    fn published_vectors_of_hmac_sha256() {
        let long_key = [0xaa; 131];
        let counting: Vec<u8> = (1..=25).collect();
        let long_text: &[u8] =
            b"This is a test using a larger than block-size key and a larger than block-size data. \
            The key needs to be hashed before being used by the HMAC algorithm.";
        let vectors: [(&[u8], &[u8], &str); 7] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&counting, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (&[0x0c; 20], b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
            (
                &long_key,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (&long_key, long_text, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
        ];
        for (key, text, expected) in vectors {
            let code = hmac(Authentication::HmacSha256, key, &[text]).truncated(expected.len() / 2);
            assert_eq!(hex(&code), expected);
        }
    }

    #[test]
    fn a_kept_key_gives_the_same_codes_again_and_again() {
        for algorithm in [Authentication::None, Authentication::HmacSha1, Authentication::HmacSha256] {
            let keyed = Keyed::new(algorithm, b"Jefe");
            for message in [&b"what do ya want for nothing?"[..], b"", b"what do ya want for nothing?"] {
                let code = hmac(algorithm, b"Jefe", &[message]);
                assert_eq!(keyed.code(message).as_bytes(), code.as_bytes());
            }
        }
    }

    #[test]
    fn no_algorithm_gives_no_code() {
        assert_eq!(hmac(Authentication::None, b"key", &[b"text"]).as_bytes(), []);
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
