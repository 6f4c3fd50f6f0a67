//! The measured clients' servers, each in processes of its own.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rackpoll_model::Secret;
use rackpoll_simulator::rack::{DEFAULT_COMMUNITY, DEFAULT_PASSWORD, Rack, RackConfig};

use crate::cost::Error;

/// First address of the simulated BMCs is the one after this.
const BASE: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 0);
const PORT: u16 = 6239;
/// Of the simulated SNMP agents, which count up from the same address.
pub const AGENT_PORT: u16 = 1619;
const SWITCH: &str = "switch-48";
/// Password of all BMCs: they guard nothing.
pub const PASSWORD: &str = DEFAULT_PASSWORD;
/// Community of all SNMP agents, likewise, and the context of snmpsim.
pub const COMMUNITY: &str = DEFAULT_COMMUNITY;
/// User of snmpsim, with `PASSWORD` for both.
pub const USER_V3: &str = "bench";

/// Processes that end with this value, and where they listen.
pub struct Servers {
    processes: Vec<Child>,
    folder: Option<PathBuf>,
    pub addresses: Vec<SocketAddr>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = kill(Pid::from_raw(process.id() as i32), Signal::SIGTERM);
            let _ = process.wait();
        }
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

#[derive(clap::Args)]
pub struct RackArguments {
    #[arg(long, default_value_t = 0)]
    bmcs: usize,
    /// Switches of 48 ports
    #[arg(long, default_value_t = 0)]
    agents: usize,
    #[arg(long, default_value_t = 0)]
    response_time_us: u64,
    /// Of all BMCs; otherwise all models by turns
    #[arg(long)]
    model: Option<String>,
}

/// The simulator's process.
pub fn rack(arguments: &RackArguments) -> Result<(), Error> {
    let config = RackConfig {
        bmcs: arguments.bmcs,
        agents: arguments.agents,
        agent_model: Some(SWITCH.to_owned()),
        base: BASE,
        bmc_port: PORT,
        agent_port: AGENT_PORT,
        password: Secret::from(PASSWORD),
        response_time: Duration::from_micros(arguments.response_time_us),
        model: arguments.model.clone(),
        // Some clients leave their sessions behind.
        slots: Some(32),
        ..RackConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let _rack = Rack::start(config).await?;
        println!("{}", SocketAddr::from((BASE, PORT)));
        std::io::stdout().flush()?;
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
        Ok(())
    })
}

impl Servers {
    /// Simulated BMCs, all in one process; of one model, or of all by turns.
    pub fn simulated(bmcs: usize, response_time: Duration, model: Option<&str>) -> Result<Self, Error> {
        let mut arguments = vec!["rack".to_owned(), format!("--bmcs={bmcs}")];
        arguments.push(format!("--response-time-us={}", response_time.as_micros()));
        arguments.extend(model.map(|model| format!("--model={model}")));
        let (process, _) = own_process(&arguments)?;
        let addresses = (1..=bmcs as u32).map(|place| (Ipv4Addr::from(u32::from(BASE) + place), PORT).into());
        Ok(Self { processes: vec![process], folder: None, addresses: addresses.collect() })
    }

    /// Simulated switches of 48 ports, all in one process.
    pub fn switches(agents: usize) -> Result<Self, Error> {
        let (process, _) = own_process(&["rack".to_owned(), "--agents".to_owned(), agents.to_string()])?;
        Ok(Self {
            processes: vec![process],
            folder: None,
            addresses: Self::switch_addresses(agents).collect(),
        })
    }

    /// Where so many switches listen.
    pub fn switch_addresses(agents: usize) -> impl Iterator<Item = SocketAddr> {
        (1..=agents as u32).map(|place| (Ipv4Addr::from(u32::from(BASE) + place), AGENT_PORT).into())
    }

    /// snmpsim on this recording.
    pub fn snmpsim(program: &Path, recording: &str) -> Result<Self, Error> {
        let folder = std::env::temp_dir().join(format!("rackpoll-bench-snmpsim-{}", std::process::id()));
        let data = folder.join("data");
        std::fs::create_dir_all(&data)?;
        std::fs::write(data.join(format!("{COMMUNITY}.snmprec")), recording)?;
        let address = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new(program);
        if nix::unistd::geteuid().is_root() {
            command.args(["--process-user", "root", "--process-group", "root"]);
        }
        command
            .arg("--cache-dir")
            .arg(folder.join("cache"))
            .args(["--log-level", "error", "--logging-method=null", "--v3-engine-id", "800000000102030405"])
            .args(["--v3-user", USER_V3, "--v3-auth-key", PASSWORD, "--v3-auth-proto", "SHA256"])
            .args(["--v3-priv-key", PASSWORD, "--v3-priv-proto", "AES"])
            .arg("--data-dir")
            .arg(&data)
            .arg(format!("--agent-udpv4-endpoint={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process =
            command.spawn().map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let servers = Self { processes: vec![process], folder: Some(folder), addresses: vec![address] };
        wait_for_agent(address)?;
        Ok(servers)
    }

    /// The server of the bare exchange; all its clients have the same peer.
    pub fn echo(clients: usize) -> Result<Self, Error> {
        let (process, address) = own_process(&["echo".to_owned()])?;
        Ok(Self { processes: vec![process], folder: None, addresses: vec![address; clients] })
    }

    /// OpenIPMI's `ipmi_sim`, a process a BMC, with the server of the agent's tests.
    pub fn ipmi_sim(bmcs: usize) -> Result<Self, Error> {
        Self::ipmi_sim_of(bmcs, &fixtures().join("server.emu"))
    }

    /// The same, with the server that these commands to ipmi_sim make.
    pub fn ipmi_sim_of(bmcs: usize, commands: &Path) -> Result<Self, Error> {
        // All listen on one address, where only one could have its console.
        let template = std::fs::read_to_string(fixtures().join("lan.conf"))?;
        let template: String = template
            .lines()
            .filter(|line| !line.starts_with("console "))
            .flat_map(|line| [line, "\n"])
            .collect();
        let folder = std::env::temp_dir().join(format!("rackpoll-bench-{}", std::process::id()));
        let mut servers = Self { processes: Vec::new(), folder: Some(folder.clone()), addresses: Vec::new() };
        // All held until all are chosen, so that no address comes twice.
        let probes = (0..bmcs).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
        let addresses = probes.iter().map(UdpSocket::local_addr).collect::<Result<Vec<_>, _>>()?;
        drop(probes);
        for (number, address) in addresses.into_iter().enumerate() {
            let state = folder.join(number.to_string());
            std::fs::create_dir_all(state.join("ipmi_sim/bmc"))?;
            let lan = template
                .replace("@ADDRESS@", &address.ip().to_string())
                .replace("@PORT@", &address.port().to_string())
                .replace("@GUID@", &format!("{number:032x}"))
                .replace("@PASSWORD@", PASSWORD)
                // Powered on = this child is alive; without one a chassis status would start a process.
                .replace(
                    "@POWER@",
                    "startcmd \"setpriv --pdeathsig KILL sleep 1000000000\"\n  startnow true",
                );
            let lan_path = state.join("lan.conf");
            std::fs::write(&lan_path, lan)?;
            let process = Command::new("ipmi_sim")
                .arg("-n")
                .arg("-c")
                .arg(&lan_path)
                .arg("-f")
                .arg(commands)
                .arg("-s")
                .arg(&state)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .map_err(|error| format!("cannot start ipmi_sim (Debian package openipmi): {error}"))?;
            servers.processes.push(process);
            servers.addresses.push(address);
        }
        for address in &servers.addresses {
            wait_for_pong(*address)?;
        }
        Ok(servers)
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/ipmi")
}

/// This program again, which says where it listens.
fn own_process(arguments: &[String]) -> Result<(Child, SocketAddr), Error> {
    let mut process = Command::new(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let stdout = process.stdout.take().ok_or("no standard output")?;
    BufReader::new(stdout).read_line(&mut line)?;
    let address = line.trim().parse().map_err(|_| format!("the server {arguments:?} did not start"))?;
    Ok((process, address))
}

/// RMCP presence ping and pong (ASF 2.0, 3.2.4.2 and 3.2.4.3).
fn wait_for_pong(address: SocketAddr) -> Result<(), Error> {
    let ping = [0x06, 0x00, 0xff, 0x06, 0x00, 0x00, 0x11, 0xbe, 0x80, 0x01, 0x00, 0x00];
    wait_for_answer(address, &ping)
}

/// A GET of sysDescr.0 by SNMPv2c.
fn wait_for_agent(address: SocketAddr) -> Result<(), Error> {
    let mut get = vec![0x30, 0x20 + COMMUNITY.len() as u8, 0x02, 0x01, 0x01, 0x04, COMMUNITY.len() as u8];
    get.extend_from_slice(COMMUNITY.as_bytes());
    get.extend_from_slice(&[
        0xa0, 0x19, 0x02, 0x01, 0x01, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x30, 0x0e, 0x30, 0x0c,
    ]);
    get.extend_from_slice(&[0x06, 0x08, 0x2b, 0x06, 0x01, 0x02, 0x01, 0x01, 0x01, 0x00, 0x05, 0x00]);
    wait_for_answer(address, &get)
}

fn wait_for_answer(address: SocketAddr, question: &[u8]) -> Result<(), Error> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        // Refused until it listens.
        let _ = socket.send(question);
        if socket.recv(&mut [0; 1500]).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("the server of {address} did not start").into())
}
