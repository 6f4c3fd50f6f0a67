//! `devices`: names, patterns such as `r1-*`, and `tag:NAME`.

use std::collections::BTreeSet;

use super::{Name, Named, device::Device};
use crate::config::{
    fault::Findings,
    raw::{Table, shorten},
};

/// Devices that a pattern has found.
pub(super) struct Found {
    /// Their names, each once.
    pub(super) names: Vec<Name>,
    /// They are one, and its name was written plainly.
    pub(super) one_plain_name: bool,
}

/// The devices of a table; `whole` names it: `[[poller]]`.
pub(super) fn devices(
    table: &mut Table,
    whole: &str,
    known: &Named<Device>,
    findings: &mut Findings,
) -> Option<Found> {
    if !table.has("devices") {
        findings.fault(&table.place, format!("{whole} needs `devices`"));
    }
    let patterns = table.texts("devices", findings)?;
    if patterns.is_empty() {
        findings.fault(&table.place, "`devices` is an empty list");
        return None;
    }
    let mut found = BTreeSet::new();
    let mut all = true;
    let one_plain_name = matches!(patterns.as_slice(), [(_, only)] if Name::new(only).is_some());
    for (place, pattern) in patterns {
        let matching: Vec<&Name> = if let Some(tag) = pattern.strip_prefix("tag:") {
            let tagged = |device: &&Device| device.tags.iter().any(|mine| mine.as_str() == tag);
            known.good.iter().filter(|(_, device)| tagged(device)).map(|(name, _)| name).collect()
        } else if let Some(plain) = Name::new(&pattern) {
            if !known.places.contains_key(&plain) {
                let names = known.places.keys().map(Name::as_str);
                findings.unknown_word(&place, format!("there is no device `{plain}`"), &plain, names);
                all = false;
                continue;
            }
            found.insert(plain);
            continue;
        } else {
            let Some(glob) = glob(&pattern) else {
                findings.fault_with_hint(
                    &place,
                    format!("`devices` holds names, not {:?}", shorten(&pattern)),
                    "write a name, a pattern such as \"r1-*\", or \"tag:NAME\"",
                );
                all = false;
                continue;
            };
            known.places.keys().filter(|name| glob.is_match(name.as_str())).collect()
        };
        if matching.is_empty() {
            findings.warn(&place, format!("no device matches `{}`", shorten(&pattern)), None);
        }
        found.extend(matching.into_iter().cloned());
    }
    all.then(|| Found { names: found.into_iter().collect(), one_plain_name })
}

fn glob(pattern: &str) -> Option<globset::GlobMatcher> {
    // Without one of these it is a name with a letter too many, and no pattern.
    if !pattern.contains(['*', '?', '[', '{']) || pattern.len() > 256 {
        return None;
    }
    globset::Glob::new(pattern).ok().map(|glob| glob.compile_matcher())
}
