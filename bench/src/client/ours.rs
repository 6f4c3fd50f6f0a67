use rackpoll_io::{IpmiDevice, IpmiSockets};
use rackpoll_ipmi::{
    crypto::CipherSuite,
    session::{Options, Profile},
};
use rackpoll_model::{IpmiCommand, Secret};
use tokio::task::JoinSet;

use super::{Arguments, Engine, LIMIT, USER};
use crate::cost::{Cost, Error, Round, Span};

/// Our engine: one socket, and a session for each BMC.
pub struct Sessions {
    pub devices: Vec<IpmiDevice>,
    command: IpmiCommand,
}

impl Sessions {
    /// One poll of each BMC that does not count, which logs in and learns.
    pub async fn open(arguments: &Arguments, command: IpmiCommand) -> Result<Self, Error> {
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
        let devices = logins.join_all().await.into_iter().collect::<Result<_, _>>()?;
        Ok(Self { devices, command })
    }

    pub async fn round(&mut self, span: Span) -> Result<Cost, Error> {
        let (round, command) = (Round::begin(span)?, self.command);
        let mut tasks = JoinSet::new();
        for mut device in self.devices.drain(..) {
            let end = round.end();
            tasks.spawn(async move {
                let (mut polls, mut failed) = (0, 0);
                while end.is_ahead(polls) {
                    let deadline = tokio::time::Instant::now() + LIMIT;
                    failed += u64::from(device.poll(command, deadline).await.is_err());
                    polls += 1;
                }
                (device, (polls, failed))
            });
        }
        let done = tasks.join_all().await;
        let cost = round.cost(done.iter().map(|(_, counts)| *counts));
        self.devices.extend(done.into_iter().map(|(device, _)| device));
        cost
    }

    pub async fn close(self) {
        let mut closes = JoinSet::new();
        for mut device in self.devices {
            closes.spawn(async move { device.close().await });
        }
        closes.join_all().await;
    }
}
