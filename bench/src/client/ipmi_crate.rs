use ipmi::{Client, PrivilegeLevel};
use tokio::task::JoinSet;

use super::{Arguments, LIMIT, USER};
use crate::cost::{Cost, Error, Round, Span};

/// The crate `ipmi`: a socket and a session for each BMC.
pub struct Sessions(Vec<Client>);

impl Sessions {
    pub async fn open(arguments: &Arguments) -> Result<Self, Error> {
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
        Ok(Self(clients))
    }

    pub async fn round(&mut self, span: Span) -> Result<Cost, Error> {
        let round = Round::begin(span)?;
        let mut tasks = JoinSet::new();
        for client in self.0.drain(..) {
            let end = round.end();
            tasks.spawn(async move {
                let (mut polls, mut failed) = (0, 0);
                while end.is_ahead(polls) {
                    failed += u64::from(client.get_chassis_status().await.is_err());
                    polls += 1;
                }
                (client, (polls, failed))
            });
        }
        let done = tasks.join_all().await;
        let cost = round.cost(done.iter().map(|(_, counts)| *counts));
        self.0.extend(done.into_iter().map(|(client, _)| client));
        cost
    }

    pub async fn close(self) -> Result<(), Error> {
        for client in self.0 {
            client.close_session().await?;
        }
        Ok(())
    }
}
