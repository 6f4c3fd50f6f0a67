use std::{net::SocketAddr, path::PathBuf};

use crate::{
    cost::{Cost, Error},
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
    #[arg(long, default_value_t = 64)]
    polls: usize,
    /// BMCs of ipmi_sim
    #[arg(long, default_value_t = 32)]
    ipmi_sim: usize,
    /// Our program
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/rackpoll"))]
    rackpoll: PathBuf,
}

#[derive(Debug, Clone, Copy)]
enum Tool {
    Rackpoll,
    Ipmitool { vendors: bool },
    Ipmipower { hosts: bool },
    Exporter,
}

const TOOLS: [Tool; 6] = [
    Tool::Rackpoll,
    Tool::Ipmitool { vendors: true },
    Tool::Ipmitool { vendors: false },
    Tool::Ipmipower { hosts: false },
    Tool::Ipmipower { hosts: true },
    Tool::Exporter,
];

pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let home = Home::make()?;
    let mut columns: Vec<_> = TOOLS.iter().map(|tool| Column::new(tool.name().to_owned())).collect();
    for _ in 0..arguments.rounds {
        for (tool, column) in TOOLS.into_iter().zip(&mut columns) {
            let servers = Servers::ipmi_sim(arguments.ipmi_sim)?;
            if let Some(cost) = tool.cost(arguments, &home, &servers.addresses)? {
                column.add(cost);
            }
        }
    }
    let title = format!("Power of {} BMCs of ipmi_sim, login and logout with each poll", arguments.ipmi_sim);
    Table { title: &title, first: 0, columns: &columns }.print();
    Ok(())
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Rackpoll => "rackpoll poll ipmi power, a process a poll",
            Self::Ipmitool { vendors: true } => "ipmitool as packaged, a process a poll",
            Self::Ipmitool { vendors: false } => {
                "ipmitool with a vendor file of one vendor, a process a poll"
            }
            Self::Ipmipower { hosts: false } => "ipmipower, a process a poll",
            Self::Ipmipower { hosts: true } => "ipmipower, all BMCs by one process",
            Self::Exporter => "ipmi_exporter, its chassis collector, a scrape a poll",
        }
    }

    fn cost(self, arguments: &Arguments, home: &Home, bmcs: &[SocketAddr]) -> Result<Option<Cost>, Error> {
        let at_once = if matches!(self, Self::Ipmipower { hosts: true }) { bmcs.len() } else { 1 };
        let processes = arguments.polls.div_ceil(at_once);
        let commands = bmcs.chunks(at_once).cycle().take(processes).map(|bmcs| {
            let [bmc, ..] = bmcs else { unreachable!("chunks are not empty") };
            match self {
                Self::Rackpoll => programs::rackpoll(&arguments.rackpoll, *bmc, "power"),
                Self::Ipmitool { vendors } => {
                    let mut command = programs::ipmitool(*bmc, (!vendors).then_some(home));
                    command.args(["power", "status"]);
                    command
                }
                // Not a command of its own.
                Self::Ipmipower { .. } | Self::Exporter => {
                    let mut command = programs::freeipmi("ipmipower", bmcs, home);
                    command.arg("--stat");
                    command
                }
            }
        });
        // Each of them says "on" of each BMC; ours says true.
        let good =
            |said: &str| said.lines().filter(|line| line.ends_with("on") || line.contains("true")).count();
        let cost = match self {
            Self::Exporter => exporter::cost(home, bmcs, arguments.polls, "chassis")?,
            _ => Some(programs::cost(commands, at_once, good)?),
        };
        if let Some(cost) = cost.filter(|cost| cost.failed > 0) {
            return Err(format!("{}: {} of {} polls failed", self.name(), cost.failed, cost.polls).into());
        }
        Ok(cost)
    }
}
