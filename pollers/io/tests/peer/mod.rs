//! OpenIPMI's `ipmi_sim` as a peer: a BMC that nobody here wrote. Where it is not installed its tests fail.
#![allow(clippy::disallowed_methods, reason = "the tests' peers are programs")]

use std::{
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU8, Ordering},
    time::{Duration, Instant},
};

use rackpoll_ipmi::wire::asf;
use tempfile::TempDir;

/// A controller behind the BMC with one sensor, for bridged commands: address, sensor number, raw reading.
pub(crate) const BEHIND: (u8, u8, u8) = (0x2c, 0x77, 0x55);

/// A BMC in a process of its own.
pub(crate) struct IpmiSim {
    child: Option<Child>,
    folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) password: String,
}

impl IpmiSim {
    /// Users as in `tests/fixtures/ipmi/lan.conf`.
    pub(crate) fn start() -> Self {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/ipmi/server.emu");
        let (address, sensor, raw) = BEHIND;
        let behind = format!(
            "\nmc_add {address:#x} 0 no-device-sdrs 0x23 9 8 0x9f 0x000000 0x0042\n\
             sensor_add {address:#x} 0 {sensor:#x} 1 1\n\
             sensor_set_value {address:#x} 0 {sensor:#x} {raw:#x} 0\n\
             mc_enable {address:#x}\n"
        );
        Self::with(&(std::fs::read_to_string(fixture).unwrap() + &behind))
    }

    /// With these commands of `ipmi_sim`'s.
    pub(crate) fn with(commands: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A loopback address of this process's own, at a port that no client is ever given: a free port that is asked
        // for and let go may be somebody's the next moment.
        static STARTED: AtomicU8 = AtomicU8::new(100);
        let [high, low] = (std::process::id() as u16).to_be_bytes();
        let address = SocketAddr::from(([127, STARTED.fetch_add(1, Ordering::Relaxed), high, low], 6230));
        let password = format!("p{:x}", std::process::id());
        let mut sim = Self { child: None, folder, address, password };
        sim.write(commands);
        sim.restart();
        sim
    }

    fn write(&self, commands: &str) {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/ipmi");
        let lan = std::fs::read_to_string(fixtures.join("lan.conf"))
            .unwrap()
            .replace("@ADDRESS@", &self.address.ip().to_string())
            .replace("@PORT@", &self.address.port().to_string())
            .replace("@GUID@", "00112233445566778899aabbccddeeff")
            .replace("@PASSWORD@", &self.password)
            .replace("@POWER@", "startcmd \"setpriv --pdeathsig KILL sleep 1000000000\"\n  startnow true");
        std::fs::write(self.path("lan.conf"), lan).unwrap();
        std::fs::write(self.path("sim.emu"), commands).unwrap();
        std::fs::create_dir_all(self.path("state/ipmi_sim/bmc")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends it without a word, as a power cut does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again, on the same address and without its sessions.
    pub(crate) fn restart(&mut self) {
        self.kill();
        // It writes its repository down and adds the records of its commands once more when it starts again.
        let state = self.path("state/ipmi_sim/bmc");
        std::fs::remove_dir_all(&state).unwrap();
        std::fs::create_dir_all(&state).unwrap();
        let log = std::fs::File::create(self.path("log")).unwrap();
        let child = Command::new("ipmi_sim")
            .arg("-n")
            .args(["-c".as_ref(), self.path("lan.conf").as_os_str()])
            .args(["-f".as_ref(), self.path("sim.emu").as_os_str()])
            .args(["-s".as_ref(), self.path("state").as_os_str()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("ipmi_sim must be installed for this test: {error}"));
        self.child = Some(child);
        let begun = Instant::now();
        while !self.answers_ping() {
            assert!(begun.elapsed() < Duration::from_secs(30), "ipmi_sim does not answer");
        }
    }

    fn answers_ping(&self) -> bool {
        let mut ping = Vec::new();
        asf::Message::Ping { tag: 1 }.encode(&mut ping);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        socket.send_to(&ping, self.address).is_ok() && socket.recv_from(&mut [0; 64]).is_ok()
    }

    /// What ipmitool says, over the interface `lan` (IPMI 1.5) or `lanplus`. The password goes by environment.
    pub(crate) fn ipmitool(&self, interface: &str, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("ipmitool")
            .args(["-I", interface, "-E", "-N", "2", "-R", "2", "-U", "admin"])
            .args(["-H", &self.address.ip().to_string(), "-p", &self.address.port().to_string()])
            .args(arguments)
            .env("IPMI_PASSWORD", &self.password)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("ipmitool must be installed for this test: {error}"));
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
    }
}

impl Drop for IpmiSim {
    fn drop(&mut self) {
        self.kill();
    }
}
