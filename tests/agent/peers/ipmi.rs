//! OpenIPMI's `ipmi_sim`: one process is one BMC, with cipher suite 3 at best.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use super::{
    fixture, free_udp_address,
    process::{Folder, Process},
    program, recorded_peers, run,
};

/// TCP port of the console, on the BMC's own address (tests/fixtures/ipmi/lan.conf).
const CONSOLE: u16 = 9001;

/// A BMC. Users: `admin` (ADMINISTRATOR), `viewer` (USER), `one` (ADMINISTRATOR, one session at a time), and
/// `disabled`; all have the password that it was started with.
pub struct IpmiSim {
    process: Process,
    address: SocketAddr,
    password: String,
    control: Option<PathBuf>,
}

/// What a BMC is to be.
pub struct Model {
    commands: PathBuf,
    sel: Option<PathBuf>,
    controlled: bool,
}

impl Model {
    /// The small server of `tests/fixtures/ipmi`, always powered on.
    pub fn own() -> Self {
        Self { commands: fixture("ipmi/server.emu"), sel: None, controlled: false }
    }

    /// The same, with a chassis that the test switches, slows down, and counts polls at. A shell runs at every chassis status.
    pub fn controlled() -> Self {
        Self { controlled: true, ..Self::own() }
    }

    /// A recorded server; `None` where the recordings are not on this machine.
    pub fn recorded(name: &str) -> Option<Self> {
        let folder = recorded_peers()?.join("ipmi/models").join(name);
        let sel = Some(folder.join("sel.seed")).filter(|seed| seed.is_file());
        Some(Self { commands: folder.join("sim.emu"), sel, controlled: false })
    }

    /// Starts it and waits until it answers a ping.
    pub fn start(self, password: &str) -> IpmiSim {
        let address = free_udp_address(6230);
        let folder = Folder::new("ipmi-sim");
        let state = folder.path().join("state");
        std::fs::create_dir_all(state.join("ipmi_sim/bmc")).expect("our own folder");
        if let Some(seed) = self.sel {
            std::fs::copy(seed, state.join("ipmi_sim/bmc/sel.20")).expect("the recorded SEL");
        }
        let control = self.controlled.then(|| folder.path().join("control"));
        let power = match &control {
            Some(control) => {
                std::fs::create_dir(control).expect("our own folder");
                format!(
                    "chassis_control \"{} {}\"",
                    fixture("ipmi/chassis-control.sh").display(),
                    control.display()
                )
            }
            // Powered on = this child is alive, so that a chassis status starts no process.
            None => "startcmd \"setpriv --pdeathsig KILL sleep 1000000000\"\n  startnow true".to_owned(),
        };
        let template = std::fs::read_to_string(fixture("ipmi/lan.conf")).expect("our own fixture");
        let lan = template
            .replace("@ADDRESS@", &address.ip().to_string())
            .replace("@PORT@", &address.port().to_string())
            .replace("@GUID@", &uuid::Uuid::new_v4().simple().to_string())
            .replace("@PASSWORD@", password)
            .replace("@POWER@", &power);
        let lan = folder.write("lan.conf", &lan);
        let mut command = Command::new(program("ipmi_sim"));
        command.arg("-n").arg("-c").arg(lan).arg("-f").arg(self.commands).arg("-s").arg(state);
        let process = Process::start("ipmi_sim", folder, &mut command);
        let mut sim = IpmiSim { process, address, password: password.to_owned(), control };
        if sim.control.is_some() {
            sim.set_power(true);
            sim.set_delay(0.0);
        }
        sim.process
            .wait_until("it answers a presence ping", Duration::from_secs(20), || answers_ping(address));
        sim
    }
}

/// RMCP presence ping and pong (ASF 2.0, 3.2.4.2 and 3.2.4.3).
fn answers_ping(address: SocketAddr) -> bool {
    let ping = [0x06, 0x00, 0xff, 0x06, 0x00, 0x00, 0x11, 0xbe, 0x80, 0x01, 0x00, 0x00];
    let Ok(socket) = std::net::UdpSocket::bind("127.0.0.1:0") else { return false };
    drop(socket.set_read_timeout(Some(Duration::from_millis(200))));
    let mut pong = [0; 64];
    socket.send_to(&ping, address).is_ok()
        && socket
            .recv_from(&mut pong)
            .is_ok_and(|(length, from)| from == address && length >= 12 && pong[8] == 0x40)
}

impl IpmiSim {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `HOST:PORT` as a command or a configuration names it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn password(&self) -> &str {
        &self.password
    }

    fn control(&self, file: &str) -> PathBuf {
        self.control.as_ref().expect("only Model::controlled() can be controlled").join(file)
    }

    /// Switches the chassis from outside, as a person at its button does.
    pub fn set_power(&self, on: bool) {
        replace(&self.control("power"), if on { "1\n" } else { "0\n" });
    }

    /// Each chassis status takes this many seconds longer.
    pub fn set_delay(&self, seconds: f32) {
        replace(&self.control("delay"), &format!("{seconds}\n"));
    }

    /// A command at its console, as `sensor_set_value` or `sel_add` (ipmi_sim_cmd(5)).
    pub fn console(&self, command: &str) {
        let address = SocketAddr::new(self.address.ip(), CONSOLE);
        let mut console = TcpStream::connect(address).expect("ipmi_sim's console");
        console.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
        console.write_all(format!("{command}\r").as_bytes()).expect("its console listens");
        // It echoes what was typed, says what it has to say, and prompts again.
        let mut said = Vec::new();
        let mut some = [0; 512];
        while !String::from_utf8_lossy(&said)
            .rsplit_once(command)
            .is_some_and(|(_, after)| after.ends_with("> "))
        {
            let length = console.read(&mut some).expect("its console answers");
            assert!(length > 0, "its console hung up: {}", String::from_utf8_lossy(&said));
            said.extend_from_slice(&some[..length]);
        }
        let said = String::from_utf8_lossy(&said);
        assert!(!said.contains("**") && !said.contains("Invalid"), "{command}: {said}");
    }

    /// How many times it was asked for its chassis status.
    pub fn chassis_polls(&self) -> usize {
        std::fs::read_to_string(self.control("asked")).unwrap_or_default().lines().count()
    }

    /// `ipmitool` on this BMC as `admin`.
    pub fn ipmitool(&self, arguments: &[&str]) -> Result<String, String> {
        self.ipmitool_as("admin", &self.password, arguments)
    }

    /// `ipmitool` on this BMC. The password goes by environment: others may read a command line.
    pub fn ipmitool_as(&self, user: &str, password: &str, arguments: &[&str]) -> Result<String, String> {
        run(Command::new(program("ipmitool"))
            .args(["-I", "lanplus", "-C", "3", "-E", "-N", "2", "-R", "2"])
            .args(["-H", &self.address.ip().to_string(), "-p", &self.address.port().to_string(), "-U", user])
            .args(arguments)
            .env("IPMI_PASSWORD", password))
    }

    /// Sessions that are open now, as the BMC itself says, without the one that asks.
    pub fn open_sessions(&self) -> usize {
        let said = self.ipmitool(&["session", "info", "active"]).expect("ipmitool reads the session info");
        let count =
            said.lines().find_map(|line| line.strip_prefix("active sessions")).expect("a count of sessions");
        count.trim_start_matches([' ', ':']).trim().parse::<usize>().expect("a number").saturating_sub(1)
    }

    /// Ends it without a word, as a power cut does. Its address stays silent (ICMP unreachable on loopback).
    pub fn kill9(self) {
        drop(self.process.kill9());
    }
}

/// The simulator's script must never see a file half written.
fn replace(path: &PathBuf, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path)).expect("our own folder");
}
