//! The names, oids, enumerations, units and display hints that are built in: facts of the MIBs that the metrics and
//! everyday polls need, without the MIBs' texts.

mod cisco;
mod entity;
mod entity_sensor;
mod hawk;
mod host_resources;
mod interfaces;
mod lldp;
mod system;
mod ups;

use std::{collections::HashMap, sync::LazyLock};

use rackpoll_model::Oid;

use Syntax::{Hinted, Words};

/// A module's objects, in groups of siblings.
pub(super) struct Module {
    pub(super) name: &'static str,
    pub(super) groups: &'static [Group],
}

/// Objects directly below one oid: last number, name, syntax.
pub(super) struct Group {
    pub(super) prefix: &'static [u32],
    pub(super) objects: &'static [(u32, &'static str, Syntax)],
}

/// What an object's values are, as far as it says more than the values' own types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syntax {
    /// No object: a place in the tree, a table, a row, a notification.
    Node,
    /// Integer32.
    Integer,
    /// Unsigned32.
    Unsigned,
    /// A number of this unit.
    Units(&'static str),
    /// An enumeration: `word=number` with blanks between.
    Words(&'static str),
    /// Bits: `word=number` with blanks between.
    Bits(&'static str),
    /// Octets that are a text (DisplayString, SnmpAdminString).
    Text,
    /// Octets with a display hint (RFC 2579, clause 3.1).
    Hinted(&'static str),
    /// Octets of whatever kind.
    Octets,
    /// OBJECT IDENTIFIER.
    ObjectId,
    /// Counter32.
    Counter32,
    /// Counter64.
    Counter64,
    /// Gauge32.
    Gauge32,
    /// TimeTicks and TimeStamp.
    TimeTicks,
}

/// TruthValue (RFC 2579).
const TRUTH: Syntax = Words("true=1 false=2");
/// RowStatus (RFC 2579).
const ROW_STATUS: Syntax =
    Words("active=1 notInService=2 notReady=3 createAndGo=4 createAndWait=5 destroy=6");
/// PhysAddress and MacAddress (RFC 2579).
const ADDRESS: Syntax = Hinted("1x:");
/// DateAndTime (RFC 2579).
const DATE_AND_TIME: Syntax = Hinted("2d-1d-1d,1d:1d:1d.1d,1a1d:1d");

/// Every built-in module.
pub(super) const MODULES: [Module; 13] = [
    system::SNMPV2_SMI,
    system::SNMPV2_MIB,
    interfaces::IF_MIB,
    host_resources::HOST_RESOURCES_MIB,
    host_resources::HOST_RESOURCES_TYPES,
    entity::ENTITY_MIB,
    entity_sensor::ENTITY_SENSOR_MIB,
    ups::UPS_MIB,
    lldp::LLDP_MIB,
    cisco::CISCO_PROCESS_MIB,
    cisco::CISCO_MEMORY_POOL_MIB,
    cisco::CISCO_ENTITY_SENSOR_MIB,
    hawk::HAWK_I2_MIB,
];

/// The numbers and the words of an enumeration.
pub(super) fn pairs(words: &'static str) -> impl Iterator<Item = (u32, &'static str)> {
    words.split_ascii_whitespace().filter_map(|pair| {
        let (word, number) = pair.split_once('=')?;
        Some((number.parse().ok()?, word))
    })
}

static BY_NAME: LazyLock<HashMap<&'static str, (Oid, Syntax)>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for group in MODULES.iter().flat_map(|module| module.groups) {
        let parent = Oid::new(group.prefix);
        for &(number, name, syntax) in group.objects {
            names.insert(name, (parent.join(&[number]), syntax));
        }
    }
    names
});

/// The oid of a built-in object. Only names that stand in this crate's code may be asked for.
pub(crate) fn oid(name: &str) -> Oid {
    let (oid, _) = BY_NAME.get(name).expect("the metrics ask for names of the table only");
    oid.clone()
}

static BY_OID: LazyLock<HashMap<Oid, &'static str>> =
    LazyLock::new(|| BY_NAME.iter().map(|(&name, (oid, _))| (oid.clone(), name)).collect());

/// The name of a built-in object.
pub(crate) fn name(oid: &Oid) -> Option<&'static str> {
    BY_OID.get(oid).copied()
}

/// The word for a value of a built-in enumeration.
pub(crate) fn word(name: &str, value: i64) -> Option<&'static str> {
    match BY_NAME.get(name) {
        Some((_, Words(words))) => {
            pairs(words).find(|&(number, _)| i64::from(number) == value).map(|(_, word)| word)
        }
        _ => None,
    }
}

/// The words of the bits that are set.
pub(crate) fn bits(name: &str, octets: &[u8]) -> Vec<&'static str> {
    let Some((_, Syntax::Bits(words))) = BY_NAME.get(name) else { return Vec::new() };
    pairs(words).filter(|&(number, _)| is_set(number, octets)).map(|(_, word)| word).collect()
}

/// Whether a bit is set: bit 0 is the first octet's highest (RFC 1906, clause 8).
pub(super) fn is_set(bit: u32, octets: &[u8]) -> bool {
    let octet = usize::try_from(bit / 8).ok().and_then(|place| octets.get(place));
    octet.is_some_and(|octet| octet & (0x80 >> (bit % 8)) != 0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_and_every_oid_stands_once() {
        let (mut names, mut oids) = (HashSet::new(), HashSet::new());
        for group in MODULES.iter().flat_map(|module| module.groups) {
            for &(number, name, _) in group.objects {
                assert!(names.insert(name), "{name} twice");
                assert!(oids.insert(Oid::new(group.prefix).join(&[number])), "the oid of {name} twice");
            }
        }
        assert!(names.len() > 400);
    }

    #[test]
    fn every_group_hangs_on_a_known_oid_of_its_own_or_another_module() {
        // The vendors' arcs above their MIBs have no names here.
        let known: HashSet<Oid> = BY_NAME.values().map(|(oid, _)| oid.clone()).collect();
        for module in &MODULES {
            for group in module.groups.iter().filter(|group| group.prefix.starts_with(&[1, 3, 6, 1, 2])) {
                assert!(known.contains(&Oid::new(group.prefix)), "{}: {:?}", module.name, group.prefix);
            }
        }
    }

    #[test]
    fn every_enumeration_reads_whole() {
        for (name, (_, syntax)) in BY_NAME.iter() {
            if let Words(words) | Syntax::Bits(words) = syntax {
                let expected = words.split_ascii_whitespace().count();
                let numbers: HashSet<u32> = pairs(words).map(|(number, _)| number).collect();
                assert!(expected > 0);
                assert_eq!(numbers.len(), expected, "{name}");
            }
        }
        assert_eq!(word("ifType", 6), Some("ethernetCsmacd"));
        assert_eq!(word("ifOperStatus", 7), Some("lowerLayerDown"));
        assert_eq!(word("ifOperStatus", 8), None);
        assert_eq!(word("ifOperStatus", -1), None);
        assert_eq!(word("ifMtu", 1), None);
    }

    #[test]
    fn bits_count_from_the_highest() {
        assert_eq!(bits("lldpRemSysCapEnabled", &[0x28]), ["bridge", "router"]);
        assert_eq!(bits("lldpRemSysCapEnabled", &[]), [""; 0]);
        assert_eq!(bits("lldpRemSysCapEnabled", &[0x81, 0xff]), ["other", "stationOnly"]);
    }
}
