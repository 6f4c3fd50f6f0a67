//! The whole agent: schedules, devices, decoding, cache, outbox and a real broker's confirms, all counted in the agent's
//! process. Devices and broker are other processes.

use std::{
    collections::HashSet,
    fmt::Write as _,
    fs::File,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::{
        resource::UsageWho::RUSAGE_CHILDREN,
        signal::{Signal, kill},
    },
    unistd::Pid,
};
use rusqlite::{Connection, OpenFlags};

use crate::{
    client::USER,
    cost::{Cost, Error, processor_time},
    programs::Home,
    servers::PASSWORD,
    table::{Column, Table},
};

const BMC_BASE: Ipv4Addr = Ipv4Addr::new(127, 10, 0, 0);
const BMC_PORT: u16 = 6240;
const AGENT_BASE: Ipv4Addr = Ipv4Addr::new(127, 11, 0, 0);
const AGENT_PORT: u16 = 1640;
/// Simulated agents are switches with 48 ports, switches with 24 and PDUs, by turns.
const KINDS: u32 = 3;
const COMMUNITY: &str = "simulated";
/// Logins and the first reading of sensor repositories are not measured.
const SETTLED: Duration = Duration::from_secs(20);
const TEN: [&str; 10] = [
    ".1.3.6.1.2.1.1.1.0",
    ".1.3.6.1.2.1.1.2.0",
    ".1.3.6.1.2.1.1.3.0",
    ".1.3.6.1.2.1.1.4.0",
    ".1.3.6.1.2.1.1.5.0",
    ".1.3.6.1.2.1.1.6.0",
    ".1.3.6.1.2.1.2.1.0",
    ".1.3.6.1.2.1.2.2.1.8.1",
    ".1.3.6.1.2.1.2.2.1.10.1",
    ".1.3.6.1.2.1.2.2.1.16.1",
];

#[derive(clap::Args)]
pub struct Arguments {
    /// Interleaved rounds; the medians are printed
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds that the agent is measured in each round, after it has settled
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Runs of each other tool in a round
    #[arg(long, default_value_t = 32)]
    runs: u32,
    /// Cases whose name has this in it
    #[arg(long, default_value = "")]
    only: String,
    #[command(flatten)]
    programs: Programs,
}

#[derive(clap::Args)]
pub struct FleetArguments {
    #[arg(long, default_value_t = 10_000)]
    bmcs: u32,
    #[arg(long, default_value_t = 2_000)]
    switches: u32,
    /// Seconds between the starts of two polls of a BMC's sensors, and of a switch's interfaces
    #[arg(long, default_value_t = 60)]
    every: u64,
    /// Seconds between the starts of two polls of a BMC's power
    #[arg(long, default_value_t = 10)]
    power_every: u64,
    /// Seconds until it is measured
    #[arg(long, default_value_t = 150)]
    settle: u64,
    /// Seconds that it is measured
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    #[command(flatten)]
    programs: Programs,
}

#[derive(clap::Args)]
struct Programs {
    /// Our program
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/rackpoll"))]
    rackpoll: PathBuf,
    /// A broker that runs already, in place of a Mosquitto of the benchmark's own
    #[arg(long)]
    bus: Option<String>,
}

/// One kind of poll, and the programs that people run for it.
struct Case {
    name: &'static str,
    poller: String,
    devices: Devices,
    others: Vec<Other>,
}

#[derive(Clone, Copy)]
enum Devices {
    Bmcs(u32),
    Switches(u32),
}

/// Another program, one process a poll.
struct Other {
    name: &'static str,
    program: &'static str,
    arguments: Vec<String>,
    /// With ipmitool's table of vendors emptied.
    bare_home: bool,
    /// What it must have said, lines at least.
    lines: usize,
}

fn cases() -> Vec<Case> {
    let ipmitool = |name, command: &[&str], bare_home, lines| Other {
        name,
        program: "ipmitool",
        arguments: ["-I", "lanplus", "-C", "17", "-L", "USER", "-U", USER, "-E", "-p", "6240", "-H", "HOST"]
            .iter()
            .chain(command)
            .map(|word| (*word).to_owned())
            .collect(),
        bare_home,
        lines,
    };
    let snmp = |program, oids: &[&str], lines| Other {
        name: program,
        program,
        arguments: ["-v", "2c", "-c", COMMUNITY, "-Oqn", "HOST:1640"]
            .iter()
            .chain(oids)
            .map(|word| (*word).to_owned())
            .collect(),
        bare_home: false,
        lines,
    };
    let quoted = TEN.map(|oid| format!("\"{oid}\"")).join(", ");
    vec![
        Case {
            name: "chassis status of a BMC",
            poller: "ipmi = \"chassis\"".to_owned(),
            devices: Devices::Bmcs(500),
            others: vec![
                ipmitool("ipmitool as packaged", &["chassis", "status"], false, 5),
                ipmitool("ipmitool with its vendor file emptied", &["chassis", "status"], true, 5),
            ],
        },
        Case {
            name: "all sensors of a BMC",
            poller: "ipmi = \"sdr\"\nalerts = [{ action = \"ignore\" }]".to_owned(),
            devices: Devices::Bmcs(40),
            others: vec![ipmitool("ipmitool with its vendor file emptied", &["-v", "sdr"], true, 50)],
        },
        Case {
            name: "GET of 10",
            poller: format!("snmp = {{ get = [{quoted}] }}"),
            devices: Devices::Switches(300),
            others: vec![snmp("snmpget", &TEN, 10)],
        },
        Case {
            name: "walk of ifTable, 48 ports",
            poller: "snmp = { oids = [\".1.3.6.1.2.1.2.2\"] }".to_owned(),
            devices: Devices::Switches(60),
            others: vec![
                snmp("snmpwalk", &[".1.3.6.1.2.1.2.2"], 900),
                snmp("snmpbulkwalk", &[".1.3.6.1.2.1.2.2"], 900),
            ],
        },
    ]
}

pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let folder = Folder::new("agent")?;
    let home = Home::make()?;
    let bus = Bus::start(&arguments.programs, &folder.0)?;
    for case in cases().iter().filter(|case| case.name.contains(&arguments.only)) {
        let _devices = case.devices.simulate(&arguments.programs.rackpoll)?;
        let mut columns = vec![Column::new("rackpoll, the whole agent".to_owned())];
        columns.extend(case.others.iter().map(|other| Column::new(other.name.to_owned())));
        for round in 0..arguments.rounds {
            let state = folder.0.join(format!("state{round}"));
            let measured = case.measure(arguments, &bus.url, &state)?;
            println!("{}: {measured}", case.name);
            let mut costs = vec![measured.cost()];
            for other in &case.others {
                costs.push(other.cost(case.devices, arguments.runs, &home)?);
            }
            columns.iter_mut().zip(costs).for_each(|(column, cost)| column.add(cost));
            std::fs::remove_dir_all(&state)?;
        }
        Table { title: case.name, first: 0, columns: &columns }.print();
    }
    Ok(())
}

pub fn fleet(arguments: &FleetArguments) -> Result<(), Error> {
    let folder = Folder::new("fleet")?;
    let bus = Bus::start(&arguments.programs, &folder.0)?;
    let (bmcs, switches) = (Devices::Bmcs(arguments.bmcs), Devices::Switches(arguments.switches));
    let _bmcs = bmcs.simulate(&arguments.programs.rackpoll)?;
    let _switches = switches.simulate(&arguments.programs.rackpoll)?;
    let mut text = bus_and_credentials(&bus.url, &folder.0);
    bmcs.write(&mut text, "b");
    switches.write(&mut text, "s");
    let poller = |id: &str, devices: &str, what: &str, every: u64| {
        format!("[[poller]]\nid = \"{id}\"\ndevices = [\"{devices}*\"]\n{what}\nevery = \"{every}s\"\n")
    };
    let quiet = "ipmi = \"sdr\"\nalerts = [{ action = \"ignore\" }]";
    text += &poller("power", "b", "ipmi = \"power\"", arguments.power_every);
    text += &poller("sensors", "b", quiet, arguments.every);
    text += &poller("ports", "s", "snmp = { oids = [\".1.3.6.1.2.1.2.2\"] }", arguments.every);
    let agent = Agent::start(&arguments.programs.rackpoll, &folder.0, &text)?;
    std::thread::sleep(Duration::from_secs(arguments.settle));
    let measured = agent.measure(&folder.0, Duration::from_secs(arguments.seconds))?;
    let wanted = f64::from(arguments.bmcs) / arguments.power_every as f64
        + f64::from(arguments.bmcs + arguments.switches) / arguments.every as f64;
    println!(
        "{} BMCs and {} switches, {wanted:.0} polls a second wanted: {measured}",
        arguments.bmcs, arguments.switches
    );
    Ok(())
}

impl Case {
    fn measure(&self, arguments: &Arguments, bus: &str, folder: &Path) -> Result<Measured, Error> {
        std::fs::create_dir_all(folder)?;
        let mut text = bus_and_credentials(bus, folder);
        self.devices.write(&mut text, "d");
        let _ = writeln!(text, "[[poller]]\nid = \"p\"\ndevices = [\"d*\"]\n{}\nevery = \"1s\"", self.poller);
        let agent = Agent::start(&arguments.programs.rackpoll, folder, &text)?;
        std::thread::sleep(SETTLED);
        let measured = agent.measure(folder, Duration::from_secs(arguments.seconds))?;
        if measured.failed > 0 || measured.polls == 0 {
            let log = std::fs::read_to_string(folder.join("log"))?;
            let last: Vec<_> = log.lines().rev().take(5).collect();
            return Err(format!("{}: {measured}: {last:?}", self.name).into());
        }
        Ok(measured)
    }
}

impl Devices {
    fn simulate(self, rackpoll: &Path) -> Result<Process, Error> {
        let (bmcs, agents, base, probe) = match self {
            Self::Bmcs(count) => (count, 0, BMC_BASE, None),
            Self::Switches(count) => (0, (count - 1) * KINDS + 1, AGENT_BASE, Some(())),
        };
        let mut command = Command::new(rackpoll);
        command.args(["simulate", "--bmcs", &bmcs.to_string(), "--agents", &agents.to_string()]);
        command.args(["--base", &base.to_string(), "--bmc-port", &BMC_PORT.to_string()]);
        command.args(["--agent-port", &AGENT_PORT.to_string()]);
        if probe.is_none() && bmcs <= 1_000 {
            // Each BMC with as many sensors as the next one.
            command.args(["--model", "server"]);
        }
        let mut process = Process(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
        // It says what runs once all of it runs.
        let mut stdout = std::io::BufReader::new(process.0.stdout.take().ok_or("no standard output")?);
        let mut line = String::new();
        std::io::BufRead::read_line(&mut stdout, &mut line)?;
        if !line.contains("is running") {
            return Err("the simulator did not start".into());
        }
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Ok(process)
    }

    fn hosts(self) -> Box<dyn Iterator<Item = Ipv4Addr>> {
        let at = |base: Ipv4Addr, place| Ipv4Addr::from(u32::from(base) + place);
        match self {
            Self::Bmcs(count) => Box::new((1..=count).map(move |place| at(BMC_BASE, place))),
            Self::Switches(count) => Box::new((0..count).map(move |place| at(AGENT_BASE, place * KINDS + 1))),
        }
    }

    fn write(self, text: &mut String, prefix: &str) {
        let (credential, port) = match self {
            Self::Bmcs(_) => ("bmc", BMC_PORT),
            Self::Switches(_) => ("net", AGENT_PORT),
        };
        for (number, host) in self.hosts().enumerate() {
            let _ = writeln!(
                text,
                "[[device]]\nname = \"{prefix}{number}\"\nhost = \"{host}:{port}\"\ncredential = \"{credential}\""
            );
        }
    }
}

fn bus_and_credentials(bus: &str, folder: &Path) -> String {
    format!(
        "[agent]\nstate-dir = \"{}\"\n[bus]\nurl = \"{bus}\"\n\
         [[credential]]\nname = \"bmc\"\nuser = \"{USER}\"\npassword = \"{PASSWORD}\"\n\
         [[credential]]\nname = \"net\"\ncommunity = \"{COMMUNITY}\"\n",
        folder.display()
    )
}

impl Other {
    fn cost(&self, devices: Devices, runs: u32, home: &Home) -> Result<Cost, Error> {
        let (begun, before) = (Instant::now(), processor_time(RUSAGE_CHILDREN)?);
        let hosts: Vec<_> = devices.hosts().collect();
        for host in hosts.iter().cycle().take(runs as usize) {
            let mut command = Command::new(self.program);
            command.args(self.arguments.iter().map(|word| word.replace("HOST", &host.to_string())));
            command.env("IPMI_PASSWORD", PASSWORD).env("MIBS", "");
            if self.bare_home {
                command.env("HOME", home.path());
            }
            let output = command
                .stdin(Stdio::null())
                .output()
                .map_err(|error| format!("cannot start {}: {error}", self.program))?;
            let lines = String::from_utf8_lossy(&output.stdout).lines().count();
            if lines < self.lines {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!("{} said {lines} lines of {host}: {said}", self.name).into());
            }
        }
        let processor = processor_time(RUSAGE_CHILDREN)? - before;
        Ok(Cost { processor, wall: begun.elapsed().as_secs_f64(), polls: runs.into(), failed: 0 })
    }
}

/// What the agent did in a time.
struct Measured {
    processor: f64,
    wall: f64,
    polls: u64,
    /// Pollers that have failed.
    failed: u64,
    /// Polls, without those whose message still waits.
    confirmed: u64,
    /// Milliseconds from when a poll was due to its start, sorted.
    late: Vec<f64>,
    resident_kib: u64,
}

impl Measured {
    fn cost(&self) -> Cost {
        Cost { processor: self.processor, wall: self.wall, polls: self.polls, failed: self.failed }
    }

    fn late(&self, per_cent: usize) -> f64 {
        let place = (self.late.len() * per_cent / 100).min(self.late.len().saturating_sub(1));
        self.late.get(place).copied().unwrap_or(f64::NAN)
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} polls in {:.1} s ({:.0} a second), {} failed, {} messages confirmed; {:.4} CPU s per 1,000 polls, \
             {:.2} cores; late by {:.0} ms (median), {:.0} ms (99 %), {:.0} ms (most); {} MiB",
            self.polls,
            self.wall,
            self.polls as f64 / self.wall,
            self.failed,
            self.confirmed,
            self.cost().per_thousand(),
            self.processor / self.wall,
            self.late(50),
            self.late(99),
            self.late(100),
            self.resident_kib / 1024,
        )
    }
}

struct Agent(Process);

impl Agent {
    fn start(rackpoll: &Path, folder: &Path, configuration: &str) -> Result<Self, Error> {
        let path = folder.join("rackpoll.toml");
        std::fs::write(&path, configuration)?;
        let log = File::create(folder.join("log"))?;
        let mut command = Command::new(rackpoll);
        command.arg("run").arg("--config").arg(path).stdin(Stdio::null());
        Ok(Self(Process(command.stdout(log.try_clone()?).stderr(log).spawn()?)))
    }

    fn measure(&self, folder: &Path, time: Duration) -> Result<Measured, Error> {
        let process = self.0.0.id();
        let state = Connection::open_with_flags(
            folder.join("rackpoll.db"),
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )?;
        state.busy_timeout(Duration::from_secs(5))?;
        let (before, begun) = (Snapshot::of(process, &state)?, Instant::now());
        std::thread::sleep(time);
        let (after, wall) = (Snapshot::of(process, &state)?, begun.elapsed().as_secs_f64());
        let polls = after.polls - before.polls;
        let mut late = state.prepare(
            "SELECT (julianday(json_extract(entry, '$._poll.startedAt')) - julianday(json_extract(entry, '$._poll.scheduledAt')))
             * 86400000 FROM cache WHERE json_extract(entry, '$._poll.startedAt') >= ?1",
        )?;
        let mut late: Vec<f64> = late.query_map([&before.at], |row| row.get(0))?.collect::<Result<_, _>>()?;
        late.sort_by(f64::total_cmp);
        Ok(Measured {
            processor: after.processor - before.processor,
            wall,
            polls,
            failed: after.failures.iter().filter(|failure| !before.failures.contains(failure)).count() as u64,
            confirmed: (polls + before.waiting).saturating_sub(after.waiting),
            late,
            resident_kib: after.resident_kib,
        })
    }
}

/// How far the agent has come.
struct Snapshot {
    processor: f64,
    polls: u64,
    /// Pollers that have failed, each with the number of the last failure.
    failures: HashSet<(String, i64)>,
    /// Messages in the outbox.
    waiting: u64,
    /// When, as results say it.
    at: String,
    resident_kib: u64,
}

impl Snapshot {
    fn of(process: u32, state: &Connection) -> Result<Self, Error> {
        let number = |sql: &str| state.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
        let mut failures = state.prepare("SELECT poller, last FROM sequence")?;
        let failures =
            failures.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Ok(Self {
            processor: agent_time(process)?,
            polls: number("SELECT COALESCE(SUM(last), 0) FROM last_sequence")?,
            failures,
            waiting: number("SELECT COUNT(*) FROM outbox")?,
            at: state.query_row("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", [], |row| row.get(0))?,
            resident_kib: resident
                .and_then(|text| text.split_whitespace().next())
                .and_then(|kib| kib.parse().ok())
                .unwrap_or(0),
        })
    }
}

/// Processor seconds of a process so far, user and system.
fn agent_time(process: u32) -> Result<f64, Error> {
    /// USER_HZ, the unit of /proc/PID/stat on Linux.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Fields 14 and 15, counted from behind the program's name, which may hold anything.
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u32>().ok());
    Ok(f64::from(ticks.sum::<u32>()) / TICKS_PER_SECOND)
}

/// The broker: one that runs, or a Mosquitto.
struct Bus {
    url: String,
    _process: Option<Process>,
}

impl Bus {
    fn start(programs: &Programs, folder: &Path) -> Result<Self, Error> {
        if let Some(url) = &programs.bus {
            return Ok(Self { url: url.clone(), _process: None });
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let path = folder.join("mosquitto.conf");
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n");
        std::fs::write(&path, text)?;
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command
            .spawn()
            .map_err(|error| format!("cannot start mosquitto (Debian package mosquitto): {error}"))?;
        let process = Process(process);
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err("mosquitto did not start".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { url: format!("mqtt://127.0.0.1:{port}"), _process: Some(process) })
    }
}

/// A process that ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id() as i32), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// A folder that goes with this value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self, Error> {
        let path = std::env::temp_dir().join(format!("rackpoll-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
