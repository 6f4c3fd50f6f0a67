//! How a credential logs in to BMCs, where that is not the usual way.

use rackpoll_io::{CipherSuite, IPMI_15_PASSWORD, Ipmi15Authentication, Workaround};
use rackpoll_model::Secret;

use crate::{
    config::{
        fault::Findings,
        raw::{Raw, Table, shorten},
        secret::{self, Surroundings},
    },
    job::Access,
};

/// Bytes of K_G (IPMI 2.0 clause 13.31).
const LONGEST_KEY: usize = 20;

/// The BMC's key as somebody wrote it: its text, or `0x` and its twenty bytes in hex.
pub fn bmc_key(text: &Secret) -> Result<Secret, String> {
    let bytes = text.expose();
    if let Some(digits) = bytes.strip_prefix(b"0x") {
        let nibble = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let key: Option<Vec<u8>> =
            digits.chunks(2).map(|pair| Some(nibble(pair.first()?)? << 4 | nibble(pair.get(1)?)?)).collect();
        return match key {
            Some(key) if key.len() == LONGEST_KEY => Ok(Secret::new(key)),
            _ => Err(format!("begins with 0x and is not {LONGEST_KEY} bytes in hex")),
        };
    }
    if bytes.is_empty() || bytes.len() > LONGEST_KEY {
        return Err(format!("has to be 1 to {LONGEST_KEY} bytes long"));
    }
    Ok(text.clone())
}

/// Takes the keys of a `[[credential]]` that are about access; whether there is one at all, and what they say.
pub(super) fn check(
    table: &mut Table,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings,
) -> (bool, Option<Access>) {
    let named = ["kg", "cipher-suites", "ipmi-1-5", "workarounds"].into_iter().any(|key| table.has(key));
    let k_g = key(table, surroundings, findings);
    let cipher_suites = suites(table, findings);
    let kinds = Ipmi15Authentication::ALL;
    let weakness = |kind: Ipmi15Authentication| Some(kind.weakness());
    let ipmi_15 = words(table, "ipmi-1-5", &kinds, Ipmi15Authentication::as_str, weakness, findings);
    let all = Workaround::ALL;
    let workarounds = words(table, "workarounds", &all, Workaround::as_str, |_| None, findings);
    let access = match (k_g, cipher_suites, ipmi_15, workarounds) {
        (Some(k_g), Some(cipher_suites), Some(ipmi_15), Some(workarounds)) => {
            Some(Access { k_g, cipher_suites, ipmi_15, workarounds })
        }
        _ => None,
    };
    (named, access)
}

/// What is wrong with a password for this kind of access; `None` where nothing is.
pub(super) fn wrong_password(access: &Access, password: &Secret) -> Option<String> {
    let too_long = !access.ipmi_15.is_empty() && password.expose().len() > IPMI_15_PASSWORD;
    too_long.then(|| format!("`password` has more than the {IPMI_15_PASSWORD} bytes that IPMI 1.5 allows"))
}

#[expect(clippy::option_option, reason = "a fault is not the same as no key")]
fn key(
    table: &mut Table,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings,
) -> Option<Option<Secret>> {
    let Some(node) = table.take("kg") else { return Some(None) };
    let place = node.place.clone();
    let text = secret::read("kg", node, surroundings, findings)?;
    match bmc_key(&text) {
        Ok(key) => Some(Some(key)),
        Err(why) => {
            findings.fault(&place, format!("`kg` {why}"));
            None
        }
    }
}

/// Numbers of cipher suites; each that does not encrypt is told.
fn suites(table: &mut Table, findings: &mut Findings) -> Option<Vec<CipherSuite>> {
    let Some(node) = table.take("cipher-suites") else { return Some(Vec::new()) };
    let wrong = "`cipher-suites` is a list of numbers: 0, 1, 2, 3, 15, 16, 17";
    let Raw::List(items) = node.value else {
        findings.fault_with_hint(&node.place, wrong, "write cipher-suites = [17, 3]");
        return None;
    };
    if items.is_empty() {
        findings.fault(&node.place, "`cipher-suites` allows none at all");
        return None;
    }
    let mut suites = Vec::with_capacity(items.len());
    let mut whole = true;
    for item in items {
        let suite = match item.value {
            Raw::Integer(number) => u8::try_from(number).ok().and_then(CipherSuite::from_id),
            _ => None,
        };
        match suite {
            Some(suite) => {
                if let Some(weakness) = suite.weakness() {
                    findings.warn(&item.place, format!("cipher suite {suite} {weakness}"), None);
                }
                suites.push(suite);
            }
            None => {
                findings.fault(&item.place, wrong);
                whole = false;
            }
        }
    }
    whole.then_some(suites)
}

/// A list of words out of a few.
fn words<T: Copy>(
    table: &mut Table,
    key: &'static str,
    all: &[T],
    word_of: impl Fn(T) -> &'static str,
    weakness_of: impl Fn(T) -> Option<&'static str>,
    findings: &mut Findings,
) -> Option<Vec<T>> {
    if !table.has(key) {
        // Known all the same.
        drop(table.take(key));
        return Some(Vec::new());
    }
    let texts = table.texts(key, findings)?;
    let mut found = Vec::with_capacity(texts.len());
    let mut whole = true;
    for (place, text) in texts {
        match all.iter().copied().find(|known| word_of(*known) == text) {
            Some(known) => {
                if let Some(weakness) = weakness_of(known) {
                    findings.warn(&place, format!("`{key}` with `{text}` {weakness}"), None);
                }
                found.push(known);
            }
            None => {
                let what = format!("`{key}` knows no {:?}", shorten(&text));
                findings.unknown_word(&place, what, &text, all.iter().map(|known| word_of(*known)));
                whole = false;
            }
        }
    }
    whole.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_text_or_twenty_bytes_in_hex() {
        let key = |text: &str| bmc_key(&Secret::from(text)).map(|key| key.expose().to_vec());
        assert_eq!(key("bmc-wide-key"), Ok(b"bmc-wide-key".to_vec()));
        assert_eq!(key(&format!("0x{}", "0aFf".repeat(10))), Ok([0x0a, 0xff].repeat(10)));
        for wrong in
            ["", "a key of more than 20 bytes", "0x", "0x00", "0xzz", &format!("0x{}", "0".repeat(39))]
        {
            assert!(key(wrong).is_err(), "{wrong}");
        }
    }
}
