//! An RMCP+ session as a state machine: datagrams and times go in, datagrams, timers and events come out.
//!
//! The owner calls `request` and then, until an event comes: sends what `poll_transmit` gives, hands in what arrives
//! by `handle_datagram`, and calls `handle_timeout` when `poll_timeout` says so. Login, re-login after a session was
//! lost, and raising the privilege happen inside a request and under its deadline.

mod active;
mod dropped;
mod fault;
mod handshake;
mod ipmi15;
mod login;
mod options;
mod outgoing;
mod random;
mod receive;
mod slots;
mod window;
mod workaround;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use crate::command::{Bridge, Privilege, Request, Response, completion};

pub use dropped::Dropped;
pub use fault::SessionError;
pub use options::{Options, Profile, Timing};
pub use random::Random;
pub use workaround::{UnknownWorkaround, Workaround};

use active::{Active, Purpose};
use dropped::Guard;
use login::Login;
use outgoing::Outgoing;
use slots::Slots;

/// One session with one BMC: at most one command in flight, and one login at a time.
pub struct Session {
    options: Options,
    profile: Profile,
    random: Box<dyn Random>,
    state: State,
    wanted: Option<Wanted>,
    outgoing: Outgoing,
    events: VecDeque<Event>,
    statistics: Statistics,
    /// Request sequence number of the last command, six bits; never reused before 63 others.
    request_sequence: u8,
    /// Tag of the last login message.
    tag: u8,
    /// Whether the peer was heard, and how much nonsense came, since the last request.
    heard: bool,
    garbage: u32,
    slots: Slots,
    /// Commands that this user was refused at every level it may have, by network function and number.
    denied: BTreeSet<(u8, u8)>,
    message: Vec<u8>,
    plain: Vec<u8>,
    guard: Guard,
}

enum State {
    Idle,
    Login(Box<Login>),
    Open(Box<Active>),
}

/// What the owner waits for.
struct Wanted {
    /// None: only that the session is open. Taken out while it is in flight.
    request: Option<Request>,
    privilege: Privilege,
    deadline: Instant,
    manner: Manner,
    /// The command was without an answer in one session already, and that session was gone.
    again: bool,
    /// The BMC refused the command for lack of privilege, and more is being tried.
    raised: bool,
    /// Datagrams of the command that had no answer in the session in which it was asked last.
    unheard: u32,
    /// How often the BMC was too busy, and until when it is left in peace.
    busy: u32,
    not_before: Option<Instant>,
}

impl Wanted {
    fn new(request: Option<Request>, privilege: Privilege, deadline: Instant, manner: Manner) -> Self {
        Self {
            request,
            privilege,
            deadline,
            manner,
            again: false,
            raised: false,
            unheard: 0,
            busy: 0,
            not_before: None,
        }
    }
}

/// How one command is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Manner {
    /// How long its answer may take, with retransmissions and without a login; none: until the deadline. When that is
    /// over, a command that every BMC answers tests the session: either only this command has no answer
    /// (`Event::Unanswered`), or the session is lost and the command begins again in a new one, once.
    pub patience: Option<Duration>,
    /// The controller that it is for, where that is not the BMC itself.
    pub bridge: Option<Bridge>,
}

/// What has happened. After each request comes exactly one of `Answered`, `Unanswered` (where it has a patience) and
/// `Failed`; after `open`, `Opened` or `Failed`; after `close`, `Closed`.
#[derive(Debug)]
pub enum Event {
    /// A login has succeeded; also inside a request.
    Opened(Profile),
    /// The command's answer.
    Answered(Response),
    /// The command stayed without an answer for as long as its patience, and the BMC answers others.
    Unanswered,
    /// There is no answer.
    Failed(SessionError),
    /// The session is closed, or was given up where the BMC did not answer.
    Closed,
}

/// A command is already in flight; nothing was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a command is already in flight")]
pub struct InFlight;

/// What a session has done since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Datagrams handed out to be sent.
    pub sent: u64,
    /// Datagrams handed in and taken.
    pub received: u64,
    /// Datagrams handed in and dropped.
    pub dropped: u64,
    /// Datagrams sent because an answer did not come in time, among `sent`.
    pub resent: u64,
    /// Datagrams of commands that stayed without an answer (`Event::Unanswered`), among `sent`. Those of a session that
    /// was lost meanwhile do not count: the BMC did not know what they were.
    pub unheard: u64,
    /// Logins that succeeded.
    pub opened: u64,
    /// Commands begun again in a new session, because the old one was lost.
    pub restarted: u64,
}

impl Session {
    /// A session that is not open yet. `profile` is what an earlier session with this BMC has learned.
    pub fn new(options: Options, profile: Profile, random: Box<dyn Random>) -> Self {
        Self {
            options,
            profile,
            random,
            state: State::Idle,
            wanted: None,
            outgoing: Outgoing::default(),
            events: VecDeque::new(),
            statistics: Statistics::default(),
            request_sequence: 0,
            tag: 0,
            heard: false,
            garbage: 0,
            slots: Slots::default(),
            denied: BTreeSet::new(),
            message: Vec::new(),
            plain: Vec::new(),
            guard: Guard::default(),
        }
    }

    /// Takes over what an earlier run has learned; what this one has learned since is newer and stays.
    pub fn restore(&mut self, profile: Profile) {
        if self.profile == Profile::default() {
            self.profile = profile;
        }
    }

    /// Logs in, where there is no session yet.
    pub fn open(&mut self, now: Instant, deadline: Instant) -> Result<(), InFlight> {
        self.want(now, Wanted::new(None, Privilege::User, deadline, Manner::default()))
    }

    /// Sends a command, and logs in before that where needed.
    pub fn request(&mut self, now: Instant, request: Request, deadline: Instant) -> Result<(), InFlight> {
        self.request_in(now, request, deadline, Manner::default())
    }

    /// Sends a command that may stay without an answer, or that is for another controller.
    pub fn request_in(
        &mut self,
        now: Instant,
        request: Request,
        deadline: Instant,
        manner: Manner,
    ) -> Result<(), InFlight> {
        let command = (request.netfn, request.command);
        let learned = self.profile.privileges.get(&command).filter(|_| !self.denied.contains(&command));
        let privilege =
            request.privilege.max(Privilege::User).max(learned.copied().unwrap_or(Privilege::User));
        self.want(now, Wanted::new(Some(request), privilege, deadline, manner))
    }

    fn want(&mut self, now: Instant, wanted: Wanted) -> Result<(), InFlight> {
        if self.wanted.is_some() || self.is_closing() {
            return Err(InFlight);
        }
        self.heard = false;
        self.garbage = 0;
        self.wanted = Some(wanted);
        self.advance(now);
        Ok(())
    }

    /// Whether a request is in flight.
    pub fn is_busy(&self) -> bool {
        self.wanted.is_some()
    }

    /// Gives the request in flight up: nobody waits for it any more. No event comes. The session is tested before it
    /// is used again.
    pub fn abandon(&mut self, now: Instant) {
        if self.wanted.take().is_some() {
            self.stop_work(now);
        }
    }

    /// Closes the session, with a short limit of its own. A request in flight is given up without an event.
    pub fn close(&mut self, now: Instant) {
        self.abandon(now);
        if self.is_closing() {
            return;
        }
        match &mut self.state {
            State::Open(active) => {
                active.exchange = None;
                self.send_close(now, Purpose::Close);
            }
            State::Idle | State::Login(_) => self.events.push_back(Event::Closed),
        }
    }

    /// Moves time on: retransmits, logs in anew, keeps alive, gives up. Calling it early does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.wanted.as_ref().is_some_and(|wanted| wanted.deadline <= now) {
            self.run_out_of_time(now);
        }
        if let Some(wanted) = &mut self.wanted
            && wanted.not_before.is_some_and(|until| until <= now)
        {
            wanted.not_before = None;
            self.advance(now);
        }
        match &self.state {
            State::Login(login) if login.due <= now => self.login_timeout(now),
            State::Open(active) if active.due().is_some_and(|due| due <= now) => self.active_timeout(now),
            _ => {}
        }
    }

    /// When `handle_timeout` wants to be called; a session at rest wants it for its keep-alive.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = match &self.state {
            State::Idle => None,
            State::Login(login) => Some(login.due),
            State::Open(active) => active.due(),
        };
        let wanted = self.wanted.as_ref().map(|wanted| match wanted.not_before {
            Some(until) => until.min(wanted.deadline),
            None => wanted.deadline,
        });
        due.into_iter().chain(wanted).min()
    }

    /// The next datagram to send, in order.
    pub fn poll_transmit(&mut self) -> Option<&[u8]> {
        let datagram = self.outgoing.pop();
        if datagram.is_some() {
            self.statistics.sent += 1;
        }
        datagram
    }

    /// What has happened, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether `poll_event` has something.
    pub fn has_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether there is a session on the BMC, as far as we know.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Whether the BMC was heard since the last request began.
    pub fn has_heard(&self) -> bool {
        self.heard
    }

    /// What has been learned about the BMC.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// How many session slots of the BMC we may hold without using them: sessions that were left without an answer to
    /// Close Session, until the BMC's time-out.
    pub fn orphans(&self, now: Instant) -> usize {
        self.slots.orphans(now)
    }

    /// What has been done so far.
    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    fn is_closing(&self) -> bool {
        matches!(&self.state, State::Open(active) if active.in_flight() == Some(Purpose::Close))
    }

    /// Begins what is to be done next, where nothing is in flight.
    fn advance(&mut self, now: Instant) {
        let Some(wanted) = &self.wanted else { return };
        if wanted.not_before.is_some_and(|until| until > now) {
            return;
        }
        match &self.state {
            State::Login(_) => {}
            State::Idle => self.begin_login(now, wanted.privilege),
            State::Open(active) if active.in_flight().is_some() => {}
            State::Open(active) if wanted.privilege > active.role => {
                // The limit of a session is set at its login.
                let privilege = wanted.privilege;
                self.leave(now);
                self.begin_login(now, privilege);
            }
            State::Open(active) if wanted.privilege > active.level && !self.profile.no_set_privilege => {
                self.send_raise(now, wanted.privilege);
            }
            State::Open(_) => self.send_wanted(now),
        }
    }

    /// The deadline of what is wanted has passed.
    fn run_out_of_time(&mut self, now: Instant) {
        let error = match (self.garbage, &self.state) {
            (datagrams @ 1.., _) if !self.heard => SessionError::Garbage { datagrams },
            (_, State::Login(login)) => login.timeout(self.heard),
            _ => SessionError::Timeout { waiting_for: "the answer to a command", heard: self.heard },
        };
        self.stop_work(now);
        self.fail(error);
    }

    /// Ends login or exchange because nobody waits for it any more.
    fn stop_work(&mut self, now: Instant) {
        match &mut self.state {
            State::Idle => {}
            State::Login(_) => self.leave(now),
            State::Open(active) => active.abandon(now),
        }
    }

    /// Forgets session or login, and tells the BMC without waiting for an answer where it may hold a slot for us: few
    /// have more than four.
    fn leave(&mut self, now: Instant) {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Idle => {}
            State::Login(login) => {
                if login.holds_slot() {
                    self.slots.orphaned(now, &self.options.timing);
                }
                if let Some(active) = login.into_orphan(now) {
                    self.send_farewell(active);
                }
            }
            State::Open(active) => {
                // A session that answered its last command is still there to hear the farewell, unless that is lost.
                if active.is_suspect() {
                    self.slots.orphaned(now, &self.options.timing);
                }
                self.send_farewell(*active);
            }
        }
    }

    /// Ends what is wanted without an answer. Where only more privilege was tried for and not had, the BMC's refusal of
    /// the command is the answer: other commands of the poll may go on.
    fn fail(&mut self, error: SessionError) {
        let raised = self.wanted.take().filter(|wanted| wanted.raised);
        if let (Some(wanted), SessionError::Privilege(_)) = (&raised, &error) {
            let command = wanted.request.as_ref().map(|request| (request.netfn, request.command));
            self.denied.extend(command);
            let completion = completion::INSUFFICIENT_PRIVILEGE;
            self.events.push_back(Event::Answered(Response { completion, data: Vec::new() }));
        } else {
            self.events.push_back(Event::Failed(error));
        }
    }

    fn next_request_sequence(&mut self) -> u8 {
        self.request_sequence = self.request_sequence.wrapping_add(1) & 0x3f;
        self.request_sequence
    }

    fn random_array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// A time between `from` and `from + spread`.
    fn random_between(&mut self, from: Duration, spread: Duration) -> Duration {
        let share = u64::from(u32::from_le_bytes(self.random_array()));
        let spread = u64::try_from(spread.as_micros()).unwrap_or(u64::MAX);
        from.saturating_add(Duration::from_micros(
            ((u128::from(spread) * u128::from(share)) >> u32::BITS) as u64,
        ))
    }

    /// The first wait of a login's messages.
    fn first_wait(&mut self) -> Duration {
        let first = self.options.timing.first_timeout;
        self.random_between(first, first)
    }

    /// The first wait of a command: longer where the BMC is known to be slow, so that it is not asked again for what it
    /// is working on.
    fn first_wait_of_command(&mut self) -> Duration {
        let timing = &self.options.timing;
        let slow = self.profile.round_trip.map_or(Duration::ZERO, |trip| trip.saturating_mul(2));
        let first = timing.first_timeout.max(slow.min(timing.longest_timeout / 4));
        self.random_between(first, first)
    }
}
