use std::{borrow::Cow, cell::OnceCell, cmp::Ordering};

use serde_json::Value;

use super::pattern::text_of;

/// Longest text that is read as a number: a 64-bit counter has 20 digits, a double prints in 25.
const LONGEST: usize = 64;

/// A number of a result or a rule. Whole ones are kept whole: 64-bit counters do not fit a double.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Real(f64),
}

impl Number {
    /// The number that a value is. A text that reads as a number counts as one: SNMP's results are texts.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number
                .as_i64()
                .map(i128::from)
                .or_else(|| number.as_u64().map(i128::from))
                .map(Self::Whole)
                .or_else(|| number.as_f64().map(Self::Real)),
            Value::String(text) => Self::parse(text),
            _ => None,
        }
    }

    /// Digits with a sign, a fraction, an exponent; not `inf`, `nan`, hexadecimal, or a number with its unit.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_ascii();
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let ends_well = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let bytes = digits.as_bytes();
        if text.len() > LONGEST || !ends_well(bytes.first()) || !ends_well(bytes.last()) {
            return None;
        }
        if bytes.iter().all(u8::is_ascii_digit)
            && let Ok(whole) = text.parse()
        {
            return Some(Self::Whole(whole));
        }
        let plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-' | b'+');
        let real: f64 = bytes.iter().all(plain).then(|| text.parse().ok())??;
        real.is_finite().then_some(Self::Real(real))
    }

    pub(super) fn is_whole(self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Real(real) => real.fract() == 0.0,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "only where one of two numbers is no whole one anyway")]
    pub(super) fn real(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }

    /// The exact order; none where a sum has left the numbers.
    pub(super) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Whole(one), Self::Whole(two)) => Some(one.cmp(&two)),
            (Self::Whole(one), Self::Real(two)) => compare_mixed(one, two),
            (Self::Real(one), Self::Whole(two)) => compare_mixed(two, one).map(Ordering::reverse),
            (Self::Real(one), Self::Real(two)) => one.partial_cmp(&two),
        }
    }

    /// This number and so much more.
    pub(super) fn plus(self, more: f64) -> Self {
        if more == 0.0 { self } else { Self::Real(self.real() + more) }
    }
}

/// A 64-bit counter and a bound with a fraction: neither fits the other's type.
fn compare_mixed(whole: i128, real: f64) -> Option<Ordering> {
    /// 2^127: from here on no whole number is as large.
    const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if !(-BEYOND..BEYOND).contains(&real) {
        return 0.0.partial_cmp(&real);
    }
    #[expect(clippy::cast_possible_truncation, reason = "inside the range, and without a fraction")]
    let truncated = real.trunc() as i128;
    let of_fraction = 0.0.partial_cmp(&real.fract())?;
    Some(whole.cmp(&truncated).then(of_fraction))
}

/// A value whose number and text are read once, however many rules look at it.
#[derive(Debug)]
pub(super) struct Measured<'a> {
    pub(super) value: &'a Value,
    number: OnceCell<Option<Number>>,
    text: OnceCell<Option<Cow<'a, str>>>,
}

impl<'a> Measured<'a> {
    pub(super) fn new(value: &'a Value) -> Self {
        Self { value, number: OnceCell::new(), text: OnceCell::new() }
    }

    pub(super) fn number(&self) -> Option<Number> {
        *self.number.get_or_init(|| Number::of(self.value))
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        self.text.get_or_init(|| text_of(self.value)).as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wholly_a_number_is_one() {
        for (text, number) in [
            ("42", Number::Whole(42)),
            (" -7 ", Number::Whole(-7)),
            ("+7", Number::Whole(7)),
            ("18446744073709551615", Number::Whole(18_446_744_073_709_551_615)),
            ("1.5", Number::Real(1.5)),
            ("1e3", Number::Real(1_000.0)),
        ] {
            assert_eq!(Number::parse(text), Some(number), "{text}");
        }
        for text in [
            "",
            "-",
            ".5",
            "5.",
            "5 degrees",
            "0x10",
            "inf",
            "NaN",
            "1e999",
            "1.2.3",
            "0:00:01.00",
            "1e",
            "--1",
        ] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
        assert_eq!(Number::parse(&"1".repeat(65)), None);
    }

    #[test]
    fn large_counters_are_compared_exactly() {
        let (one, two) =
            (Number::parse("9007199254740993").unwrap(), Number::parse("9007199254740992").unwrap());
        assert_eq!(one.compare(two), Some(Ordering::Greater));
        let compare = |whole: i128, real: f64| {
            let (whole, real) = (Number::Whole(whole), Number::Real(real));
            assert_eq!(whole.compare(real).map(Ordering::reverse), real.compare(whole));
            whole.compare(real)
        };
        for (whole, real, order) in [
            (1, 1.5, Ordering::Less),
            (2, 1.5, Ordering::Greater),
            (-1, -1.5, Ordering::Greater),
            (-2, -1.5, Ordering::Less),
            (7, 7.0, Ordering::Equal),
            (0, -0.0, Ordering::Equal),
            (9_007_199_254_740_993, 9_007_199_254_740_992.0, Ordering::Greater),
            (i128::MAX, 1e300, Ordering::Less),
            (i128::MIN, -1e300, Ordering::Greater),
            (i128::MAX, f64::INFINITY, Ordering::Less),
        ] {
            assert_eq!(compare(whole, real), Some(order), "{whole} {real}");
        }
        assert_eq!(compare(1, f64::NAN), None);
    }
}
