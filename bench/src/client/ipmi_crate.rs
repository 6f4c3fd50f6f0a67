use std::time::Instant;

use ipmi::{Client, PrivilegeLevel};
use nix::sys::resource::UsageWho::RUSAGE_SELF;
use tokio::task::JoinSet;

use super::{Arguments, LIMIT, USER};
use crate::cost::{Cost, Error, processor_time};

/// The crate `ipmi`: a socket and a session for each BMC.
pub async fn run(arguments: &Arguments) -> Result<Cost, Error> {
    let mut clients = Vec::new();
    for bmc in &arguments.bmcs {
        // Its login cannot be spawned: the future holds the thread's random source.
        let client = Client::builder(*bmc)
            .username(USER)
            .password(&arguments.password)
            .privilege_level(PrivilegeLevel::Administrator)
            .timeout(LIMIT)
            .retries(1)
            .build();
        clients.push(client.await?);
    }

    let (begun, before, polls) = (Instant::now(), processor_time(RUSAGE_SELF)?, arguments.polls);
    let mut rounds = JoinSet::new();
    for client in clients {
        rounds.spawn(async move {
            let mut failed = 0;
            for _ in 0..polls {
                failed += u64::from(client.get_chassis_status().await.is_err());
            }
            (client, failed)
        });
    }
    let done = rounds.join_all().await;
    let cost = Cost {
        processor: processor_time(RUSAGE_SELF)? - before,
        wall: begun.elapsed().as_secs_f64(),
        polls: polls * done.len() as u64,
        failed: done.iter().map(|(_, failed)| failed).sum(),
    };
    for (client, _) in done {
        client.close_session().await?;
    }
    Ok(cost)
}
