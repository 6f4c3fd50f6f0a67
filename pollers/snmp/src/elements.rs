//! BER (X.690) as far as a datagram has to be looked into that the library has turned down.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_ID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// BER elements one after the other, by their places in the datagram.
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
            // More than four bytes of length do not fit a datagram.
            0x81..=0x84 => {
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

    /// All that is left.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.datagram.get(self.at..self.end).unwrap_or_default()
    }

    /// What is in the next element, where it is one of this tag.
    pub(crate) fn inside(&mut self, wanted: u8) -> Option<Self> {
        let (tag, inside) = self.element()?;
        (tag == wanted).then_some(inside)
    }
}
