use bytes::Bytes;
use rackpoll_model::{Oid, Value, VarBind};

use crate::elements::{Elements, INTEGER, OBJECT_ID, OCTET_STRING, SEQUENCE, put, put_header, size};

const NULL: u8 = 0x05;
const CONSTRUCTED_OCTET_STRING: u8 = 0x24;
/// RFC 2578, clause 7; `NSAP` and `UINTEGER32` are of RFC 1442.
const IP_ADDRESS: u8 = 0x40;
const COUNTER32: u8 = 0x41;
const GAUGE32: u8 = 0x42;
const TIME_TICKS: u8 = 0x43;
const OPAQUE: u8 = 0x44;
const NSAP: u8 = 0x45;
const COUNTER64: u8 = 0x46;
const UINTEGER32: u8 = 0x47;
/// RFC 3416, clause 3.
const NO_SUCH_OBJECT: u8 = 0x80;
const NO_SUCH_INSTANCE: u8 = 0x81;
const END_OF_MIB_VIEW: u8 = 0x82;
/// Stands for contents that do not fit their own tag: private, primitive, number 30, which no RFC uses.
const MALFORMED: u8 = 0xde;
/// In the first byte of a tag: its number is in the bytes behind, as that of no value of SNMP is.
const LONG_TAG: u8 = 0x1f;

/// Most numbers of an oid (RFC 3416, clause 4.1).
const LONGEST_NAME: usize = 128;

/// Variable bindings as they came: a tenth of what they are decoded, which a walk holds until it is whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VarBinds {
    list: Bytes,
    count: usize,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    name: &'a [u8],
    tag: u8,
    value: &'a [u8],
}

impl VarBinds {
    /// What is in a VarBindList. `None` where a name cannot be decoded or lengths contradict each other: then nobody knows
    /// what is what. A value that cannot be decoded is one of them all the same.
    pub(crate) fn read(list: Bytes) -> Option<Self> {
        let mut elements = Elements::new(&list);
        let (mut numbers, mut count) = (Numbers::default(), 0_usize);
        while !elements.is_empty() {
            numbers.read(Entry::read(&mut elements)?.name)?;
            count = count.saturating_add(1);
        }
        Some(Self { list, count })
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn iter(&self) -> Entries<'_> {
        Entries(Elements::new(&self.list))
    }

    pub(crate) fn decode(&self) -> Vec<VarBind> {
        decode(&self.list, self.count)
    }
}

impl FromIterator<VarBind> for VarBinds {
    fn from_iter<T: IntoIterator<Item = VarBind>>(varbinds: T) -> Self {
        let (mut list, mut count) = (Vec::new(), 0_usize);
        for varbind in varbinds {
            put_varbind(&mut list, &varbind);
            count = count.saturating_add(1);
        }
        Self { list: list.into(), count }
    }
}

/// One after the other.
pub(crate) struct Entries<'a>(Elements<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        Entry::read(&mut self.0)
    }
}

/// Variable bindings that entries were put together from, decoded.
pub(crate) fn decode(list: &[u8], count: usize) -> Vec<VarBind> {
    let mut numbers = Numbers::default();
    // Two for the header of each element is the least, so no `count` makes this large.
    let mut varbinds = Vec::with_capacity(count.min(list.len() / 6));
    for entry in Entries(Elements::new(list)) {
        // A name that cannot be decoded has not been taken.
        let Some(name) = numbers.read(entry.name) else { continue };
        varbinds.push(VarBind { oid: Oid::new(name), value: entry.value() });
    }
    varbinds
}

impl<'a> Entry<'a> {
    fn read(list: &mut Elements<'a>) -> Option<Self> {
        let mut varbind = list.inside(SEQUENCE)?;
        let name = varbind.inside(OBJECT_ID)?.bytes();
        let (tag, value) = match varbind.element() {
            Some((tag, value)) => (tag, value.bytes()),
            // A string that says it is longer than there is room for ends where the room does, as for net-snmp.
            None => varbind.rest().filter(|(tag, _)| matches!(*tag, OCTET_STRING | OPAQUE))?,
        };
        varbind.is_empty().then_some(Self { name, tag, value })
    }

    /// Its name, in numbers.
    pub(crate) fn name<'n>(&self, numbers: &'n mut Numbers) -> &'n [u32] {
        numbers.read(self.name).unwrap_or_default()
    }

    /// Whether it says that there is no value.
    pub(crate) fn is_exception(&self) -> bool {
        matches!(self.tag, NO_SUCH_OBJECT | NO_SUCH_INSTANCE | END_OF_MIB_VIEW) && self.value.is_empty()
    }

    /// Puts it behind others.
    pub(crate) fn put(&self, list: &mut Vec<u8>) {
        put_entry(list, self.name, self.tag, self.value);
    }

    /// Its value. Numbers that are too large lose their upper bytes, as net-snmp has it.
    fn value(&self) -> Value {
        let bytes = || Box::from(self.value);
        let unsigned = || unsigned(self.value).map(|number| number as u32);
        let value = match self.tag {
            INTEGER => Elements::new(self.value).signed().map(|number| Value::Integer(number as i32)),
            OCTET_STRING => Some(Value::OctetString(bytes())),
            NULL => self.value.is_empty().then_some(Value::Null),
            OBJECT_ID => {
                Numbers::default().read(self.value).map(|numbers| Value::ObjectId(Oid::new(numbers)))
            }
            IP_ADDRESS => <[u8; 4]>::try_from(self.value).ok().map(|bytes| Value::IpAddress(bytes.into())),
            COUNTER32 => unsigned().map(Value::Counter32),
            GAUGE32 => unsigned().map(Value::Gauge32),
            TIME_TICKS => unsigned().map(Value::TimeTicks),
            UINTEGER32 => unsigned().map(Value::UInteger32),
            OPAQUE => Some(Value::Opaque(bytes())),
            NSAP => Some(Value::Nsap(bytes())),
            // Some agents send nothing in place of a zero.
            COUNTER64 if self.value.is_empty() => Some(Value::Counter64(0)),
            COUNTER64 => self::unsigned(self.value).map(Value::Counter64),
            NO_SUCH_OBJECT => self.is_exception().then_some(Value::NoSuchObject),
            NO_SUCH_INSTANCE => self.is_exception().then_some(Value::NoSuchInstance),
            END_OF_MIB_VIEW => self.is_exception().then_some(Value::EndOfMibView),
            MALFORMED | CONSTRUCTED_OCTET_STRING => None,
            tag if tag & LONG_TAG == LONG_TAG => None,
            tag => Some(Value::Unknown { tag, data: bytes() }),
        };
        value.unwrap_or_else(|| Value::Malformed(bytes()))
    }
}

/// Of eight bytes, or of nine where the first is the zero that says that the number is not negative.
fn unsigned(bytes: &[u8]) -> Option<u64> {
    let bytes = match bytes {
        [] => return None,
        [0, rest @ ..] if rest.len() == 8 => rest,
        bytes if bytes.len() <= 8 => bytes,
        _ => return None,
    };
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Room for the numbers of a name, used again for the next.
pub(crate) struct Numbers {
    numbers: [u32; LONGEST_NAME],
}

impl Default for Numbers {
    fn default() -> Self {
        Self { numbers: [0; LONGEST_NAME] }
    }
}

impl Numbers {
    /// The numbers of an oid (X.690, clause 8.19). `None`: it has no end, too many of them, or one above 32 bits.
    fn read(&mut self, bytes: &[u8]) -> Option<&[u32]> {
        let mut numbers = self.numbers.iter_mut();
        let (mut number, mut count, mut ended) = (0_u64, 0_usize, true);
        for byte in bytes {
            number = number << 7 | u64::from(byte & 0x7f);
            ended = byte & 0x80 == 0;
            if !ended {
                if number > u64::from(u32::MAX) {
                    return None;
                }
                continue;
            }
            if count == 0 {
                // The first two are in one.
                let first = (number / 40).min(2);
                *numbers.next()? = first as u32;
                number -= first * 40;
                count = 1;
            }
            *numbers.next()? = u32::try_from(number).ok()?;
            count = count.saturating_add(1);
            number = 0;
        }
        if ended { self.numbers.get(..count) } else { None }
    }
}

/// Appends an oid's contents. Of one number the second is taken for zero.
pub(crate) fn put_name(list: &mut Vec<u8>, numbers: &[u32]) {
    let (first, second, rest) = match numbers {
        [] => return,
        [first] => (*first, 0, &[][..]),
        [first, second, rest @ ..] => (*first, *second, rest),
    };
    put_number(list, u64::from(first) * 40 + u64::from(second));
    for number in rest {
        put_number(list, u64::from(*number));
    }
}

fn put_number(list: &mut Vec<u8>, number: u64) {
    for shift in [35, 28, 21, 14, 7] {
        if number >> shift != 0 {
            list.push(0x80 | (number >> shift & 0x7f) as u8);
        }
    }
    list.push((number & 0x7f) as u8);
}

fn put_entry(list: &mut Vec<u8>, name: &[u8], tag: u8, value: &[u8]) {
    let length = size(name.len()).saturating_add(size(value.len()));
    put_header(list, SEQUENCE, length);
    put(list, OBJECT_ID, name);
    put(list, tag, value);
}

fn put_varbind(list: &mut Vec<u8>, varbind: &VarBind) {
    let mut name = Vec::new();
    put_name(&mut name, varbind.oid.numbers());
    let mut oid = Vec::new();
    let number;
    let (tag, value): (u8, &[u8]) = match &varbind.value {
        Value::Integer(integer) => {
            number = integer.to_be_bytes();
            (INTEGER, &number)
        }
        Value::OctetString(bytes) => (OCTET_STRING, bytes),
        Value::Null => (NULL, &[]),
        Value::ObjectId(value) => {
            put_name(&mut oid, value.numbers());
            (OBJECT_ID, &oid)
        }
        Value::IpAddress(address) => {
            number = address.octets();
            (IP_ADDRESS, &number)
        }
        Value::Counter32(counter) => {
            number = counter.to_be_bytes();
            (COUNTER32, &number)
        }
        Value::Gauge32(gauge) => {
            number = gauge.to_be_bytes();
            (GAUGE32, &number)
        }
        Value::TimeTicks(ticks) => {
            number = ticks.to_be_bytes();
            (TIME_TICKS, &number)
        }
        Value::UInteger32(integer) => {
            number = integer.to_be_bytes();
            (UINTEGER32, &number)
        }
        Value::Counter64(counter) => {
            oid.extend_from_slice(&counter.to_be_bytes());
            (COUNTER64, &oid)
        }
        Value::Opaque(bytes) => (OPAQUE, bytes),
        Value::Nsap(bytes) => (NSAP, bytes),
        Value::Unknown { tag, data } => (*tag, data),
        Value::Malformed(bytes) => (MALFORMED, bytes),
        Value::NoSuchObject => (NO_SUCH_OBJECT, &[]),
        Value::NoSuchInstance => (NO_SUCH_INSTANCE, &[]),
        Value::EndOfMibView => (END_OF_MIB_VIEW, &[]),
    };
    put_entry(list, &name, tag, value);
}

#[cfg(test)]
mod tests {
    use async_snmp::ber::Decoder;

    use super::*;
    use crate::usm;

    fn samples() -> Vec<VarBind> {
        let oid = |text: &str| text.parse::<Oid>().unwrap();
        let long = vec![7; 300].into_boxed_slice();
        [
            Value::Integer(-129),
            Value::Integer(i32::MIN),
            Value::OctetString(Box::from(&b"Ethernet1/1"[..])),
            Value::OctetString(long.clone()),
            Value::Null,
            Value::ObjectId(oid("0.0")),
            Value::ObjectId(oid("2.999.4294967295.16384.127.128")),
            Value::IpAddress([10, 0, 0, 1].into()),
            Value::Counter32(u32::MAX),
            Value::Gauge32(0),
            Value::TimeTicks(1_234_567),
            Value::UInteger32(1 << 31),
            Value::Counter64(u64::MAX),
            Value::Opaque(Box::from(&b"\x9f\x78\x04\x40\x49\x0f\xdb"[..])),
            Value::Nsap(long),
            Value::Unknown { tag: 0x4a, data: Box::from(&b"?"[..]) },
            Value::Malformed(Box::from(&b"!"[..])),
            Value::NoSuchObject,
            Value::NoSuchInstance,
            Value::EndOfMibView,
        ]
        .into_iter()
        .enumerate()
        .map(|(row, value)| VarBind { oid: oid("1.3.6.1.2.1.2.2.1.4294967295").join(&[row as u32]), value })
        .collect()
    }

    #[test]
    fn what_is_put_in_comes_out() {
        let list: VarBinds = samples().into_iter().collect();
        assert_eq!(list.decode(), samples());
        assert_eq!(VarBinds::read(list.list.clone()), Some(list.clone()));
        let mut copy = Vec::new();
        list.iter().for_each(|entry| entry.put(&mut copy));
        assert_eq!(copy, list.list);
    }

    /// What the library makes of one variable binding.
    fn by_the_library(bytes: &[u8]) -> Option<VarBind> {
        let mut decoder = Decoder::from_slice(bytes);
        let varbind = async_snmp::VarBind::decode(&mut decoder).ok()?;
        decoder.is_empty().then(|| usm::varbind(varbind))
    }

    #[test]
    fn what_the_library_reads_is_read_alike_and_nothing_else() {
        let (mut random, mut good, mut bad) = (0x2545_f491_4f6c_dd1d_u64, 0, 0);
        let mut next = move |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random >> 16) as usize % below
        };
        let samples = samples();
        for round in 0..40_000 {
            let sample = &samples[round % samples.len()];
            let mut bytes = Vec::new();
            put_varbind(&mut bytes, sample);
            for _ in 0..next(4) {
                let place = next(bytes.len().min(40));
                bytes[place] = match next(3) {
                    0 => next(256) as u8,
                    1 => bytes[place].wrapping_add(1),
                    _ => bytes[place] ^ 0x80,
                };
            }
            let ours = VarBinds::read(Bytes::copy_from_slice(&bytes)).map(|list| list.decode());
            match (by_the_library(&bytes), ours.as_deref()) {
                (Some(VarBind { value: Value::Unknown { tag: MALFORMED, .. }, .. }), Some([ours])) => {
                    assert!(matches!(ours.value, Value::Malformed(_)), "{bytes:02x?}");
                }
                (Some(theirs), ours) => {
                    assert_eq!(ours, Some(&[theirs][..]), "{bytes:02x?}");
                    good += 1;
                }
                (None, Some([ours])) => {
                    assert!(matches!(ours.value, Value::Malformed(_)), "{ours:?} of {bytes:02x?}");
                    bad += 1;
                }
                // More than one of them, or none.
                (None, _) => bad += 1,
            }
        }
        assert!(good > 10_000 && bad > 4_000, "{good} {bad}");
    }

    #[test]
    fn a_string_that_is_cut_off_ends_where_its_binding_does() {
        let list = VarBinds::read(Bytes::from_static(b"\x30\x09\x06\x03\x2b\x06\x01\x04\x7fab")).unwrap();
        let [VarBind { value, .. }] = &list.decode()[..] else { panic!("one") };
        assert_eq!(*value, Value::OctetString(Box::from(&b"ab"[..])));
        let mut copy = Vec::new();
        list.iter().for_each(|entry| entry.put(&mut copy));
        assert_eq!(decode(&copy, 1), list.decode(), "and is whole from then on");
    }
}
