use aes::Aes128;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit, block_padding::NoPadding};

use crate::wire::Malformed;

const BLOCK: usize = 16;

/// AES-CBC-128 under one key, whose round keys are kept.
pub(super) struct Aes(Aes128);

impl Aes {
    pub(super) fn new(key: &[u8; BLOCK]) -> Self {
        Self(Aes128::new(key.into()))
    }

    /// Appends a payload (IPMI 2.0 table 13-20): IV, then data, pad bytes 01 02 .., pad length, all encrypted.
    pub(super) fn encrypt(&self, out: &mut Vec<u8>, iv: [u8; BLOCK], payload: &[u8]) {
        out.extend_from_slice(&iv);
        let start = out.len();
        out.extend_from_slice(payload);
        // With the pad length byte the data is a multiple of the block.
        let pad = (BLOCK - (payload.len() + 1) % BLOCK) % BLOCK;
        out.extend((1..=pad as u8).chain(std::iter::once(pad as u8)));
        let length = out.len() - start;
        if let Some(block) = out.get_mut(start..) {
            let padded = cbc::Encryptor::inner_iv_init(&self.0, (&iv).into())
                .encrypt_padded::<NoPadding>(block, length);
            debug_assert!(padded.is_ok(), "the data is a multiple of the block");
        }
    }

    /// Takes such a payload apart. Of the pad only the length is checked: the integrity code has covered the rest.
    pub(super) fn decrypt(&self, out: &mut Vec<u8>, payload: &[u8]) -> Result<(), Malformed> {
        out.clear();
        let (iv, data) = payload.split_first_chunk::<BLOCK>().ok_or(Malformed::Truncated)?;
        if data.is_empty() || data.len() % BLOCK != 0 {
            return Err(Malformed::Length);
        }
        out.extend_from_slice(data);
        cbc::Decryptor::inner_iv_init(&self.0, iv.into())
            .decrypt_padded::<NoPadding>(out)
            .map_err(|_| Malformed::Length)?;
        let pad = out.pop().map(usize::from).ok_or(Malformed::Length)?;
        let length = out.len().checked_sub(pad).filter(|_| pad < BLOCK).ok_or(Malformed::Length)?;
        out.truncate(length);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = [7; 16];

    fn aes() -> Aes {
        Aes::new(&KEY)
    }

    #[test]
    fn every_length_comes_back_in_whole_blocks() {
        for length in 0..70 {
            let payload: Vec<u8> = (0..length).collect();
            let mut sealed = Vec::new();
            aes().encrypt(&mut sealed, [9; 16], &payload);
            assert_eq!(sealed.len() % BLOCK, 0);
            let mut plain = vec![0xff; 3];
            assert_eq!(aes().decrypt(&mut plain, &sealed), Ok(()));
            assert_eq!(plain, payload);
        }
    }

    // 15 data bytes and pad length 0:
    // printf '000102030405060708090a0b0c0d0e00' | xxd -r -p \
    //   | openssl enc -aes-128-cbc -nopad -K 07070707070707070707070707070707 -iv 09090909090909090909090909090909 \
    //   | xxd -p
    #[test]
    fn as_openssl_encrypts() {
        let payload: Vec<u8> = (0..15).collect();
        let mut sealed = Vec::new();
        aes().encrypt(&mut sealed, [9; 16], &payload);
        let hex: String = sealed[16..].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "9b2eaf8e2570920302fc017047738dcd");
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        let mut plain = Vec::new();
        for length in 0..48 {
            let payload = vec![0x5a; length];
            let whole = length == 32;
            if !whole {
                assert!(aes().decrypt(&mut plain, &payload).is_err(), "{length}");
            }
        }
        // A pad longer than a block or than the data.
        for pad in [16, 17, 255] {
            let mut block = [0; 16];
            block[15] = pad;
            let mut sealed = vec![0; 16];
            sealed.extend_from_slice(&block);
            let data = &mut sealed[16..];
            cbc::Encryptor::inner_iv_init(&aes().0, (&[0u8; 16]).into())
                .encrypt_padded::<NoPadding>(data, 16)
                .unwrap();
            assert_eq!(aes().decrypt(&mut plain, &sealed), Err(Malformed::Length));
        }
    }
}
