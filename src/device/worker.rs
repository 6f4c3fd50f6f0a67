use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rackpoll_model::{Fault, FaultKind, Reading};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::Instant,
};

use super::{
    line::{Line, Lines},
    mailbox::{Mailbox, Visit, part},
};
use crate::job::{Credential, Job, Outcome};

/// Jobs that may wait for one device, merged ones counted each. A device that is behind by more is refused at once:
/// at 10 s a poll the last of these already waits ten minutes.
pub const MAILBOX: usize = 64;

/// Lines (sessions) kept to one device. BMCs have 2 to 4 session slots, and others want one too.
const LINES: usize = 2;

/// A worker whose device nobody asks for so long closes its lines and goes.
const RETIRE_AFTER: Duration = Duration::from_secs(600);

/// How long closing the lines of one device may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// Which of a device's services is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RMCP+.
    Ipmi,
    /// SNMP.
    Snmp,
}

/// One mailbox for each of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeviceKey {
    /// Address and port.
    pub peer: SocketAddr,
    /// Which service.
    pub protocol: Protocol,
}

/// Everything that a worker needs; `run` is its life.
pub struct Worker {
    /// Whom it serves.
    pub key: DeviceKey,
    /// Where its jobs come from.
    pub jobs: mpsc::Receiver<Job>,
    /// Makes its lines.
    pub lines: Arc<dyn Lines>,
    /// Polls under way in the whole agent.
    pub permits: Arc<Semaphore>,
    /// Where outcomes go.
    pub outcomes: mpsc::Sender<Outcome>,
    /// True once the agent stops.
    pub stopping: watch::Receiver<bool>,
}

impl Worker {
    /// Serves the device until nobody asks any more or the agent stops; closes the lines at the end.
    pub async fn run(mut self) {
        let mut mailbox = Mailbox::default();
        let mut lines: Vec<(Credential, Box<dyn Line>)> = Vec::new();
        while let Some(visit) = self.next_visit(&mut mailbox).await {
            self.visit(visit, &mut mailbox, &mut lines).await;
        }
        for (_, line) in &mut lines {
            line.close(CLOSE_LIMIT).await;
        }
    }

    /// The next visit, or none when it is time to go. The receiver is closed then, so that no job can slip in.
    async fn next_visit(&mut self, mailbox: &mut Mailbox) -> Option<Visit> {
        loop {
            while mailbox.len() < MAILBOX {
                let Ok(job) = self.jobs.try_recv() else { break };
                mailbox.put(job);
            }
            if *self.stopping.borrow() {
                return None;
            }
            if let Some(visit) = mailbox.take() {
                return Some(visit);
            }
            tokio::select! {
                job = self.jobs.recv() => mailbox.put(job?),
                _ = self.stopping.wait_for(|stop| *stop) => return None,
                () = tokio::time::sleep(RETIRE_AFTER) => {
                    self.jobs.close();
                    match self.jobs.try_recv() {
                        Ok(job) => mailbox.put(job),
                        Err(_) => return None,
                    }
                }
            }
        }
    }

    async fn visit(
        &mut self,
        mut visit: Visit,
        mailbox: &mut Mailbox,
        lines: &mut Vec<(Credential, Box<dyn Line>)>,
    ) {
        let Ok(_permit) = Arc::clone(&self.permits).acquire_owned().await else { return };
        let line = self.line_for(&visit.credential, lines).await;
        let started_at = SystemTime::now();
        let timeout = visit.jobs.iter().map(|job| job.timeout).max().unwrap_or_default();
        let deadline = Instant::now() + timeout;
        let request = visit.request.clone();
        let reading = {
            // The line holds its own deadline; the extra second is for a line that does not.
            let guarded =
                tokio::time::timeout_at(deadline + Duration::from_secs(1), line.poll(&request, deadline));
            tokio::pin!(guarded);
            loop {
                tokio::select! {
                    answer = &mut guarded => break answer.unwrap_or_else(|_| Err(overdue(self.key.peer, timeout))),
                    Some(job) = self.jobs.recv(), if mailbox.len() < MAILBOX => {
                        if visit.answers(&job) { visit.jobs.push(job) } else { mailbox.put(job) }
                    }
                    _ = self.stopping.wait_for(|stop| *stop) => break Err(Fault::new(
                        FaultKind::ShuttingDown,
                        "the agent is stopping; the poll was given up",
                    )),
                }
            }
        };
        let attempts = line.attempts();
        self.report(visit, started_at, attempts, reading.map(Arc::new)).await;
    }

    async fn report(
        &self,
        visit: Visit,
        started_at: SystemTime,
        attempts: u32,
        reading: Result<Arc<Reading>, Fault>,
    ) {
        let finished_at = SystemTime::now();
        if matches!(&reading, Err(fault) if fault.kind == FaultKind::ShuttingDown) {
            // Not a result of the device's: a command stays unacknowledged and comes again, a tick is due again.
            return;
        }
        for job in visit.jobs {
            let reading = reading.as_ref().map(|reading| part(&job.request, reading)).map_err(Fault::clone);
            let outcome = Outcome {
                subject: job.subject,
                target: Some(job.target),
                peer: Some(self.key.peer),
                started_at,
                finished_at,
                attempts,
                reading,
            };
            if self.outcomes.send(outcome).await.is_err() {
                return;
            }
        }
    }

    /// The line for this credential; makes room by closing the one that was used longest ago.
    async fn line_for<'a>(
        &self,
        credential: &Credential,
        lines: &'a mut Vec<(Credential, Box<dyn Line>)>,
    ) -> &'a mut Box<dyn Line> {
        let known = lines.iter().position(|(known, _)| known == credential);
        let used = match known {
            Some(place) => lines.remove(place),
            None => {
                if lines.len() >= LINES {
                    let (_, mut oldest) = lines.remove(0);
                    oldest.close(CLOSE_LIMIT).await;
                }
                (credential.clone(), self.lines.line(self.key.peer, credential))
            }
        };
        lines.push(used);
        let last = lines.len() - 1;
        &mut lines[last].1
    }
}

fn overdue(peer: SocketAddr, timeout: Duration) -> Fault {
    Fault::new(FaultKind::Timeout, format!("{peer} did not answer within {} s", timeout.as_secs_f32()))
}
