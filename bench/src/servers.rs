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
use rackpoll_simulator::rack::{DEFAULT_PASSWORD, Rack, RackConfig};

use crate::cost::Error;

/// First address of the simulated BMCs is the one after this.
const BASE: Ipv4Addr = Ipv4Addr::new(127, 9, 0, 0);
const PORT: u16 = 6239;
/// Password of all BMCs: they guard nothing.
pub const PASSWORD: &str = DEFAULT_PASSWORD;

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
    #[arg(long)]
    bmcs: usize,
    #[arg(long)]
    response_time_us: u64,
    /// Of all BMCs; otherwise all models by turns
    #[arg(long)]
    model: Option<String>,
}

/// The simulator's process.
pub fn rack(arguments: &RackArguments) -> Result<(), Error> {
    let config = RackConfig {
        bmcs: arguments.bmcs,
        agents: 0,
        base: BASE,
        bmc_port: PORT,
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
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        // Refused until it listens.
        let _ = socket.send(&ping);
        if socket.recv(&mut [0; 64]).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(format!("the ipmi_sim of {address} did not start").into())
}
