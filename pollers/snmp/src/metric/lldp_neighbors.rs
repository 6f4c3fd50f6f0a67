//! `snmp-lldp-neighbors`: LLDP-MIB (IEEE 802.1AB).

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use rackpoll_model::{LldpNeighbor, Value, Word};

use super::{
    Answers, Questions,
    answers::{Column, rows, text, word},
};
use crate::names::builtin;

const COLUMNS: [&str; 9] = [
    "lldpRemChassisIdSubtype",
    "lldpRemChassisId",
    "lldpRemPortIdSubtype",
    "lldpRemPortId",
    "lldpRemPortDesc",
    "lldpRemSysName",
    "lldpRemSysDesc",
    "lldpRemSysCapSupported",
    "lldpRemSysCapEnabled",
];
const LOCAL_PORT: [&str; 3] = ["lldpLocPortIdSubtype", "lldpLocPortId", "lldpLocPortDesc"];

pub(super) fn questions(answers: &Answers) -> Questions {
    if !answers.has_asked("lldpRemChassisId") {
        Questions::columns(COLUMNS)
    } else if rows(&COLUMNS.map(|name| answers.column(name)).iter().collect::<Vec<_>>(), 3).is_empty()
        || answers.has_asked("lldpLocPortId")
    {
        Questions::none()
    } else {
        Questions::columns(LOCAL_PORT.into_iter().chain(["lldpRemManAddrIfSubtype"]))
    }
}

pub(super) fn neighbors(answers: &Answers) -> Vec<LldpNeighbor> {
    let columns = COLUMNS.map(|name| answers.column(name));
    let [chassis_types, chassis_ids, port_types, port_ids, descriptions, names, systems, able, enabled] =
        &columns;
    let ports = LOCAL_PORT.map(|name| answers.column(name));
    // Index: time mark, local port, number. A neighbour that changed while it was walked stands there twice; the later
    // time mark counts.
    let mut latest = BTreeMap::<[u32; 2], &[u32]>::new();
    for index in rows(&columns.iter().collect::<Vec<_>>(), 3) {
        if let [_, port, number] = *index {
            latest.insert([port, number], index);
        }
    }
    let addresses = addresses(answers);
    latest
        .into_iter()
        .map(|(place, index)| {
            let chassis_type = chassis_types.word(COLUMNS[0], index);
            let port_type = port_types.word(COLUMNS[2], index);
            let capabilities = |column: &Column<'_>, name| {
                column.octets(index).map(|octets| builtin::bits(name, octets)).unwrap_or_default()
            };
            LldpNeighbor {
                local_port: local_port(&ports, place[0]),
                chassis_id: chassis_ids.value(index).and_then(|id| identifier(id, chassis_type)),
                chassis_id_type: chassis_type,
                port_id: port_ids.value(index).and_then(|id| identifier(id, port_type)),
                port_id_type: port_type,
                port_description: descriptions.text(index),
                system_name: names.text(index),
                system_description: systems.text(index),
                capabilities: capabilities(able, COLUMNS[7]),
                enabled: capabilities(enabled, COLUMNS[8]),
                addresses: addresses.get(&place).cloned().unwrap_or_default(),
            }
        })
        .collect()
}

fn local_port([types, ids, descriptions]: &[Column<'_>; 3], port: u32) -> String {
    let index = [port];
    let is_name = !matches!(
        types.signed(&index).map(|number| word(LOCAL_PORT[0], number)),
        Some(Word::Known("macAddress" | "networkAddress"))
    );
    let id = is_name.then(|| ids.text(&index)).flatten();
    id.or_else(|| descriptions.text(&index)).unwrap_or_else(|| port.to_string())
}

/// A chassis or port id in the form that its subtype gives it.
fn identifier(id: &Value, subtype: Option<Word>) -> Option<String> {
    let octets = id.bytes()?;
    match (subtype, octets) {
        (Some(Word::Known("macAddress")), octets) if octets.len() == 6 => Some(hexadecimal(octets)),
        // An address begins with its family (IANA's address family numbers).
        (Some(Word::Known("networkAddress")), [family, address @ ..]) => {
            Some(network_address(u32::from(*family), address).unwrap_or_else(|| hexadecimal(octets)))
        }
        _ => match std::str::from_utf8(octets) {
            Ok(readable) if !readable.chars().any(char::is_control) => text(id),
            _ => Some(hexadecimal(octets)),
        },
    }
}

fn hexadecimal(octets: &[u8]) -> String {
    let octets: Vec<String> = octets.iter().take(64).map(|octet| format!("{octet:02x}")).collect();
    octets.join(":")
}

fn network_address(family: u32, address: &[u8]) -> Option<String> {
    match family {
        1 => <[u8; 4]>::try_from(address).ok().map(|address| Ipv4Addr::from(address).to_string()),
        2 => <[u8; 16]>::try_from(address).ok().map(|address| Ipv6Addr::from(address).to_string()),
        // All of IEEE 802.
        6 if address.len() == 6 => Some(hexadecimal(address)),
        _ => None,
    }
}

/// The management addresses by local port and number: they stand in the index, as family, length and octets.
fn addresses(answers: &Answers) -> BTreeMap<[u32; 2], Vec<String>> {
    let mut addresses = BTreeMap::<[u32; 2], Vec<String>>::new();
    for index in answers.column("lldpRemManAddrIfSubtype").indices() {
        let [_, port, number, family, address @ ..] = index else { continue };
        let octets = match address {
            [length, octets @ ..] if usize::try_from(*length) == Ok(octets.len()) => octets,
            // Some agents leave the length out.
            octets => octets,
        };
        let octets: Option<Vec<u8>> = octets.iter().map(|&octet| u8::try_from(octet).ok()).collect();
        let Some(address) = octets.and_then(|octets| network_address(*family, &octets)) else { continue };
        let known = addresses.entry([*port, *number]).or_default();
        if !known.contains(&address) {
            known.push(address);
        }
    }
    addresses
}
