use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use rackpoll_ipmi::{
    command::{Conversation, Polls},
    sdr::{SdrProfile, SensorMemory},
    sel::Memory as SelMemory,
    session::{Event, Options, Profile, Session, Statistics},
};
use rackpoll_model::{Fault, FaultKind, IpmiCommand, Reading, Secret};
use tokio::{
    sync::MutexGuard,
    time::{Instant, sleep_until, timeout_at},
};

use crate::{
    diagnosis::{self, Service},
    entropy::Entropy,
    pace::Bucket,
    peers::Channel,
    sockets::{IpmiSockets, Shared},
    talk::{Ended, Standing},
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

    /// Brings what is known of the BMC's sensor records up to date, by `deadline`: one command or two where they are known
    /// and have not changed. A walk through them that the deadline interrupts is taken up again by the next one. What
    /// `attempts` tells is still that of the poll before.
    pub async fn refresh_sensors(&mut self, deadline: Instant) -> Result<(), Fault> {
        let attempts = self.attempts;
        let conversation = self.polls.refresh_sensors();
        let done = self.converse(conversation, deadline).await;
        self.attempts = attempts;
        done.map(|_| ())
    }

    /// Runs a conversation as `poll` does.
    pub async fn converse(
        &mut self,
        conversation: Box<dyn Conversation>,
        deadline: Instant,
    ) -> Result<Reading, Fault> {
        let peer = self.channel.peer;
        self.attempts = 0;
        let turn = Arc::clone(&self.turn);
        let bucket = match turn.try_lock() {
            Ok(bucket) => bucket,
            Err(_) => timeout_at(deadline, turn.lock()).await.map_err(|_| {
                let busy = "another credential's poll of this BMC took until the deadline";
                named(peer, Fault::new(FaultKind::Busy, busy))
            })?,
        };
        self.attempts = 1;
        let poll = UnderWay::run(&self.sockets.shared, &self.channel, bucket, conversation, deadline);
        let (result, restarted) = poll.await;
        self.attempts = u32::try_from(restarted).unwrap_or(u32::MAX).saturating_add(1);
        result.map_err(|fault| named(peer, fault))
    }

    /// Closes the session and waits for the BMC's answer, for a second at most.
    pub async fn close(&mut self) {
        let _turn = self.turn.lock().await;
        let shared = &self.sockets.shared;
        {
            let mut talk = self.channel.talk();
            talk.session.close(Instant::now().into_std());
            shared.flush(&self.channel, &mut talk.session);
        }
        loop {
            let due = {
                let session = &mut self.channel.talk().session;
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
        self.channel.talk().session.statistics()
    }

    /// What has been learned about the BMC, for its next device.
    pub fn profile(&self) -> Profile {
        self.channel.talk().session.profile().clone()
    }

    /// What is known of the BMC's sensors, worth keeping for its next device; none before they were read.
    pub fn sensor_profile(&self) -> Option<SdrProfile> {
        self.polls.sensors(SensorMemory::profile)
    }

    /// Takes over what an earlier run has learned of the BMC; what this one has learned since stays.
    pub fn restore(&self, profile: Profile) {
        self.channel.talk().session.restore(profile);
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
        self.channel.talk().session.is_open()
    }
}

impl Drop for IpmiDevice {
    fn drop(&mut self) {
        let mut talk = self.channel.talk();
        talk.session.close(std::time::Instant::now());
        self.sockets.shared.flush(&self.channel, &mut talk.session);
        drop(talk);
        self.sockets.shared.peers.remove(&self.channel);
    }
}

/// One poll's conversation, and the BMC's bucket for as long as it takes. Dropped in the middle it leaves no request
/// behind.
struct UnderWay<'a> {
    shared: &'a Shared,
    channel: &'a Arc<Channel>,
    bucket: MutexGuard<'a, Bucket>,
    over: bool,
}

impl<'a> UnderWay<'a> {
    /// Sends the first command, unless the BMC's pace holds it back, and waits until the conversation is over: its
    /// result, and how many sessions were lost meanwhile.
    async fn run(
        shared: &'a Shared,
        channel: &'a Arc<Channel>,
        mut bucket: MutexGuard<'a, Bucket>,
        conversation: Box<dyn Conversation>,
        deadline: Instant,
    ) -> (Result<Reading, Fault>, u64) {
        // A refusal of the operating system from before the poll says nothing about now.
        channel.take_unsendable();
        let lent = std::mem::take(&mut *bucket);
        let standing = {
            let mut talk = channel.talk();
            let now = Instant::now().into_std();
            talk.begin(conversation, now, deadline.into_std(), shared.pace(), lent);
            shared.flush_batched(channel, &mut talk.session);
            talk.arm(None, false)
        };
        let mut poll = Self { shared, channel, bucket, over: false };
        let waited = match standing {
            Some(standing) => poll.wait(standing).await,
            None => Ok(()),
        };
        let (result, restarted) = poll.end();
        let missing = || Fault::new(FaultKind::Internal, "the poll ended without a result");
        (waited.and_then(|()| result.ok_or_else(missing)?), restarted)
    }

    /// Until the conversation is over, or something says that it will not end well. One timer serves the whole of it:
    /// it is moved only where it would come too late.
    async fn wait(&self, mut standing: Standing) -> Result<(), Fault> {
        let mut timer = pin!(sleep_until(standing.due.into()));
        let mut diagnosed = None;
        while !standing.done {
            let silent = standing.silent_since.is_some_and(|since| since.elapsed() >= WORTH_A_DIAGNOSIS);
            if silent && diagnosed != Some(standing.asked) {
                diagnosed = Some(standing.asked);
                self.diagnose(standing.asked).await?;
            } else {
                if timer.is_elapsed() || timer.deadline() > standing.due.into() {
                    timer.as_mut().reset(standing.due.into());
                }
                tokio::select! {
                    biased;
                    () = self.channel.wake.rung() => {}
                    () = timer.as_mut() => self.run_timer(),
                }
            }
            self.could_send()?;
            let wakes = (!timer.is_elapsed()).then(|| timer.deadline().into_std());
            let Some(now) = self.channel.talk().arm(wakes, false) else { break };
            standing = now;
        }
        Ok(())
    }

    /// Asks the network why the peer is silent about its `asked`th command, and lets the session go on meanwhile.
    async fn diagnose(&self, asked: u64) -> Result<(), Fault> {
        let mut diagnosis =
            pin!(diagnosis::why_silent(self.channel.peer, Service::Ipmi, &self.shared.diagnoses));
        loop {
            self.could_send()?;
            let standing = self.channel.talk().arm(None, true);
            let Some(Standing { done: false, due, silent_since: Some(_), .. }) =
                standing.filter(|standing| standing.asked == asked)
            else {
                // The peer is not silent after all, or the deadline has passed.
                return Ok(());
            };
            tokio::select! {
                biased;
                // What comes from the peer counts more than what the network says.
                () = self.channel.wake.rung() => {}
                why = &mut diagnosis => {
                    return why.map_or(Ok(()), |message| Err(Fault::new(FaultKind::Unreachable, message)));
                }
                () = sleep_until(due.into()) => self.run_timer(),
            }
        }
    }

    fn run_timer(&self) {
        self.channel.run_timer(self.shared, Instant::now().into_std());
    }

    /// Fails where the operating system would not send, and nothing will help.
    fn could_send(&self) -> Result<(), Fault> {
        let explained = (self.channel.take_unsendable())
            .and_then(|error| diagnosis::explain(self.channel.peer, Service::Ipmi, &error));
        explained.map_or(Ok(()), |message| Err(Fault::new(FaultKind::Unreachable, message)))
    }

    /// Ends the conversation, finished or not.
    fn end(&mut self) -> (Option<Result<Reading, Fault>>, u64) {
        self.over = true;
        let ended = self.channel.talk().end(Instant::now().into_std());
        let Some(Ended { result, bucket, restarted, conversation }) = ended else { return (None, 0) };
        *self.bucket = bucket;
        // Only now that the lock is free again.
        drop(conversation);
        (result, restarted)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.end();
        }
    }
}

/// The fault with the peer that it is about.
fn named(peer: SocketAddr, fault: Fault) -> Fault {
    Fault::new(fault.kind, format!("{peer}: {}", fault.message))
}
