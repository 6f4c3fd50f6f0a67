use std::time::Instant;

use nix::sys::resource::UsageWho::RUSAGE_SELF;
use rackpoll_io::{IpmiDevice, IpmiSockets};
use rackpoll_ipmi::{
    crypto::CipherSuite,
    session::{Options, Profile},
};
use rackpoll_model::{IpmiCommand, Secret};
use tokio::task::JoinSet;

use super::{Arguments, Engine, LIMIT, USER};
use crate::cost::{Cost, Error, processor_time};

pub async fn run(arguments: &Arguments) -> Result<Cost, Error> {
    let (cost, devices) = poll(arguments, IpmiCommand::Chassis).await?;
    close(devices).await;
    Ok(cost)
}

/// One poll of each BMC that does not count, which logs in and learns, and then those that do. The sessions stay open.
pub async fn poll(arguments: &Arguments, command: IpmiCommand) -> Result<(Cost, Vec<IpmiDevice>), Error> {
    let suite =
        if arguments.engine == Engine::Rackpoll17 { CipherSuite::Seventeen } else { CipherSuite::Three };
    let sockets = IpmiSockets::bind()?;
    let mut logins = JoinSet::new();
    for bmc in &arguments.bmcs {
        let options = Options::new(USER, Secret::from(arguments.password.as_str()))?.suites(&[suite]);
        let mut device = IpmiDevice::with_options(&sockets, *bmc, options, Profile::default());
        logins.spawn(async move {
            device.poll(command, tokio::time::Instant::now() + LIMIT).await.map(|_| device)
        });
    }
    let devices = logins.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;

    let (begun, before, polls) = (Instant::now(), processor_time(RUSAGE_SELF)?, arguments.polls);
    let mut rounds = JoinSet::new();
    for mut device in devices {
        rounds.spawn(async move {
            let mut failed = 0;
            for _ in 0..polls {
                let deadline = tokio::time::Instant::now() + LIMIT;
                failed += u64::from(device.poll(command, deadline).await.is_err());
            }
            (device, failed)
        });
    }
    let done = rounds.join_all().await;
    let cost = Cost {
        processor: processor_time(RUSAGE_SELF)? - before,
        wall: begun.elapsed().as_secs_f64(),
        polls: polls * done.len() as u64,
        failed: done.iter().map(|(_, failed)| failed).sum(),
    };
    Ok((cost, done.into_iter().map(|(device, _)| device).collect()))
}

pub async fn close(devices: Vec<IpmiDevice>) {
    let mut closes = JoinSet::new();
    for mut device in devices {
        closes.spawn(async move { device.close().await });
    }
    closes.join_all().await;
}
