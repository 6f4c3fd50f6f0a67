//! Id strings (IPMI 2.0 clause 43.15): a type/length byte and up to 31 bytes in one of four encodings.

use crate::text::{bcd_plus, latin, packed};

/// The text of an id string. `bytes` may be longer, or shorter where a record is cut off; nothing here fails.
pub fn decode(type_length: u8, bytes: &[u8]) -> String {
    let length = usize::from(type_length & 0x1f);
    let bytes = bytes.get(..length).unwrap_or(bytes);
    match type_length >> 6 {
        0b00 => unicode(bytes),
        0b01 => bcd_plus(bytes),
        0b10 => packed(bytes),
        _ => latin(bytes),
    }
}

/// Two bytes a character, the lower one first, as all numbers of IPMI.
fn unicode(bytes: &[u8]) -> String {
    let (pairs, _odd) = bytes.as_chunks();
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).take_while(|unit| *unit != 0);
    char::decode_utf16(units).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bits() {
        assert_eq!(decode(0xc0 | 5, b"FAN 1 and more"), "FAN 1");
        assert_eq!(decode(0xc0 | 3, &[b'5', 0xb0, b'C']), "5\u{b0}C");
        assert_eq!(decode(0xc0 | 6, b"A\0\0\0\0\0"), "A");
        assert_eq!(decode(0xc0 | 31, b"cut"), "cut");
        assert_eq!(decode(0xc0, b""), "");
    }

    #[test]
    fn bcd() {
        assert_eq!(decode(0x40 | 4, &[0x12, 0xab, 0xcd, 0xef]), "12 -.:,_");
    }

    // The specification's own example (clause 43.15): "IPMI" is 29 DC A6.
    #[test]
    fn six_bits() {
        assert_eq!(decode(0x80 | 3, &[0x29, 0xdc, 0xa6]), "IPMI");
        // Two bytes have two characters and four bits that are none.
        assert_eq!(decode(0x80 | 2, &[0x29, 0xdc]), "IP");
    }

    #[test]
    fn sixteen_bits() {
        assert_eq!(decode(8, &[b'T', 0, 0x3c, 0x04, 0x3d, 0xd8, 0x00, 0xde]), "T\u{43c}\u{1f600}");
        assert_eq!(decode(3, &[0x00, 0xd8, 0x41]), "\u{fffd}");
    }

    #[test]
    fn no_bytes_are_wrong() {
        let bytes: Vec<u8> = (0..=u8::MAX).rev().collect();
        for type_length in 0..=u8::MAX {
            for from in [0, 100, 250, 256] {
                assert!(decode(type_length, &bytes[from..]).chars().count() <= 62);
            }
        }
    }
}
