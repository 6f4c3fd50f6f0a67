//! `[reachability]`: nodes that vanish together are told as one.

use std::{collections::BTreeMap, net::IpAddr, ops::RangeInclusive, sync::Arc, time::Duration};

use ipnet::IpNet;

use super::{Name, device::Device};
use crate::{
    config::{
        fault::Findings,
        raw::{Table, shorten},
    },
    outcome::rules::Segments,
};

/// How long events may be held back.
const HOLDS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);
/// Two polls a minute, and the time-outs of both.
const HOLD: Duration = Duration::from_secs(60);
/// Percent of a segment: most.
const SHARE: i64 = 60;
/// Fewer than these are told one by one.
const LEAST: i64 = 3;

/// What makes a segment.
enum Rule {
    Tag(Name),
    EveryTag,
    Network(u8),
}

pub(super) fn check(
    mut table: Table,
    devices: &BTreeMap<Name, Device>,
    findings: &mut Findings,
) -> Arc<Segments> {
    let rules = rules(&mut table, findings);
    let hold = table.duration("hold", HOLDS, findings).unwrap_or(HOLD);
    let share = table.whole("share", 1..=100, findings).unwrap_or(SHARE);
    let least = table.whole("least", 2..=1_000_000, findings).unwrap_or(LEAST);
    table.refuse_rest("[reachability]", findings);
    let mut segments = Segments {
        hold,
        share: u8::try_from(share).unwrap_or(100),
        least: usize::try_from(least).unwrap_or(usize::MAX),
        ..Segments::default()
    };
    for device in devices.values() {
        let Some(node) = &device.node else { continue };
        let node: Arc<str> = node.as_str().into();
        for word in rules.iter().flat_map(|rule| words(rule, device)) {
            let segment: Arc<str> = match segments.nodes.get_key_value(word.as_str()) {
                Some((known, _)) => Arc::clone(known),
                None => word.into(),
            };
            if segments.nodes.entry(Arc::clone(&segment)).or_default().insert(Arc::clone(&node)) {
                segments.of_node.entry(Arc::clone(&node)).or_default().push(segment);
            }
        }
    }
    Arc::new(segments)
}

fn rules(table: &mut Table, findings: &mut Findings) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (place, text) in table.texts("segments", findings).unwrap_or_default() {
        let network = || text.strip_prefix('/')?.parse().ok().filter(|bits| (8..=120).contains(bits));
        let tag = || text.strip_prefix("tag:").and_then(Name::new);
        match (text.as_str(), network(), tag()) {
            ("tags", ..) => rules.push(Rule::EveryTag),
            (_, Some(bits), _) => rules.push(Rule::Network(bits)),
            (_, _, Some(tag)) => rules.push(Rule::Tag(tag)),
            _ => findings.fault_with_hint(
                &place,
                format!("`segments` holds tags and sizes of networks, not {:?}", shorten(&text)),
                "write \"tag:rack1\", \"tags\" for every tag, \"/24\" for IPv4, or \"/64\" for IPv6",
            ),
        }
    }
    rules
}

/// The segments that a device is in by a rule, as words of routing keys.
fn words(rule: &Rule, device: &Device) -> Vec<String> {
    match rule {
        Rule::Tag(tag) => device.tags.iter().filter(|mine| *mine == tag).map(ToString::to_string).collect(),
        Rule::EveryTag => device.tags.iter().map(ToString::to_string).collect(),
        Rule::Network(bits) => {
            device.host.address().and_then(|address| network(address, *bits)).into_iter().collect()
        }
    }
}

/// The network's word, `10-1-1-0_24`. Sizes up to 32 are for IPv4, larger ones for IPv6.
fn network(address: IpAddr, bits: u8) -> Option<String> {
    if address.is_ipv4() != (bits <= 32) {
        return None;
    }
    let network = IpNet::new(address, bits).ok()?.network();
    Some(format!("{}_{bits}", network.to_string().replace(['.', ':'], "-")))
}
