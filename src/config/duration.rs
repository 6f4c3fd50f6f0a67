//! Lengths of time as people write them: `250ms`, `30s`, `5m`, `1h30m`, `1d`.

use std::{fmt::Write as _, ops::RangeInclusive, time::Duration};

use super::{
    fault::Findings,
    raw::{Node, Raw, shorten},
};

/// Units with their milliseconds, longest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads one or more numbers, each with its unit; `None` for anything else.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(letters)?;
        let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit.trim())?;
        total = number.parse::<u64>().ok()?.checked_mul(millis)?.checked_add(total)?;
        rest = tail;
    }
    Some(Duration::from_millis(total))
}

/// Prints a length of time as [`parse`] reads it.
pub fn print(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, length) in UNITS {
        if millis >= length {
            let _ = write!(text, "{}{unit}", millis / length);
            millis %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

pub(super) fn check(
    key: &str,
    node: &Node,
    range: RangeInclusive<Duration>,
    findings: &mut Findings,
) -> Option<Duration> {
    match &node.value {
        Raw::Text(text) => match parse(text) {
            Some(duration) if range.contains(&duration) => Some(duration),
            Some(_) => {
                let (low, high) = (print(*range.start()), print(*range.end()));
                findings
                    .fault(&node.place, format!("`{key}` has to be {low} to {high}, not {}", shorten(text)));
                None
            }
            None => {
                let what = format!("`{key}` is no length of time: {:?}", shorten(text));
                let bare = text.trim();
                let hint = if !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_digit()) {
                    format!("did you mean \"{}s\"?", shorten(bare))
                } else {
                    "write a number with its unit: \"250ms\", \"30s\", \"5m\", \"1h30m\", \"1d\"".to_owned()
                };
                findings.fault_with_hint(&node.place, what, hint);
                None
            }
        },
        Raw::Integer(number) => {
            findings.fault_with_hint(
                &node.place,
                format!("`{key}` needs a unit"),
                format!("did you mean \"{number}s\"?"),
            );
            None
        }
        other => {
            findings.fault_with_hint(
                &node.place,
                format!("`{key}` has to be a length of time, not {}", other.kind()),
                "write \"30s\" or \"5m\"",
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1d", 86_400_000),
            ("1m 5s", 65_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "30",
            "s",
            "-5s",
            "1.5s",
            "5 minutes",
            "5M",
            "99999999999999999999s",
            "18446744073709551615d",
            "5é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn prints_what_it_reads() {
        for text in ["250ms", "30s", "5m", "1h30m", "1d2h3m4s5ms"] {
            assert_eq!(print(parse(text).unwrap()), text);
        }
        assert_eq!(print(Duration::ZERO), "0s");
    }
}
