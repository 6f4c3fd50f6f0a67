//! The operator's folders of MIB files, looked through for the modules in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mib_rs::source::{self, CandidateId, DEFAULT_EXTENSIONS, Source, SourceCandidate};

use super::{
    harm::{Look, look},
    mib::{MibFinding, finding},
};

/// Largest file that is read: the largest MIB files of vendors have some 3 MiB.
const LARGEST: u64 = 8 << 20;
/// Most files, and most bytes of them all, that are looked through. A collection of 3,148 modules has some 100 MB.
const MOST_FILES: usize = 20_000;
const MOST_BYTES: u64 = 512 << 20;
/// Most entries of one folder that are looked at: twice as many as files, because not all of them are MIB files.
const MOST_ENTRIES: usize = 2 * MOST_FILES;
/// Most bytes of the files that are read whole.
const MOST_READ: u64 = 64 << 20;
/// Most modules that are read, imported ones too.
const MOST_MODULES: usize = 2_000;
/// Folders below a folder, at most.
const DEEPEST: usize = 16;

/// Which files have which modules.
#[derive(Default)]
pub(super) struct Folders {
    /// In the order of the folders and, in one folder, of the names.
    files: BTreeMap<String, Vec<PathBuf>>,
    /// Files without a module in them, by their names without endings.
    no_modules: BTreeMap<String, PathBuf>,
    /// By device and number: a file is read once, by whichever name it has.
    seen: BTreeSet<(u64, u64)>,
    bytes: u64,
    full: bool,
    asked: Mutex<Asked>,
}

/// What the loader has asked for.
#[derive(Default)]
struct Asked {
    modules: BTreeSet<String>,
    /// Files that were asked for.
    files: BTreeMap<PathBuf, Look>,
    bytes: u64,
}

impl Asked {
    fn look(&mut self, path: &Path, bytes: &Arc<[u8]>) -> Look {
        if let Some(known) = self.files.get(path) {
            return known.clone();
        }
        let mut look = look(bytes);
        if !matches!(look, Look::Harmful(_)) {
            let all = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
            if all > MOST_READ {
                let most = MOST_READ >> 20;
                let what =
                    format!("the files of mib-modules, and of what they import, have more than {most} MiB");
                look = Look::Harmful(what);
            } else {
                self.bytes = all;
            }
        }
        self.files.insert(path.to_owned(), look.clone());
        look
    }
}

impl Folders {
    /// Looks through a folder and the folders below it, links followed.
    pub(super) fn look_through(&mut self, folder: &Path, findings: &mut Vec<MibFinding>) {
        match fs::metadata(folder) {
            Ok(metadata) if metadata.is_dir() => self.folder(folder, &metadata, DEEPEST, findings),
            Ok(_) => findings.push(about(folder, "this is no folder")),
            Err(error) => findings.push(about(folder, error)),
        }
    }

    fn folder(
        &mut self,
        folder: &Path,
        metadata: &fs::Metadata,
        depth: usize,
        findings: &mut Vec<MibFinding>,
    ) {
        if !self.seen.insert((metadata.dev(), metadata.ino())) {
            return;
        }
        let mut entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return findings.push(about(folder, error)),
        };
        let first = entries.by_ref().take(MOST_ENTRIES);
        let mut paths: Vec<PathBuf> = first.filter_map(|entry| Some(entry.ok()?.path())).collect();
        if entries.next().is_some() {
            let what = format!(
                "this folder has more than {MOST_ENTRIES} entries, and only so many of them are looked at, whichever they are; give the MIB files a folder of their own"
            );
            findings.push(about(folder, what));
        }
        paths.sort();
        for path in paths {
            if self.full {
                return;
            }
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() && depth == 0 => {
                    findings.push(about(
                        &path,
                        format!("not looked into: more than {DEEPEST} folders lie above it"),
                    ));
                }
                Ok(metadata) if metadata.is_dir() => {
                    self.folder(&path, &metadata, depth.saturating_sub(1), findings);
                }
                _ if !is_named_like_a_mib(&path) => {}
                Ok(metadata) => self.file(path, &metadata, findings),
                Err(error) => findings.push(about(&path, error)),
            }
        }
    }

    fn file(&mut self, path: PathBuf, metadata: &fs::Metadata, findings: &mut Vec<MibFinding>) {
        // Whatever is none may keep a reader waiting for ever, or never end.
        if !metadata.is_file() {
            let kind = metadata.file_type();
            let what = if kind.is_fifo() {
                "a FIFO"
            } else if kind.is_socket() {
                "a socket"
            } else {
                "a device"
            };
            return findings.push(about(&path, format!("{what}, and no file: not read")));
        }
        if metadata.len() > LARGEST {
            let what = format!(
                "not read: {} MiB, and no MIB file has more than {}",
                metadata.len() >> 20,
                LARGEST >> 20
            );
            return findings.push(about(&path, what));
        }
        if !self.seen.insert((metadata.dev(), metadata.ino())) {
            return;
        }
        self.bytes = self.bytes.saturating_add(metadata.len());
        if self.seen.len() > MOST_FILES || self.bytes > MOST_BYTES {
            self.full = true;
            let what = format!(
                "neither this file nor any after it is read: mib-dirs hold more than {MOST_FILES} files or {} MiB; name the folders that matter",
                MOST_BYTES >> 20
            );
            return findings.push(about(&path, what));
        }
        match source::file(&path).and_then(|file| file.list_modules()) {
            Ok(modules) => {
                for module in modules {
                    self.files.entry(module).or_default().push(path.clone());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
                    self.no_modules.entry(name.to_owned()).or_insert(path);
                }
            }
            Err(error) => findings.push(about(&path, error)),
        }
    }

    /// What is to be said of a module that was not found; nothing, where `afterwards` says it of its file.
    pub(super) fn missing(&self, module: &str) -> Option<MibFinding> {
        if self.files.contains_key(module) {
            return None;
        }
        let Some(path) = self.no_modules.get(module) else {
            return Some(finding(format!("no file of mib-dirs has the module {module}")));
        };
        let what = format!(
            "this file does not begin with {module} DEFINITIONS ::= BEGIN; is it cut off, or no plain text?"
        );
        Some(about(path, what))
    }

    /// What there is to say of the files that were asked for: those that were not read, and modules that are in several.
    pub(super) fn afterwards(&self) -> Vec<MibFinding> {
        let asked = self.asked();
        let refused = asked.files.iter().filter_map(|(path, look)| match look {
            Look::Harmful(why) => Some(about(path, format!("not read: {why}"))),
            Look::Good | Look::Faulty => None,
        });
        let several = asked.modules.iter().filter_map(|module| {
            let looks =
                self.files.get(module)?.iter().filter_map(|path| Some((path, asked.files.get(path)?)));
            let mut read: Vec<_> = looks.filter(|(_, look)| !matches!(look, Look::Harmful(_))).collect();
            read.sort_by_key(|(_, look)| **look == Look::Faulty);
            let ((taken, look), others) = read.split_first()?;
            let (first, fault) = others.first()?;
            let why = if look == fault {
                "this file comes first and is taken"
            } else {
                "this file has no faults and is taken"
            };
            Some(about(taken, format!("{module} is also in {}; {why}", first.display())))
        });
        refused.chain(several).collect()
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        // What is in it is never half written.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folders as the loader takes them.
pub(super) struct Found(pub(super) Arc<Folders>);

impl Source for Found {
    fn find(&self, module: &str) -> io::Result<Option<SourceCandidate>> {
        self.find_candidates(module).next().transpose()
    }

    fn find_candidates<'a>(
        &'a self,
        module: &'a str,
    ) -> Box<dyn Iterator<Item = io::Result<SourceCandidate>> + 'a> {
        let mut asked = self.0.asked();
        let is_one_more = asked.modules.len() < MOST_MODULES && asked.modules.insert(module.to_owned());
        let may_be_read = is_one_more || asked.modules.contains(module);
        drop(asked);
        let paths = self.0.files.get(module).filter(|_| may_be_read).into_iter().flatten();
        let mut candidates: Vec<(Look, SourceCandidate)> = paths
            .filter_map(|path| {
                let candidate = match source::file(path).and_then(|file| file.find(module)) {
                    Ok(candidate) => candidate?,
                    // It was good a moment ago.
                    Err(error) => {
                        self.0.asked().files.insert(path.clone(), Look::Harmful(error.to_string()));
                        return None;
                    }
                };
                // Each file is a source of its own here, and all their candidates are the first of theirs.
                let candidate = SourceCandidate::new(
                    CandidateId::new(path.to_string_lossy()),
                    candidate.origin().clone(),
                    candidate.label(),
                    Arc::clone(candidate.shared_bytes()),
                );
                Some((self.0.asked().look(path, candidate.shared_bytes()), candidate))
            })
            .filter(|(look, _)| !matches!(look, Look::Harmful(_)))
            .collect();
        candidates.sort_by_key(|(look, _)| *look == Look::Faulty);
        Box::new(candidates.into_iter().map(|(_, candidate)| Ok(candidate)))
    }

    fn list_modules(&self) -> io::Result<Vec<String>> {
        Ok(self.0.files.keys().cloned().collect())
    }
}

fn is_named_like_a_mib(path: &Path) -> bool {
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy().to_lowercase()));
    DEFAULT_EXTENSIONS.contains(&ending.unwrap_or_default().as_str())
}

fn about(path: &Path, what: impl ToString) -> MibFinding {
    MibFinding { place: Some(path.display().to_string()), message: what.to_string() }
}
