use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use nix::sys::resource::UsageWho::RUSAGE_CHILDREN;

use crate::{
    client::USER,
    cost::{Cost, Error, processor_time},
    servers::{PASSWORD, Servers},
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
}

const TOOLS: [Tool; 5] = [
    Tool::Rackpoll,
    Tool::Ipmitool { vendors: true },
    Tool::Ipmitool { vendors: false },
    Tool::Ipmipower { hosts: false },
    Tool::Ipmipower { hosts: true },
];

pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let home = std::env::temp_dir().join(format!("rackpoll-bench-home-{}", std::process::id()));
    let done = measure(arguments, &home);
    let _ = std::fs::remove_dir_all(&home);
    done
}

fn measure(arguments: &Arguments, home: &Path) -> Result<(), Error> {
    // Where ipmitool looks for its table of vendors before it takes the packaged one, which is some megabytes of text.
    let vendors = home.join(".local/usr/share/misc");
    std::fs::create_dir_all(&vendors)?;
    std::fs::write(vendors.join("enterprise-numbers.txt"), "")?;
    let mut columns: Vec<_> = TOOLS.iter().map(|tool| Column::new(tool.name().to_owned())).collect();
    for _ in 0..arguments.rounds {
        for (tool, column) in TOOLS.into_iter().zip(&mut columns) {
            let servers = Servers::ipmi_sim(arguments.ipmi_sim)?;
            column.add(tool.cost(arguments, home, &servers.addresses)?);
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
            Self::Ipmitool { vendors: false } => "ipmitool with its vendor file emptied, a process a poll",
            Self::Ipmipower { hosts: false } => "ipmipower, a process a poll",
            Self::Ipmipower { hosts: true } => "ipmipower, all BMCs by one process",
        }
    }

    fn cost(self, arguments: &Arguments, home: &Path, bmcs: &[SocketAddr]) -> Result<Cost, Error> {
        let together = matches!(self, Self::Ipmipower { hosts: true });
        let asked: Vec<&[SocketAddr]> = if together {
            let rounds = arguments.polls.div_ceil(bmcs.len());
            std::iter::repeat_n(bmcs, rounds).collect()
        } else {
            bmcs.chunks(1).cycle().take(arguments.polls).collect()
        };
        let (begun, before) = (Instant::now(), processor_time(RUSAGE_CHILDREN)?);
        let (mut polls, mut failed) = (0, 0);
        for bmcs in asked {
            let output = self.command(&arguments.rackpoll, home, bmcs).stdin(Stdio::null()).output();
            let output = output.map_err(|error| format!("cannot start {}: {error}", self.name()))?;
            let said = String::from_utf8_lossy(&output.stdout);
            // Each of them says "on" of each BMC; ours says true.
            let on = said.lines().filter(|line| line.ends_with("on") || line.contains("true")).count();
            polls += bmcs.len() as u64;
            failed += bmcs.len().saturating_sub(on) as u64;
        }
        if failed > 0 {
            return Err(format!("{}: {failed} of {polls} polls failed", self.name()).into());
        }
        let processor = processor_time(RUSAGE_CHILDREN)? - before;
        Ok(Cost { processor, wall: begun.elapsed().as_secs_f64(), polls, failed })
    }

    fn command(self, rackpoll: &Path, home: &Path, bmcs: &[SocketAddr]) -> Command {
        let hosts = bmcs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        match self {
            Self::Rackpoll => {
                let mut command = Command::new(rackpoll);
                command.args([
                    "poll",
                    "ipmi",
                    "power",
                    "--cipher-suite",
                    "3",
                    "--output",
                    "json",
                    "--host",
                    &hosts,
                ]);
                command
                    .args(["--user", USER, "--password-env", "BENCH_PASSWORD"])
                    .env("BENCH_PASSWORD", PASSWORD);
                command
            }
            Self::Ipmitool { vendors } => {
                let mut command = Command::new("ipmitool");
                let (host, port) = hosts.split_once(':').unwrap_or((&hosts, "623"));
                command.args([
                    "-I", "lanplus", "-C", "3", "-L", "USER", "-H", host, "-p", port, "-U", USER, "-E",
                ]);
                command.args(["power", "status"]).env("IPMI_PASSWORD", PASSWORD);
                if !vendors {
                    command.env("HOME", home);
                }
                command
            }
            Self::Ipmipower { .. } => {
                let mut command = Command::new("ipmipower");
                command
                    .args(["-D", "LAN_2_0", "-I", "3", "-h", &hosts, "-u", USER, "-p", PASSWORD, "--stat"]);
                command.env("HOME", home);
                command
            }
        }
    }
}
