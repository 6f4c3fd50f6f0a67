//! `rackpoll demo`: the agent with its embedded broker, a simulated rack to poll, and the results as lines.
//!
//! The agent polls the rack over UDP, and the lines come from a subscription at its broker, so all that is shown has
//! taken the whole way.

mod folder;
pub mod line;
mod rack;
pub mod watch;

use std::{
    io::{self, IsTerminal, Write},
    net::{Ipv4Addr, TcpListener},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener},
    },
    path::Path,
    time::Duration,
};

use rackpoll_simulator::rack::{
    DEFAULT_COMMUNITY, DEFAULT_PASSWORD, DEFAULT_USER, DeviceKind, Rack, RackError,
};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{self, AppError},
    config::{Config, ConfigFaults, Surroundings},
};
use folder::Folder;
use line::{Kind, Line};

/// Where an MQTT broker usually is.
const USUAL_PORT: u16 = 1883;

/// The agent has 5 s to stop (contract with service managers), and a little more here, so that it is never cut short.
const STOP_LIMIT: Duration = Duration::from_secs(6);

/// What was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shown {
    /// Results.
    pub results: u64,
    /// Failures.
    pub failures: u64,
    /// Alerts.
    pub alerts: u64,
}

/// Why there is no demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The temporary folder, the port or the output.
    #[error("{0}")]
    System(#[from] io::Error),
    /// The simulated rack.
    #[error("the simulated rack: {0}")]
    Rack(#[from] RackError),
    /// A defect: the demo's own configuration is refused.
    #[error("the demo's configuration: {0}")]
    Config(ConfigFaults),
    /// The agent.
    #[error("the agent: {0}")]
    Agent(#[from] AppError),
}

/// Shows the agent at work until `stop`, or for so long.
///
/// # Errors
/// The demo does not start, or the agent ends by itself.
pub async fn run(length: Option<Duration>, stop: CancellationToken) -> Result<Shown, DemoError> {
    let folder = Folder::new()?;
    let rack = rack::start().await?;
    let (port, _claim) = free_port()?;
    let text = rack::configuration(&rack, folder.path(), port);
    let config =
        Config::parse(&text, Path::new("demo"), &Surroundings::of_process()).map_err(DemoError::Config)?;
    let mut screen = Screen::new();
    screen.introduce(&rack, port)?;

    let (lines_in, mut lines) = mpsc::channel(1_000);
    let mut agent = tokio::spawn(app::run(config, stop.clone()));
    let watch = tokio::spawn(async move { watch::watch(port, "on", lines_in).await });
    let shown = {
        let mischief = rack::switch_power(&rack);
        let the_end = sleep(length.unwrap_or(Duration::MAX));
        tokio::pin!(mischief, the_end);
        loop {
            tokio::select! {
                Some(line) = lines.recv() => match screen.show(&line) {
                    Ok(()) => {}
                    // Nobody reads on, as in `rackpoll demo | head`.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break Ok(()),
                    Err(error) => break Err(error.into()),
                },
                () = &mut the_end => break Ok(()),
                () = stop.cancelled() => break Ok(()),
                ended = &mut agent => break match ended {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(error)) => Err(error.into()),
                    Err(error) => Err(io::Error::other(error).into()),
                },
                () = &mut mischief => {}
            }
        }
    };
    stop.cancel();
    if !agent.is_finished() && tokio::time::timeout(STOP_LIMIT, &mut agent).await.is_err() {
        agent.abort();
    }
    watch.abort();
    rack.stop().await;
    shown.map(|()| screen.conclude())
}

/// A port for the embedded broker, which opens it itself a moment later. Demos that start at the same moment agree on
/// who has the usual one by a name in the kernel, held for as long as the claim lives.
fn free_port() -> io::Result<(u16, Option<UnixListener>)> {
    let name = SocketAddr::from_abstract_name(format!("rackpoll-demo-{USUAL_PORT}"))?;
    if let Ok(claim) = UnixListener::bind_addr(&name)
        && TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT)).is_ok()
    {
        return Ok((USUAL_PORT, Some(claim)));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok((listener.local_addr()?.port(), None))
}

/// Standard output.
struct Screen {
    coloured: bool,
    shown: Shown,
}

impl Screen {
    fn new() -> Self {
        let coloured =
            io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        Self { coloured, shown: Shown::default() }
    }

    /// What is here, and what a person can do with it.
    fn introduce(&self, rack: &Rack, port: u16) -> io::Result<()> {
        // As it was called here: `make demo` does not install it.
        let program = std::env::args().next().unwrap_or_else(|| "rackpoll".into());
        let mut out = io::stdout().lock();
        writeln!(out, "A simulated rack, polled over UDP on loopback:")?;
        for device in rack.devices() {
            let failing = if device.failing { "; fails now and then" } else { "" };
            let (name, address) = (&device.name, device.address);
            writeln!(out, "  {name:<10} {address:<20} {}{failing}", device.description)?;
        }
        if port != USUAL_PORT {
            writeln!(out, "\nPort {USUAL_PORT} is taken, so the embedded MQTT 5 broker is on {port}.")?;
        }
        writeln!(out, "\nWatch the messages themselves, in another terminal:")?;
        writeln!(out, "  mosquitto_sub -V mqttv5 -p {port} -t 'on/#' -v")?;
        writeln!(out, "Poll a device by hand:")?;
        let first = |kind| rack.devices().iter().find(|device| device.kind == kind);
        if let Some(bmc) = first(DeviceKind::Bmc) {
            let (host, bmc_port) = (bmc.address.ip(), bmc.address.port());
            writeln!(
                out,
                "  RACK_PASSWORD={DEFAULT_PASSWORD} {program} poll ipmi sdr --host {} --user {DEFAULT_USER} --password-env RACK_PASSWORD",
                bmc.address
            )?;
            writeln!(
                out,
                "  ipmitool -I lanplus -C 17 -H {host} -p {bmc_port} -U {DEFAULT_USER} -P {DEFAULT_PASSWORD} sdr"
            )?;
        }
        if let Some(agent) = first(DeviceKind::Agent) {
            writeln!(
                out,
                "  RACK_COMMUNITY={DEFAULT_COMMUNITY} {program} poll snmp --host {0} --community-env RACK_COMMUNITY --oid .1.3.6.1.2.1.1\n  snmpwalk -v2c -c {DEFAULT_COMMUNITY} {0} .1.3.6.1.2.1.1",
                agent.address
            )?;
        }
        writeln!(out, "\nWhat a subscriber of the broker hears (Ctrl-C ends):")?;
        out.flush()
    }

    fn show(&mut self, line: &Line) -> io::Result<()> {
        let count = match line.kind {
            Kind::Result => &mut self.shown.results,
            Kind::Failure => &mut self.shown.failures,
            Kind::Alert => &mut self.shown.alerts,
            Kind::Event => &mut 0,
        };
        *count = count.saturating_add(1);
        let mut out = io::stdout().lock();
        if self.coloured { writeln!(out, "{}", line.coloured()) } else { writeln!(out, "{}", line.text) }?;
        out.flush()
    }

    fn conclude(&self) -> Shown {
        let Shown { results, failures, alerts } = self.shown;
        // Whoever has stopped reading does not want to know.
        let _ = writeln!(io::stdout(), "Shown: {results} results, {failures} failures, {alerts} alerts.");
        self.shown
    }
}
