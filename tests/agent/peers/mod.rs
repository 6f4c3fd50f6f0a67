//! Real peers, private to one test: own ports on loopback, own directories, and gone when the test is.

pub mod ipmi;
pub mod mosquitto;
pub mod process;
pub mod rabbitmq;
pub mod snmp;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// A TCP port on 127.0.0.1 that was free a moment ago.
pub fn free_tcp_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|socket| socket.local_addr())
        .expect("a free port")
        .port()
}

/// A UDP address on loopback that nobody else uses: the host part belongs to this process, so that a peer which
/// starts late cannot lose its port to somebody else's.
pub fn free_udp_address(port: u16) -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let process = std::process::id();
    loop {
        let host = NEXT.fetch_add(1, Ordering::Relaxed);
        // 127.64.0.0/10: 14 bits of process id, 8 of peers; the simulator's own racks live below.
        let address =
            SocketAddr::from((Ipv4Addr::from(0x7f40_0000 | ((process & 0x3fff) << 8) | (host & 0xff)), port));
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
        assert!(host < 10_000, "no free UDP address on loopback");
    }
}

/// A file of `tests/fixtures`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// The folder of recorded peers that is not part of the project (`RACKPOLL_PEERS`, else `../shared/peers`), where it is there.
pub fn recorded_peers() -> Option<PathBuf> {
    let folder = std::env::var_os("RACKPOLL_PEERS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/peers"), PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// The full path of a peer's program; those for root only are in folders that a user's PATH may not have.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: run scripts/install-peers.sh"))
}

/// A program of the Python environment that `scripts/install-peers.sh` makes (`RACKPOLL_VENV` names another).
pub fn python_program(name: &str) -> PathBuf {
    let venv = std::env::var_os("RACKPOLL_VENV")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv"), PathBuf::from);
    let candidate = venv.join("bin").join(name);
    assert!(candidate.is_file(), "{} is not there: run scripts/install-peers.sh", candidate.display());
    candidate
}

/// Runs a reference client to its end; what it printed, where it ended well.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    Err(format!("{command:?}: {}\n{printed}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}
