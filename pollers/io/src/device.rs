use std::{
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use rackpoll_ipmi::{
    command::{Conversation, Effort, Polls, Request, Response, Step},
    sdr::{SdrProfile, SensorMemory},
    sel::Memory as SelMemory,
    session::{Event, Manner, Options, Profile, Session, Statistics},
};
use rackpoll_model::{Fault, FaultKind, IpmiCommand, Reading, Secret};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::{
    diagnosis::{self, Service},
    entropy::Entropy,
    pace::Bucket,
    peers::Channel,
    sockets::{IpmiSockets, Shared},
};

/// After so much silence it is worth asking the network why.
const WORTH_A_DIAGNOSIS: Duration = Duration::from_millis(1500);

/// One BMC under one credential: a session that is opened when it is needed, kept, and closed at the end.
///
/// Dropping it sends Close Session without waiting for the answer; `close` waits for it.
pub struct IpmiDevice {
    sockets: IpmiSockets,
    channel: Arc<Channel>,
    turn: Arc<tokio::sync::Mutex<Bucket>>,
    polls: Polls,
    attempts: u32,
}

impl IpmiDevice {
    /// A BMC at this address. Nothing is sent before the first poll. Names and passwords that IPMI cannot carry are
    /// refused.
    pub fn new(sockets: &IpmiSockets, peer: SocketAddr, user: &str, password: Secret) -> Result<Self, Fault> {
        let options = Options::new(user, password).map_err(|fault| named(peer, fault))?;
        Ok(Self::with_options(sockets, peer, options, Profile::default()))
    }

    /// With other options than the default ones, and with what was learned about the BMC before.
    pub fn with_options(sockets: &IpmiSockets, peer: SocketAddr, options: Options, profile: Profile) -> Self {
        let session = Session::new(options, profile, Box::new(Entropy::new()));
        let channel = Channel::new(peer, session);
        sockets.prepare(channel.peer);
        let turn = sockets.shared.peers.add(&channel);
        Self {
            sockets: sockets.clone(),
            channel,
            turn,
            polls: Polls::new(Arc::clone(&sockets.shared.library)),
            attempts: 0,
        }
    }

    /// The BMC's address.
    pub fn peer(&self) -> SocketAddr {
        self.channel.peer
    }

    /// Runs a poll: login where needed, the command's whole conversation, and a new login where the BMC has forgotten
    /// the session. Ends by `deadline`. May be dropped at any await: the session stays usable.
    pub async fn poll(&mut self, command: IpmiCommand, deadline: Instant) -> Result<Reading, Fault> {
        let conversation = self.polls.begin(command);
        self.converse(conversation, deadline).await
    }

    /// Runs a conversation as `poll` does.
    pub async fn converse(
        &mut self,
        mut conversation: Box<dyn Conversation>,
        deadline: Instant,
    ) -> Result<Reading, Fault> {
        let peer = self.channel.peer;
        self.attempts = 0;
        let turn = Arc::clone(&self.turn);
        let mut bucket = match turn.try_lock() {
            Ok(bucket) => bucket,
            Err(_) => timeout_at(deadline, turn.lock()).await.map_err(|_| {
                let busy = "another credential's poll of this BMC took until the deadline";
                named(peer, Fault::new(FaultKind::Busy, busy))
            })?,
        };
        self.attempts = 1;
        let restarted = self.statistics().restarted;
        let pace = self.sockets.shared.pace();
        let timer = pin!(sleep_until(deadline));
        let mut exchanges = Exchanges::new(&self.sockets.shared, &self.channel, timer, deadline);
        let mut step = conversation.step(None);
        let result = loop {
            let request = match step {
                Step::Done(result) => break result,
                Step::Ask(request) => request,
            };
            if let Some(pace) = pace {
                let wait = bucket.take(Instant::now(), pace);
                if !wait.is_zero() {
                    tokio::time::sleep_until((Instant::now() + wait).min(deadline)).await;
                }
            }
            let manner = Manner { patience: conversation.patience(), bridge: conversation.bridge() };
            let heard = exchanges.ask(request, manner).await;
            conversation.effort(exchanges.effort);
            step = match heard {
                Ok(Some(response)) => conversation.step(Some(response)),
                Ok(None) => conversation.no_answer(),
                Err(fault) => break Err(fault),
            };
        };
        let restarts = self.statistics().restarted.saturating_sub(restarted);
        self.attempts = u32::try_from(restarts).unwrap_or(u32::MAX).saturating_add(1);
        result.map_err(|fault| named(peer, fault))
    }

    /// Closes the session and waits for the BMC's answer, for a second at most.
    pub async fn close(&mut self) {
        let _turn = self.turn.lock().await;
        let shared = &self.sockets.shared;
        {
            let mut session = self.channel.session();
            session.close(Instant::now().into_std());
            shared.flush(&self.channel, &mut session);
        }
        loop {
            let due = {
                let mut session = self.channel.session();
                loop {
                    match session.poll_event() {
                        Some(Event::Closed) => return,
                        Some(_) => {}
                        None => break,
                    }
                }
                session.poll_timeout()
            };
            // No timer and no event: there is nothing left to wait for.
            let Some(due) = due else { return };
            if timeout_at(due.into(), self.channel.wake.rung()).await.is_err() {
                self.channel.run_timer(shared, Instant::now().into_std());
            }
        }
    }

    /// How many times the last poll was begun: 1, and one more for each session that was lost during it; 0 where it
    /// was not begun at all.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Datagrams and logins so far.
    pub fn statistics(&self) -> Statistics {
        self.channel.session().statistics()
    }

    /// What has been learned about the BMC, for its next device.
    pub fn profile(&self) -> Profile {
        self.channel.session().profile().clone()
    }

    /// What is known of the BMC's sensors, worth keeping for its next device; none before they were read.
    pub fn sensor_profile(&self) -> Option<SdrProfile> {
        self.polls.sensors(SensorMemory::profile)
    }

    /// Takes over what an earlier run has learned of the BMC; what this one has learned since stays.
    pub fn restore(&self, profile: Profile) {
        self.channel.session().restore(profile);
    }

    /// What is known of the BMC's sensors.
    pub fn sensors<T>(&self, see: impl FnOnce(&SensorMemory) -> T) -> T {
        self.polls.sensors(see)
    }

    /// What is remembered of the BMC's whole event log.
    pub fn log<T>(&self, see: impl FnOnce(&SelMemory) -> T) -> T {
        self.polls.log(see)
    }

    /// Takes over what was known of the BMC's event log before. It is checked against the BMC before it is used.
    pub fn restore_log(&mut self, log: SelMemory) {
        self.polls.restore_log(log);
    }

    /// Takes over what an earlier run has kept of the BMC's sensors. It is checked against the BMC before it is used.
    pub fn restore_sensors(&mut self, profile: SdrProfile) {
        self.polls.restore_sensors(profile);
    }

    /// Whether a session is open, as far as we know.
    pub fn is_open(&self) -> bool {
        self.channel.session().is_open()
    }
}

impl Drop for IpmiDevice {
    fn drop(&mut self) {
        let mut session = self.channel.session();
        session.close(std::time::Instant::now());
        self.sockets.shared.flush(&self.channel, &mut session);
        drop(session);
        self.sockets.shared.peers.remove(&self.channel);
    }
}

/// The exchanges of one poll. One timer serves them all: it is moved only where it would come too late.
struct Exchanges<'a> {
    shared: &'a Shared,
    channel: &'a Arc<Channel>,
    timer: Pin<&'a mut Sleep>,
    deadline: Instant,
    /// What the session had done before the last command.
    before: Statistics,
    /// What the last command has taken.
    effort: Effort,
}

impl<'a> Exchanges<'a> {
    fn new(
        shared: &'a Shared,
        channel: &'a Arc<Channel>,
        timer: Pin<&'a mut Sleep>,
        deadline: Instant,
    ) -> Self {
        let effort = Effort { datagrams: 0, took: Duration::ZERO };
        Self { shared, channel, timer, deadline, before: Statistics::default(), effort }
    }

    /// The answer; none where the command has a patience and the BMC answers others.
    async fn ask(&mut self, request: Request, manner: Manner) -> Result<Option<Response>, Fault> {
        let begun = Instant::now();
        if begun >= self.deadline {
            return Err(Fault::new(FaultKind::Timeout, "the deadline passed in the middle of the poll"));
        }
        let (due, told) = {
            let mut session = self.channel.session();
            // What an abandoned poll has left.
            while session.poll_event().is_some() {}
            self.before = session.statistics();
            let deadline = self.deadline.into_std();
            session.request_in(begun.into_std(), request, deadline, manner).map_err(|in_flight| {
                Fault::new(FaultKind::Internal, format!("the session is not free: {in_flight}"))
            })?;
            self.shared.flush_batched(self.channel, &mut session);
            (session.poll_timeout(), session.has_event())
        };
        let _abandon = AbandonOnDrop { channel: self.channel };
        if told && let Some(outcome) = self.outcome(begun) {
            return outcome;
        }
        self.wait(begun, due).await
    }

    async fn wait(
        &mut self,
        begun: Instant,
        due: Option<std::time::Instant>,
    ) -> Result<Option<Response>, Fault> {
        let mut due = due.map_or(self.deadline, Instant::from);
        let mut diagnosed = false;
        loop {
            if self.timer.is_elapsed() || self.timer.deadline() > due {
                self.timer.as_mut().reset(due);
            }
            tokio::select! {
                biased;
                () = self.channel.wake.rung() => {}
                () = self.timer.as_mut() => {
                    self.channel.run_timer(self.shared, Instant::now().into_std());
                }
            }
            if let Some(outcome) = self.outcome(begun) {
                return outcome;
            }
            let silent = begun.elapsed() >= WORTH_A_DIAGNOSIS && !self.channel.session().has_heard();
            if silent && !diagnosed {
                diagnosed = true;
                self.diagnose().await?;
            }
            due = self.channel.session().poll_timeout().map_or(self.deadline, Instant::from);
        }
    }

    /// What the session or the operating system has said, if anything.
    fn outcome(&mut self, begun: Instant) -> Option<Result<Option<Response>, Fault>> {
        if let Some(error) = self.channel.take_unsendable()
            && let Some(message) = diagnosis::explain(self.channel.peer, Service::Ipmi, &error)
        {
            return Some(Err(Fault::new(FaultKind::Unreachable, message)));
        }
        let mut session = self.channel.session();
        let heard = loop {
            match session.poll_event()? {
                Event::Answered(response) => break Some(response),
                Event::Unanswered => break None,
                Event::Failed(error) => return Some(Err(error.into())),
                Event::Opened(_) | Event::Closed => {}
            }
        };
        self.effort = Effort::since(&self.before, &session.statistics(), heard.is_some(), begun.elapsed());
        Some(Ok(heard))
    }

    /// Asks the network why the peer is silent, and lets the session go on meanwhile.
    async fn diagnose(&mut self) -> Result<(), Fault> {
        let diagnosis = diagnosis::why_silent(self.channel.peer, Service::Ipmi, &self.shared.diagnoses);
        tokio::pin!(diagnosis);
        loop {
            let due = self.channel.session().poll_timeout().map_or(self.deadline, Instant::from);
            tokio::select! {
                biased;
                why = &mut diagnosis => {
                    return why.map_or(Ok(()), |message| Err(Fault::new(FaultKind::Unreachable, message)));
                }
                // An event came: the peer is not silent after all, or the deadline has passed. `outcome` sees to it,
                // and the wake-up must not be lost to it.
                () = self.channel.wake.rung() => {
                    self.channel.wake.ring();
                    return Ok(());
                }
                () = sleep_until(due) => {
                    self.channel.run_timer(self.shared, Instant::now().into_std());
                }
            }
        }
    }
}

/// A poll that ends or is dropped in the middle leaves no request behind.
struct AbandonOnDrop<'a> {
    channel: &'a Channel,
}

impl Drop for AbandonOnDrop<'_> {
    fn drop(&mut self) {
        let mut session = self.channel.session();
        if session.is_busy() {
            session.abandon(Instant::now().into_std());
        }
    }
}

/// The fault with the peer that it is about.
fn named(peer: SocketAddr, fault: Fault) -> Fault {
    Fault::new(fault.kind, format!("{peer}: {}", fault.message))
}
