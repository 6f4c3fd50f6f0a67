//! Walks of recorded devices through snmpsim, against what net-snmp's `snmpbulkwalk` prints: value for value.
//!
//! The recordings of other people's devices are no part of the project: they are walked where `RACKPOLL_PEERS` has them
//! (default: `../shared/peers` beside the repository), and our own fixture is walked everywhere.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod peers;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use peers::{Agent, root, snmpsim};
use rackpoll_model::{Reading, Secret, SnmpCredential, SnmpRequest};
use rackpoll_snmp::{SnmpDevice, SnmpSockets, oid_text, value_text};
use tokio::time::Instant;

/// What is walked: everything, and a part with something behind it.
const TREES: [&str; 2] = ["1.3.6.1", "1.3.6.1.2.1.31.1.1"];

fn recordings() -> Vec<PathBuf> {
    let peers =
        std::env::var_os("RACKPOLL_PEERS").map_or_else(|| root().join("../shared/peers"), PathBuf::from);
    let mut found = vec![root().join("tests/fixtures/snmp/switch.snmprec")];
    for entry in std::fs::read_dir(peers.join("snmp/recordings")).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "snmprec") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn name(recording: &Path) -> String {
    recording.file_stem().unwrap().to_str().unwrap().to_owned()
}

/// The oids whose values snmpsim makes up anew with each answer: `tag:module` in place of a tag.
fn made_up(recording: &Path) -> BTreeSet<String> {
    let text = std::fs::read(recording).unwrap();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('|');
            let (oid, tag) = (fields.next()?, fields.next()?);
            tag.contains(':').then(|| format!(".{oid}"))
        })
        .collect()
}

/// What `-Oqn` prints, without the quotes around values; a value may have several lines.
fn printed(text: &str) -> BTreeMap<String, String> {
    let mut values: Vec<(String, String)> = Vec::new();
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        let oid = line.split(' ').next().unwrap();
        let is_oid =
            oid.starts_with(".1.") && oid.split('.').skip(1).all(|number| number.parse::<u32>().is_ok());
        match values.last_mut() {
            _ if is_oid => {
                values.push((oid.to_owned(), line.get(oid.len() + 1..).unwrap_or_default().to_owned()));
            }
            Some((_, value)) => *value = format!("{value}\n{line}"),
            None => panic!("{line:?} is no variable"),
        }
    }
    values
        .into_iter()
        .filter(|(_, value)| !value.starts_with("No Such ") && !value.starts_with("No more variables "))
        .map(|(oid, value)| {
            let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            (oid, unquoted.map(str::to_owned).unwrap_or(value))
        })
        .collect()
}

/// A copy whose oids increase. Some recordings have rows out of order, and what snmpsim answers from such a one depends on
/// how many rows it is asked for: net-snmp itself reads 540 values of one of them by tens, and 69 by threes.
fn in_order(recording: &Path, folder: &Path) -> PathBuf {
    let text = std::fs::read(recording).unwrap();
    let mut rows: BTreeMap<Vec<u32>, &[u8]> = BTreeMap::new();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#")) {
        let Some(end) = line.iter().position(|byte| *byte == b'|') else { continue };
        let oid = std::str::from_utf8(&line[..end]).unwrap();
        let numbers = oid.split('.').map(|number| number.parse().unwrap()).collect();
        rows.entry(numbers).or_insert(line);
    }
    let copy = folder.join(recording.file_name().unwrap());
    let mut lines: Vec<u8> = Vec::new();
    for line in rows.values() {
        lines.extend_from_slice(line);
        lines.push(b'\n');
    }
    std::fs::write(&copy, lines).unwrap();
    copy
}

async fn walked(device: &mut SnmpDevice, oid: &str) -> BTreeMap<String, String> {
    let deadline = Instant::now() + Duration::from_secs(120);
    match device.poll(&SnmpRequest::Oids(vec![oid.to_owned()]), deadline).await {
        Ok(Reading::Oids(walks)) => {
            let walk = &walks[0];
            let error = walk.error.as_ref().filter(|_| !walk.varbinds.is_empty());
            assert_eq!(error, None, "{oid}");
            walk.varbinds.iter().map(|varbind| (oid_text(&varbind.oid), value_text(&varbind.value))).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Compares one device's trees; how many values were compared.
async fn compare(agent: &Agent, sockets: &SnmpSockets, recording: &Path) -> usize {
    let community = name(recording);
    let credential = SnmpCredential::V2c(Secret::from(community.as_str()));
    let mut device = SnmpDevice::new(sockets, agent.address, credential);
    let made_up = made_up(recording);
    let mut compared = 0;
    for tree in TREES {
        // Large answers: what the walks cost is what snmpsim does, most of all for each request.
        let theirs = agent.client("snmpbulkwalk", &community, &["-t", "20", "-Cr50", tree]).unwrap();
        let mut theirs = printed(&theirs);
        let mut ours = walked(&mut device, tree).await;
        let keys = |values: &BTreeMap<String, String>| values.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(
            keys(&ours).symmetric_difference(&keys(&theirs)).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "{community} {tree}"
        );
        for values in [&mut ours, &mut theirs] {
            values.retain(|oid, _| !made_up.contains(oid));
        }
        for (oid, theirs) in &theirs {
            assert_eq!(&ours[oid], theirs, "{community} {oid}");
        }
        compared += theirs.len();
    }
    compared
}

/// Recordings for so many agents, each of which has about as much to say: snmpsim is one thread, and the walks wait for it.
fn shared_out(recordings: Vec<PathBuf>, agents: usize) -> Vec<Vec<PathBuf>> {
    let size = |path: &PathBuf| std::fs::metadata(path).unwrap().len();
    let mut largest_first = recordings;
    largest_first.sort_by_key(|path| std::cmp::Reverse(size(path)));
    let mut shares = vec![(0, Vec::new()); agents];
    for recording in largest_first {
        let (bytes, share) = shares.iter_mut().min_by_key(|(bytes, _)| *bytes).unwrap();
        *bytes += size(&recording);
        share.push(recording);
    }
    shares.into_iter().map(|(_, share)| share).filter(|share| !share.is_empty()).collect()
}

/// How many values of each recording were compared.
fn compare_all(recordings: &[PathBuf], folder: &Path) -> Vec<(String, usize)> {
    let in_order: Vec<PathBuf> = recordings.iter().map(|recording| in_order(recording, folder)).collect();
    let agent = snmpsim(&in_order, &[]);
    let sockets = SnmpSockets::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    recordings
        .iter()
        .map(|recording| (name(recording), runtime.block_on(compare(&agent, &sockets, recording))))
        .collect()
}

#[test]
fn walks_equal_net_snmps() {
    let recordings = recordings();
    let folder = tempfile::tempdir().unwrap();
    let agents = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4));
    let all = recordings.len();
    let shares = shared_out(recordings, agents);
    assert_eq!(shares.iter().map(Vec::len).sum::<usize>(), all);
    let compared: Vec<(String, usize)> = std::thread::scope(|scope| {
        let running: Vec<_> =
            shares.iter().map(|share| scope.spawn(|| compare_all(share, folder.path()))).collect();
        running.into_iter().flat_map(|share| share.join().unwrap()).collect()
    });
    for (name, compared) in compared {
        // The smallest recording is our own.
        assert!(compared >= 80, "{name}: {compared} values compared");
        println!("{name}: {compared} values");
    }
}
