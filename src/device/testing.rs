//! Jobs and devices for the tests of routing and mailboxes.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use rackpoll_model::{Fault, FaultKind, IpmiCommand, PollRequest, Reading, Secret};
use tokio::time::Instant;

use super::{Line, Lines, PollFuture};
use crate::job::{Access, Credential, Job, Priority, Subject, Target, Topic};

pub(crate) fn job(id: &str, priority: Priority) -> Job {
    job_with(id, priority, "secret")
}

pub(crate) fn job_with(id: &str, priority: Priority, password: &str) -> Job {
    Job {
        request: PollRequest::Ipmi(IpmiCommand::Power),
        target: Target { host: "192.0.2.1".into(), name: "192.0.2.1".into(), port: 623 },
        credential: Credential::Ipmi {
            user: "admin".into(),
            password: Secret::from(password),
            access: Access::default(),
        },
        timeout: Duration::from_secs(10),
        priority,
        wait: None,
        subject: Subject {
            topic: Topic::Ipmi("power".into()),
            work_item_id: Some(id.into()),
            node: None,
            graph_id: "00000000-0000-4000-8000-000000000000".into(),
            value: serde_json::Map::new(),
            scheduled_at: SystemTime::UNIX_EPOCH,
            skipped: 0,
            reply: None,
            recorded: None,
            watch: Arc::default(),
            divert: None,
            ticket: None,
            names: None,
        },
    }
}

/// Devices that answer after a time, whose one right password is `secret`, and that count.
#[derive(Default)]
pub(crate) struct Fleet {
    pub(crate) takes: Duration,
    pub(crate) polls: Arc<AtomicUsize>,
    pub(crate) at_once: Arc<AtomicUsize>,
    pub(crate) most_at_once: Arc<AtomicUsize>,
    pub(crate) closed: Arc<AtomicUsize>,
}

struct FleetLine {
    good: bool,
    takes: Duration,
    polls: Arc<AtomicUsize>,
    at_once: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl Lines for Fleet {
    fn line(&self, _: SocketAddr, credential: &Credential) -> Box<dyn Line> {
        let good =
            matches!(credential, Credential::Ipmi { password, .. } if *password == Secret::from("secret"));
        Box::new(FleetLine {
            good,
            takes: self.takes,
            polls: Arc::clone(&self.polls),
            at_once: Arc::clone(&self.at_once),
            most_at_once: Arc::clone(&self.most_at_once),
            closed: Arc::clone(&self.closed),
        })
    }
}

impl Line for FleetLine {
    fn poll<'a>(&'a mut self, _: &'a PollRequest, _: Instant) -> PollFuture<'a> {
        Box::pin(async move {
            self.polls.fetch_add(1, Ordering::SeqCst);
            let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_at_once.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(self.takes).await;
            self.at_once.fetch_sub(1, Ordering::SeqCst);
            if self.good {
                Ok(Reading::Power(true))
            } else {
                Err(Fault::new(FaultKind::WrongPassword, "wrong"))
            }
        })
    }

    fn attempts(&self) -> u32 {
        1
    }

    fn close<'a>(&'a mut self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async {
            self.closed.fetch_add(1, Ordering::SeqCst);
        })
    }
}
