//! Prometheus' snmp_exporter, which a scrape asks for a walk. What it costs is what its process uses from the first scrape
//! to the last; who asks is another process.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, SysconfVar, sysconf},
};

use super::VALUES;
use crate::{
    cost::{Cost, Error},
    servers::{COMMUNITY, PASSWORD, USER_V3},
};

const PROGRAM: &str = "prometheus-snmp-exporter";
const MODULE: &str = "switch";

/// The columns of ifTable and ifXTable in the order of their numbers.
const IF_TABLE: [&str; 22] = [
    "ifIndex",
    "ifDescr",
    "ifType",
    "ifMtu",
    "ifSpeed",
    "ifPhysAddress",
    "ifAdminStatus",
    "ifOperStatus",
    "ifLastChange",
    "ifInOctets",
    "ifInUcastPkts",
    "ifInNUcastPkts",
    "ifInDiscards",
    "ifInErrors",
    "ifInUnknownProtos",
    "ifOutOctets",
    "ifOutUcastPkts",
    "ifOutNUcastPkts",
    "ifOutDiscards",
    "ifOutErrors",
    "ifOutQLen",
    "ifSpecific",
];
const IF_X_TABLE: [&str; 19] = [
    "ifName",
    "ifInMulticastPkts",
    "ifInBroadcastPkts",
    "ifOutMulticastPkts",
    "ifOutBroadcastPkts",
    "ifHCInOctets",
    "ifHCInUcastPkts",
    "ifHCInMulticastPkts",
    "ifHCInBroadcastPkts",
    "ifHCOutOctets",
    "ifHCOutUcastPkts",
    "ifHCOutMulticastPkts",
    "ifHCOutBroadcastPkts",
    "ifLinkUpDownTrapEnable",
    "ifHighSpeed",
    "ifPromiscuousMode",
    "ifConnectorPresent",
    "ifAlias",
    "ifCounterDiscontinuityTime",
];

pub fn missing() -> Option<&'static str> {
    let starts =
        Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    (!starts).then_some("not installed (Debian package prometheus-snmp-exporter)")
}

pub fn cost(agents: &[SocketAddr], walks: u64, v3: bool) -> Result<Cost, Error> {
    let exporter = Exporter::start(v3)?;
    // As with all others the first walk of each agent does not count.
    for agent in agents {
        exporter.scrape(*agent)?;
    }
    let (begun, before) = (Instant::now(), exporter.processor_time()?);
    for agent in agents.iter().cycle().take(walks as usize) {
        exporter.scrape(*agent)?;
    }
    Ok(Cost {
        processor: exporter.processor_time()? - before,
        wall: begun.elapsed().as_secs_f64(),
        polls: walks,
        failed: 0,
    })
}

struct Exporter {
    process: Child,
    configuration: PathBuf,
    address: SocketAddr,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.process.id() as i32), Signal::SIGTERM);
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.configuration);
    }
}

impl Exporter {
    fn start(v3: bool) -> Result<Self, Error> {
        let configuration = std::env::temp_dir().join(format!("rackpoll-bench-{}.yml", std::process::id()));
        std::fs::write(&configuration, module(v3))?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = Command::new(PROGRAM)
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let exporter = Self { process, configuration, address };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if begun.elapsed() > Duration::from_secs(20) {
                return Err(format!("{PROGRAM} did not start").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(exporter)
    }

    /// Asks for a walk as Prometheus does.
    fn scrape(&self, agent: SocketAddr) -> Result<(), Error> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        write!(stream, "GET /snmp?module={MODULE}&target={agent} HTTP/1.0\r\nHost: bench\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
        let values = body.lines().filter(|line| line.starts_with("if") && line.contains("ifIndex=")).count();
        if values != VALUES {
            let said = body.lines().find(|line| !line.starts_with('#')).unwrap_or_default();
            return Err(format!("{PROGRAM}: {values} values in place of {VALUES}: {said}").into());
        }
        Ok(())
    }

    /// Processor seconds of all its threads, to a hundredth.
    fn processor_time(&self) -> Result<f64, Error> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // Behind the name, which may hold blanks: utime and stime are fields 14 and 15 (proc(5)).
        let (_, fields) = stat.rsplit_once(')').ok_or("no process")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.sum::<Result<u64, _>>()?;
        let second = sysconf(SysconfVar::CLK_TCK)?.ok_or("no clock tick")?;
        Ok(ticks as f64 / second as f64)
    }
}

/// What its generator makes of the two tables, without lookups: each column a metric with the index as its label.
fn module(v3: bool) -> String {
    let mut text = format!(
        "{MODULE}:\n  walk: [1.3.6.1.2.1.2.2, 1.3.6.1.2.1.31.1.1]\n  version: {}\n",
        if v3 { 3 } else { 2 }
    );
    if v3 {
        let _ = writeln!(
            text,
            "  auth: {{security_level: authPriv, username: {USER_V3}, password: {PASSWORD}, auth_protocol: SHA256, \
             priv_protocol: AES, priv_password: {PASSWORD}, context_name: {COMMUNITY}}}",
        );
    } else {
        let _ = writeln!(text, "  auth: {{community: {COMMUNITY}}}");
    }
    text.push_str("  timeout: 10s\n  metrics:\n");
    let tables = [("1.3.6.1.2.1.2.2.1", &IF_TABLE[..]), ("1.3.6.1.2.1.31.1.1.1", &IF_X_TABLE)];
    for (entry, columns) in tables {
        for (number, name) in (1..).zip(columns) {
            let _ = writeln!(
                text,
                "  - {{name: {name}, oid: {entry}.{number}, type: {}, help: {name}, indexes: [{{labelname: ifIndex, type: gauge}}]}}",
                kind(name),
            );
        }
    }
    text
}

fn kind(column: &str) -> &'static str {
    match column {
        "ifDescr" | "ifName" | "ifAlias" | "ifSpecific" => "DisplayString",
        "ifPhysAddress" => "PhysAddress48",
        _ if column.contains("Octets") || column.contains("Pkts") || column.contains("Errors") => "counter",
        "ifInDiscards" | "ifOutDiscards" | "ifInUnknownProtos" => "counter",
        _ => "gauge",
    }
}
