//! The configuration: files (`raw`) become types that cannot be wrong (`checked`), or a list of everything that is wrong.
//!
//! One file, and the `*.toml` of a folder `conf.d` beside it in the order of their names. A drop-in's single keys stand
//! in for those before it; its `[[credential]]`, `[[device]]` and `[[poller]]` are added. `config/rackpoll.toml`
//! explains every key.

mod checked;
mod encrypted;
mod fault;
mod host;
mod machine;
mod name;
mod raw;
mod secret;

pub mod duration;

use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use zeroize::Zeroizing;

pub use checked::{
    Agent, Alerts, Broker, Bus, Config, Device, IPMI_PORT, LONGEST_COMMUNITY, MOST_OIDS, NamedCredential,
    SNMP_PORT, ScheduledPoll, Server, Tls, Traps, Trigger, USUAL_ROWS, bmc_key, graph_id, in_numbers,
    snmp_config, wrong_login,
};
pub use encrypted::{EncryptionKey, open as open_encrypted};
pub use fault::{ConfigFault, ConfigFaults, Place};
pub use host::{Host, HostFault};
pub use machine::host_name;
pub use name::{NAME_RULE, Name, is_name, is_work_item_id};
pub use secret::Surroundings;

use fault::Findings;
pub(crate) use fault::did_you_mean;

/// Largest configuration file that is read: 100,000 devices of 160 bytes.
const LARGEST_FILE: u64 = 16 << 20;

impl Config {
    /// Reads the file and its drop-ins, with the process's own environment.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(path: &Path) -> Result<Self, ConfigFaults> {
        Self::load_in(path, &Surroundings::of_process())
    }

    /// Reads the file and its drop-ins in surroundings of the caller's choice.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load_in(path: &Path, surroundings: &Surroundings<'_>) -> Result<Self, ConfigFaults> {
        let mut findings = Findings::default();
        let mut files = vec![path.to_owned()];
        let drop_ins = path.parent().unwrap_or(Path::new("")).join("conf.d");
        match drop_ins_of(&drop_ins) {
            Ok(found) => files.extend(found),
            Err(error) => findings.fault(&start_of(&drop_ins), format!("cannot be read: {error}")),
        }
        let mut texts = Vec::with_capacity(files.len());
        for file in &files {
            match read(file) {
                Ok(text) => texts.push((file.as_path(), text)),
                Err(why) => findings.fault(&start_of(file), why),
            }
        }
        Self::check(&texts, &files, findings, surroundings)
    }

    /// Checks a text as if it had been read from `path`, without drop-ins.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn parse(text: &str, path: &Path, surroundings: &Surroundings<'_>) -> Result<Self, ConfigFaults> {
        let texts = [(path, Zeroizing::new(text.to_owned()))];
        Self::check(&texts, &[path.to_owned()], Findings::default(), surroundings)
    }

    fn check(
        texts: &[(&Path, Zeroizing<String>)],
        files: &[PathBuf],
        mut findings: Findings,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, ConfigFaults> {
        let mut whole: Option<raw::Table> = None;
        for (path, text) in texts {
            let table = raw::parse(text, &Arc::from(*path), &mut findings);
            match &mut whole {
                Some(whole) => whole.overlay(table),
                None => whole = Some(table),
            }
        }
        let config = whole.map(|table| checked::check(table, surroundings, &mut findings));
        let warnings = findings.conclude(files)?;
        match config {
            Some(config) => Ok(Self { warnings, ..config }),
            // Without a readable file there is at least the fault that says so.
            None => Err(ConfigFaults { faults: Vec::new(), warnings }),
        }
    }
}

fn start_of(path: &Path) -> Place {
    Place { file: Arc::from(path), line: 1 }
}

fn drop_ins_of(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_FILE {
        return Err(format!("is larger than {LARGEST_FILE} bytes"));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => Err(format!("is not UTF-8 (byte {})", error.valid_up_to())),
    }
}

#[cfg(test)]
mod tests;
