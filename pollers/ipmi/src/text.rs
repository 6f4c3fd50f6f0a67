//! Texts of records: the codes that sensor names (IPMI 2.0 clause 43.15) and FRU fields (FRU Information Storage Definition,
//! clause 13) have in common.

/// BCD plus: digits and these.
const BCD_PLUS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ' ', '-', '.', ':', ',', '_'];

/// Two characters a byte, the upper nibble first.
pub(crate) fn bcd_plus(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    nibbles.map(|nibble| BCD_PLUS.get(usize::from(nibble)).copied().unwrap_or(' ')).collect()
}

/// Six bits a character from 0x20 on, packed from the lowest bit up.
pub(crate) fn packed(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3);
    let (mut bits, mut have) = (0u16, 0);
    for byte in bytes {
        bits |= u16::from(*byte) << have;
        have += 8;
        while have >= 6 {
            text.push(char::from(0x20 + (bits & 0x3f) as u8));
            bits >>= 6;
            have -= 6;
        }
    }
    text
}

/// Eight bits a character: ASCII and Latin 1, up to the first zero, because some BMCs pad with zeros.
pub(crate) fn latin(bytes: &[u8]) -> String {
    bytes.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}
