use std::time::Duration;

use crate::{
    client::{self, Engine},
    cost::Error,
    servers::Servers,
    table::{Column, Table},
};

#[derive(clap::Args)]
pub struct Arguments {
    /// Interleaved rounds; the medians are printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Polls of all BMCs together, each round and client
    #[arg(long, default_value_t = 40_000)]
    polls: u64,
    /// Numbers of simulated BMCs
    #[arg(long, value_delimiter = ',', default_values_t = [32, 500])]
    bmcs: Vec<usize>,
    /// Number of ipmi_sim processes; 0 for none
    #[arg(long, default_value_t = 32)]
    ipmi_sim: usize,
    /// Only these clients
    #[arg(long, value_delimiter = ',')]
    only: Vec<Engine>,
}

/// Engine and threads of its runtime.
const CLIENTS: [(Engine, usize); 7] = [
    (Engine::Rackpoll, 1),
    (Engine::Ipmi, 1),
    (Engine::Rackpoll, 2),
    (Engine::Ipmi, 2),
    (Engine::Rackpoll17, 1),
    (Engine::IpmiRs, 1),
    (Engine::Bare, 1),
];

pub fn run(arguments: &Arguments) -> Result<(), Error> {
    for bmcs in &arguments.bmcs {
        for (answer, time) in [("at once", Duration::ZERO), ("after 1 ms", Duration::from_millis(1))] {
            let title = format!("{bmcs} simulated BMCs in one process, each answers {answer}");
            measure(arguments, &title, *bmcs, || Servers::simulated(*bmcs, time, None), |_| true)?;
        }
    }
    if arguments.ipmi_sim > 0 {
        let title = format!("{} BMCs of ipmi_sim", arguments.ipmi_sim);
        let bmcs = arguments.ipmi_sim;
        // It has no cipher suite 17.
        measure(arguments, &title, bmcs, || Servers::ipmi_sim(bmcs), |engine| engine != Engine::Rackpoll17)?;
    }
    Ok(())
}

fn measure(
    arguments: &Arguments,
    title: &str,
    bmcs: usize,
    start: impl Fn() -> Result<Servers, Error>,
    able: impl Fn(Engine) -> bool,
) -> Result<(), Error> {
    let clients: Vec<_> = CLIENTS
        .into_iter()
        .filter(|(engine, _)| able(*engine) && (arguments.only.is_empty() || arguments.only.contains(engine)))
        .collect();
    let mut columns: Vec<_> = clients
        .iter()
        .map(|(engine, threads)| match engine {
            Engine::Rackpoll | Engine::Rackpoll17 | Engine::Ipmi => {
                Column::new(format!("{engine}, {threads} thread(s)"))
            }
            // Never among CLIENTS.
            Engine::RackpollSensors => Column::new(engine.to_string()),
            Engine::IpmiRs => Column::new("ipmi-rs, blocking, 32 threads".to_owned()),
            Engine::Bare => Column::new("bare blocking exchange, 32 threads".to_owned()),
        })
        .collect();
    for _ in 0..arguments.rounds {
        for ((engine, threads), column) in clients.iter().zip(&mut columns) {
            let servers = if *engine == Engine::Bare { Servers::echo(bmcs) } else { start() }?;
            let polls = arguments.polls / bmcs as u64;
            column.add(client::start(*engine, *threads, polls, &servers.addresses)?.0);
        }
    }
    Table { title, first: 0, columns: &columns }.print();
    Ok(())
}
