//! `[traps]`: listening for what devices say unasked. And `traps` of a poller: what raises it.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use ipnet::IpNet;
use rackpoll_model::{Oid, SnmpCredential, SnmpUser};
use rackpoll_snmp::names::Names;

use super::{Name, Named, asked::MOST_OIDS, credential::NamedCredential, networks};
use crate::{
    config::{
        fault::{Findings, Place},
        raw::{Table, shorten},
    },
    job::Credential,
};

/// Port of traps and informs (RFC 3417, clause 3.1).
const TRAP_PORT: u16 = 162;
/// Most addresses to listen on: each is a thread.
const MOST_ADDRESSES: usize = 8;
/// A trap costs an event and mostly a poll of its device; this many are a storm in most of a data centre.
const PER_SECOND: i64 = 200;
/// And this many one in a device; a burst of ten seconds' worth passes, the ports of two switches.
const PER_DEVICE: i64 = 10;

/// How traps and informs are listened for.
#[derive(Debug, Clone)]
pub struct Traps {
    /// Where.
    pub listen: Vec<SocketAddr>,
    /// Most of them that are taken in a second, over time; bursts may be ten times as many.
    pub per_second: u32,
    /// Most of them of one address.
    pub per_device: u32,
    /// Who may send for others: what comes from here is of the device that the trap itself names.
    pub relays: Vec<IpNet>,
    /// The credentials that they may come with.
    pub credentials: BTreeMap<Name, NamedCredential>,
    /// The users of SNMPv3 among these, each name once.
    pub users: Vec<SnmpUser>,
}

pub(super) fn check(
    mut table: Table,
    credentials: &Named<NamedCredential>,
    findings: &mut Findings,
) -> Option<Traps> {
    let place = table.place.clone();
    let listen = table.texts("listen", findings).map(|texts| addresses(texts, findings));
    let per_second = table.whole("max-per-second", 1..=10_000, findings).unwrap_or(PER_SECOND);
    let per_device = table.whole("max-per-second-per-device", 1..=10_000, findings).unwrap_or(PER_DEVICE);
    let relays = networks(&mut table, "relays", findings).unwrap_or_default();
    let named = table.texts("credentials", findings);
    table.refuse_rest("[traps]", findings);
    let listen = listen?;
    let chosen = chosen(named, credentials, findings);
    let users = users(&place, &chosen, findings);
    if !chosen.values().any(|credential| credential.snmp.is_some()) {
        let what = "no credential has a `community` or `v3-user`: every trap will be refused";
        findings.warn(&place, what, None);
    }
    Some(Traps {
        listen,
        per_second: u32::try_from(per_second).unwrap_or(1),
        per_device: u32::try_from(per_device).unwrap_or(1),
        relays,
        credentials: chosen,
        users,
    })
}

fn addresses(texts: Vec<(Place, String)>, findings: &mut Findings) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = Vec::with_capacity(texts.len());
    for (place, text) in texts {
        let alone = || text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, TRAP_PORT));
        match text.parse().ok().or_else(alone) {
            Some(address) if addresses.contains(&address) => {
                findings.fault(&place, format!("`listen` holds {address} twice"));
            }
            Some(address) if let Some(other) = addresses.iter().find(|other| is_both(**other, address)) => {
                let what = format!("`listen` holds {other} and {address}, and [::] hears IPv4, too");
                findings.fault_with_hint(&place, what, format!("write \"[::]:{}\" alone", address.port()));
            }
            Some(address) if addresses.len() < MOST_ADDRESSES => addresses.push(address),
            Some(_) => findings.fault(&place, format!("`listen` holds at most {MOST_ADDRESSES} addresses")),
            None => findings.fault_with_hint(
                &place,
                format!("`listen` holds addresses with ports, not {:?}", shorten(&text)),
                "write \"0.0.0.0:162\", or \"[::]:162\" for IPv4 and IPv6",
            ),
        }
    }
    addresses
}

/// Whether one of two is `[::]`, and the other one an address of IPv4 with the same port: the system gives only one of them.
fn is_both(one: SocketAddr, other: SocketAddr) -> bool {
    let takes_all = |address: SocketAddr| address.is_ipv6() && address.ip().is_unspecified();
    one.port() == other.port() && (takes_all(one) && other.is_ipv4() || takes_all(other) && one.is_ipv4())
}

/// The credentials that traps may come with: all, or those that are named.
fn chosen(
    named: Option<Vec<(Place, String)>>,
    credentials: &Named<NamedCredential>,
    findings: &mut Findings,
) -> BTreeMap<Name, NamedCredential> {
    let Some(named) = named else { return credentials.good.clone() };
    let mut chosen = BTreeMap::new();
    for (place, text) in named {
        let name = Name::new(&text).filter(|name| credentials.places.contains_key(name));
        let Some(name) = name else {
            let what = format!("there is no credential {:?}", shorten(&text));
            findings.unknown_word(&place, what, &text, credentials.places.keys().map(Name::as_str));
            continue;
        };
        // One with a fault of its own has been told about.
        if let Some(credential) = credentials.good.get(&name) {
            chosen.insert(name, credential.clone());
        }
    }
    chosen
}

/// Their users of SNMPv3. A message names its user and nothing else, so that one name cannot have two passwords.
fn users(
    place: &Place,
    credentials: &BTreeMap<Name, NamedCredential>,
    findings: &mut Findings,
) -> Vec<SnmpUser> {
    let mut users: Vec<(&Name, &SnmpUser)> = Vec::new();
    for (name, credential) in credentials {
        let Some(Credential::Snmp(SnmpCredential::V3(user))) = &credential.snmp else { continue };
        match users.iter().find(|(_, known)| known.name == user.name) {
            None => users.push((name, user)),
            Some((_, known)) if known.security == user.security => {}
            Some((first, _)) => findings.fault_with_hint(
                place,
                format!(
                    "the credentials `{first}` and `{name}` have the same `v3-user` with other passwords or protocols, and a \
                     trap tells only the user's name"
                ),
                format!("name in `credentials` of [traps] those that traps come with, and not both, or rename the user of `{name}`"),
            ),
        }
    }
    users.into_iter().map(|(_, user)| user.clone()).collect()
}

/// What raises a poller, by `traps`: oids and what is below them. `None`: what raises pollers that say nothing.
pub(super) fn of_poller(table: &mut Table, names: &Names, findings: &mut Findings) -> Option<Arc<[Oid]>> {
    let place = table.place.clone();
    let texts = table.texts("traps", findings)?;
    if texts.len() > MOST_OIDS {
        findings.fault(&place, format!("`traps` holds at most {MOST_OIDS} oids, not {}", texts.len()));
    }
    let mut oids = Vec::with_capacity(texts.len());
    for (place, text) in texts {
        match names.resolve(&text) {
            Ok(oid) => oids.push(oid),
            Err(fault) => findings.fault(&place, format!("{:?} is wrong: {fault}", shorten(&text))),
        }
    }
    Some(oids.into())
}
