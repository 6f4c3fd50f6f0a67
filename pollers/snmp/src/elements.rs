//! BER (X.690) as SNMP uses it (RFC 3417, clause 8): definite lengths only.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_ID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// Appends an element.
pub(crate) fn put(out: &mut Vec<u8>, tag: u8, contents: &[u8]) {
    put_header(out, tag, contents.len());
    out.extend_from_slice(contents);
}

/// Appends what comes before so many bytes of contents.
pub(crate) fn put_header(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    // No datagram needs more than two bytes of length.
    match u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes() {
        [0, short @ ..=0x7f] => out.push(short),
        [0, long] => out.extend_from_slice(&[0x81, long]),
        [high, low] => out.extend_from_slice(&[0x82, high, low]),
    }
}

/// Bytes of an element with so many bytes of contents.
pub(crate) fn size(contents: usize) -> usize {
    let header = match contents {
        0..=0x7f => 2,
        0x80..=0xff => 3,
        _ => 4,
    };
    contents.saturating_add(header)
}

/// BER elements one after the other, by their places in the datagram.
#[derive(Clone, Copy)]
pub(crate) struct Elements<'a> {
    datagram: &'a [u8],
    pub(crate) at: usize,
    end: usize,
}

impl<'a> Elements<'a> {
    pub(crate) fn new(datagram: &'a [u8]) -> Self {
        Self { datagram, at: 0, end: datagram.len() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    /// The next element's tag, and what is in it.
    pub(crate) fn element(&mut self) -> Option<(u8, Self)> {
        let bytes = self.datagram.get(self.at..self.end)?;
        let [tag, length, rest @ ..] = bytes else { return None };
        let (length, header) = match length {
            0..=0x7f => (usize::from(*length), 2),
            // Lengths are read as far as a word goes, leading zeros and all.
            0x81..=0x88 => {
                let count = usize::from(length & 0x7f);
                let length =
                    rest.get(..count)?.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
                (length, count.checked_add(2)?)
            }
            _ => return None,
        };
        let begin = self.at.checked_add(header)?;
        let end = begin.checked_add(length).filter(|end| *end <= self.end)?;
        self.at = end;
        Some((*tag, Self { datagram: self.datagram, at: begin, end }))
    }

    /// The next element's tag, and all that is left behind its header, whatever length that claims.
    pub(crate) fn rest(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, length, rest @ ..] = self.datagram.get(self.at..self.end)? else { return None };
        let rest = match length {
            0..=0x7f => rest,
            0x81..=0x88 => rest.get(usize::from(length & 0x7f)..)?,
            _ => return None,
        };
        self.at = self.end;
        Some((*tag, rest))
    }

    /// All that is left.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.datagram.get(self.at..self.end).unwrap_or_default()
    }

    /// All that is left, as the contents of an INTEGER of up to eight bytes.
    pub(crate) fn signed(&self) -> Option<i64> {
        let bytes = self.bytes();
        let first = bytes.first().filter(|_| bytes.len() <= 8)?;
        let sign = if first & 0x80 == 0 { 0 } else { -1 };
        Some(bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte)))
    }

    /// What is in the next element, where it is one of this tag.
    pub(crate) fn inside(&mut self, wanted: u8) -> Option<Self> {
        let (tag, inside) = self.element()?;
        (tag == wanted).then_some(inside)
    }
}
