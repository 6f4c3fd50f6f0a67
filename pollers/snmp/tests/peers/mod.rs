//! Real SNMP agents on loopback: net-snmp's snmpd and snmpsim, each private to a test and gone with it.
#![allow(clippy::disallowed_methods, reason = "tests start real peers; the agent starts none")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use std::{
    fmt::Write as _,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long a peer may take to answer for the first time, other tests running: snmpsim indexes its recordings first.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// The community to which every peer answers; it is told to nobody else.
pub const READY: &str = "ready";

/// snmpsim's engine id; what is said about its users comes after it.
const ENGINE_OF_SNMPSIM: &str = "800000000102030405";

/// An agent under way.
pub struct Agent {
    child: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address on loopback that nobody else uses: its host part belongs to this process.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    loop {
        let host = NEXT.fetch_add(1, Ordering::Relaxed) & 0xff;
        let ip = Ipv4Addr::from(0x7f80_0000 | ((std::process::id() & 0x3fff) << 8) | host);
        let address = SocketAddr::from((ip, 16_100));
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

/// As net-snmp writes an address.
fn endpoint(address: SocketAddr) -> String {
    format!("{}:{address}", if address.is_ipv6() { "udp6" } else { "udp" })
}

/// snmpd with these lines of configuration, and with an engine of this id that has booted so often.
pub fn snmpd(configuration: &str, engine_id: &str, boots: u32) -> Agent {
    snmpd_at(free_address(), configuration, engine_id, boots)
}

/// The same at an address where there may have been another before.
pub fn snmpd_at(address: SocketAddr, configuration: &str, engine_id: &str, boots: u32) -> Agent {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snmpd.conf");
    std::fs::write(
        &file,
        format!("rocommunity {READY}\nrocommunity6 {READY}\nexactEngineID 0x{engine_id}\n{configuration}\n"),
    )
    .unwrap();
    // What snmpd itself has kept: it counts one more at its start.
    let kept = folder.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    std::fs::write(
        kept.join("snmpd.conf"),
        format!("engineBoots {}\noldEngineID 0x{engine_id}\n", boots - 1),
    )
    .unwrap();
    let child = Command::new(program("snmpd"))
        .args(["-f", "-Lo"])
        .arg(endpoint(address))
        .env("SNMP_PERSISTENT_DIR", &kept)
        // Nothing of this machine's own agent is read; what was kept is read only from a folder named here.
        .env("SNMPCONFPATH", format!("{}:{}", folder.path().display(), kept.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Agent { child, address, folder }.once_it_answers(READY)
}

/// snmpsim on recordings: each answers to its name as community (v2c) and as context (v3, user `test`).
pub fn snmpsim(recordings: &[PathBuf], arguments: &[&str]) -> Agent {
    let address = free_address();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for recording in recordings {
        std::fs::copy(recording, data.join(recording.file_name().unwrap())).unwrap();
    }
    std::fs::write(data.join(format!("{READY}.snmprec")), "1.3.6.1.2.1.1.1.0|4|ready\n").unwrap();
    let venv = std::env::var_os("RACKPOLL_VENV").map_or_else(|| root().join("target/venv"), PathBuf::from);
    let program = venv.join("bin/snmpsim-command-responder");
    assert!(program.is_file(), "{} is not there: run scripts/install-peers.sh", program.display());
    let mut command = Command::new(program);
    if rustix::process::geteuid().is_root() {
        command.args(["--process-user", "root", "--process-group", "root"]);
    }
    let child = command
        .arg("--cache-dir")
        .arg(folder.path().join("cache"))
        .args(["--log-level", "error", "--logging-method=null", "--v3-engine-id", ENGINE_OF_SNMPSIM])
        .args(arguments)
        .arg("--data-dir")
        .arg(data)
        .arg(format!("--agent-udpv4-endpoint={address}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Agent { child, address, folder }.once_it_answers(READY)
}

impl Agent {
    fn once_it_answers(mut self, community: &str) -> Self {
        let begun = Instant::now();
        while self.client("snmpget", community, &["1.3.6.1.2.1.1.1.0"]).is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended by itself");
            assert!(begun.elapsed() < STARTS_WITHIN, "it does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        self
    }

    /// One of net-snmp's clients, v2c.
    pub fn client(&self, tool: &str, community: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(program(tool))
            .args(["-v2c", "-c", community, "-t", "3", "-r", "2", "-m", "", "-Oqn"])
            .arg(endpoint(self.address))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: run scripts/install-peers.sh"))
}

/// A password of this run.
pub fn random_secret() -> String {
    let mut random = [0; 12];
    getrandom::fill(&mut random).unwrap();
    random.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
