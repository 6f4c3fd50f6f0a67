//! Display hints (RFC 2579, clause 3.1).

use std::fmt::Write as _;

/// Longest text that a hint makes of a value: twice what the 255 octets of a DisplayString can be as hexadecimal digits.
const LONGEST: usize = 4_096;

/// One part of a hint for octets: how many make a number or a text, and what stands behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    repeats: bool,
    length: usize,
    kind: char,
    separator: Option<char>,
    terminator: Option<char>,
}

/// Octets as their hint says; none where the hint is none for octets.
pub(super) fn octets(hint: &str, mut octets: &[u8]) -> Option<String> {
    let parts = parts(hint)?;
    let mut text = String::new();
    let mut place = 0_usize;
    // The last part goes on until nothing is left.
    while let Some(part) = parts.get(place).or(parts.last()) {
        if octets.is_empty() || text.len() >= LONGEST {
            break;
        }
        let before = octets.len();
        let times = if part.repeats {
            let (&times, rest) = octets.split_first()?;
            octets = rest;
            usize::from(times)
        } else {
            1
        };
        for time in 0..times {
            let (taken, rest) = octets.split_at(part.length.min(octets.len()));
            octets = rest;
            write(&mut text, part.kind, taken);
            let ends = time.saturating_add(1) == times;
            if octets.is_empty() {
                break;
            }
            text.extend(if ends && part.terminator.is_some() { part.terminator } else { part.separator });
        }
        place = place.saturating_add(1);
        if place >= parts.len() && octets.len() == before {
            // A last part of no octets would go on for ever.
            break;
        }
    }
    text.truncate(text.floor_char_boundary(LONGEST));
    Some(text)
}

fn write(text: &mut String, kind: char, octets: &[u8]) {
    let number = || octets.iter().fold(0_u128, |number, octet| (number << 8) | u128::from(*octet));
    match kind {
        'a' | 't' => text.extend(String::from_utf8_lossy(octets).chars().filter(|c| !c.is_control())),
        // Of more octets it is no number that anybody reads.
        'd' if octets.len() <= 16 => text.push_str(&number().to_string()),
        'o' if octets.len() <= 16 => text.push_str(&format!("{:o}", number())),
        _ => octets.iter().for_each(|octet| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{octet:02x}");
        }),
    }
}

fn parts(hint: &str) -> Option<Vec<Part>> {
    let mut chars = hint.chars().peekable();
    let mut parts = Vec::new();
    while chars.peek().is_some() {
        let repeats = chars.next_if_eq(&'*').is_some();
        let mut digits = String::new();
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let length = digits.parse().ok().filter(|&length: &usize| length <= 0xffff)?;
        let kind = chars.next().filter(|kind| matches!(kind, 'a' | 'd' | 'o' | 't' | 'x'))?;
        let is_separator = |c: &char| !c.is_ascii_digit() && *c != '*';
        let separator = chars.next_if(is_separator);
        let terminator = if repeats && separator.is_some() { chars.next_if(is_separator) } else { None };
        parts.push(Part { repeats, length, kind, separator, terminator });
    }
    (!parts.is_empty()).then_some(parts)
}

/// An integer as its hint says; none where the hint is none for integers.
pub(super) fn integer(hint: &str, number: i64) -> Option<String> {
    let sign = if number < 0 { "-" } else { "" };
    let digits = number.unsigned_abs();
    match hint {
        "d" => Some(number.to_string()),
        "x" => Some(format!("{sign}{digits:x}")),
        "o" => Some(format!("{sign}{digits:o}")),
        "b" => Some(format!("{sign}{digits:b}")),
        _ => {
            let places: usize = hint.strip_prefix("d-")?.parse().ok().filter(|&places| places <= 20)?;
            if places == 0 {
                return Some(number.to_string());
            }
            let padded = format!("{digits:0width$}", width = places.saturating_add(1));
            let (whole, fraction) = padded.split_at(padded.len().saturating_sub(places));
            Some(format!("{sign}{whole}.{fraction}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_of_the_rfc_print_as_it_says() {
        assert_eq!(octets("1x:", &[0, 0x1c, 0x73]).unwrap(), "00:1c:73");
        let date = [0x07, 0xc8, 5, 26, 13, 30, 15, 0, b'-', 4, 0];
        assert_eq!(octets("2d-1d-1d,1d:1d:1d.1d,1a1d:1d", &date).unwrap(), "1992-5-26,13:30:15.0,-4:0");
        // Without the time zone.
        assert_eq!(octets("2d-1d-1d,1d:1d:1d.1d,1a1d:1d", &date[..8]).unwrap(), "1992-5-26,13:30:15.0");
        assert_eq!(octets("255a", b"text").unwrap(), "text");
        assert_eq!(octets("255t", "größe".as_bytes()).unwrap(), "größe");
        assert_eq!(octets("1d.1d.1d.1d", &[192, 0, 2, 1]).unwrap(), "192.0.2.1");
        assert_eq!(octets("*1x:/1x:", &[3, 1, 2, 3, 4, 5]).unwrap(), "01:02:03/04:05");
        assert_eq!(octets("1x:", &[]).unwrap(), "");
    }

    #[test]
    fn integers_have_points_and_bases() {
        assert_eq!(integer("d-2", 2_345).unwrap(), "23.45");
        assert_eq!(integer("d-2", -5).unwrap(), "-0.05");
        assert_eq!(integer("d-0", 7).unwrap(), "7");
        assert_eq!(integer("x", 255).unwrap(), "ff");
        assert_eq!(integer("b", i64::MIN).unwrap().len(), 65);
        assert_eq!(integer("1x:", 5), None);
        assert_eq!(integer("d-99", 5), None);
    }

    #[test]
    fn a_hint_that_is_none_says_so_and_none_goes_on_for_ever() {
        for hint in ["", "x", "1", "1q", "99999a", "**1a", "a1"] {
            assert_eq!(octets(hint, b"abc"), None, "{hint}");
        }
        assert_eq!(octets("0a", b"abc").unwrap(), "");
        assert_eq!(octets("0a-0a", b"abc").unwrap(), "-");
        assert!(octets("*0a-", &[255; 300]).is_some());
        assert!(octets("1d-", &[255; 5_000]).unwrap().len() <= LONGEST);
    }
}
