use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    client::{Client, Engine, Seen},
    cost::{Cost, Error, Span},
    exporter,
    programs::{self, Home},
    servers::Servers,
    table::{Column, Table},
};

#[derive(clap::Args)]
pub struct Arguments {
    /// Interleaved rounds; the medians are printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Polls each round and tool
    #[arg(long, default_value_t = 8)]
    polls: usize,
    /// Polls of all BMCs together, each round of our engine
    #[arg(long, default_value_t = 800)]
    engine_polls: usize,
    /// BMCs of each kind; the tools poll one after another, our engine all at once
    #[arg(long, default_value_t = 32)]
    bmcs: usize,
    /// Model of the simulated BMCs; "" for none
    #[arg(long, default_value = "gpu-node")]
    model: String,
    /// Commands to ipmi_sim that make a server; RACKPOLL_PEERS says where recorded ones are
    #[arg(long, default_value_os_t = recorded())]
    commands: PathBuf,
    /// Only the clients in whose names one of these texts is, comma-separated
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Our program
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/rackpoll"))]
    rackpoll: PathBuf,
}

/// A recorded server, which is not part of the project, where it is on this machine; otherwise that of the tests.
fn recorded() -> PathBuf {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let peers = std::env::var_os("RACKPOLL_PEERS").map_or(project.join("../shared/peers"), PathBuf::from);
    let server = peers.join("ipmi/models/dell_r730/sim.emu");
    if server.is_file() { server } else { project.join("tests/fixtures/ipmi/server.emu") }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Tool {
    Engine,
    Rackpoll,
    Ipmitool { verbose: bool, cached: bool, vendors: bool },
    IpmiSensors,
    Exporter,
}

const TOOLS: [Tool; 11] = [
    Tool::Engine,
    Tool::Rackpoll,
    Tool::Ipmitool { verbose: false, cached: true, vendors: false },
    Tool::Ipmitool { verbose: false, cached: false, vendors: false },
    Tool::Ipmitool { verbose: true, cached: true, vendors: false },
    Tool::Ipmitool { verbose: true, cached: false, vendors: false },
    Tool::Ipmitool { verbose: false, cached: true, vendors: true },
    Tool::Ipmitool { verbose: false, cached: false, vendors: true },
    Tool::Ipmitool { verbose: true, cached: false, vendors: true },
    Tool::IpmiSensors,
    Tool::Exporter,
];

pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let servers = Servers::ipmi_sim_of(arguments.bmcs, &arguments.commands)?;
    let made_by =
        arguments.commands.components().rev().take(2).map(|part| part.as_os_str().display().to_string());
    let made_by = made_by.collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("/");
    measure(arguments, &format!("{} BMCs of ipmi_sim, {made_by}", arguments.bmcs), &servers)?;
    drop(servers);
    if !arguments.model.is_empty() {
        let servers = Servers::simulated(arguments.bmcs, Duration::ZERO, Some(&arguments.model))?;
        let title = format!("{} simulated BMCs, {}, that answer at once", arguments.bmcs, arguments.model);
        measure(arguments, &title, &servers)?;
    }
    Ok(())
}

fn measure(arguments: &Arguments, title: &str, servers: &Servers) -> Result<(), Error> {
    let home = Home::make()?;
    let bmcs = &servers.addresses;
    // The caches that are to be warm.
    for bmc in bmcs.iter().take(arguments.polls) {
        programs::output(
            programs::ipmitool(*bmc, Some(&home)).args(["sdr", "dump"]).arg(cache(&home, *bmc)),
        )?;
        programs::output(&mut ipmi_sensors(*bmc, &home))?;
    }
    let wanted = |tool: &Tool| {
        arguments.only.is_empty() || arguments.only.iter().any(|part| tool.name().contains(part))
    };
    let tools: Vec<_> = TOOLS.into_iter().filter(wanted).collect();
    let mut columns: Vec<_> = tools.iter().map(|tool| Column::new(tool.name())).collect();
    let mut seen = Seen::default();
    for _ in 0..arguments.rounds {
        for (tool, column) in tools.iter().zip(&mut columns) {
            let (cost, saw) = tool.cost(arguments, &home, bmcs)?;
            let Some(cost) = cost else { continue };
            if cost.failed > 0 {
                return Err(format!("{}: {} of {} polls failed", tool.name(), cost.failed, cost.polls).into());
            }
            column.add(cost);
            seen = saw.unwrap_or(seen);
        }
    }
    Table { title, first: 0, columns: &columns }.print();

    println!(
        "\nrackpoll: {} datagrams sent for a poll of {} sensors, of which {} answered.",
        seen.exchanges, seen.sensors, seen.answered
    );
    let [bmc, ..] = bmcs[..] else { return Ok(()) };
    let of_ipmitool =
        values(&programs::output(programs::ipmitool(bmc, Some(&home)).args(["-c", "sdr"]))?, 0, 1);
    let mut command = ipmi_sensors(bmc, &home);
    command.args(["--comma-separated-output", "--no-header-output", "--no-sensor-type-output"]);
    let of_ipmi_sensors = values(&programs::output(&mut command)?, 1, 2);
    let count = |values: &BTreeMap<String, Vec<f64>>| values.values().map(Vec::len).sum::<usize>();
    let both = common(&of_ipmitool, &of_ipmi_sensors);
    println!(
        "Analog readings: rackpoll {}, ipmitool {}, ipmi-sensors {}; equal in all three: {}.",
        count(&seen.values),
        count(&of_ipmitool),
        count(&of_ipmi_sensors),
        count(&common(&seen.values, &both)),
    );
    Ok(())
}

fn cache(home: &Home, bmc: SocketAddr) -> PathBuf {
    home.path().join(format!("ipmitool-{}", bmc.to_string().replace(':', "-")))
}

fn ipmi_sensors(bmc: SocketAddr, home: &Home) -> std::process::Command {
    let mut command = programs::freeipmi("ipmi-sensors", &[bmc], home);
    let folder = home.path().join(format!("freeipmi-{}", bmc.to_string().replace(':', "-")));
    // Where it cannot be made, ipmi-sensors says so.
    let _ = std::fs::create_dir_all(&folder);
    command.args(["--quiet-cache", "--sdr-cache-directory"]).arg(folder);
    command
}

/// Numbers by sensor name from lines of comma-separated values.
fn values(lines: &str, name: usize, value: usize) -> BTreeMap<String, Vec<f64>> {
    let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in lines.lines() {
        let fields: Vec<_> = line.split(',').collect();
        if let (Some(name), Some(Ok(value))) = (fields.get(name), fields.get(value).map(|text| text.parse()))
        {
            values.entry((*name).to_owned()).or_default().push(value);
        }
    }
    values
}

/// Those of `ours` that are among `theirs` too, to the two places that ipmi-sensors prints.
fn common(
    ours: &BTreeMap<String, Vec<f64>>,
    theirs: &BTreeMap<String, Vec<f64>>,
) -> BTreeMap<String, Vec<f64>> {
    ours.iter()
        .map(|(name, values)| {
            let mut left = theirs.get(name).cloned().unwrap_or_default();
            let mut values = values.clone();
            values.retain(|value| {
                let same = left.iter().position(|other| (value - other).abs() < 0.0051);
                same.map(|at| left.swap_remove(at)).is_some()
            });
            (name.clone(), values)
        })
        .collect()
}

impl Tool {
    fn name(self) -> String {
        match self {
            Self::Engine => "rackpoll's engine, sessions open, second poll on".to_owned(),
            Self::Rackpoll => "rackpoll poll ipmi sdr, which knows nothing yet".to_owned(),
            Self::Ipmitool { verbose, cached, vendors } => {
                let verbose = if verbose { " -v" } else { "" };
                let cached = if cached { ", its cache made (-S)" } else { "" };
                let vendors = if vendors { " as packaged" } else { ", vendor file of one vendor" };
                format!("ipmitool{verbose} sdr{vendors}{cached}")
            }
            Self::IpmiSensors => "ipmi-sensors, its cache made".to_owned(),
            Self::Exporter => "ipmi_exporter, its ipmi collector, its cache made".to_owned(),
        }
    }

    fn cost(
        self,
        arguments: &Arguments,
        home: &Home,
        bmcs: &[SocketAddr],
    ) -> Result<(Option<Cost>, Option<Seen>), Error> {
        if self == Self::Engine {
            let polls = arguments.engine_polls.div_ceil(bmcs.len()) as u64;
            let mut client = Client::start(Engine::RackpollSensors, 1, bmcs)?;
            let cost = client.round(Span::Polls(polls))?;
            return Ok((Some(cost), Some(client.finish()?.parse()?)));
        }
        if self == Self::Exporter {
            return Ok((exporter::cost(home, bmcs, arguments.polls, "ipmi")?, None));
        }
        let commands = bmcs.iter().cycle().take(arguments.polls).map(|bmc| match self {
            Self::Engine | Self::Rackpoll => programs::rackpoll(&arguments.rackpoll, *bmc, "sdr"),
            Self::Ipmitool { verbose, cached, vendors } => {
                let mut command = programs::ipmitool(*bmc, (!vendors).then_some(home));
                if cached {
                    command.arg("-S").arg(cache(home, *bmc));
                }
                if verbose {
                    command.arg("-v");
                }
                command.arg("sdr");
                command
            }
            Self::IpmiSensors | Self::Exporter => ipmi_sensors(*bmc, home),
        });
        let cost = programs::cost(commands, 1, |said| usize::from(!said.trim().is_empty()))?;
        Ok((Some(cost), None))
    }
}
