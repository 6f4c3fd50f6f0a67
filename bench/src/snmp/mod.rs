//! What walks of a switch cost: `ifTable` and `ifXTable` with all their columns, as our engine, net-snmp's tools and
//! snmp_exporter ask for them.

mod bare;
mod exporter;
mod fleet;
mod ours;
mod tools;

use std::{fmt, net::SocketAddr, path::PathBuf, process::Command};

use clap::ValueEnum;
use rackpoll_model::{AuthProtocol, PrivProtocol, Secret, SnmpCredential, SnmpSecurity, SnmpUser};

use crate::{
    cost::{Cost, Error},
    servers::{COMMUNITY, PASSWORD, Servers, USER_V3},
    table::{Column, Table},
};

pub use fleet::{Arguments as FleetArguments, run as fleet};

/// ifTable and ifXTable: 22 and 19 columns.
const ROOTS: [&str; 2] = ["1.3.6.1.2.1.2.2", "1.3.6.1.2.1.31.1.1"];
/// What each walk has to bring: those columns for 48 ports. Every client counts.
const VALUES: usize = (22 + 19) * 48;

#[derive(clap::Args)]
pub struct Arguments {
    /// Interleaved rounds; the medians are printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Simulated switches of the comparison
    #[arg(long, default_value_t = 32)]
    switches: usize,
    /// Walks each round, of clients that need milliseconds
    #[arg(long, default_value_t = 960)]
    walks: u64,
    /// Walks each round, of clients that need tens of them
    #[arg(long, default_value_t = 32)]
    process_walks: u64,
    /// Walks of snmpsim each round and client; 0 for none
    #[arg(long, default_value_t = 4)]
    snmpsim_walks: u64,
    /// Only these clients
    #[arg(long, value_delimiter = ',')]
    only: Vec<Client>,
    /// Switches that are walked at once, from one socket; 0 for none
    #[arg(long, default_value_t = 5_000)]
    fleet: usize,
    /// Walks of each of them
    #[arg(long, default_value_t = 3)]
    fleet_walks: u64,
    /// Its program
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venv/bin/snmpsim-command-responder"))]
    snmpsim: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// Our engine, all values put into text
    Rackpoll,
    /// The same on two threads
    Rackpoll2,
    /// Our engine, values only
    RackpollValues,
    /// Our engine, the columns side by side as the metrics ask for them, values only
    RackpollColumns,
    /// Net-snmp, a process a table
    Snmpwalk,
    /// The same by GETBULK
    Snmpbulkwalk,
    /// Prometheus' exporter, a scrape a walk
    SnmpExporter,
    /// The datagrams of our engine over a blocking socket, and nothing done with the answers
    Bare,
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| f.write_str(value.get_name()))
    }
}

impl Client {
    fn name(self) -> &'static str {
        match self {
            Self::Rackpoll => "rackpoll, 1 thread, all values as text",
            Self::Rackpoll2 => "rackpoll, 2 threads, all values as text",
            Self::RackpollValues => "rackpoll, 1 thread, values",
            Self::RackpollColumns => "rackpoll, 1 thread, values, columns side by side",
            Self::Snmpwalk => "snmpwalk, a process a table",
            Self::Snmpbulkwalk => "snmpbulkwalk, a process a table",
            Self::SnmpExporter => "snmp_exporter, a scrape a walk",
            Self::Bare => "bare exchange of rackpoll's datagrams, blocking",
        }
    }

    /// What of the machine it needs and has not.
    fn missing(self) -> Option<&'static str> {
        match self {
            Self::Snmpwalk | Self::Snmpbulkwalk => tools::missing(&self.to_string()),
            Self::SnmpExporter => exporter::missing(),
            _ => None,
        }
    }

    fn cost(self, addresses: &[SocketAddr], walks: u64, v3: bool) -> Result<Cost, Error> {
        match self {
            Self::Snmpwalk | Self::Snmpbulkwalk => tools::cost(&self.to_string(), addresses, walks, v3),
            Self::SnmpExporter => exporter::cost(addresses, walks, v3),
            _ => own_process(self, addresses, walks, v3),
        }
    }
}

pub fn run(arguments: &Arguments) -> Result<(), Error> {
    simulated(arguments)?;
    if arguments.snmpsim_walks > 0 {
        recorded(arguments)?;
    }
    if arguments.fleet > 0 {
        fleet::measure(arguments.fleet, arguments.fleet_walks)?;
    }
    Ok(())
}

/// SNMPv2c with our simulator.
fn simulated(arguments: &Arguments) -> Result<(), Error> {
    let clients: Vec<_> = Client::value_variants().iter().map(|client| (*client, false)).collect();
    let title = format!(
        "Walks of ifTable and ifXTable, {VALUES} values, of {} simulated switches in one process, SNMPv2c",
        arguments.switches
    );
    let walks = |client| match client {
        Client::Snmpwalk | Client::Snmpbulkwalk => arguments.process_walks,
        Client::SnmpExporter => arguments.process_walks * 4,
        _ => arguments.walks,
    };
    compare(arguments, &title, &clients, walks, || Servers::switches(arguments.switches))
}

/// What a simulated switch says, said by another agent than ours, which knows SNMPv3.
fn recorded(arguments: &Arguments) -> Result<(), Error> {
    if !arguments.snmpsim.is_file() {
        println!("\nWalks of snmpsim: not installed ({} is not there)", arguments.snmpsim.display());
        return Ok(());
    }
    let recording = ours::recording(Servers::switches(1)?.addresses[0])?;
    let clients = [
        (Client::Rackpoll, false),
        (Client::Rackpoll, true),
        (Client::Snmpwalk, false),
        (Client::Snmpwalk, true),
        (Client::Snmpbulkwalk, false),
        (Client::Snmpbulkwalk, true),
        (Client::SnmpExporter, false),
        (Client::SnmpExporter, true),
        (Client::Bare, false),
    ];
    let title =
        format!("The same of one agent of snmpsim, SNMPv2c and SNMPv3 with SHA-256 and AES, {VALUES} values");
    compare(
        arguments,
        &title,
        &clients,
        |_| arguments.snmpsim_walks,
        || Servers::snmpsim(&arguments.snmpsim, &recording),
    )
}

fn compare(
    arguments: &Arguments,
    title: &str,
    clients: &[(Client, bool)],
    walks: impl Fn(Client) -> u64,
    start: impl Fn() -> Result<Servers, Error>,
) -> Result<(), Error> {
    let chosen = |client: &Client| arguments.only.is_empty() || arguments.only.contains(client);
    let clients: Vec<_> = clients.iter().filter(|(client, _)| chosen(client)).collect();
    let (there, missing): (Vec<_>, Vec<_>) =
        clients.into_iter().partition(|(client, _)| client.missing().is_none());
    let named = |client: Client, v3: bool| {
        if v3 { format!("{}, SNMPv3", client.name()) } else { client.name().to_owned() }
    };
    let mut columns: Vec<_> = there.iter().map(|(client, v3)| Column::new(named(*client, *v3))).collect();
    for _ in 0..arguments.rounds {
        for ((client, v3), column) in there.iter().zip(&mut columns) {
            let servers = start()?;
            column.add(client.cost(&servers.addresses, walks(*client), *v3)?);
        }
    }
    Table { title, first: 0, columns: &columns }.print();
    for (client, v3) in missing {
        println!("| {} | {} | | | |", named(client, v3), client.missing().unwrap_or_default());
    }
    Ok(())
}

#[derive(clap::Args)]
pub struct ClientArguments {
    #[arg(long)]
    client: Client,
    /// Of all agents together
    #[arg(long)]
    walks: u64,
    #[arg(long)]
    v3: bool,
    agents: Vec<SocketAddr>,
}

/// Runs the client and prints its cost.
pub fn client(arguments: &ClientArguments) -> Result<(), Error> {
    let cost = match arguments.client {
        Client::Bare => bare::run(arguments),
        _ => ours::run(arguments),
    }?;
    println!("{cost}");
    Ok(())
}

fn own_process(client: Client, addresses: &[SocketAddr], walks: u64, v3: bool) -> Result<Cost, Error> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["snmp-client", "--client", &client.to_string(), "--walks", &walks.to_string()]);
    if v3 {
        command.arg("--v3");
    }
    let output = command.args(addresses.iter().map(ToString::to_string)).output()?;
    if !output.status.success() {
        return Err(format!("{client}: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    String::from_utf8_lossy(&output.stdout).parse()
}

fn credential(v3: bool) -> SnmpCredential {
    if !v3 {
        return SnmpCredential::V2c(Secret::from(COMMUNITY));
    }
    let password = || Secret::from(PASSWORD);
    SnmpCredential::V3(SnmpUser {
        name: USER_V3.to_owned(),
        security: SnmpSecurity::AuthPriv(
            (AuthProtocol::Sha256, password()),
            (PrivProtocol::Aes128, password()),
        ),
        context: COMMUNITY.to_owned(),
    })
}
