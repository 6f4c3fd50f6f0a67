use std::{net::SocketAddr, time::Duration};

use crate::{
    client::{Client, Engine},
    cost::{Error, Span},
    go_floor::GoFloor,
    paired,
    servers::Servers,
    table::{Column, Paired, PairedTable},
};

#[derive(clap::Args)]
pub struct Arguments {
    /// Rounds in which each client is measured once; six are needed to show something
    #[arg(long, default_value_t = 31, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1000))]
    rounds: usize,
    /// Milliseconds that each client polls in each round
    #[arg(long, default_value_t = 700, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    round_ms: u64,
    /// Numbers of simulated BMCs; 0 for none
    #[arg(long, value_delimiter = ',', default_values_t = [32, 500])]
    bmcs: Vec<usize>,
    /// Microseconds after which the simulated BMCs answer
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1_000])]
    response_time_us: Vec<u64>,
    /// Number of ipmi_sim processes; 0 for none
    #[arg(long, default_value_t = 32)]
    ipmi_sim: usize,
    /// Only these clients
    #[arg(long, value_delimiter = ',')]
    only: Vec<Engine>,
    /// Only with so many threads
    #[arg(long, value_delimiter = ',')]
    threads: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Contender {
    engine: Engine,
    /// Of its runtime.
    threads: usize,
    /// The engine that is compared with itself: what is shown between the two is no difference of engines.
    again: bool,
}

const fn contender(engine: Engine, threads: usize) -> Contender {
    Contender { engine, threads, again: false }
}

const CONTENDERS: [Contender; 10] = [
    contender(Engine::Rackpoll, 1),
    Contender { engine: Engine::Rackpoll, threads: 1, again: true },
    contender(Engine::Ipmi, 1),
    contender(Engine::GoFloor, 1),
    contender(Engine::Rackpoll, 2),
    contender(Engine::Ipmi, 2),
    contender(Engine::GoFloor, 2),
    contender(Engine::Rackpoll17, 1),
    contender(Engine::IpmiRs, 1),
    contender(Engine::Bare, 1),
];

pub fn run(arguments: &Arguments) -> Result<(), Error> {
    let go = GoFloor::build()?;
    for bmcs in arguments.bmcs.iter().filter(|bmcs| **bmcs > 0) {
        for time in &arguments.response_time_us {
            let title = format!("{bmcs} simulated BMCs in one process, each answers after {time} us");
            let servers = Servers::simulated(*bmcs, Duration::from_micros(*time), None)?;
            measure(arguments, &title, &servers, go.as_ref(), |_| true)?;
        }
    }
    if arguments.ipmi_sim > 0 {
        let title = format!("{} BMCs of ipmi_sim", arguments.ipmi_sim);
        let servers = Servers::ipmi_sim(arguments.ipmi_sim)?;
        // It has no cipher suite 17.
        measure(arguments, &title, &servers, go.as_ref(), |engine| engine != Engine::Rackpoll17)?;
    }
    Ok(())
}

/// All clients have sessions at the same servers, open over all rounds.
fn measure(
    arguments: &Arguments,
    title: &str,
    servers: &Servers,
    go: Option<&GoFloor>,
    able: impl Fn(Engine) -> bool,
) -> Result<(), Error> {
    let chosen = |contender: &Contender| {
        able(contender.engine)
            && (arguments.only.is_empty() || arguments.only.contains(&contender.engine))
            && (arguments.threads.is_empty() || arguments.threads.contains(&contender.threads))
    };
    let contenders: Vec<_> = CONTENDERS.into_iter().filter(chosen).collect();
    let uses = |engine| contenders.iter().any(|contender| contender.engine == engine);
    let echo = if uses(Engine::Bare) { Some(Servers::echo(servers.addresses.len())?) } else { None };
    let mut clients = Vec::new();
    for (place, contender) in contenders.iter().enumerate() {
        let servers = echo.as_ref().filter(|_| contender.engine == Engine::Bare).unwrap_or(servers);
        if let Some(client) = contender.start(&servers.addresses, go)? {
            clients.push((place, client));
        }
    }

    let mut columns: Vec<_> = contenders.iter().map(|contender| Column::new(contender.name(go))).collect();
    let span = Span::Time(Duration::from_millis(arguments.round_ms));
    // One round that does not count.
    for (_, client) in &mut clients {
        client.round(span)?;
    }
    for round in 0..arguments.rounds {
        for turn in paired::order(round, clients.len()) {
            let Some((place, client)) = clients.get_mut(turn) else { continue };
            let cost = client.round(span)?;
            if let Some(column) = columns.get_mut(*place) {
                column.add(cost);
            }
        }
    }
    for (_, client) in clients {
        client.finish()?;
    }

    let rows = contenders.iter().zip(&columns).map(|(contender, column)| {
        let ours = Contender { engine: Engine::Rackpoll, again: false, ..*contender };
        let place = contenders.iter().position(|other| *other == ours);
        Paired { column, to: place.and_then(|place| columns.get(place)) }
    });
    PairedTable { title, rows: &rows.collect::<Vec<_>>() }.print();
    print!("\n{} rounds of {} ms each", arguments.rounds, arguments.round_ms);
    match paired::rank(arguments.rounds) {
        None => println!(", too few for an interval."),
        Some((rank, covers)) => println!(
            "; intervals from place {rank} to {} of the sorted ratios, which have the median in {:.1} of 100 cases.",
            arguments.rounds + 1 - rank,
            covers * 100.0
        ),
    }
    if go.is_none() && uses(Engine::GoFloor) {
        println!("The client in Go was not measured: `go` is not installed (Debian package golang-go).");
    }
    Ok(())
}

impl Contender {
    /// None where it needs Go, and that is missing.
    fn start(self, bmcs: &[SocketAddr], go: Option<&GoFloor>) -> Result<Option<Client>, Error> {
        match (self.engine, go) {
            (Engine::GoFloor, None) => Ok(None),
            (Engine::GoFloor, Some(go)) => Client::start_go(go, self.threads, bmcs).map(Some),
            (engine, _) => Client::start(engine, self.threads, bmcs).map(Some),
        }
    }

    fn name(self, go: Option<&GoFloor>) -> String {
        let Self { engine, threads, again } = self;
        let again = if again { ", the same once more" } else { "" };
        match engine {
            Engine::IpmiRs => "ipmi-rs, blocking, 32 threads".to_owned(),
            Engine::Bare => "bare blocking exchange, 32 threads".to_owned(),
            Engine::GoFloor => {
                let version = go.map_or("go", GoFloor::version);
                format!("Go floor ({version}), GOMAXPROCS {threads}")
            }
            engine if threads == 1 => format!("{engine}, 1 thread{again}"),
            engine => format!("{engine}, {threads} threads{again}"),
        }
    }
}
