//! Names of MIB objects: built in for what is asked every day, and from the operator's MIB files.
//!
//! A name becomes an oid when a request is read; an oid and its value get names, words and units again where a request wants
//! its answers so.

pub(crate) mod builtin;
mod display_hint;
mod folders;
mod harm;
mod mib;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, LazyLock},
};

use rackpoll_model::{Oid, OidFault, Value, VarBind};

use builtin::Syntax;
pub use mib::MibFinding;

/// Longest name with its module and index.
const LONGEST: usize = 512;
/// Most numbers of an oid (RFC 3416, clause 4.1).
const MOST_NUMBERS: usize = 128;

/// Every object that is known by name.
#[derive(Clone)]
pub struct Names {
    by_oid: BTreeMap<Box<[u32]>, Definition>,
    /// Modules and oids that have an object of this name.
    by_name: HashMap<Box<str>, Vec<(Box<str>, Oid)>>,
}

/// What is known of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// `IF-MIB`
    pub module: Box<str>,
    /// `ifOperStatus`
    pub name: Box<str>,
    /// How its values are printed.
    pub format: Format,
    /// `kilo-bytes`
    pub units: Option<Box<str>>,
}

/// How an object's values are printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// As their own type says.
    Plain,
    /// Numbers have words.
    Words(Vec<(i64, Box<str>)>),
    /// Bits have words.
    Bits(Vec<(u32, Box<str>)>),
    /// By a display hint (RFC 2579, clause 3.1).
    Hint(Box<str>),
}

/// Why a text names no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// It is no name, whatever the MIBs are.
    #[error("an oid by name is NAME, MODULE::NAME, or either with numbers behind it: IF-MIB::ifOperStatus.3")]
    Malformed,
    /// An oid in numbers that is none.
    #[error(transparent)]
    Numbers(#[from] OidFault),
    /// No module that is known has it.
    #[error("there is no object {name} in the MIBs that are built in or loaded")]
    Unknown {
        /// The name without module and index.
        name: String,
    },
    /// The module is known, and has no such object.
    #[error("{module} has no object {name}")]
    NotInModule {
        /// The module.
        module: String,
        /// The name without module and index.
        name: String,
    },
    /// No such module is known.
    #[error(
        "the module {module} is neither built in nor loaded; put its file into mib-dirs and its name into mib-modules"
    )]
    UnknownModule {
        /// The module.
        module: String,
    },
    /// Several modules have different objects of this name.
    #[error("{name} is an object of {modules}; write MODULE::{name}")]
    Ambiguous {
        /// The name without module and index.
        name: String,
        /// The modules.
        modules: String,
    },
}

impl Names {
    /// What is built in, made once.
    pub fn shared() -> Arc<Self> {
        static SHARED: LazyLock<Arc<Names>> = LazyLock::new(|| Arc::new(Names::builtin()));
        Arc::clone(&SHARED)
    }

    /// What is built in, to add to.
    pub fn builtin() -> Self {
        let mut names = Self { by_oid: BTreeMap::new(), by_name: HashMap::new() };
        for module in &builtin::MODULES {
            for group in module.groups {
                for &(number, name, syntax) in group.objects {
                    let (format, units) = format(syntax);
                    let oid = Oid::new(group.prefix).join(&[number]);
                    names.add(
                        &oid,
                        Definition { module: module.name.into(), name: name.into(), format, units },
                    );
                }
            }
        }
        names
    }

    /// Takes an object. What is known of an oid already stays: the built-in table comes first, and after it the operator's
    /// folders in their order.
    pub fn add(&mut self, oid: &Oid, definition: Definition) {
        let known = self.by_name.entry(definition.name.clone()).or_default();
        if !known.iter().any(|(module, _)| *module == definition.module) {
            known.push((definition.module.clone(), oid.clone()));
        }
        self.by_oid.entry(oid.numbers().into()).or_insert(definition);
    }

    /// The oid of a text: numbers, or a name with or without its module and with or without numbers behind it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn resolve(&self, text: &str) -> Result<Oid, NameFault> {
        match text.parse() {
            Ok(oid) => return Ok(oid),
            // Without a letter it was meant to be numbers.
            Err(fault @ OidFault::Root) => return Err(fault.into()),
            Err(fault) if !text.contains(|c: char| c.is_ascii_alphabetic()) => return Err(fault.into()),
            Err(_) => {}
        }
        if text.len() > LONGEST {
            return Err(NameFault::Malformed);
        }
        let (module, rest) = match text.split_once("::") {
            Some((module, rest)) => (Some(module), rest),
            None => (None, text),
        };
        let (name, index) = match rest.split_once('.') {
            Some((name, index)) => (name, Some(index)),
            None => (rest, None),
        };
        if !is_identifier(name) || !module.is_none_or(is_identifier) {
            return Err(NameFault::Malformed);
        }
        let oid = self.object(module, name)?;
        let mut numbers = Vec::new();
        for number in index.into_iter().flat_map(|index| index.split('.')) {
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
            match number.parse::<u32>() {
                Ok(number) if is_number => numbers.push(number),
                _ => return Err(NameFault::Malformed),
            }
        }
        let oid = oid.join(&numbers);
        if oid.numbers().len() > MOST_NUMBERS { Err(NameFault::Malformed) } else { Ok(oid) }
    }

    fn object(&self, module: Option<&str>, name: &str) -> Result<Oid, NameFault> {
        let known = self.by_name.get(name).map_or([].as_slice(), Vec::as_slice);
        let Some(module) = module else {
            return match known {
                [] => Err(NameFault::Unknown { name: name.to_owned() }),
                [(_, oid), others @ ..] if others.iter().all(|(_, other)| other == oid) => Ok(oid.clone()),
                several => {
                    let modules: Vec<&str> = several.iter().map(|(module, _)| &**module).collect();
                    Err(NameFault::Ambiguous { name: name.to_owned(), modules: modules.join(", ") })
                }
            };
        };
        match known.iter().find(|(known, _)| **known == *module) {
            Some((_, oid)) => Ok(oid.clone()),
            None if self.has_module(module) => {
                Err(NameFault::NotInModule { module: module.to_owned(), name: name.to_owned() })
            }
            None => Err(NameFault::UnknownModule { module: module.to_owned() }),
        }
    }

    /// Whether any object of this module is known.
    pub fn has_module(&self, module: &str) -> bool {
        self.by_name.values().flatten().any(|(known, _)| **known == *module)
    }

    /// What is known of the object that the oid is, or is an instance of; and the index.
    pub fn describe<'a>(&self, oid: &'a Oid) -> Option<(&Definition, &'a [u32])> {
        let numbers = oid.numbers();
        (1..=numbers.len()).rev().find_map(|length| {
            let (object, index) = numbers.split_at_checked(length)?;
            Some((self.by_oid.get(object)?, index))
        })
    }

    /// `IF-MIB::ifOperStatus.3`; in numbers with a leading dot where nothing of it has a name.
    pub fn label(&self, oid: &Oid) -> String {
        match self.describe(oid) {
            Some((Definition { module, name, .. }, index)) => {
                let index: String = index.iter().map(|number| format!(".{number}")).collect();
                format!("{module}::{name}{index}")
            }
            None => oid.to_string(),
        }
    }

    /// A value as its MIB says: words of enumerations and bits, display hints, names of oids. None where the MIB says
    /// nothing that the value's own type does not.
    pub fn text(&self, VarBind { oid, value }: &VarBind) -> Option<String> {
        if let Value::ObjectId(oid) = value {
            return Some(self.label(oid));
        }
        let (definition, _) = self.describe(oid)?;
        match (&definition.format, value) {
            (Format::Words(words), Value::Integer(_)) => {
                let number = value.signed()?;
                words.iter().find(|(known, _)| *known == number).map(|(_, word)| word.to_string())
            }
            (Format::Bits(words), Value::OctetString(octets)) => {
                let set = words.iter().filter(|(number, _)| builtin::is_set(*number, octets));
                Some(set.map(|(_, word)| &**word).collect::<Vec<_>>().join(" "))
            }
            (Format::Hint(hint), Value::OctetString(octets)) => display_hint::octets(hint, octets),
            (Format::Hint(hint), _) => display_hint::integer(hint, value.signed()?),
            _ => None,
        }
    }

    /// The unit of the object that the oid is an instance of.
    pub fn units(&self, oid: &Oid) -> Option<&str> {
        self.describe(oid)?.0.units.as_deref()
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Names({} objects)", self.by_oid.len())
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::builtin()
    }
}

fn format(syntax: Syntax) -> (Format, Option<Box<str>>) {
    let format = match syntax {
        Syntax::Words(words) => {
            Format::Words(builtin::pairs(words).map(|(number, word)| (number.into(), word.into())).collect())
        }
        Syntax::Bits(words) => {
            Format::Bits(builtin::pairs(words).map(|(number, word)| (number, word.into())).collect())
        }
        Syntax::Hinted(hint) => Format::Hint(hint.into()),
        Syntax::Text => Format::Hint("255t".into()),
        Syntax::Units(units) => return (Format::Plain, Some(units.into())),
        _ => Format::Plain,
    };
    (format, None)
}

/// Letters, digits, hyphens and underscores, a letter first (RFC 2578, clause 3.1; underscores are vendors').
fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(text: &str) -> Oid {
        text.parse().unwrap()
    }

    fn varbind(text: &str, value: Value) -> VarBind {
        VarBind { oid: oid(text), value }
    }

    #[test]
    fn names_become_oids_and_back() {
        let names = Names::builtin();
        for (name, expected) in [
            ("IF-MIB::ifInOctets", "1.3.6.1.2.1.2.2.1.10"),
            ("ifOperStatus.3", "1.3.6.1.2.1.2.2.1.8.3"),
            ("sysDescr.0", "1.3.6.1.2.1.1.1.0"),
            ("enterprises.9.9", "1.3.6.1.4.1.9.9"),
            ("UPS-MIB::upsBattery", "1.3.6.1.2.1.33.1.2"),
            ("lldpRemSysName.0.5.1", "1.0.8802.1.1.2.1.4.1.1.9.0.5.1"),
            (".1.3.6.1.2.1", "1.3.6.1.2.1"),
        ] {
            assert_eq!(names.resolve(name), Ok(oid(expected)), "{name}");
        }
        assert_eq!(names.label(&oid("1.3.6.1.2.1.2.2.1.8.3")), "IF-MIB::ifOperStatus.3");
        assert_eq!(names.label(&oid("1.3.6.1.4.1.318.1.1")), "SNMPv2-SMI::enterprises.318.1.1");
        assert_eq!(names.label(&oid("2.5.4")), ".2.5.4");
    }

    #[test]
    fn what_names_nothing_says_why() {
        let names = Names::builtin();
        for text in
            ["ifDescr.", "ifDescr.x", "ifDescr.-1", "a b", "::ifDescr", "IF-MIB::", "1x", "ifDescr.1..2"]
        {
            assert_eq!(names.resolve(text), Err(NameFault::Malformed), "{text}");
        }
        for text in ["", "1..3", ".", "4.3.6", "1.3.4294967296"] {
            assert!(matches!(names.resolve(text), Err(NameFault::Numbers(_))), "{text}");
        }
        assert!(matches!(names.resolve("ifDescription"), Err(NameFault::Unknown { .. })));
        assert!(matches!(names.resolve("UPS-MIB::ifDescr"), Err(NameFault::NotInModule { .. })));
        assert!(matches!(names.resolve("FOO-MIB::ifDescr"), Err(NameFault::UnknownModule { .. })));
        let long = format!("ifDescr{}", ".1".repeat(130));
        assert_eq!(names.resolve(&long), Err(NameFault::Malformed));
    }

    #[test]
    fn a_name_of_two_modules_needs_its_module() {
        let mut names = Names::builtin();
        let other = Definition {
            module: "OTHER-MIB".into(),
            name: "ifDescr".into(),
            format: Format::Plain,
            units: None,
        };
        names.add(&oid("1.3.6.1.4.1.5.1"), other.clone());
        assert!(matches!(names.resolve("ifDescr"), Err(NameFault::Ambiguous { .. })));
        assert_eq!(names.resolve("OTHER-MIB::ifDescr"), Ok(oid("1.3.6.1.4.1.5.1")));
        // The same object in a newer edition of its module is no other.
        let again = Definition { module: "RFC1213-MIB".into(), name: "ifMtu".into(), ..other };
        names.add(&oid("1.3.6.1.2.1.2.2.1.4"), again);
        assert_eq!(names.resolve("ifMtu"), Ok(oid("1.3.6.1.2.1.2.2.1.4")));
        assert_eq!(names.label(&oid("1.3.6.1.2.1.2.2.1.4.7")), "IF-MIB::ifMtu.7");
    }

    #[test]
    fn values_are_printed_as_their_mib_says() {
        let names = Names::builtin();
        let text = |name: &str, value| {
            let oid = names.resolve(name).unwrap();
            names.text(&VarBind { oid, value })
        };
        let octets = |octets: &[u8]| Value::OctetString(octets.into());
        assert_eq!(text("ifOperStatus.3", Value::Integer(7)).unwrap(), "lowerLayerDown");
        assert_eq!(text("ifOperStatus.3", Value::Integer(70)), None);
        assert_eq!(text("ifType.1", Value::Integer(6)).unwrap(), "ethernetCsmacd");
        assert_eq!(text("ifPhysAddress.1", octets(&[0, 0x1c, 0xff])).unwrap(), "00:1c:ff");
        assert_eq!(text("sysName.0", octets(b"switch")).unwrap(), "switch");
        assert_eq!(text("ifInOctets.1", Value::Counter32(7)), None);
        assert_eq!(text("lldpRemSysCapEnabled.0.1.1", octets(&[0x28])).unwrap(), "bridge router");
        let type_of_storage = Value::ObjectId(oid("1.3.6.1.2.1.25.2.1.2"));
        assert_eq!(text("hrStorageType.1", type_of_storage).unwrap(), "HOST-RESOURCES-TYPES::hrStorageRam");
        assert_eq!(names.text(&varbind("1.3.6.1.4.1.318.1", Value::Integer(1))), None);
        assert_eq!(names.units(&oid("1.3.6.1.2.1.33.1.2.4.0")), Some("percent"));
    }
}
