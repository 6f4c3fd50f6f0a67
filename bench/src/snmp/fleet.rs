//! Thousands of switches from one socket at once: what is lost, and what it takes of memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    time::{Duration, Instant},
};

use nix::sys::resource::UsageWho::RUSAGE_SELF;
use rackpoll_io::{SnmpDevice, SnmpSockets};
use rackpoll_model::{Fault, FaultKind, Reading, SnmpRequest};
use tokio::{sync::mpsc, task::JoinSet};

use super::{ROOTS, VALUES, credential};
use crate::{
    cost::{Error, processor_time},
    servers::{AGENT_PORT, Servers},
};

/// How long a poll may take: with all of them due in one moment, each has to wait for the processor.
const LIMIT: Duration = Duration::from_secs(120);
/// ifIndex to ifLastChange of the first port: a short poll.
const GET: [&str; 9] = [
    "1.3.6.1.2.1.2.2.1.1.1",
    "1.3.6.1.2.1.2.2.1.2.1",
    "1.3.6.1.2.1.2.2.1.3.1",
    "1.3.6.1.2.1.2.2.1.4.1",
    "1.3.6.1.2.1.2.2.1.5.1",
    "1.3.6.1.2.1.2.2.1.6.1",
    "1.3.6.1.2.1.2.2.1.7.1",
    "1.3.6.1.2.1.2.2.1.8.1",
    "1.3.6.1.2.1.2.2.1.9.1",
];

#[derive(clap::Args)]
pub struct Arguments {
    #[arg(long)]
    switches: usize,
    /// Polls of each, one after the other; all switches begin at once
    #[arg(long)]
    polls: u64,
    /// A GET of nine values in place of a walk
    #[arg(long)]
    get: bool,
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

/// Starts the switches and a client for each kind of poll.
pub fn measure(switches: usize, walks: u64) -> Result<(), Error> {
    println!("\n{switches} simulated switches polled at once from one socket, in one process\n");
    println!(
        "| each switch | threads | polls | failed | datagrams sent again | dropped by the kernel, here | there | seconds | slowest poll | CPU ms a poll | RSS MB idle | with devices | most | at last |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (get, polls) in [(true, walks * 10), (false, walks)] {
        for threads in ["1", "2"] {
            let _servers = Servers::switches(switches)?;
            let before = drops(|socket| socket.port == AGENT_PORT)?;
            let mut client = Command::new(std::env::current_exe()?);
            client.args(["snmp-fleet", "--switches", &switches.to_string(), "--polls", &polls.to_string()]);
            client.args(["--threads", threads]);
            if get {
                client.arg("--get");
            }
            let output = client.output()?;
            if !output.status.success() {
                return Err(String::from_utf8_lossy(&output.stderr).trim().into());
            }
            let there = drops(|socket| socket.port == AGENT_PORT)? - before;
            let said = String::from_utf8_lossy(&output.stdout).replace("THERE", &there.to_string());
            let what = if get {
                format!("{polls} GETs of 9 values")
            } else {
                format!("{polls} walks of {VALUES} values")
            };
            println!("| {what} | {threads} | {}", said.trim());
        }
    }
    Ok(())
}

/// What one device says of one poll.
struct Done {
    took: Duration,
    result: Result<(), Fault>,
}

/// The client.
pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let runtime = match arguments.threads {
        1 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        threads => tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
    }?;
    runtime.block_on(poll(arguments))
}

async fn poll(arguments: &Arguments) -> Result<(), Error> {
    let addresses = Servers::switch_addresses(arguments.switches);
    let idle = memory("VmRSS")?;
    let sockets = SnmpSockets::new();
    let mut devices: Vec<_> =
        addresses.map(|address| SnmpDevice::new(&sockets, address, credential(false))).collect();
    let with_devices = memory("VmRSS")?;

    let (begun, before) = (Instant::now(), processor_time(RUSAGE_SELF)?);
    let (sender, mut done) = mpsc::channel(64);
    let mut tasks = JoinSet::new();
    for mut device in devices.drain(..) {
        let (sender, get, polls) = (sender.clone(), arguments.get, arguments.polls);
        tasks.spawn(async move {
            for _ in 0..polls {
                let begun = Instant::now();
                let result = once(&mut device, get).await;
                let _ = sender.send(Done { took: begun.elapsed(), result }).await;
            }
            device
        });
    }
    drop(sender);
    let (mut polls, mut slowest, mut faults) = (0_u64, Duration::ZERO, BTreeMap::<String, u64>::new());
    while let Some(Done { took, result }) = done.recv().await {
        polls += 1;
        slowest = slowest.max(took);
        if let Err(fault) = result {
            if faults.is_empty() {
                eprintln!("{fault}");
            }
            *faults.entry(format!("{:?}", fault.kind)).or_default() += 1;
        }
    }
    let (wall, processor) = (begun.elapsed(), processor_time(RUSAGE_SELF)? - before);
    let devices = tasks.join_all().await;
    let resent: u64 = devices.iter().map(|device| device.statistics().resent).sum();
    let ours = sockets_of_ours()?;
    let dropped = drops(|socket| ours.contains(&socket.inode))?;
    let failed: Vec<_> = faults.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    println!(
        "{polls} | {} | {resent} | {dropped} | THERE | {:.1} | {:.1} s | {:.3} | {idle:.1} | {with_devices:.1} | {:.1} | {:.1} |",
        if failed.is_empty() { "0".to_owned() } else { failed.join(", ") },
        wall.as_secs_f64(),
        slowest.as_secs_f64(),
        processor * 1000.0 / polls as f64,
        memory("VmHWM")?,
        memory("VmRSS")?,
    );
    Ok(())
}

async fn once(device: &mut SnmpDevice, get: bool) -> Result<(), Fault> {
    let oids: &[&str] = if get { &GET } else { &ROOTS };
    let oids = oids.iter().map(|oid| (*oid).to_owned()).collect();
    let request = if get { SnmpRequest::Get(oids) } else { SnmpRequest::Oids(oids) };
    let reading = device.poll(&request, tokio::time::Instant::now() + LIMIT).await?;
    let Reading::Oids(walks) = reading else { return Err(incomplete(0)) };
    let values: usize = walks.iter().map(|walk| walk.varbinds.len()).sum();
    match walks.into_iter().find_map(|walk| walk.error) {
        Some(fault) => Err(fault),
        None if values == if get { GET.len() } else { VALUES } => Ok(()),
        None => Err(incomplete(values)),
    }
}

fn incomplete(values: usize) -> Fault {
    Fault::new(FaultKind::BadAnswer, format!("{values} values only"))
}

/// Megabytes, of the line of this name in /proc/self/status (proc(5)).
fn memory(name: &str) -> Result<f64, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line")?;
    let kilobytes: f64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kilobytes / 1024.0)
}

struct Socket {
    port: u16,
    inode: u64,
}

/// Datagrams for which these sockets had no room in their receive buffers, since they were opened.
fn drops(wanted: impl Fn(&Socket) -> bool) -> Result<u64, Error> {
    let mut sum = 0;
    for line in std::fs::read_to_string("/proc/net/udp")?.lines().skip(1) {
        // sl local_address rem_address st queues tr when retrnsmt uid timeout inode ref pointer drops
        let fields: Vec<_> = line.split_whitespace().collect();
        let (Some(local), Some(inode), Some(drops)) = (fields.get(1), fields.get(9), fields.last()) else {
            continue;
        };
        let port = local.split_once(':').map_or("0", |(_, port)| port);
        if wanted(&Socket { port: u16::from_str_radix(port, 16)?, inode: inode.parse()? }) {
            sum += drops.parse::<u64>()?;
        }
    }
    Ok(sum)
}

/// Inodes of this process' sockets.
fn sockets_of_ours() -> Result<BTreeSet<u64>, Error> {
    let mut inodes = BTreeSet::new();
    for descriptor in std::fs::read_dir("/proc/self/fd")? {
        let Ok(target) = std::fs::read_link(descriptor?.path()) else { continue };
        let target = target.to_string_lossy().into_owned();
        let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        inodes.extend(inode.and_then(|inode| inode.parse::<u64>().ok()));
    }
    Ok(inodes)
}
