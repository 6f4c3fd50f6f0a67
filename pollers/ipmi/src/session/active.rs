use std::time::{Duration, Instant};

use super::{
    Event, Manner, Session, SessionError, State, options::Timing, outgoing::Outgoing, window::Window,
};
use crate::{
    command::{
        Bridge, Privilege, Request, Response, close_session, completion, get_device_id, send_message,
        set_session_privilege_level,
    },
    crypto::{Ipmi15Key, SessionKeys, seal},
    wire::{BMC_ADDRESS, CONSOLE_ADDRESS, Ipmi15Packet, LanRequest, PayloadType},
};

/// A BMC may be too busy for one command so often before that is the answer.
const BUSY_RETRIES: u32 = 4;

/// A session that both sides have keys for.
pub(super) struct Active {
    pub(super) console_session_id: u32,
    pub(super) managed_session_id: u32,
    pub(super) security: Security,
    /// Sequence number of the last datagram sent.
    sequence: u32,
    pub(super) window: Window,
    /// The limit, as the login asked for it.
    pub(super) role: Privilege,
    /// What the session has now.
    pub(super) level: Privilege,
    /// When the BMC was last heard in this session.
    pub(super) last_heard: Instant,
    /// When a command of the owner's was last sent.
    last_used: Instant,
    /// A command stayed without an answer: the BMC may have forgotten the session.
    suspect: bool,
    /// Rest after which the session is kept alive; none where the options say so.
    keep_alive: Option<Duration>,
    pub(super) exchange: Option<Exchange>,
}

/// With what datagrams of a session are made.
pub(super) enum Security {
    /// IPMI 2.0.
    RmcpPlus(SessionKeys),
    /// IPMI 1.5. Where sequence numbers have their most significant byte first, `swapped`.
    Ipmi15 { key: Ipmi15Key, swapped: bool },
}

/// A command in flight.
pub(super) struct Exchange {
    pub(super) purpose: Purpose,
    pub(super) request: Request,
    /// The controller that the command is for, where that is not the BMC.
    pub(super) bridge: Option<Bridge>,
    pub(super) request_sequence: u8,
    sent_at: Instant,
    first_wait: Duration,
    sent: u32,
    /// After so many sends without an answer the session counts as lost.
    sends: u32,
    due: Instant,
    /// The end of a command with a patience, and its last third: what was sent by then has time for an answer, and is
    /// past the BMC when the next command comes.
    limit: Option<Instant>,
    last_third: Option<Instant>,
}

/// What a command in flight is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The owner wants its answer.
    Wanted,
    /// What the owner wants needs more privilege.
    Raise(Privilege),
    /// The wanted command had no answer: is it the command, or the session?
    Probe,
    /// So that the BMC does not forget the session.
    KeepAlive,
    /// The owner closes the session.
    Close,
    /// Nobody has used the session for long.
    Retire,
}

impl Active {
    pub(super) fn new(
        (console_session_id, managed_session_id): (u32, u32),
        security: Security,
        role: Privilege,
        now: Instant,
    ) -> Self {
        Self {
            console_session_id,
            managed_session_id,
            security,
            sequence: 0,
            window: Window::default(),
            role,
            // Clause 22.18: a session begins at USER.
            level: role.min(Privilege::User),
            last_heard: now,
            last_used: now,
            suspect: false,
            keep_alive: None,
            exchange: None,
        }
    }

    /// The next datagram has this sequence number.
    pub(super) fn starting_at(mut self, sequence: u32) -> Self {
        self.sequence = sequence.wrapping_sub(1);
        self
    }

    /// The keys of an RMCP+ session.
    #[cfg(test)]
    pub(super) fn keys(&self) -> Option<&SessionKeys> {
        match &self.security {
            Security::RmcpPlus(keys) => Some(keys),
            Security::Ipmi15 { .. } => None,
        }
    }

    /// Whether the BMC may have forgotten the session.
    pub(super) fn is_suspect(&self) -> bool {
        self.suspect
    }

    pub(super) fn keep_alive(mut self, rest: Option<Duration>) -> Self {
        self.keep_alive = rest;
        self
    }

    pub(super) fn in_flight(&self) -> Option<Purpose> {
        self.exchange.as_ref().map(|exchange| exchange.purpose)
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match &self.exchange {
            Some(exchange) => Some(exchange.limit.map_or(exchange.due, |limit| limit.min(exchange.due))),
            None => self.keep_alive.map(|rest| self.last_heard + rest),
        }
    }

    /// The BMC was heard in this session.
    pub(super) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
        self.suspect = false;
    }

    /// Nobody waits for the command in flight any more.
    pub(super) fn abandon(&mut self, _now: Instant) {
        if matches!(self.in_flight(), Some(Purpose::Wanted | Purpose::Raise(_) | Purpose::Probe)) {
            self.exchange = None;
            self.suspect = true;
        }
    }

    /// How often a command may be sent before the session counts as lost: a session that rested long, or whose last
    /// command stayed without an answer, is probably gone. A command with a patience is sent for as long as that lasts.
    fn sends(&self, now: Instant, timing: &Timing, patient: bool) -> u32 {
        let rest = now.saturating_duration_since(self.last_heard);
        match (self.suspect || rest >= timing.rested, patient) {
            (true, _) => 1,
            (false, true) => u32::MAX,
            (false, false) => timing.sends_before_relogin,
        }
    }

    /// Seals and queues a command. Every datagram has a sequence number of its own, retransmissions too.
    fn transmit(
        &mut self,
        request: &Request,
        bridge: Option<Bridge>,
        request_sequence: u8,
        iv: [u8; 16],
        message: &mut Vec<u8>,
        outgoing: &mut Outgoing,
    ) {
        message.clear();
        match bridge {
            None => encode_request(message, request, request_sequence),
            Some(bridge) => {
                let outer = send_message::request(bridge, request_sequence, request);
                encode_request(message, &outer, request_sequence);
            }
        }
        // 0 is no number of a session; numbers of IPMI 1.5 begin anywhere and may wrap.
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let (id, sequence) = (self.managed_session_id, self.sequence);
        outgoing.push(|out| match &self.security {
            Security::RmcpPlus(keys) => seal(out, keys, PayloadType::Ipmi, id, sequence, iv, message),
            Security::Ipmi15 { key, swapped } => {
                let sequence = if *swapped { sequence.swap_bytes() } else { sequence };
                let code = key.code(id, sequence.to_le_bytes(), message);
                let auth_type = key.authentication().number();
                Ipmi15Packet { auth_type, sequence, session_id: id, code, payload: message }.encode(out);
            }
        });
    }
}

/// Appends the LAN message of a command.
pub(super) fn encode_request(out: &mut Vec<u8>, request: &Request, sequence: u8) {
    LanRequest {
        responder: BMC_ADDRESS,
        lun: request.lun,
        netfn: request.netfn,
        requester: CONSOLE_ADDRESS,
        requester_lun: 0,
        sequence,
        command: request.command,
        data: &request.data,
    }
    .encode(out);
}

impl Session {
    /// Sends what the owner wants, where it wants more than an open session.
    pub(super) fn send_wanted(&mut self, now: Instant) {
        let Some(request) = self.wanted.as_mut().and_then(|wanted| wanted.request.take()) else {
            // `open` on an open session.
            self.wanted = None;
            self.events.push_back(Event::Opened(self.profile.clone()));
            return;
        };
        if let State::Open(active) = &mut self.state {
            active.last_used = now;
        }
        self.send(now, Purpose::Wanted, request);
    }

    pub(super) fn send_raise(&mut self, now: Instant, level: Privilege) {
        self.send(now, Purpose::Raise(level), set_session_privilege_level::request(level));
    }

    pub(super) fn send_close(&mut self, now: Instant, purpose: Purpose) {
        if let State::Open(active) = &self.state {
            let request = close_session::request(active.managed_session_id);
            self.send(now, purpose, request);
        }
    }

    /// Tells the BMC that a session is over, without waiting for an answer.
    pub(super) fn send_farewell(&mut self, mut active: Active) {
        let request = close_session::request(active.managed_session_id);
        let sequence = self.next_request_sequence();
        let iv = self.random_array();
        active.transmit(&request, None, sequence, iv, &mut self.message, &mut self.outgoing);
    }

    fn send(&mut self, now: Instant, purpose: Purpose, request: Request) {
        let request_sequence = self.next_request_sequence();
        let first_wait = self.first_wait_of_command();
        let iv = self.random_array();
        let timing = &self.options.timing;
        let wanted = self.wanted.as_ref().filter(|_| purpose == Purpose::Wanted);
        let manner = wanted.map_or_else(Manner::default, |wanted| wanted.manner);
        let bridge = manner.bridge;
        let State::Open(active) = &mut self.state else { return };
        active.transmit(&request, bridge, request_sequence, iv, &mut self.message, &mut self.outgoing);
        let limit = match purpose {
            Purpose::Close | Purpose::Retire => Some(timing.close_limit),
            Purpose::Wanted => manner.patience,
            Purpose::Raise(_) | Purpose::Probe | Purpose::KeepAlive => None,
        };
        // What has a limit has time for retries before it.
        let first_wait = limit.map_or(first_wait, |limit| first_wait.min(limit / 3));
        active.exchange = Some(Exchange {
            purpose,
            request,
            bridge,
            request_sequence,
            sent_at: now,
            first_wait,
            sent: 1,
            sends: active.sends(now, timing, manner.patience.is_some()),
            due: now + first_wait,
            limit: limit.and_then(|limit| now.checked_add(limit)),
            last_third: limit.and_then(|limit| now.checked_add(limit / 3 * 2)),
        });
    }

    /// The timer of an open session has run out: an answer did not come, or the session has rested long.
    pub(super) fn active_timeout(&mut self, now: Instant) {
        let iv = self.random_array();
        let State::Open(active) = &mut self.state else { return };
        let Some(exchange) = &mut active.exchange else {
            let disused = now.saturating_duration_since(active.last_used) >= self.options.timing.disuse;
            if disused {
                self.send_close(now, Purpose::Retire);
            } else {
                self.send(now, Purpose::KeepAlive, get_device_id::request());
            }
            return;
        };
        let out_of_time = exchange.limit.is_some_and(|limit| limit <= now);
        if exchange.sent < exchange.sends && !out_of_time {
            exchange.sent += 1;
            let next = now + self.options.timing.wait(exchange.first_wait, exchange.sent);
            exchange.due = match (exchange.last_third, exchange.limit) {
                (Some(last), _) if now < last => next.min(last),
                (Some(_), Some(limit)) => limit,
                _ => next,
            };
            let (request, bridge) = (exchange.request.clone(), exchange.bridge);
            let sequence = exchange.request_sequence;
            active.transmit(&request, bridge, sequence, iv, &mut self.message, &mut self.outgoing);
            self.statistics.resent += 1;
            return;
        }
        // A session that answered a moment ago is probably there, and it is the command.
        let doubtful = exchange.purpose == Purpose::Wanted && exchange.sends > 1;
        if doubtful && self.is_patient() {
            self.probe(now);
        } else {
            self.lose_session(now);
        }
    }

    fn is_patient(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.manner.patience.is_some())
    }

    /// The wanted command had no answer within its patience: whose fault is it?
    fn probe(&mut self, now: Instant) {
        let State::Open(active) = &mut self.state else { return };
        let Some(exchange) = active.exchange.take() else { return };
        if let Some(wanted) = &mut self.wanted {
            wanted.request = Some(exchange.request);
            wanted.unheard = exchange.sent;
        }
        self.send(now, Purpose::Probe, get_device_id::request());
    }

    /// What is wanted ends without its answer, and the session goes on.
    fn leave_unanswered(&mut self) {
        let unheard = self.wanted.take().map_or(0, |wanted| wanted.unheard);
        self.statistics.unheard += u64::from(unheard);
        self.events.push_back(Event::Unanswered);
    }

    /// The BMC no longer answers in this session. What is wanted begins again in a new one.
    fn lose_session(&mut self, now: Instant) {
        let State::Open(active) = &mut self.state else { return };
        let Some(exchange) = active.exchange.take() else { return };
        active.suspect = true;
        match exchange.purpose {
            Purpose::Wanted => {
                if let Some(wanted) = &mut self.wanted {
                    wanted.request = Some(exchange.request);
                    self.statistics.restarted += 1;
                }
                self.leave(now);
            }
            Purpose::Probe => {
                self.leave(now);
                match &mut self.wanted {
                    Some(wanted) if !wanted.again => {
                        wanted.again = true;
                        self.statistics.restarted += 1;
                    }
                    // Twice the session was gone after this command: it is the command.
                    _ => self.leave_unanswered(),
                }
            }
            Purpose::Raise(_) | Purpose::KeepAlive => self.leave(now),
            // It was asked to close and did not answer; asking again would be no better.
            Purpose::Close => {
                self.slots.orphaned(now, &self.options.timing);
                self.state = State::Idle;
                self.events.push_back(Event::Closed);
            }
            Purpose::Retire => {
                self.slots.orphaned(now, &self.options.timing);
                self.state = State::Idle;
            }
        }
        self.advance(now);
    }

    /// The command in flight has its answer.
    pub(super) fn finish_exchange(&mut self, now: Instant, response: Response) {
        let State::Open(active) = &mut self.state else { return };
        let Some(exchange) = active.exchange.take() else { return };
        // Of a command that was sent twice nobody knows which one was answered (Karn).
        if exchange.sent == 1 {
            self.profile.learn_round_trip(now.saturating_duration_since(exchange.sent_at));
        }
        match exchange.purpose {
            Purpose::Wanted => self.take_answer(now, exchange, response),
            Purpose::Raise(level) => match set_session_privilege_level::refusal(level, &response) {
                Some(fault) => self.fail(SessionError::Privilege(fault)),
                None => {
                    active.level = level;
                    self.profile.no_set_privilege |= response.completion == completion::INVALID_COMMAND;
                }
            },
            Purpose::Probe => self.leave_unanswered(),
            Purpose::KeepAlive => {}
            Purpose::Close => {
                self.state = State::Idle;
                self.events.push_back(Event::Closed);
            }
            Purpose::Retire => self.state = State::Idle,
        }
        self.advance(now);
    }

    /// The owner's command has its answer. Where that says "busy" or "not enough privilege" it is asked once more, after
    /// a rest or with more.
    fn take_answer(&mut self, now: Instant, exchange: Exchange, response: Response) {
        let State::Open(active) = &self.state else { return };
        let level = active.level;
        let Some(wanted) = &mut self.wanted else { return };
        let command = (exchange.request.netfn, exchange.request.command);
        if response.completion == completion::NODE_BUSY && wanted.busy < BUSY_RETRIES {
            let wait = self.options.timing.busy.saturating_mul(1 << wanted.busy);
            if let Some(until) = now.checked_add(wait).filter(|until| *until < wanted.deadline) {
                wanted.busy += 1;
                wanted.not_before = Some(until);
                wanted.request = Some(exchange.request);
                return;
            }
        }
        if response.completion != completion::INSUFFICIENT_PRIVILEGE {
            if wanted.raised {
                let level = wanted.privilege;
                self.profile.learn_privilege(command, level);
            }
        } else if !self.denied.contains(&command) {
            match wanted.privilege.max(level).next() {
                Some(more) => {
                    wanted.privilege = more;
                    wanted.raised = true;
                    wanted.request = Some(exchange.request);
                    return;
                }
                None => drop(self.denied.insert(command)),
            }
        }
        self.wanted = None;
        self.events.push_back(Event::Answered(response));
    }
}
