//! Values as `snmpwalk -m '' -Oqn` of net-snmp 5.9 prints them, without the quotes around strings.

use std::fmt::Write as _;

use rackpoll_model::{Oid, Value};

/// An oid in numbers with a leading dot.
pub fn oid_text(oid: &Oid) -> String {
    oid.to_string()
}

/// A value's text. Strings keep net-snmp's backslash before `"` and `\`; bytes are two capital digits and a blank each, 16
/// to a line.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::OctetString(bytes) => octets(bytes),
        Value::Null => "NULL".to_owned(),
        Value::ObjectId(oid) => oid_text(oid),
        Value::IpAddress(address) => address.to_string(),
        Value::Counter32(number) | Value::Gauge32(number) | Value::UInteger32(number) => number.to_string(),
        Value::TimeTicks(ticks) => time_ticks(*ticks),
        Value::Counter64(number) => number.to_string(),
        Value::Opaque(bytes) => opaque(bytes),
        Value::Nsap(bytes) | Value::Malformed(bytes) => hexadecimal(bytes),
        Value::Unknown { .. } => "Variable has bad type".to_owned(),
        Value::NoSuchObject => "No Such Object available on this agent at this OID".to_owned(),
        Value::NoSuchInstance => "No Such Instance currently exists at this OID".to_owned(),
        Value::EndOfMibView => {
            "No more variables left in this MIB View (It is past the end of the MIB tree)".to_owned()
        }
    }
}

/// Text where every byte is printable ASCII or white space, else bytes.
fn octets(bytes: &[u8]) -> String {
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t'..=b'\r');
    if !bytes.iter().all(is_text) {
        return hexadecimal(bytes);
    }
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            text.push('\\');
        }
        text.push(char::from(*byte));
    }
    text
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(3));
    for (line, chunk) in bytes.chunks(16).enumerate() {
        if line > 0 {
            text.push('\n');
        }
        for byte in chunk {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02X} ");
        }
    }
    text
}

/// Days without leading zeros, then `h:mm:ss.cc`.
fn time_ticks(ticks: u32) -> String {
    let (seconds, hundredths) = (ticks / 100, ticks % 100);
    let (minutes, hours) = (seconds / 60 % 60, seconds / 3_600 % 24);
    format!("{}:{hours}:{minutes:02}:{:02}.{hundredths:02}", seconds / 86_400, seconds % 60)
}

/// The numbers that net-snmp knows to be wrapped in an Opaque (draft-perkins-opaque), else bytes.
fn opaque(bytes: &[u8]) -> String {
    let [0x9f, kind, length, number @ ..] = bytes else { return hexadecimal(bytes) };
    if usize::from(*length) != number.len() {
        return hexadecimal(bytes);
    }
    match (kind, number) {
        (0x78, number) => match <[u8; 4]>::try_from(number) {
            Ok(number) => float(f32::from_be_bytes(number).into()),
            Err(_) => hexadecimal(bytes),
        },
        (0x79, number) => match <[u8; 8]>::try_from(number) {
            Ok(number) => float(f64::from_be_bytes(number)),
            Err(_) => hexadecimal(bytes),
        },
        // Counter64 and unsigned, of as many bytes as it takes.
        (0x76 | 0x7b, [0, number @ ..] | number @ [_, ..]) if number.len() <= 8 => {
            unsigned(number).to_string()
        }
        (0x7a, number @ [first, ..]) if number.len() <= 8 => {
            let unused = 64_u32.saturating_sub(8 * u32::try_from(number.len()).unwrap_or(8));
            let number = unsigned(number).cast_signed();
            let sign_extended =
                if first & 0x80 == 0 { number } else { number.wrapping_shl(unused).wrapping_shr(unused) };
            sign_extended.to_string()
        }
        _ => hexadecimal(bytes),
    }
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// As C's `%f` prints it.
fn float(number: f64) -> String {
    match (number.is_nan(), number.is_sign_negative()) {
        (true, true) => "-nan".to_owned(),
        (true, false) => "nan".to_owned(),
        _ => format!("{number:.6}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(bytes: &[u8]) -> String {
        value_text(&Value::OctetString(bytes.into()))
    }

    fn opaque(bytes: &[u8]) -> String {
        value_text(&Value::Opaque(bytes.into()))
    }

    // The texts below were printed by `snmpwalk -v2c -m '' -Oqn` of net-snmp 5.9.3, quotes around strings removed.

    #[test]
    fn strings() {
        assert_eq!(octets(b""), "");
        assert_eq!(octets(b"plain"), "plain");
        assert_eq!(octets(b"line1\r\nline2\t\x0b\x0c"), "line1\r\nline2\t\x0b\x0c");
        assert_eq!(octets(br#""q\""#), r#"\"q\\\""#);
        assert_eq!(octets(b"ab\0c"), "61 62 00 63 ");
        assert_eq!(octets(b"ab\0"), "61 62 00 ");
        assert_eq!(octets("ä".as_bytes()), "C3 A4 ");
        let bytes: Vec<u8> = (0..=32).collect();
        let lines = "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F \n\
                     10 11 12 13 14 15 16 17 18 19 1A 1B 1C 1D 1E 1F \n20 ";
        assert_eq!(octets(&bytes), lines);
        assert_eq!(octets(&[1; 16]), "01 ".repeat(16));
    }

    #[test]
    fn numbers() {
        assert_eq!(value_text(&Value::Integer(-5)), "-5");
        assert_eq!(value_text(&Value::Counter32(u32::MAX)), "4294967295");
        assert_eq!(value_text(&Value::Gauge32(7)), "7");
        assert_eq!(value_text(&Value::Counter64(u64::MAX)), "18446744073709551615");
        assert_eq!(value_text(&Value::IpAddress([10, 0, 0, 1].into())), "10.0.0.1");
        assert_eq!(value_text(&Value::ObjectId(Oid::new(&[0, 0]))), ".0.0");
        assert_eq!(value_text(&Value::ObjectId(Oid::new(&[1, 3]))), ".1.3");
        assert_eq!(value_text(&Value::Null), "NULL");
    }

    #[test]
    fn times() {
        assert_eq!(value_text(&Value::TimeTicks(0)), "0:0:00:00.00");
        assert_eq!(value_text(&Value::TimeTicks(8_640_012)), "1:0:00:00.12");
        assert_eq!(value_text(&Value::TimeTicks(u32::MAX)), "497:2:27:52.95");
    }

    #[test]
    fn opaque_values() {
        assert_eq!(opaque(b"\x9f\x78\x04\x3d\xe1\x47\xae"), "0.110000");
        assert_eq!(opaque(b"\x9f\x78\x04\x42\xf6\x00\x00"), "123.000000");
        assert_eq!(opaque(b"\x9f\x78\x04\x49\x74\x24\x00"), "1000000.000000");
        assert_eq!(opaque(b"\x9f\x78\x04\x7f\x80\x00\x00"), "inf");
        assert_eq!(opaque(b"\x9f\x79\x08\x40\x09\x21\xfb\x54\x44\x2d\x18"), "3.141593");
        assert_eq!(opaque(b"\x9f\x76\x02\x01\x03"), "259");
        assert_eq!(opaque(b"\x9f\x7a\x04\x01\x02\x03\x04"), "16909060");
        assert_eq!(opaque(b"\x9f\x7b\x02\xff\x03"), "65283");
        assert_eq!(opaque(b"\x09\x06\x03\x35\x32\x45\x2d\x32"), "09 06 03 35 32 45 2D 32 ");
        assert_eq!(opaque(b"abcd"), "61 62 63 64 ");
        assert_eq!(opaque(b""), "");
        let bytes: Vec<u8> = (0..=21).collect();
        assert_eq!(opaque(&bytes), "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F \n10 11 12 13 14 15 ");
        // Of the wrong length: net-snmp drops the whole answer.
        assert_eq!(
            opaque(b"\x9f\x78\x08\x40\x09\x21\xfb\x54\x44\x2d\x18"),
            "9F 78 08 40 09 21 FB 54 44 2D 18 "
        );
        assert_eq!(opaque(b"\x9f\x76"), "9F 76 ");
        assert_eq!(opaque(b"\x9f\x7a\x00"), "9F 7A 00 ");
        assert_eq!(opaque(b"\x9f\x7a\x01\xff"), "-1");
    }
}
