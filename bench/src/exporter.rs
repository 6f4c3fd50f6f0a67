//! ipmi_exporter of Prometheus (Debian package prometheus-ipmi-exporter), which runs a program of freeipmi's for each
//! collector of a scrape.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    client::USER,
    cost::{Cost, Error},
    programs::Home,
    servers::PASSWORD,
};

/// USER_HZ, the unit of /proc/PID/stat on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

struct Exporter {
    process: Child,
    address: SocketAddr,
    collector: &'static str,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What `scrapes` scrapes by one collector cost, the BMCs by turns, after one of each that does not count; none where
/// ipmi_exporter is not installed.
pub fn cost(
    home: &Home,
    bmcs: &[SocketAddr],
    scrapes: usize,
    collector: &'static str,
) -> Result<Option<Cost>, Error> {
    let Some(exporter) = Exporter::start(home, collector)? else { return Ok(None) };
    for bmc in bmcs.iter().take(scrapes) {
        exporter.scrape(*bmc)?;
    }
    let (begun, before) = (Instant::now(), exporter.processor_time()?);
    let mut failed = 0;
    for bmc in bmcs.iter().cycle().take(scrapes) {
        failed += u64::from(!exporter.scrape(*bmc)?);
    }
    let processor = exporter.processor_time()? - before;
    Ok(Some(Cost { processor, wall: begun.elapsed().as_secs_f64(), polls: scrapes as u64, failed }))
}

impl Exporter {
    fn start(home: &Home, collector: &'static str) -> Result<Option<Self>, Error> {
        let config = home.path().join("ipmi-exporter.yml");
        let module = format!(
            "{{user: {USER}, pass: {PASSWORD}, driver: LAN_2_0, privilege: user, timeout: 10000, \
             workaround_flags: [opensesspriv], collectors: [{collector}]}}"
        );
        std::fs::write(&config, format!("modules:\n  default: {module}\n"))?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let started = Command::new("prometheus-ipmi-exporter")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--web.listen-address={address}"))
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = match started {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            started => started?,
        };
        let exporter = Self { process, address, collector };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                return Err("ipmi_exporter did not start".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(exporter))
    }

    /// Whether the collector had its answer.
    fn scrape(&self, bmc: SocketAddr) -> Result<bool, Error> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(stream, "GET /ipmi?target={bmc} HTTP/1.0\r\n\r\n")?;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        Ok(said.contains(&format!("ipmi_up{{collector=\"{}\"}} 1", self.collector)))
    }

    /// Its processor seconds and those of its ended children.
    fn processor_time(&self) -> Result<f64, Error> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // Fields 14 to 17, counted from behind the program's name, which may hold anything.
        let (_, fields) = stat.rsplit_once(") ").ok_or("no name in /proc/PID/stat")?;
        let mut ticks = 0.0;
        for field in fields.split(' ').skip(11).take(4) {
            ticks += field.parse::<f64>()?;
        }
        Ok(ticks / TICKS_PER_SECOND)
    }
}
