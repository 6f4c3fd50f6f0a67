//! Encrypted fields of commands and results (contract.md, section 8): `base64(iv) "." base64(ciphertext)`, AES-256-CBC.
//!
//! RackHD's scheme carries no integrity check: who can write to the bus can garble a value. It keeps secrets from being read.

use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use base64::{Engine, engine::general_purpose::STANDARD};
use rackpoll_model::Secret;
use zeroize::Zeroizing;

/// RackHD's `sharedKey` as it is published with its source; whoever can read the internet can read what it hides.
const DEFAULT_KEY: &str = "qxfO2D3tIJsZACu7UA6Fbw0avowo8r79ALzn+WeuC8M=";
const KEY_LENGTH: usize = 32;
const BLOCK: usize = 16;

/// The key that is shared with RackHD (`sharedKey`).
#[derive(Clone)]
pub struct EncryptionKey(Secret);

impl std::fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EncryptionKey(..)")
    }
}

impl EncryptionKey {
    /// Reads the key as RackHD's configuration writes it: base64 of 32 bytes. `None` for anything else.
    pub fn from_base64(text: &Secret) -> Option<Self> {
        let bytes = Zeroizing::new(STANDARD.decode(text.expose().trim_ascii()).ok()?);
        (bytes.len() == KEY_LENGTH).then(|| Self(Secret::new(bytes.as_slice())))
    }

    /// Whether it is the key that RackHD is shipped with, which hides nothing.
    pub fn is_default(&self) -> bool {
        STANDARD.decode(DEFAULT_KEY).is_ok_and(|key| key == self.0.expose())
    }

    /// Encrypts under a fresh initialisation vector; `None` where the system has no randomness.
    pub fn encrypt(&self, plain: &Secret) -> Option<String> {
        let mut iv = [0; BLOCK];
        getrandom::fill(&mut iv).ok()?;
        self.encrypt_with(&iv, plain)
    }

    fn encrypt_with(&self, iv: &[u8; BLOCK], plain: &Secret) -> Option<String> {
        let cipher = cbc::Encryptor::<aes::Aes256>::new_from_slices(self.0.expose(), iv).ok()?;
        let ciphertext = cipher.encrypt_padded_vec::<Pkcs7>(plain.expose());
        Some(format!("{}.{}", STANDARD.encode(iv), STANDARD.encode(ciphertext)))
    }

    /// The plain text, if this is one of ours: the form, the padding and UTF-8 have to be right.
    pub fn decrypt(&self, text: &str) -> Option<Secret> {
        let (iv, ciphertext) = text.split_once('.')?;
        let iv = STANDARD.decode(iv).ok()?;
        let ciphertext = STANDARD.decode(ciphertext).ok()?;
        if iv.len() != BLOCK || ciphertext.is_empty() || !ciphertext.len().is_multiple_of(BLOCK) {
            return None;
        }
        let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(self.0.expose(), &iv).ok()?;
        let plain = Secret::new(cipher.decrypt_padded_vec::<Pkcs7>(&ciphertext).ok()?);
        plain.expose_str().is_some().then_some(plain)
    }
}

/// A field that may be encrypted: the plain text, where it decrypts; else the field is plain text itself.
pub fn open(key: Option<&EncryptionKey>, field: Secret) -> Secret {
    let opened = key.zip(field.expose_str()).and_then(|(key, text)| key.decrypt(text));
    opened.unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTOR: &str = "AAECAwQFBgcICQoLDA0ODw==.+mPiGGeG4SFvJoPmmcl0Xw==";

    fn default_key() -> EncryptionKey {
        EncryptionKey::from_base64(&Secret::from(DEFAULT_KEY)).unwrap()
    }

    fn other_key() -> EncryptionKey {
        EncryptionKey(Secret::new([7; KEY_LENGTH]))
    }

    #[test]
    fn the_contracts_vector_both_ways() {
        let iv = std::array::from_fn(|index| u8::try_from(index).unwrap());
        assert_eq!(default_key().encrypt_with(&iv, &Secret::from("admin")).unwrap(), VECTOR);
        assert_eq!(default_key().decrypt(VECTOR), Some(Secret::from("admin")));
        assert!(default_key().is_default());
        assert!(!other_key().is_default());
    }

    #[test]
    fn what_was_encrypted_is_decrypted() {
        for plain in ["", "x", "exactly sixteen.", "a longer one, over two blocks long, é"] {
            let hidden = other_key().encrypt(&Secret::from(plain)).unwrap();
            assert_eq!(other_key().decrypt(&hidden), Some(Secret::from(plain)));
            assert_ne!(Some(hidden), other_key().encrypt(&Secret::from(plain)), "the vector has to be fresh");
        }
    }

    #[test]
    fn what_does_not_decrypt_is_plain_text() {
        let key = default_key();
        for text in [
            "plain",
            "a.b",
            ".",
            "AAECAwQFBgcICQoLDA0ODw==.",
            "AAECAwQFBgcICQoLDA0ODw==.AAAA",
            "AAEC.+mPiGGeG4SFvJoPmmcl0Xw==",
            "AAECAwQFBgcICQoLDA0ODw==.+mPiGGeG4SFvJoPmmcl0XA==",
        ] {
            assert_eq!(open(Some(&key), Secret::from(text)), Secret::from(text), "{text}");
        }
        assert_eq!(open(None, Secret::from(VECTOR)), Secret::from(VECTOR));
        assert_eq!(open(Some(&key), Secret::from(VECTOR)), Secret::from("admin"));
    }

    #[test]
    fn only_32_bytes_are_a_key() {
        for text in ["", "AAAA", "not base64", "qxfO2D3tIJsZACu7UA6Fbw0avowo8r79ALzn+WeuC8MA"] {
            assert!(EncryptionKey::from_base64(&Secret::from(text)).is_none(), "{text}");
        }
        assert_eq!(format!("{:?}", other_key()), "EncryptionKey(..)");
    }
}
