//! Where a secret is written: `{ env = ".." }`, `{ file = ".." }`, `{ credential = ".." }`, or, with a warning, as a literal.

use std::{
    ffi::OsString,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use rackpoll_model::Secret;

use super::{
    fault::{Findings, Place},
    raw::{Node, Raw, shorten},
};

/// Longest secret that is read from a file: long enough for any password and key, short enough not to read a disk.
const LONGEST: usize = 4096;

/// What the configuration depends on beside its files.
pub struct Surroundings<'a> {
    /// An environment variable's value.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// The machine's name, for the agent's where none is configured.
    pub host_name: String,
}

impl Surroundings<'static> {
    /// The process's own environment and machine.
    pub fn of_process() -> Self {
        let uname = rustix::system::uname();
        Self {
            variable: &|name| std::env::var_os(name),
            host_name: uname.nodename().to_string_lossy().into_owned(),
        }
    }
}

/// Reads the secret of `key`; every way that this can fail is a fault with its own sentence.
pub(super) fn read(
    key: &str,
    node: Node,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings,
) -> Option<Secret> {
    let place = node.place;
    let mut table = match node.value {
        Raw::Text(text) => {
            findings.warn(
                &place,
                format!("`{key}` is written into the file"),
                Some("give { env = \"..\" }, { file = \"..\" } or { credential = \"..\" }".to_owned()),
            );
            return Some(Secret::new(text.into_bytes()));
        }
        Raw::Table(table) => table,
        other => {
            let what = format!("`{key}` has to be a secret, not {}", other.kind());
            findings.fault_with_hint(
                &place,
                what,
                "give { env = \"..\" }, { file = \"..\" } or { credential = \"..\" }",
            );
            return None;
        }
    };
    let env = table.text("env", findings);
    let file = table.text("file", findings);
    let credential = table.text("credential", findings);
    table.refuse_rest(&format!("the secret `{key}`"), findings);
    let read = match (env, file, credential) {
        (Some((_, name)), None, None) => from_variable(&name, surroundings),
        (None, Some((_, file)), None) => from_file(&beside(&place, &file), &place, findings),
        (None, None, Some((_, name))) => from_credential(&name, surroundings, &place, findings),
        (None, None, None) => Err("names no source".to_owned()),
        _ => Err("names more than one source".to_owned()),
    };
    match read {
        Ok(secret) if secret.is_empty() => {
            findings.fault(&place, format!("`{key}` is empty"));
            None
        }
        Ok(secret) => Some(secret),
        Err(why) => {
            findings.fault(&place, format!("`{key}` {why}"));
            None
        }
    }
}

fn from_variable(name: &str, surroundings: &Surroundings<'_>) -> Result<Secret, String> {
    // A name with `=` or NUL makes the system's call panic or lie.
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("names no environment variable: {:?}", shorten(name)));
    }
    match (surroundings.variable)(name) {
        Some(value) => Ok(Secret::new(value.into_encoded_bytes())),
        None => Err(format!("comes from the environment variable {}, which is not set", shorten(name))),
    }
}

fn from_credential(
    name: &str,
    surroundings: &Surroundings<'_>,
    place: &Place,
    findings: &mut Findings,
) -> Result<Secret, String> {
    if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
        return Err(format!("names no systemd credential: {:?}", shorten(name)));
    }
    match (surroundings.variable)("CREDENTIALS_DIRECTORY") {
        Some(directory) => from_file(&PathBuf::from(directory).join(name), place, findings),
        None => Err(format!(
            "comes from the systemd credential {}, and CREDENTIALS_DIRECTORY is not set (see LoadCredential= in systemd.exec)",
            shorten(name)
        )),
    }
}

fn from_file(path: &Path, place: &Place, findings: &mut Findings) -> Result<Secret, String> {
    let cannot =
        |error: std::io::Error| format!("comes from {}, which cannot be read: {error}", path.display());
    let file = File::open(path).map_err(cannot)?;
    let about = file.metadata().map_err(cannot)?;
    if about.is_dir() {
        return Err(format!("comes from {}, which is a directory", path.display()));
    }
    if others_may_read(&about) {
        findings.warn(
            place,
            format!("everybody on this machine can read {}", path.display()),
            Some("chmod o= it".to_owned()),
        );
    }
    let mut bytes = Vec::with_capacity(LONGEST + 1);
    let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    let too_long = bytes.len() > LONGEST;
    let secret = Secret::new(bytes);
    if too_long {
        return Err(format!("comes from {}, which holds more than {LONGEST} bytes", path.display()));
    }
    Ok(secret)
}

fn others_may_read(about: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    about.is_file() && about.mode() & 0o004 != 0
}

/// Relative paths start where the configuration file is.
pub(super) fn beside(place: &Place, path: &str) -> PathBuf {
    place.file.parent().unwrap_or(Path::new("")).join(path)
}
