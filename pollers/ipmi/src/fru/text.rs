//! Type/length fields (FRU Information Storage Definition, clause 13): a byte, and up to 63 bytes in one of four codes.

use crate::text::{bcd_plus, latin, packed};

/// Stands where no field comes any more.
const END: u8 = 0xc1;

/// The fields of an area, one after the other. A field that is cut off by the area's end is none.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    /// The next of the fields that every area of the kind has; empty where there is none. Some manufacturers write a text
    /// of one character as the end, and go on; where an area does end before its time, zeros follow.
    pub(super) fn text(&mut self) -> String {
        let Some((type_length, rest)) = self.0.split_first() else { return String::new() };
        let (field, rest) = rest.split_at_checked(usize::from(type_length & 0x3f)).unwrap_or_default();
        self.0 = rest;
        decode(type_length >> 6, field)
    }

    /// The further fields, up to the end; empty ones are left out.
    pub(super) fn rest(mut self) -> Vec<String> {
        let mut texts = Vec::new();
        while self.0.first().is_some_and(|type_length| *type_length != END) {
            texts.extend(Some(self.text()).filter(|text| !text.is_empty()));
        }
        texts
    }
}

fn decode(code: u8, bytes: &[u8]) -> String {
    match code {
        0b00 => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        0b01 => bcd_plus(bytes),
        0b10 => packed(bytes),
        // Latin 1 for English; the other languages have UCS-2 here, and few have seen it.
        _ => latin(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_codes() {
        let area = [
            0xc3, b'a', 0xe9, b'c', 0x02, 0xde, 0xad, 0x42, 0x1a, 0xbf, 0x83, 0x29, 0xdc, 0xa6, 0xc1, 0xc1,
            0xff,
        ];
        assert_eq!(Fields(&area).rest(), ["a\u{e9}c", "dead", "1 -_", "IPMI"]);
    }

    #[test]
    fn what_is_cut_off_is_no_field() {
        assert_eq!(Fields(&[0xc5, b'a', b'b']).rest(), [] as [&str; 0]);
        let mut fields = Fields(&[0xc0, 0xc2, b'a', 0, 0xc1]);
        assert_eq!((fields.text(), fields.text(), fields.text()), (String::new(), "a".into(), String::new()));
        assert_eq!(Fields(&[0xc0, 0xc1]).rest(), [] as [&str; 0]);
    }

    #[test]
    fn one_character_that_looks_like_the_end() {
        let mut fields = Fields(&[0xc1, b'1', 0xc2, b'a', b'b', 0xc1, 0, 0]);
        assert_eq!((fields.text(), fields.text(), fields.text()), ("1".into(), "ab".into(), String::new()));
        assert_eq!(fields.rest(), [] as [&str; 0]);
    }

    #[test]
    fn no_bytes_are_wrong() {
        let bytes: Vec<u8> = (0..=u8::MAX).rev().collect();
        for from in 0..=256 {
            assert!(Fields(&bytes[from..]).rest().len() <= 256);
        }
    }
}
