//! MIB files of the operator's, read once with `mib-rs`.

use std::{collections::BTreeSet, path::PathBuf};

use mib_rs::{DiagnosticConfig, DiagnosticReport, LoadError, Loader, Mib, ReportingLevel, Severity, source};
use rackpoll_model::Oid;

use super::{Definition, Format, Names};

/// Findings that are told; a file that is no MIB at all has thousands.
const MOST_FINDINGS: usize = 50;

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
        let mut good = Vec::new();
        for folder in folders {
            match source::dir(folder) {
                Ok(_) => good.push(folder),
                Err(error) => findings.push(finding(format!("{}: {error}", folder.display()))),
            }
        }
        let mut wanted = modules.clone();
        while !wanted.is_empty() {
            match load(&good, &wanted) {
                Ok(mib) => {
                    tell(&mib.diagnostic_report(), &mut findings);
                    self.take(&mib);
                    break;
                }
                Err(LoadError::MissingModules(missing)) => {
                    let before = wanted.len();
                    for module in missing {
                        wanted.remove(&module);
                        findings.push(finding(format!("no file of mib-dirs has the module {module}")));
                    }
                    if wanted.len() == before {
                        break;
                    }
                }
                Err(LoadError::DiagnosticThreshold { report }) => {
                    tell(&report, &mut findings);
                    break;
                }
                Err(error) => {
                    findings.push(finding(format!("the MIB files cannot be read: {error}")));
                    break;
                }
            }
        }
        findings
    }

    fn take(&mut self, mib: &Mib) {
        for module in mib.user_modules() {
            for node in module.nodes() {
                let numbers: &[u32] = node.oid();
                if node.name().is_empty() || numbers.is_empty() {
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

fn load(folders: &[&PathBuf], modules: &BTreeSet<String>) -> Result<Mib, LoadError> {
    let mut loader = Loader::new();
    for folder in folders {
        loader = loader.source(source::dir(folder)?);
    }
    // Vendors' MIBs are seldom without faults; what can be read of them is worth more than nothing.
    let config = DiagnosticConfig {
        fail_at: Severity::Fatal,
        ..DiagnosticConfig::for_reporting(ReportingLevel::Quiet)
    };
    loader.modules(modules.iter().cloned()).diagnostic_config(config).load()
}

fn tell(report: &DiagnosticReport, findings: &mut Vec<MibFinding>) {
    for entry in report.iter().filter(|entry| entry.diagnostic().severity <= Severity::Error) {
        if findings.len() >= MOST_FINDINGS {
            findings.push(finding("more findings are left out".to_owned()));
            return;
        }
        let diagnostic = entry.diagnostic();
        let source = entry.range().ok().flatten().map(|(source, _)| source.label().to_owned());
        let start = entry.byte_positions().ok().flatten().map(|(start, _)| start);
        let place = source.zip(start).map(|(source, start)| {
            let count = |zero_based: u32| u64::from(zero_based).saturating_add(1);
            format!("{source}:{}:{}", count(start.line()), count(start.column()))
        });
        let module = diagnostic.module.as_deref().map(|module| format!("{module}: ")).unwrap_or_default();
        findings.push(MibFinding { place, message: format!("{module}{}", diagnostic.message) });
    }
}

fn finding(message: String) -> MibFinding {
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
        assert!(findings[0].message.contains("/does/not/exist"), "{findings:?}");
        assert_eq!(findings.len(), 2);
    }
}
