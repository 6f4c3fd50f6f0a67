//! Admission and routing: every job goes to the mailbox of its device; what cannot go there is refused at once.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use rackpoll_model::{Fault, FaultKind, PollRequest};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};

use crate::{
    device::{DeviceKey, Lines, MAILBOX, Protocol, Worker},
    job::{Job, Outcome, Priority, Target},
};

/// How long looking up a host's name may take.
const LOOKUP_LIMIT: Duration = Duration::from_secs(5);

/// The way to the devices. Cheap to clone.
#[derive(Clone)]
pub struct Dispatcher(Arc<Inner>);

struct Inner {
    mailboxes: Mutex<HashMap<DeviceKey, mpsc::Sender<Job>>>,
    workers: Mutex<JoinSet<()>>,
    lines: Arc<dyn Lines>,
    permits: Arc<Semaphore>,
    outcomes: mpsc::Sender<Outcome>,
    stopping: watch::Sender<bool>,
    fence: Fence,
}

/// Whether a command may poll this address.
pub type Fence = Box<dyn Fn(IpAddr) -> Result<(), Fault> + Send + Sync>;

impl Dispatcher {
    /// `max_in_flight` polls at once in the whole agent; outcomes go to `outcomes`.
    pub fn new(
        lines: Arc<dyn Lines>,
        max_in_flight: usize,
        fence: Fence,
        outcomes: mpsc::Sender<Outcome>,
    ) -> Self {
        Self(Arc::new(Inner {
            mailboxes: Mutex::default(),
            workers: Mutex::default(),
            lines,
            permits: Arc::new(Semaphore::new(max_in_flight.clamp(1, Semaphore::MAX_PERMITS))),
            outcomes,
            stopping: watch::Sender::new(false),
            fence,
        }))
    }

    /// Takes a job over. Whatever becomes of it arrives as an outcome, a refusal included.
    pub async fn submit(&self, job: Job) {
        let refused = match resolve(&job.target).await.and_then(|peer| self.admit(peer, &job)) {
            Ok(peer) => self.route(peer, job),
            Err(fault) => Err((Box::new(job), fault)),
        };
        if let Err((job, fault)) = refused {
            self.refuse(*job, fault).await;
        }
    }

    /// Whether a job of this host would need a name look-up first, so that the caller does not wait for it in line.
    pub fn needs_look_up(job: &Job) -> bool {
        job.target.name.parse::<IpAddr>().is_err()
    }

    /// Devices that have a worker now.
    pub fn devices(&self) -> usize {
        lock(&self.0.mailboxes).len()
    }

    /// No new polls; those under way are given up, sessions are closed. Ends when all workers have gone or at `limit`.
    pub async fn stop(&self, limit: Duration) {
        self.0.stopping.send_replace(true);
        let mut workers = std::mem::take(&mut *lock(&self.0.workers));
        lock(&self.0.mailboxes).clear();
        let all = async { while workers.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!(limit_s = limit.as_secs(), "some devices did not answer the goodbye in time");
        }
    }

    /// Commands may name any host; where that leads is known only now.
    fn admit(&self, peer: SocketAddr, job: &Job) -> Result<SocketAddr, Fault> {
        match job.priority {
            Priority::Command => (self.0.fence)(peer.ip()).map(|()| peer),
            Priority::Schedule => Ok(peer),
        }
    }

    fn route(&self, peer: SocketAddr, job: Job) -> Result<(), (Box<Job>, Fault)> {
        if *self.0.stopping.borrow() {
            return Err((Box::new(job), Fault::new(FaultKind::ShuttingDown, "the agent is stopping")));
        }
        let protocol = match job.request {
            PollRequest::Ipmi(_) => Protocol::Ipmi,
            PollRequest::Snmp(_) => Protocol::Snmp,
        };
        let key = DeviceKey { peer, protocol };
        let mut mailboxes = lock(&self.0.mailboxes);
        let mailbox = mailboxes.entry(key).or_insert_with(|| self.start_worker(key));
        match mailbox.try_send(job) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Full(job)) => Err((
                Box::new(job),
                Fault::new(
                    FaultKind::MailboxFull,
                    format!("{MAILBOX} polls already wait for {peer}; poll it less often"),
                ),
            )),
            // The worker has retired: the job opens a new one.
            Err(mpsc::error::TrySendError::Closed(job)) => {
                let fresh = self.start_worker(key);
                let sent = fresh.try_send(job);
                mailboxes.insert(key, fresh);
                sent.map_err(|error| {
                    let fault = Fault::new(FaultKind::Internal, "a fresh mailbox took no job");
                    (Box::new(error.into_inner()), fault)
                })
            }
        }
    }

    fn start_worker(&self, key: DeviceKey) -> mpsc::Sender<Job> {
        let (sender, jobs) = mpsc::channel(MAILBOX);
        let worker = Worker {
            key,
            jobs,
            lines: Arc::clone(&self.0.lines),
            permits: Arc::clone(&self.0.permits),
            outcomes: self.0.outcomes.clone(),
            stopping: self.0.stopping.subscribe(),
        };
        let mut workers = lock(&self.0.workers);
        while workers.try_join_next().is_some() {}
        workers.spawn(worker.run());
        sender
    }

    async fn refuse(&self, job: Job, fault: Fault) {
        tracing::warn!(host = job.target.host, error = %fault, "poll refused");
        let now = SystemTime::now();
        let outcome = Outcome {
            subject: job.subject,
            target: Some(job.target),
            peer: None,
            started_at: now,
            finished_at: now,
            attempts: 0,
            reading: Err(fault),
        };
        // The receiver lives as long as the agent; at its end a refusal has nowhere to go.
        let _ = self.0.outcomes.send(outcome).await;
    }
}

/// The address of a device, looked up where it is written as a name.
///
/// # Errors
/// `UnknownHost`.
pub async fn resolve(target: &Target) -> Result<SocketAddr, Fault> {
    match target.name.parse::<IpAddr>() {
        Ok(address) => Ok(SocketAddr::new(address, target.port)),
        Err(_) => look_up(&target.name, target.port).await,
    }
}

async fn look_up(name: &str, port: u16) -> Result<SocketAddr, Fault> {
    let unknown =
        |why: String| Fault::new(FaultKind::UnknownHost, format!("no address for host {name:?}: {why}"));
    match tokio::time::timeout(LOOKUP_LIMIT, tokio::net::lookup_host((name, port))).await {
        Err(_) => Err(unknown(format!("no answer within {} s", LOOKUP_LIMIT.as_secs()))),
        Ok(Err(error)) => Err(unknown(error.to_string())),
        Ok(Ok(mut addresses)) => addresses.next().ok_or_else(|| unknown("the name has none".to_owned())),
    }
}

/// A panic elsewhere must not take the router down: its map is whole after every statement.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
