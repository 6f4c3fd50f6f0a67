use std::{fmt, str::FromStr, sync::Arc};

/// An object identifier: 1 to 128 numbers of 32 bits (RFC 3416, clause 4.1). Ordered as agents order their trees.
///
/// A clone shares the numbers.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid(Arc<[u32]>);

/// Most numbers of an oid (RFC 3416, clause 4.1).
const LONGEST: usize = 128;

/// Why a text is no oid in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OidFault {
    /// A part is no number below 2^32.
    #[error("an oid is 1 to 128 numbers below 2^32 with dots between them")]
    Malformed,
    /// BER folds the first two numbers into one, so these cannot be sent (X.690, clause 8.19.4).
    #[error("an oid begins with 0, 1 or 2, and after 0 and 1 comes a number below 40")]
    Root,
}

impl Oid {
    /// An oid of these numbers, as a device sent them or a table has them. Nothing is checked: the empty oid and one that
    /// cannot be sent are possible, and a device is free to send the former (`0.0` is another).
    pub fn new(numbers: &[u32]) -> Self {
        Self(numbers.into())
    }

    /// The numbers.
    pub fn numbers(&self) -> &[u32] {
        &self.0
    }

    /// Whether it is `root` or lies below it.
    pub fn is_within(&self, root: &Self) -> bool {
        self.0.starts_with(&root.0)
    }

    /// What follows after `root`: the index, where `root` is a table's column. `None` outside of `root`.
    pub fn after(&self, root: &Self) -> Option<&[u32]> {
        self.0.strip_prefix(&*root.0)
    }

    /// The oid with these numbers behind it.
    pub fn join(&self, numbers: &[u32]) -> Self {
        Self(self.0.iter().chain(numbers).copied().collect())
    }
}

impl FromStr for Oid {
    type Err = OidFault;

    /// Reads an oid in numbers, with or without the leading dot, that can be sent.
    fn from_str(text: &str) -> Result<Self, OidFault> {
        let numbers = text.strip_prefix('.').unwrap_or(text);
        let mut read = Vec::new();
        for part in numbers.split('.') {
            // `parse` alone takes a sign.
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            match part.parse() {
                Ok(number) if is_number && read.len() < LONGEST => read.push(number),
                _ => return Err(OidFault::Malformed),
            }
        }
        match *read.as_slice() {
            [root, ..] if root > 2 => Err(OidFault::Root),
            [root, second, ..] if root < 2 && second >= 40 => Err(OidFault::Root),
            // The fold is one number of 32 bits.
            [2, second, ..] if second > u32::MAX - 80 => Err(OidFault::Root),
            _ => Ok(Self(read.into())),
        }
    }
}

impl fmt::Display for Oid {
    /// In numbers with a leading dot; nothing at all for the empty oid. Walks have thousands of them, so the digits are made
    /// here and not by the formatter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(self.0.len().saturating_mul(4));
        for number in &*self.0 {
            text.push('.');
            put_digits(&mut text, *number);
        }
        f.write_str(&text)
    }
}

fn put_digits(text: &mut String, number: u32) {
    if number >= 10 {
        put_digits(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_numbers_and_back() {
        for text in ["1.3.6.1.2.1.1", ".1.3.6.1.2.1.1"] {
            let oid: Oid = text.parse().unwrap();
            assert_eq!(oid.numbers(), [1, 3, 6, 1, 2, 1, 1]);
            assert_eq!(oid.to_string(), ".1.3.6.1.2.1.1");
        }
        assert_eq!(".1".parse::<Oid>().unwrap().numbers(), [1]);
        assert_eq!("1.3.4294967295".parse::<Oid>().unwrap().numbers(), [1, 3, u32::MAX]);
    }

    #[test]
    fn what_is_no_oid_is_refused() {
        let long = "1.3".to_owned() + &".1".repeat(127);
        for text in
            ["", ".", "1.", "..1", "1..3", "1.3.", "1.+3", "1.-3", "1.3.4294967296", "ifInOctets.1", &long]
        {
            assert_eq!(text.parse::<Oid>(), Err(OidFault::Malformed), "{text}");
        }
        for text in ["3", "1.40", "0.40.1", "2.4294967216"] {
            assert_eq!(text.parse::<Oid>(), Err(OidFault::Root), "{text}");
        }
        assert!(("1.3".to_owned() + &".1".repeat(126)).parse::<Oid>().is_ok());
    }

    #[test]
    fn order_and_places_are_those_of_a_tree() {
        let oid = |text: &str| text.parse::<Oid>().unwrap();
        assert!(oid("1.3.6") < oid("1.3.6.0"));
        assert!(oid("1.3.6.2") < oid("1.3.6.10"));
        assert!(oid("1.3.6.1").is_within(&oid("1.3.6")));
        assert!(!oid("1.3.60").is_within(&oid("1.3.6")));
        assert_eq!(oid("1.3.6.4.2").after(&oid("1.3.6")), Some([4, 2].as_slice()));
        assert_eq!(oid("1.3.6").join(&[9]), oid("1.3.6.9"));
    }
}
