//! BER as SNMP uses it (RFC 3417 section 8; X.690): definite lengths only.

/// A value of a varbind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// INTEGER.
    Integer(i32),
    /// OCTET STRING.
    Octets(Vec<u8>),
    /// NULL, in requests and in answers of version 1 that refuse.
    Null,
    /// OBJECT IDENTIFIER.
    Oid(Vec<u32>),
    /// IpAddress.
    IpAddress([u8; 4]),
    /// Counter32.
    Counter32(u32),
    /// Gauge32.
    Gauge32(u32),
    /// TimeTicks: hundredths of a second.
    TimeTicks(u32),
    /// Counter64; version 2c only.
    Counter64(u64),
    /// The agent does not know the object.
    NoSuchObject,
    /// The object has no such instance.
    NoSuchInstance,
    /// Nothing comes after.
    EndOfMibView,
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// The bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads elements front to back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element: its tag and its contents.
    pub(super) fn element(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let [tag, first, rest @ ..] = self.0 else { return Err(Malformed) };
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).ok_or(Malformed)?;
                (bytes.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return Err(Malformed),
        };
        let (contents, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok((*tag, contents))
    }

    pub(super) fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        match self.element()? {
            (found, contents) if found == tag => Ok(contents),
            _ => Err(Malformed),
        }
    }

    pub(super) fn integer(&mut self) -> Result<i32, Malformed> {
        let bytes = self.expect(INTEGER)?;
        let first = bytes.first().ok_or(Malformed)?;
        if bytes.len() > 4 {
            return Err(Malformed);
        }
        let sign = if first & 0x80 == 0 { 0 } else { -1 };
        Ok(bytes.iter().fold(sign, |value, byte| value << 8 | i32::from(*byte)))
    }

    pub(super) fn oid(&mut self) -> Result<Vec<u32>, Malformed> {
        let bytes = self.expect(OID)?;
        let mut arcs = Vec::with_capacity(bytes.len().saturating_add(1));
        let mut arc = 0u32;
        for byte in bytes {
            if arc >= 1 << 25 {
                return Err(Malformed);
            }
            arc = arc << 7 | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                if arcs.is_empty() {
                    let first = (arc / 40).min(2);
                    arcs.extend([first, arc - first * 40]);
                } else {
                    arcs.push(arc);
                }
                arc = 0;
            }
        }
        match bytes.last() {
            Some(last) if last & 0x80 == 0 && arcs.len() <= 128 => Ok(arcs),
            _ => Err(Malformed),
        }
    }
}

/// Appends an element.
pub(super) fn put(out: &mut Vec<u8>, tag: u8, contents: &[u8]) {
    out.push(tag);
    put_length(out, contents.len());
    out.extend_from_slice(contents);
}

pub(super) fn put_integer(out: &mut Vec<u8>, value: i32) {
    put_signed(out, INTEGER, i64::from(value));
}

/// A varbind: a name and its value.
pub(super) fn put_varbind(out: &mut Vec<u8>, name: &[u32], value: &Value) {
    let mut body = Vec::with_capacity(32);
    put_oid(&mut body, name);
    value.put(&mut body);
    put(out, SEQUENCE, &body);
}

impl Value {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(value) => put_integer(out, *value),
            Self::Octets(bytes) => put(out, OCTETS, bytes),
            Self::Null => put(out, 0x05, &[]),
            Self::Oid(arcs) => put_oid(out, arcs),
            Self::IpAddress(address) => put(out, 0x40, address),
            Self::Counter32(value) => put_unsigned(out, 0x41, u64::from(*value)),
            Self::Gauge32(value) => put_unsigned(out, 0x42, u64::from(*value)),
            Self::TimeTicks(value) => put_unsigned(out, 0x43, u64::from(*value)),
            Self::Counter64(value) => put_unsigned(out, 0x46, *value),
            Self::NoSuchObject => put(out, 0x80, &[]),
            Self::NoSuchInstance => put(out, 0x81, &[]),
            Self::EndOfMibView => put(out, 0x82, &[]),
        }
    }
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    match length {
        0..=0x7f => out.push(length as u8),
        0x80..=0xff => out.extend_from_slice(&[0x81, length as u8]),
        // Messages are at most 65,507 bytes.
        _ => out.extend_from_slice(&[0x82, (length >> 8) as u8, length as u8]),
    }
}

fn put_signed(out: &mut Vec<u8>, tag: u8, value: i64) {
    let bytes = value.to_be_bytes();
    // The shortest form: no leading byte that only repeats the sign.
    let spare = (0..7).take_while(|place| {
        let (byte, next) = (bytes.get(*place), bytes.get(place + 1));
        matches!((byte, next), (Some(0), Some(0..=0x7f)) | (Some(0xff), Some(0x80..)))
    });
    put(out, tag, bytes.get(spare.count()..).unwrap_or_default());
}

fn put_unsigned(out: &mut Vec<u8>, tag: u8, value: u64) {
    match i64::try_from(value) {
        Ok(value) => put_signed(out, tag, value),
        Err(_) => {
            let mut bytes = [0; 9];
            bytes[1..].copy_from_slice(&value.to_be_bytes());
            put(out, tag, &bytes);
        }
    }
}

fn put_oid(out: &mut Vec<u8>, arcs: &[u32]) {
    let mut body = Vec::with_capacity(arcs.len().saturating_mul(2));
    if let [first, second, rest @ ..] = arcs {
        put_arc(&mut body, first.saturating_mul(40).saturating_add(*second));
        for arc in rest {
            put_arc(&mut body, *arc);
        }
    }
    put(out, OID, &body);
}

fn put_arc(out: &mut Vec<u8>, arc: u32) {
    for shift in [28, 21, 14, 7] {
        if arc >> shift != 0 {
            out.push((arc >> shift) as u8 & 0x7f | 0x80);
        }
    }
    out.push(arc as u8 & 0x7f);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        value.put(&mut out);
        out
    }

    // X.690 section 8.3 and 8.19; RFC 2578 for the application tags.
    #[test]
    fn values_are_pinned() {
        assert_eq!(bytes(&Value::Integer(0)), [2, 1, 0]);
        assert_eq!(bytes(&Value::Integer(127)), [2, 1, 0x7f]);
        assert_eq!(bytes(&Value::Integer(128)), [2, 2, 0, 0x80]);
        assert_eq!(bytes(&Value::Integer(-1)), [2, 1, 0xff]);
        assert_eq!(bytes(&Value::Integer(-129)), [2, 2, 0xff, 0x7f]);
        assert_eq!(bytes(&Value::Gauge32(u32::MAX)), [0x42, 5, 0, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(bytes(&Value::Counter64(u64::MAX))[..4], [0x46, 9, 0, 0xff]);
        assert_eq!(bytes(&Value::Oid(vec![1, 3, 6, 1, 4, 1, 311])), [6, 7, 0x2b, 6, 1, 4, 1, 0x82, 0x37]);
        assert_eq!(bytes(&Value::Octets(vec![7; 200]))[..3], [4, 0x81, 200]);
    }

    #[test]
    fn what_is_written_can_be_read() {
        for value in [0, 1, -1, 127, 128, -128, -129, i32::MAX, i32::MIN] {
            let mut out = Vec::new();
            put_integer(&mut out, value);
            assert_eq!(Reader::new(&out).integer(), Ok(value));
        }
        for oid in [vec![1, 3], vec![2, 999, 3], vec![1, 3, 6, 1, 4, 1, 4_294_967_295, 0, 128]] {
            let mut out = Vec::new();
            put_oid(&mut out, &oid);
            assert_eq!(Reader::new(&out).oid(), Ok(oid));
        }
    }

    #[test]
    fn nothing_makes_it_panic() {
        for bytes in [
            &[][..],
            &[6],
            &[6, 0x85, 0, 0],
            &[6, 1, 0x80],
            &[2, 5, 0, 0, 0, 0, 0],
            &[2, 0],
            &[6, 0x84, 255, 255, 255, 255],
        ] {
            let mut reader = Reader::new(bytes);
            assert!(reader.integer().is_err());
            assert!(Reader::new(bytes).oid().is_err());
        }
    }
}
