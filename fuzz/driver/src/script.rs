/// Reads an input as a list of decisions, front to back. Where the bytes are at their end, it gives zeros.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    /// From the first byte on.
    pub fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// Whether all is read.
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    /// The next two bytes, the low one first.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// A length byte, and so many bytes or as many as there are.
    pub fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte());
        let (bytes, rest) = self.0.split_at_checked(length).unwrap_or((self.0, &[]));
        self.0 = rest;
        bytes
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_can_be_read_to_its_end_and_past_it() {
        let mut script = Script::new(&[7, 1, 2, 2, 8, 9, 5, 4]);
        assert_eq!((script.byte(), script.short()), (7, 0x0201));
        assert_eq!(script.bytes(), [8, 9]);
        assert_eq!(script.bytes(), [4]);
        assert!(script.is_over());
        assert_eq!((script.byte(), script.short(), script.bytes()), (0, 0, &[][..]));
    }
}
