//! MIB files of the operator's, read once with `mib-rs`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use mib_rs::{DiagnosticConfig, DiagnosticReport, LoadError, Loader, Mib, ReportingLevel, Severity};
use rackpoll_model::Oid;

use super::{
    Definition, Format, MOST_NUMBERS, Names,
    folders::{Folders, Found},
};

/// Findings that are told, and those about the text of one file; a file that is no MIB at all has thousands.
const MOST_FINDINGS: usize = 50;
/// As above.
const MOST_OF_A_FILE: usize = 10;
/// Types that are other types are followed by recursion, from module to module; memory that is not touched costs nothing.
const STACK: usize = 128 << 20;

/// What is wrong with a folder, a module or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MibFinding {
    /// File, line and column, where there is a place.
    pub place: Option<String>,
    /// What.
    pub message: String,
}

impl std::fmt::Display for MibFinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl Names {
    /// Adds the named modules, and the modules that they import, from MIB files in these folders and the folders below. What is
    /// wrong is told, and the rest goes on.
    pub fn load(&mut self, folders: &[PathBuf], modules: &BTreeSet<String>) -> Vec<MibFinding> {
        let mut findings = Vec::new();
        let mut found = Folders::default();
        for folder in folders {
            found.look_through(folder, &mut findings);
        }
        let found = Arc::new(found);
        let mut of_texts = Vec::new();
        let mut wanted = modules.clone();
        while !wanted.is_empty() {
            match load(&found, &wanted) {
                Ok(mib) => {
                    of_texts = told(&mib.diagnostic_report());
                    self.take(&mib);
                    break;
                }
                Err(LoadError::MissingModules(missing)) => {
                    let before = wanted.len();
                    for module in missing {
                        wanted.remove(&module);
                        findings.extend(found.missing(&module));
                    }
                    if wanted.len() == before {
                        break;
                    }
                }
                Err(LoadError::DiagnosticThreshold { report }) => {
                    of_texts = told(&report);
                    break;
                }
                Err(error) => {
                    findings.push(finding(format!("the MIB files cannot be read: {error}")));
                    break;
                }
            }
        }
        findings.extend(found.afterwards());
        findings.extend(of_texts);
        if findings.len() > MOST_FINDINGS {
            findings.truncate(MOST_FINDINGS);
            findings.push(finding("more findings are left out".to_owned()));
        }
        findings
    }

    fn take(&mut self, mib: &Mib) {
        for module in mib.user_modules() {
            for node in module.nodes() {
                let numbers: &[u32] = node.oid();
                if node.name().is_empty() || numbers.is_empty() || numbers.len() > MOST_NUMBERS {
                    continue;
                }
                let object = node.object();
                let pairs = |values: &[mib_rs::mib::NamedValue]| -> Vec<(i64, Box<str>)> {
                    values.iter().map(|named| (named.value, named.label.as_str().into())).collect()
                };
                let format = object.map_or(Format::Plain, |object| {
                    let hint = object.effective_display_hint();
                    if !object.effective_enums().is_empty() {
                        Format::Words(pairs(object.effective_enums()))
                    } else if !object.effective_bits().is_empty() {
                        let bits = pairs(object.effective_bits()).into_iter();
                        Format::Bits(
                            bits.filter_map(|(bit, word)| Some((bit.try_into().ok()?, word))).collect(),
                        )
                    } else if hint.is_empty() {
                        Format::Plain
                    } else {
                        Format::Hint(hint.into())
                    }
                });
                let units = object.map(|object| object.units()).filter(|units| !units.is_empty());
                let definition = Definition {
                    module: module.name().into(),
                    name: node.name().into(),
                    format,
                    units: units.map(Into::into),
                };
                self.add(&Oid::new(numbers), definition);
            }
        }
    }
}

fn load(found: &Arc<Folders>, modules: &BTreeSet<String>) -> Result<Mib, LoadError> {
    // Vendors' MIBs are seldom without faults; what can be read of them is worth more than nothing.
    let config = DiagnosticConfig {
        fail_at: Severity::Fatal,
        ..DiagnosticConfig::for_reporting(ReportingLevel::Quiet)
    };
    let loader = Loader::new()
        .source(Box::new(Found(Arc::clone(found))))
        .modules(modules.iter().cloned())
        .diagnostic_config(config);
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || loader.load());
        let loaded = thread.map(std::thread::ScopedJoinHandle::join);
        loaded.map_err(LoadError::Io)?.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What is wrong with the texts, a few findings of each file.
fn told(report: &DiagnosticReport) -> Vec<MibFinding> {
    let mut findings = Vec::new();
    let mut of_files: BTreeMap<String, usize> = BTreeMap::new();
    for entry in report.iter().filter(|entry| entry.diagnostic().severity <= Severity::Error) {
        let diagnostic = entry.diagnostic();
        let source = entry.range().ok().flatten().map(|(source, _)| source.label().to_owned());
        let of_file = of_files.entry(source.clone().unwrap_or_default()).or_default();
        *of_file = of_file.saturating_add(1);
        if *of_file > MOST_OF_A_FILE {
            if *of_file == MOST_OF_A_FILE.saturating_add(1) {
                findings.push(MibFinding {
                    place: source,
                    message: "more findings of this file are left out".to_owned(),
                });
            }
            continue;
        }
        let start = entry.byte_positions().ok().flatten().map(|(start, _)| start);
        let place = source.zip(start).map(|(source, start)| {
            let count = |zero_based: u32| u64::from(zero_based).saturating_add(1);
            format!("{source}:{}:{}", count(start.line()), count(start.column()))
        });
        let module = diagnostic.module.as_deref().map(|module| format!("{module}: ")).unwrap_or_default();
        findings.push(MibFinding { place, message: format!("{module}{}", diagnostic.message) });
    }
    findings
}

pub(super) fn finding(message: String) -> MibFinding {
    MibFinding { place: None, message }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rackpoll_model::{Value, VarBind};

    use super::*;

    fn fixtures() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mibs")
    }

    fn load(modules: &[&str]) -> (Names, Vec<MibFinding>) {
        let mut names = Names::builtin();
        let modules = modules.iter().map(|&module| module.to_owned()).collect();
        let findings = names.load(&[fixtures()], &modules);
        (names, findings)
    }

    #[test]
    fn a_file_of_the_operators_names_oids_and_prints_values() {
        let (names, findings) = load(&["RACK-FAN-MIB"]);
        assert_eq!(findings, []);
        let oid = names.resolve("RACK-FAN-MIB::fanState.2").unwrap();
        assert_eq!(oid.to_string(), ".1.3.6.1.4.1.99999.7.1.1.2.2");
        assert_eq!(names.label(&oid), "RACK-FAN-MIB::fanState.2");
        let text = |name: &str, value| names.text(&VarBind { oid: names.resolve(name).unwrap(), value });
        assert_eq!(text("fanState.2", Value::Integer(3)).unwrap(), "broken");
        assert_eq!(text("fanTemperature.2", Value::Integer(234)).unwrap(), "23.4");
        assert_eq!(text("fanName.2", Value::OctetString(b"left".as_slice().into())).unwrap(), "left");
        assert_eq!(names.units(&names.resolve("fanTemperature.2").unwrap()), Some("degrees Celsius"));
        // Only named modules are read.
        assert!(!names.has_module("RACK-BROKEN-MIB"));
    }

    #[test]
    fn a_broken_file_is_told_with_its_line_and_the_rest_goes_on() {
        let (names, findings) = load(&["RACK-BROKEN-MIB", "RACK-FAN-MIB", "NOWHERE-MIB"]);
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|finding| finding.contains("NOWHERE-MIB")), "{told:#?}");
        let line = |finding: &&String| finding.contains("RACK-BROKEN-MIB.mib:21:");
        assert!(told.iter().any(|finding| line(&finding)), "{told:#?}");
        assert!(names.resolve("RACK-FAN-MIB::fanState").is_ok());
        assert_eq!(
            names.resolve("RACK-BROKEN-MIB::goodBefore").unwrap().to_string(),
            ".1.3.6.1.4.1.99999.8.1"
        );
    }

    #[test]
    fn a_folder_that_is_none_is_told() {
        let mut names = Names::builtin();
        let modules = BTreeSet::from(["RACK-FAN-MIB".to_owned()]);
        let findings = names.load(&["/does/not/exist".into()], &modules);
        assert!(findings[0].to_string().starts_with("/does/not/exist: "), "{findings:?}");
        assert_eq!(findings.len(), 2);
    }

    const HEAD: &str = "IMPORTS enterprises, OBJECT-TYPE, Integer32 FROM SNMPv2-SMI;\n";

    /// A module of this name.
    fn module(name: &str, body: &str) -> Vec<u8> {
        format!("{name} DEFINITIONS ::= BEGIN\n{HEAD}{body}\nEND\n").into_bytes()
    }

    /// What is found in a folder, each finding in one line; a loader that hangs fails the test.
    fn found_in(folder: &Path, modules: &[&str]) -> (Names, Vec<String>) {
        let modules = modules.iter().map(|&module| module.to_owned()).collect();
        let folders = [folder.to_owned()];
        let (done, loaded) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut names = Names::builtin();
            let findings = names.load(&folders, &modules);
            // A test that has failed has nobody left to hear it.
            let _ = done.send((names, findings.iter().map(ToString::to_string).collect()));
        });
        loaded.recv_timeout(std::time::Duration::from_secs(120)).unwrap()
    }

    #[test]
    fn whatever_lies_in_the_folder_is_told_with_its_name_and_the_good_files_load() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let put = |name: &str, text: &[u8]| std::fs::write(at(name), text).unwrap();
        std::fs::copy(fixtures().join("RACK-FAN-MIB.mib"), at("RACK-FAN-MIB.mib")).unwrap();

        // The same module, cut off, in a file that comes first.
        let cut = std::fs::read(fixtures().join("RACK-FAN-MIB.mib")).unwrap();
        put("A-FAN.mib", &cut[..cut.len() / 2]);
        let whole = module("CUT-MIB", "x OBJECT-TYPE SYNTAX Integer32 MAX-ACCESS read-only");
        put("CUT-MIB.txt", &whole[..whole.len() - 20]);
        put("EMPTY-MIB", b"");
        let latin = b"LATIN-MIB DEFINITIONS ::= BEGIN\n-- \xe9\nx\xff OBJECT IDENTIFIER ::= { iso 1 }\nEND";
        put("LATIN-MIB", latin);
        let utf_16: Vec<u8> =
            "UTF-16-MIB DEFINITIONS ::= BEGIN END".encode_utf16().flat_map(u16::to_le_bytes).collect();
        put("UTF-16-MIB.my", &utf_16);
        put(
            "NOISE-MIB",
            &(0..50_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect::<Vec<_>>(),
        );
        put("one.mib", &module("DOUBLE-MIB", "double OBJECT IDENTIFIER ::= { enterprises 71 }"));
        put("two.mib", &module("DOUBLE-MIB", "double OBJECT IDENTIFIER ::= { enterprises 72 }"));
        for (name, other, number) in [("THIS-MIB", "THAT-MIB", 73), ("THAT-MIB", "THIS-MIB", 74)] {
            let (mine, theirs) = (&name[..4].to_lowercase(), &other[..4].to_lowercase());
            let text = format!(
                "{name} DEFINITIONS ::= BEGIN IMPORTS {theirs} FROM {other} enterprises FROM SNMPv2-SMI;\n\
                 {mine} OBJECT IDENTIFIER ::= {{ {theirs} 1 }} good{mine} OBJECT IDENTIFIER ::= {{ enterprises {number} }} END"
            );
            put(name, text.as_bytes());
        }
        let huge = std::fs::File::create(at("HUGE-MIB")).unwrap();
        huge.set_len(100 << 20).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("PIPE-MIB"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let socket = std::os::unix::net::UnixListener::bind(at("SOCKET-MIB")).unwrap();
        let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, at(name)).unwrap();
        link("/dev/zero", "ENDLESS-MIB");
        // A file that opens and cannot be read, whoever reads.
        link("/proc/self/mem", "UNREADABLE-MIB");
        link("nowhere", "DANGLING-MIB");
        link("ROUND-MIB", "ABOUT-MIB");
        link("ABOUT-MIB", "ROUND-MIB");
        link(".", "loop");
        link("RACK-FAN-MIB.mib", "FAN-MIB.mib");
        let deep = (0..40).fold(folder.path().to_owned(), |path, _| path.join("d"));
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("DEEP-DOWN-MIB"), module("DEEP-DOWN-MIB", "")).unwrap();

        let wanted = [
            "RACK-FAN-MIB",
            "CUT-MIB",
            "EMPTY-MIB",
            "LATIN-MIB",
            "UTF-16-MIB",
            "NOISE-MIB",
            "DOUBLE-MIB",
            "THIS-MIB",
            "HUGE-MIB",
            "PIPE-MIB",
            "DEEP-DOWN-MIB",
        ];
        let (names, told) = found_in(folder.path(), &wanted);
        drop((huge, socket));
        for (name, words) in [
            ("CUT-MIB.txt:", "expected"),
            ("EMPTY-MIB:", "is it cut off"),
            ("LATIN-MIB:", "unexpected character"),
            ("UTF-16-MIB.my:", "no plain text"),
            ("NOISE-MIB:", "no plain text"),
            ("one.mib:", "two.mib; this file comes first and is taken"),
            ("FAN-MIB.mib:", "A-FAN.mib; this file has no faults and is taken"),
            ("THIS-MIB:", "unknown parent"),
            ("HUGE-MIB:", "not read: 100 MiB"),
            ("PIPE-MIB:", "a FIFO"),
            ("SOCKET-MIB:", "a socket"),
            ("ENDLESS-MIB:", "a device"),
            ("UNREADABLE-MIB:", "error"),
            ("DANGLING-MIB:", "No such file"),
            ("ABOUT-MIB:", "symbolic links"),
            ("ROUND-MIB:", "symbolic links"),
            ("/d:", "not looked into"),
            ("", "no file of mib-dirs has the module DEEP-DOWN-MIB"),
        ] {
            let is_it =
                |told: &&String| told.contains(&format!("/{name}")) || name.is_empty() || told.contains(name);
            assert!(told.iter().filter(is_it).any(|told| told.contains(words)), "{name} {words}: {told:#?}");
        }
        assert!(!told.iter().any(|told| told.contains("/loop")), "{told:#?}");
        for good in ["RACK-FAN-MIB::fanState", "DOUBLE-MIB::double", "THIS-MIB::goodthis"] {
            assert!(names.resolve(good).is_ok(), "{good}: {told:#?}");
        }
        assert_eq!(names.resolve("DOUBLE-MIB::double").unwrap().to_string(), ".1.3.6.1.4.1.71");
    }

    #[test]
    fn a_folder_with_too_many_entries_is_told_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let crowded = folder.path().join("crowded");
        std::fs::create_dir(&crowded).unwrap();
        let one = crowded.join("0");
        std::fs::write(&one, "").unwrap();
        for number in 1..40_000 {
            std::fs::hard_link(&one, crowded.join(number.to_string())).unwrap();
        }
        let (_, findings) = found_in(folder.path(), &["NO-SUCH-MIB"]);
        assert_eq!(findings, ["no file of mib-dirs has the module NO-SUCH-MIB"]);
        std::fs::hard_link(&one, crowded.join("40000")).unwrap();
        let (_, findings) = found_in(folder.path(), &["NO-SUCH-MIB"]);
        assert_eq!(findings.len(), 2, "{findings:?}");
        let name = crowded.display().to_string();
        assert!(
            findings[0].contains(&name) && findings[0].contains("more than 40000 entries"),
            "{findings:?}"
        );
    }

    #[test]
    fn what_would_take_all_stack_or_memory_is_not_read() {
        let object = |syntax: &str| {
            format!(
                "x OBJECT-TYPE SYNTAX {syntax} MAX-ACCESS read-only STATUS current DESCRIPTION \"d\" ::= {{ enterprises 1 }}"
            )
        };
        let nested = |open: &str, close: &str| {
            format!("T ::= {} INTEGER {}", open.repeat(20_000), close.repeat(20_000))
        };
        let chain = |line: &dyn Fn(u32) -> String| (0..20_000).map(line).collect::<String>();
        for (title, body, expected) in [
            ("SEQUENCE", nested("SEQUENCE { a ", "}"), Some("braces")),
            ("CHOICE", nested("CHOICE { a ", "}"), Some("braces")),
            ("tags", nested("[APPLICATION 1] IMPLICIT ", ""), Some("tags in brackets")),
            ("types", chain(&|n| format!("T{n} ::= T{}\n", n + 1)), Some("hangs on 128 others and more")),
            (
                "oids",
                chain(&|n| format!("o{} OBJECT IDENTIFIER ::= {{ o{n} 1 }}\n", n + 1)),
                Some("hangs on 128 others and more"),
            ),
            (
                "an oid",
                format!("x OBJECT IDENTIFIER ::= {{ {} }}", "a(1) ".repeat(20_000)),
                Some("more than 128 numbers"),
            ),
            // These do no harm, and are read as well as may be.
            ("parentheses", object(&format!("Integer32 {}1", "(".repeat(20_000))), None),
            ("values", object(&format!("INTEGER {{ {} a(0) }}", chain(&|n| format!("e{n}({n}), ")))), None),
            ("no end of a text", format!("x OBJECT-TYPE DESCRIPTION \"{}", "[{".repeat(20_000)), None),
            ("a comment", format!("-- {}\n", "[{".repeat(20_000)), None),
            ("types in a circle", "T ::= U\nU ::= V\nV ::= T\nW ::= T".to_owned(), None),
            (
                "oids in a circle",
                "a OBJECT IDENTIFIER ::= { b 1 } b OBJECT IDENTIFIER ::= { a 1 }".to_owned(),
                None,
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let good = "good OBJECT IDENTIFIER ::= { enterprises 74 }";
            std::fs::write(folder.path().join("GOOD-MIB"), module("GOOD-MIB", good)).unwrap();
            std::fs::write(folder.path().join("BAD-MIB"), module("BAD-MIB", &body)).unwrap();
            let (names, told) = found_in(folder.path(), &["BAD-MIB", "GOOD-MIB"]);
            assert!(names.resolve("GOOD-MIB::good").is_ok(), "{title}: {told:?}");
            let refused = |words: &str| {
                told.iter().any(|told| told.contains("/BAD-MIB: not read: ") && told.contains(words))
            };
            assert_eq!(refused(""), expected.is_some(), "{title}: {told:?}");
            assert!(expected.is_none_or(refused), "{title}: {told:?}");
        }
    }

    #[test]
    fn findings_are_bounded_by_the_file_and_altogether() {
        let folder = tempfile::tempdir().unwrap();
        let modules: Vec<String> = (10..20).map(|number| format!("JUNK-{number}-MIB")).collect();
        let bad =
            (0..500).map(|n| format!("o{n} OBJECT IDENTIFIER ::= {{ nobody{n} 1 }}\n")).collect::<String>();
        for name in &modules {
            std::fs::write(folder.path().join(name), module(name, &bad)).unwrap();
        }
        let (_, told) = found_in(folder.path(), &modules.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((told.len(), told[50].as_str()), (51, "more findings are left out"));
        for name in ["JUNK-10-MIB", "JUNK-11-MIB"] {
            assert_eq!(
                told.iter().filter(|told| told.contains(&format!("/{name}"))).count(),
                11,
                "{told:#?}"
            );
        }
    }

    /// Files that are almost right.
    #[test]
    fn no_bytes_of_a_file_end_the_loader() {
        let seed = std::fs::read(fixtures().join("RACK-FAN-MIB.mib")).unwrap();
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % bound
        };
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..250 {
            let mut text = seed.clone();
            for _ in 0..=below(8) {
                let at = below(text.len() - 30);
                match below(4) {
                    0 => text[at] = u8::try_from(below(256)).unwrap(),
                    1 => drop(text.drain(at..at + below(30))),
                    2 => text.truncate(text.len() - below(text.len() / 8)),
                    _ => {
                        let from = below(text.len() - 30);
                        let piece = text[from..from + 30].to_vec();
                        text.splice(at..at, piece);
                    }
                }
            }
            std::fs::write(folder.path().join("RACK-FAN-MIB"), text).unwrap();
            let mut names = Names::builtin();
            names.load(&[folder.path().to_owned()], &BTreeSet::from(["RACK-FAN-MIB".to_owned()]));
            assert!(names.resolve("sysDescr").is_ok());
        }
    }
}
