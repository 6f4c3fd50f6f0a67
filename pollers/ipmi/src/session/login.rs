use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    Session, SessionError, State, Workaround,
    active::{Active, Security, encode_request},
};
use crate::{
    command::{
        Privilege, Request, Response,
        get_channel_authentication_capabilities::{self as capabilities, AuthenticationCapabilities},
        get_channel_cipher_suites as cipher_suites,
    },
    crypto::{CipherSuite, Ipmi15Authentication, Ipmi15Key, SessionKeys, Transcript},
    wire::{Ipmi15Packet, Role, Status, decode_records},
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
    pub(super) role: Privilege,
    /// Suites still to be tried; the first one is being tried.
    pub(super) candidates: VecDeque<CipherSuite>,
    /// Suites that did not work.
    tried: Vec<CipherSuite>,
    /// The suites that the BMC says it has.
    offered: Option<Vec<u8>>,
    /// With some suite, the code of RAKP 2 did not match.
    pub(super) mismatched: bool,
    pub(super) console_session_id: u32,
    /// Open Session asks for the "highest" privilege.
    pub(super) highest: bool,
    pub(super) first_wait: Duration,
    /// Messages of this login that had no answer in time. Waits grow by it to the end, so that also a BMC slower than the
    /// first wait gets through its handshake.
    pub(super) unanswered: u32,
    /// Logins with the first candidate that had no answer.
    silent: u32,
    /// The last refusal that asks for another try.
    refused: Option<(&'static str, Status)>,
    /// How often the code of RAKP 3 was refused.
    rejected: u32,
    /// How often Activate Session had no answer.
    pub(super) silent_activations: u32,
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
    /// IPMI 1.5: Get Session Challenge.
    Challenge(Ipmi15Authentication),
    /// IPMI 1.5: Activate Session, with the temporary session id.
    Activation {
        key: Ipmi15Key,
        session_id: u32,
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
            Phase::Command { asking: Asking::CipherSuites { .. }, .. } => {
                "login: the answer to Get Channel Cipher Suites"
            }
            Phase::Command { asking: Asking::Challenge(_), .. } => {
                "login: the answer to Get Session Challenge"
            }
            Phase::Command { asking: Asking::Activation { .. }, .. } => {
                "login: the answer to Activate Session"
            }
            Phase::OpenSession { .. } => "login: the Open Session Response",
            Phase::Rakp1 { .. } => "login: RAKP message 2",
            Phase::Rakp3 { .. } => "login: RAKP message 4",
        };
        SessionError::Timeout { waiting_for, heard }
    }

    /// Whether the BMC may hold a slot for this login.
    pub(super) fn holds_slot(&self) -> bool {
        matches!(
            self.phase,
            Phase::Rakp1 { .. }
                | Phase::Rakp3 { .. }
                | Phase::Command { asking: Asking::Activation { .. }, .. }
        )
    }

    /// After RAKP 3 the BMC may have opened the session although its RAKP 4 did not arrive.
    pub(super) fn into_orphan(self, now: Instant) -> Option<Active> {
        match self.phase {
            Phase::Rakp3 { transcript, keys, .. } => {
                let ids = (transcript.console_session_id, transcript.managed_session_id);
                Some(Active::new(ids, Security::RmcpPlus(keys), self.role, now))
            }
            _ => None,
        }
    }
}

impl Session {
    /// Begins a login. Where a suite is known to work, or only one is allowed, nothing is asked before Open Session
    /// that would not change it.
    pub(super) fn begin_login(&mut self, now: Instant, role: Privilege) {
        if self.slots.wait(now).is_some() {
            let error = self.slots_error(now);
            self.fail(error);
            return;
        }
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
            highest: self.profile.highest_privilege,
            first_wait,
            unanswered: 0,
            silent: 0,
            refused: None,
            rejected: 0,
            silent_activations: 0,
        }));
        let known_15 = self.profile.ipmi_15.filter(|kind| self.options.ipmi_15.contains(kind));
        if let Some(kind) = known_15 {
            self.ask_challenge(now, kind);
        } else if known.is_some() || self.options.works_around(Workaround::AuthCap) {
            self.send_open_session(now);
        } else {
            self.send_login_command(now, capabilities::request(Privilege::User), Asking::Capabilities);
        }
    }

    pub(super) fn send_login_command(&mut self, now: Instant, request: Request, asking: Asking) {
        let sequence = self.next_request_sequence();
        let timing = self.options.timing;
        self.message.clear();
        encode_request(&mut self.message, &request, sequence);
        let message = &self.message;
        self.outgoing.push(|out| match &asking {
            Asking::Activation { key, session_id } => {
                let (auth_type, sequence) = (key.authentication().number(), 0);
                let code = key.code(*session_id, [0; 4], message);
                Ipmi15Packet { auth_type, sequence, session_id: *session_id, code, payload: message }
                    .encode(out);
            }
            _ => Ipmi15Packet::encode_sessionless(out, message),
        });
        if let State::Login(login) = &mut self.state {
            let wait = timing.wait(login.first_wait, login.unanswered.saturating_add(1));
            login.due = now
                + match asking {
                    Asking::CipherSuites { .. } => timing.probe_timeout,
                    _ => wait,
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
                if let Ok(capabilities) = answer
                    && !capabilities.rmcp_plus
                {
                    self.begin_ipmi_15(now, &capabilities);
                    return;
                }
                if login.candidates.len() > 1 && !self.profile.hides_suites {
                    self.ask_cipher_suites(now, 0, Vec::new());
                } else {
                    self.send_open_session(now);
                }
            }
            Asking::CipherSuites { index, records } => {
                let (index, mut records) = (*index, std::mem::take(records));
                self.profile.hides_suites = false;
                let part = response.good(cipher_suites::NAME).and_then(cipher_suites::decode).unwrap_or(&[]);
                records.extend_from_slice(part);
                if part.len() == cipher_suites::BYTES_PER_ANSWER && index < cipher_suites::MAX_INDEX {
                    self.ask_cipher_suites(now, index.saturating_add(1), records);
                } else {
                    self.use_cipher_suites(now, &records);
                }
            }
            Asking::Challenge(kind) => {
                let kind = *kind;
                self.take_challenge(now, kind, response);
            }
            Asking::Activation { key, .. } => {
                let key = key.clone();
                self.take_activation(now, &key, response);
            }
        }
    }

    /// The BMC knows IPMI 1.5 only.
    fn begin_ipmi_15(&mut self, now: Instant, capabilities: &AuthenticationCapabilities) {
        let offered = |kind: &Ipmi15Authentication| capabilities.allows(*kind);
        match self.options.ipmi_15.iter().copied().find(offered) {
            Some(kind) => self.ask_challenge(now, kind),
            None => {
                let offered = Ipmi15Authentication::ALL.into_iter().filter(offered).collect();
                self.fail_login(SessionError::NoRmcpPlus { offered });
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

    /// A status other than "no errors", of whatever login message.
    pub(super) fn take_refusal(&mut self, now: Instant, message: &'static str, status: Status) {
        let State::Login(login) = &mut self.state else { return };
        let opening = matches!(login.phase, Phase::OpenSession { .. });
        match status {
            Status::NO_RESOURCES | Status::NO_RESOURCES_AT_ROLE => {
                let error = self.no_slot(now);
                self.fail_login(error);
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
                if opening && !login.highest =>
            {
                // Some BMCs want to be asked for the highest level, others break on it: learned, not guessed.
                login.highest = true;
                self.send_open_session(now);
            }
            Status::INVALID_ROLE | Status::UNAUTHORIZED_ROLE => self.refuse_role(),
            Status::INVALID_SESSION_ID | Status::INACTIVE_SESSION_ID => {
                // The BMC has forgotten the half-open session: begin again when the timer says so, no faster.
                login.refused = Some((message, status));
            }
            status if status.refuses_algorithms() => self.try_next_suite(now),
            status => self.fail_login(SessionError::Refused { message, status }),
        }
    }

    /// The BMC does not grant the level that the login asks for.
    pub(super) fn refuse_role(&mut self) {
        let State::Login(login) = &self.state else { return };
        let level = login.role.as_str();
        self.fail_login(SessionError::Privilege(rackpoll_model::Fault::new(
            rackpoll_model::FaultKind::InsufficientPrivilege,
            format!("the BMC does not grant {level} to this user over LAN; raise the user's privilege limit"),
        )));
    }

    /// The first candidate does not work; the last one to fail decides how the login fails.
    pub(super) fn try_next_suite(&mut self, now: Instant) {
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

    pub(super) fn fail_login(&mut self, error: SessionError) {
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
            Phase::Command { asking: Asking::Challenge(kind), .. } => {
                let kind = *kind;
                self.statistics.resent += 1;
                self.ask_challenge(now, kind);
            }
            Phase::Command { asking: Asking::Activation { key, .. }, .. } => {
                let kind = key.authentication();
                self.statistics.resent += 1;
                self.activation_unanswered(now, kind);
            }
            Phase::Command { asking, .. } => {
                self.profile.hides_suites |= matches!(asking, Asking::CipherSuites { index: 0, .. });
                self.send_open_session(now);
            }
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
        if login.holds_slot() {
            self.slots.orphaned(now, &self.options.timing);
        }
        if let Phase::Rakp3 { transcript, keys, .. } =
            std::mem::replace(&mut login.phase, Phase::OpenSession { tag: 0 })
        {
            let ids = (transcript.console_session_id, transcript.managed_session_id);
            self.send_farewell(Active::new(ids, Security::RmcpPlus(keys), role, now));
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
