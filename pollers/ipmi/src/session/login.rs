use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Dropped, Event, Session, SessionError, State, active::Active, active::encode_request};
use crate::{
    command::{
        Privilege, Request, Response, get_channel_authentication_capabilities as capabilities,
        get_channel_cipher_suites as cipher_suites,
    },
    crypto::{CipherSuite, SessionKeys, Transcript},
    wire::{
        Ipmi15Packet, OpenSessionRequest, OpenSessionResponse, PayloadType, Rakp1, Rakp2, Rakp3, Rakp4, Role,
        Status, decode_records, encode_sessionless,
    },
};

/// Get Channel Authentication Capabilities is sent so often; then the login goes on without it.
const CAPABILITIES_SENDS: u32 = 3;
/// A suite whose login stays without an answer so often gives way to the next: some BMCs drop what they do not know.
const SILENT_LOGINS: u32 = 2;
/// So often the BMC may refuse our code although its own proved the same password.
const REJECTIONS: u32 = 3;

/// A login under way.
pub(super) struct Login {
    pub(super) phase: Phase,
    pub(super) due: Instant,
    /// The limit that the session shall have.
    role: Privilege,
    /// Suites still to be tried; the first one is being tried.
    candidates: VecDeque<CipherSuite>,
    /// Suites that did not work.
    tried: Vec<CipherSuite>,
    /// The suites that the BMC says it has.
    offered: Option<Vec<u8>>,
    /// With some suite, the code of RAKP 2 did not match.
    mismatched: bool,
    console_session_id: u32,
    first_wait: Duration,
    /// Messages of this login that had no answer in time. Waits grow by it to the end, so that also a BMC slower than the
    /// first wait gets through its handshake.
    unanswered: u32,
    /// Logins with the first candidate that had no answer.
    silent: u32,
    /// The last refusal that asks for another try.
    refused: Option<(&'static str, Status)>,
    /// How often the code of RAKP 3 was refused.
    rejected: u32,
}

/// What a login waits for.
pub(super) enum Phase {
    /// The answer to a command outside any session.
    Command { request: Request, sequence: u8, asking: Asking },
    /// Open Session Response.
    OpenSession { tag: u8 },
    /// RAKP 2.
    Rakp1 { tag: u8, managed_session_id: u32, console_random: [u8; 16], role: Role },
    /// RAKP 4.
    Rakp3 { tag: u8, transcript: Box<Transcript>, keys: SessionKeys },
}

/// The commands outside a session.
pub(super) enum Asking {
    Capabilities,
    /// Part `index` of the list, and the parts before it.
    CipherSuites {
        index: u8,
        records: Vec<u8>,
    },
}

impl Login {
    /// What the deadline cut off.
    pub(super) fn timeout(&self, heard: bool) -> SessionError {
        if let Some((message, status)) = self.refused {
            return SessionError::Refused { message, status };
        }
        let waiting_for = match &self.phase {
            Phase::Command { asking: Asking::Capabilities, .. } => {
                "login: the answer to Get Channel Authentication Capabilities"
            }
            Phase::Command { .. } => "login: the answer to Get Channel Cipher Suites",
            Phase::OpenSession { .. } => "login: the Open Session Response",
            Phase::Rakp1 { .. } => "login: RAKP message 2",
            Phase::Rakp3 { .. } => "login: RAKP message 4",
        };
        SessionError::Timeout { waiting_for, heard }
    }

    /// After RAKP 3 the BMC may have opened the session although its RAKP 4 did not arrive.
    pub(super) fn into_orphan(self, now: Instant) -> Option<Active> {
        match self.phase {
            Phase::Rakp3 { transcript, keys, .. } => {
                let ids = (transcript.console_session_id, transcript.managed_session_id);
                Some(Active::new(ids, keys, self.role, now))
            }
            _ => None,
        }
    }
}

impl Session {
    /// Begins a login. Where a suite is known to work, or only one is allowed, nothing is asked before Open Session
    /// that would not change it.
    pub(super) fn begin_login(&mut self, now: Instant, role: Privilege) {
        let known = self.profile.suite.filter(|suite| self.options.suites.contains(suite));
        let mut candidates: VecDeque<CipherSuite> = self.options.suites.iter().copied().collect();
        if let Some(known) = known {
            prefer(&mut candidates, |suite| suite == known);
        }
        let first_wait = self.first_wait();
        self.state = State::Login(Box::new(Login {
            phase: Phase::OpenSession { tag: 0 },
            due: now,
            role,
            candidates,
            tried: Vec::new(),
            offered: None,
            mismatched: false,
            console_session_id: 0,
            first_wait,
            unanswered: 0,
            silent: 0,
            refused: None,
            rejected: 0,
        }));
        if known.is_some() {
            self.send_open_session(now);
        } else {
            self.send_login_command(now, capabilities::request(Privilege::User), Asking::Capabilities);
        }
    }

    fn send_login_command(&mut self, now: Instant, request: Request, asking: Asking) {
        let sequence = self.next_request_sequence();
        let timing = self.options.timing;
        self.message.clear();
        encode_request(&mut self.message, &request, sequence);
        self.outgoing.push(|out| Ipmi15Packet::encode_sessionless(out, &self.message));
        if let State::Login(login) = &mut self.state {
            login.due = now
                + match asking {
                    Asking::Capabilities => login.first_wait,
                    Asking::CipherSuites { .. } => timing.probe_timeout,
                };
            login.phase = Phase::Command { request, sequence, asking };
        }
    }

    /// The answer to a command outside any session; also a refusal leads on.
    pub(super) fn finish_login_command(&mut self, now: Instant, response: &Response) {
        let State::Login(login) = &mut self.state else { return };
        let Phase::Command { asking, .. } = &mut login.phase else { return };
        match asking {
            Asking::Capabilities => {
                let answer = response.good(capabilities::NAME).and_then(capabilities::decode);
                if answer.is_ok_and(|capabilities| !capabilities.rmcp_plus) {
                    self.fail_login(SessionError::NoRmcpPlus);
                    return;
                }
                if login.candidates.len() > 1 {
                    self.ask_cipher_suites(now, 0, Vec::new());
                } else {
                    self.send_open_session(now);
                }
            }
            Asking::CipherSuites { index, records } => {
                let (index, mut records) = (*index, std::mem::take(records));
                let part = response.good(cipher_suites::NAME).and_then(cipher_suites::decode).unwrap_or(&[]);
                records.extend_from_slice(part);
                if part.len() == cipher_suites::BYTES_PER_ANSWER && index < cipher_suites::MAX_INDEX {
                    self.ask_cipher_suites(now, index.saturating_add(1), records);
                } else {
                    self.use_cipher_suites(now, &records);
                }
            }
        }
    }

    fn ask_cipher_suites(&mut self, now: Instant, index: u8, records: Vec<u8>) {
        let asking = Asking::CipherSuites { index, records };
        self.send_login_command(now, cipher_suites::request(index), asking);
    }

    /// What the BMC offers is tried first, and then the rest: lists are wrong in both directions (ipmitool#363).
    fn use_cipher_suites(&mut self, now: Instant, records: &[u8]) {
        let State::Login(login) = &mut self.state else { return };
        let records = decode_records(records);
        if !records.is_empty() {
            let offers = |suite: CipherSuite| {
                records.iter().any(|record| record.oem.is_none() && record.algorithms == suite.algorithms())
            };
            prefer(&mut login.candidates, offers);
            login.offered = Some(records.iter().map(|record| record.id).collect());
        }
        self.send_open_session(now);
    }

    /// Begins the session proper: always with a new tag and a new console session id, so that answers to an earlier
    /// try cannot be taken for answers to this one.
    fn send_open_session(&mut self, now: Instant) {
        let tag = self.next_tag();
        let console_session_id = u32::from_le_bytes(self.random_array()).max(1);
        let highest = self.profile.highest_privilege;
        let State::Login(login) = &mut self.state else { return };
        let Some(suite) = login.candidates.front() else { return };
        login.console_session_id = console_session_id;
        let request = OpenSessionRequest {
            tag,
            privilege: if highest { 0 } else { login.role as u8 },
            console_session_id,
            algorithms: suite.algorithms(),
        };
        self.message.clear();
        request.encode(&mut self.message);
        self.send_login_message(now, PayloadType::OpenSessionRequest, Phase::OpenSession { tag });
    }

    fn send_login_message(&mut self, now: Instant, payload_type: PayloadType, phase: Phase) {
        self.outgoing.push(|out| encode_sessionless(out, payload_type, &self.message));
        let timing = self.options.timing;
        if let State::Login(login) = &mut self.state {
            login.phase = phase;
            login.due = now + timing.wait(login.first_wait, login.unanswered.saturating_add(1));
        }
    }

    fn next_tag(&mut self) -> u8 {
        self.tag = self.tag.wrapping_add(1);
        self.tag
    }

    pub(super) fn take_open_session_response(&mut self, now: Instant, payload: &[u8]) -> Result<(), Dropped> {
        let guard = self.guard;
        let State::Login(login) = &mut self.state else { return Err(Dropped::Unexpected) };
        let Phase::OpenSession { tag: expected } = login.phase else { return Err(Dropped::Unexpected) };
        match OpenSessionResponse::decode(payload)? {
            OpenSessionResponse::Refused { tag, status, console_session_id } => {
                guard.check(tag == expected, Dropped::Tag)?;
                let ours = console_session_id.is_none_or(|id| id == login.console_session_id);
                guard.check(ours, Dropped::ConsoleSession)?;
                self.take_refusal(now, "the Open Session Request", status);
            }
            OpenSessionResponse::Accepted {
                tag, console_session_id, managed_session_id, algorithms, ..
            } => {
                guard.check(tag == expected, Dropped::Tag)?;
                guard.check(console_session_id == login.console_session_id, Dropped::ConsoleSession)?;
                let proposed = login.candidates.front().map(|suite| suite.algorithms());
                if proposed == Some(algorithms) && managed_session_id != 0 {
                    self.send_rakp1(now, managed_session_id);
                } else {
                    // A BMC that settles for other algorithms than those proposed does not have them.
                    self.try_next_suite(now);
                }
            }
        }
        Ok(())
    }

    fn send_rakp1(&mut self, now: Instant, managed_session_id: u32) {
        let tag = self.next_tag();
        let console_random = self.random_array();
        let State::Login(login) = &self.state else { return };
        let role = Role::name_only(login.role as u8);
        let user = self.options.user;
        self.message.clear();
        Rakp1 { tag, managed_session_id, console_random, role, user }.encode(&mut self.message);
        let phase = Phase::Rakp1 { tag, managed_session_id, console_random, role };
        self.send_login_message(now, PayloadType::Rakp1, phase);
    }

    pub(super) fn take_rakp2(&mut self, now: Instant, payload: &[u8]) -> Result<(), Dropped> {
        let guard = self.guard;
        let State::Login(login) = &mut self.state else { return Err(Dropped::Unexpected) };
        let Phase::Rakp1 { tag: expected, managed_session_id, console_random, role } = login.phase else {
            return Err(Dropped::Unexpected);
        };
        match Rakp2::decode(payload)? {
            Rakp2::Refused { tag, status, console_session_id } => {
                guard.check(tag == expected, Dropped::Tag)?;
                let ours = console_session_id.is_none_or(|id| id == login.console_session_id);
                guard.check(ours, Dropped::ConsoleSession)?;
                self.take_refusal(now, "RAKP message 1", status);
            }
            Rakp2::Accepted { tag, console_session_id, managed_random, guid, code } => {
                guard.check(tag == expected, Dropped::Tag)?;
                guard.check(console_session_id == login.console_session_id, Dropped::ConsoleSession)?;
                let Some(&suite) = login.candidates.front() else { return Err(Dropped::Unexpected) };
                let transcript = Transcript {
                    console_session_id,
                    managed_session_id,
                    console_random,
                    managed_random,
                    guid,
                    role,
                    user: self.options.user,
                };
                let expected = transcript.rakp2_code(suite.authentication(), &self.options.password);
                guard.check(code.len() == expected.as_bytes().len(), Dropped::CODE_LENGTH)?;
                if expected.matches(code) {
                    self.send_rakp3(now, suite, transcript);
                } else {
                    login.mismatched = true;
                    self.send_rakp3_refusal(managed_session_id);
                    // A suite that the BMC gets wrong looks the same as a wrong password; the next one tells. The BMC
                    // has seen no wrong code, so no lock-out counts this.
                    self.try_next_suite(now);
                }
            }
        }
        Ok(())
    }

    fn send_rakp3(&mut self, now: Instant, suite: CipherSuite, transcript: Transcript) {
        let tag = self.next_tag();
        let Self { options, message, .. } = self;
        let code = transcript.rakp3_code(suite.authentication(), &options.password);
        let keys = SessionKeys::derive(suite, &options.password, options.k_g.as_ref(), &transcript);
        message.clear();
        let managed_session_id = transcript.managed_session_id;
        Rakp3 { tag, status: Status::OK, managed_session_id, code: code.as_bytes() }.encode(message);
        let phase = Phase::Rakp3 { tag, transcript: Box::new(transcript), keys };
        self.send_login_message(now, PayloadType::Rakp3, phase);
    }

    /// Tells the BMC that its code was wrong, so that it frees the slot (clause 13.22).
    fn send_rakp3_refusal(&mut self, managed_session_id: u32) {
        let tag = self.next_tag();
        self.message.clear();
        Rakp3 { tag, status: Status::INVALID_INTEGRITY_CHECK, managed_session_id, code: &[] }
            .encode(&mut self.message);
        self.outgoing.push(|out| encode_sessionless(out, PayloadType::Rakp3, &self.message));
    }

    pub(super) fn take_rakp4(&mut self, now: Instant, payload: &[u8]) -> Result<(), Dropped> {
        let guard = self.guard;
        let State::Login(login) = &mut self.state else { return Err(Dropped::Unexpected) };
        let Phase::Rakp3 { tag: expected, transcript, keys } = &login.phase else {
            return Err(Dropped::Unexpected);
        };
        match Rakp4::decode(payload)? {
            Rakp4::Refused { tag, status, console_session_id } => {
                guard.check(tag == *expected, Dropped::Tag)?;
                let ours = console_session_id.is_none_or(|id| id == login.console_session_id);
                guard.check(ours, Dropped::ConsoleSession)?;
                self.take_refusal(now, "RAKP message 3", status);
            }
            Rakp4::Accepted { tag, console_session_id, check } => {
                guard.check(tag == *expected, Dropped::Tag)?;
                guard.check(console_session_id == login.console_session_id, Dropped::ConsoleSession)?;
                guard.check(check.len() == keys.code_length(), Dropped::CODE_LENGTH)?;
                if keys.rakp4_check(transcript).matches(check) {
                    self.finish_login(now);
                } else {
                    // Without the right keys there is no way to close it.
                    self.fail_login(SessionError::WrongBmcKey);
                }
            }
        }
        Ok(())
    }

    fn finish_login(&mut self, now: Instant) {
        let keep_alive = self.options.timing.keep_alive.map(|rest| {
            let spread = rest / 5;
            self.random_between(rest.saturating_sub(spread), spread)
        });
        let State::Login(login) = std::mem::replace(&mut self.state, State::Idle) else { return };
        self.profile.suite = login.candidates.front().copied();
        let Some(active) = login.into_orphan(now) else { return };
        self.state = State::Open(Box::new(active.keep_alive(keep_alive)));
        self.statistics.opened += 1;
        self.events.push_back(Event::Opened(self.profile));
        match &self.wanted {
            Some(wanted) if wanted.request.is_none() => self.wanted = None,
            _ => self.advance(now),
        }
    }

    /// A status other than "no errors", of whatever login message.
    fn take_refusal(&mut self, now: Instant, message: &'static str, status: Status) {
        let State::Login(login) = &mut self.state else { return };
        let opening = matches!(login.phase, Phase::OpenSession { .. });
        match status {
            Status::NO_RESOURCES | Status::NO_RESOURCES_AT_ROLE => {
                self.fail_login(SessionError::NoSessionSlot);
            }
            Status::UNAUTHORIZED_NAME | Status::INVALID_NAME_LENGTH => {
                self.fail_login(SessionError::UnknownUser);
            }
            Status::INVALID_INTEGRITY_CHECK if login.rejected < REJECTIONS => {
                // The code of RAKP 2 was right, so the password is. A RAKP 1 that the network has doubled makes a BMC
                // choose another random number, and then our code is wrong: begin again.
                login.rejected += 1;
                login.refused = Some((message, status));
            }
            Status::INVALID_ROLE | Status::UNAUTHORIZED_ROLE | Status::ILLEGAL_PARAMETER
                if opening && !self.profile.highest_privilege =>
            {
                // Some BMCs want to be asked for the highest level, others break on it: learned, not guessed.
                self.profile.highest_privilege = true;
                self.send_open_session(now);
            }
            Status::INVALID_ROLE | Status::UNAUTHORIZED_ROLE => {
                let level = login.role.as_str();
                self.fail_login(SessionError::Privilege(rackpoll_model::Fault::new(
                    rackpoll_model::FaultKind::InsufficientPrivilege,
                    format!("the BMC does not grant {level} to this user over LAN; raise the user's privilege limit"),
                )));
            }
            Status::INVALID_SESSION_ID | Status::INACTIVE_SESSION_ID => {
                // The BMC has forgotten the half-open session: begin again when the timer says so, no faster.
                login.refused = Some((message, status));
            }
            status if status.refuses_algorithms() => self.try_next_suite(now),
            status => self.fail_login(SessionError::Refused { message, status }),
        }
    }

    /// The first candidate does not work; the last one to fail decides how the login fails.
    fn try_next_suite(&mut self, now: Instant) {
        let State::Login(login) = &mut self.state else { return };
        login.tried.extend(login.candidates.pop_front());
        login.silent = 0;
        if !login.candidates.is_empty() {
            self.send_open_session(now);
            return;
        }
        let error = if login.mismatched {
            SessionError::WrongPassword
        } else {
            SessionError::NoCommonSuite {
                tried: std::mem::take(&mut login.tried),
                offered: login.offered.take(),
            }
        };
        // What was learned did not help; ask anew next time.
        self.profile.suite = None;
        self.fail_login(error);
    }

    fn fail_login(&mut self, error: SessionError) {
        self.state = State::Idle;
        self.fail(error);
    }

    /// An answer of the login did not come.
    pub(super) fn login_timeout(&mut self, now: Instant) {
        let timing = self.options.timing;
        let State::Login(login) = &mut self.state else { return };
        login.unanswered = login.unanswered.saturating_add(1);
        match &login.phase {
            Phase::Command { request, sequence, asking: Asking::Capabilities }
                if login.unanswered < CAPABILITIES_SENDS =>
            {
                self.message.clear();
                encode_request(&mut self.message, request, *sequence);
                login.due = now + timing.wait(login.first_wait, login.unanswered.saturating_add(1));
                self.outgoing.push(|out| Ipmi15Packet::encode_sessionless(out, &self.message));
                self.statistics.resent += 1;
            }
            Phase::Command { .. } => self.send_open_session(now),
            Phase::OpenSession { .. } | Phase::Rakp1 { .. } | Phase::Rakp3 { .. } => {
                login.silent = login.silent.saturating_add(1);
                if login.silent >= SILENT_LOGINS {
                    login.silent = 0;
                    login.candidates.rotate_left(1.min(login.candidates.len()));
                }
                self.statistics.resent += 1;
                self.bid_orphan_farewell(now);
                self.send_open_session(now);
            }
        }
    }

    /// Where RAKP 3 was sent, the BMC may hold a session that we shall not use.
    fn bid_orphan_farewell(&mut self, now: Instant) {
        let State::Login(login) = &mut self.state else { return };
        let role = login.role;
        if let Phase::Rakp3 { transcript, keys, .. } =
            std::mem::replace(&mut login.phase, Phase::OpenSession { tag: 0 })
        {
            let ids = (transcript.console_session_id, transcript.managed_session_id);
            self.send_farewell(Active::new(ids, keys, role, now));
        }
    }
}

/// Moves the suites that `first` holds for to the front; the order is kept otherwise.
fn prefer(candidates: &mut VecDeque<CipherSuite>, first: impl Fn(CipherSuite) -> bool) {
    let (mut front, back): (VecDeque<_>, VecDeque<_>) =
        candidates.iter().copied().partition(|suite| first(*suite));
    front.extend(back);
    *candidates = front;
}
