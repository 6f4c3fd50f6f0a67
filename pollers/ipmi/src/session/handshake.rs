//! Open Session and RAKP 1 to 4 (IPMI 2.0 clauses 13.17 to 13.24), the console's side.

use std::time::Instant;

use super::{Dropped, Event, Session, SessionError, State, Workaround, active::Active, login::Phase};
use crate::{
    crypto::{CipherSuite, SessionKeys, Transcript},
    wire::{
        OpenSessionRequest, OpenSessionResponse, PayloadType, Rakp1, Rakp2, Rakp3, Rakp4, Role, Status,
        UserName, encode_sessionless,
    },
};

/// The code at the beginning of what a BMC sent: some append bytes to codes, and send some where a suite has none
/// (FreeIPMI's `supermicro20` and `integritycheckvalue`). What is there counts in full length; a shorter one is none.
fn whole_code(sent: &[u8], length: usize) -> Option<&[u8]> {
    sent.get(..length)
}

impl Session {
    /// Begins the session proper: always with a new tag and a new console session id, so that answers to an earlier
    /// try cannot be taken for answers to this one.
    pub(super) fn send_open_session(&mut self, now: Instant) {
        let tag = self.next_tag();
        let console_session_id = u32::from_le_bytes(self.random_array()).max(1);
        let State::Login(login) = &mut self.state else { return };
        let Some(suite) = login.candidates.front() else { return };
        login.console_session_id = console_session_id;
        let request = OpenSessionRequest {
            tag,
            privilege: if login.highest { 0 } else { login.role as u8 },
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
        let user = self.user();
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
                let user = self.user();
                let transcript = Transcript {
                    console_session_id,
                    managed_session_id,
                    console_random,
                    managed_random,
                    guid,
                    role,
                    user,
                };
                let expected = transcript.rakp2_code(suite.authentication(), &self.options.password);
                let code = whole_code(code, expected.as_bytes().len());
                guard.check(code.is_some(), Dropped::CODE_LENGTH)?;
                if code.is_some_and(|code| expected.matches(code)) {
                    self.send_rakp3(now, suite, transcript);
                } else {
                    self.mismatched();
                    self.send_rakp3_refusal(managed_session_id);
                    // A suite that the BMC gets wrong looks the same as a wrong password; the next one tells. The BMC
                    // has seen no wrong code, so no lock-out counts this.
                    self.try_next_suite(now);
                }
            }
        }
        Ok(())
    }

    /// The user's name as RAKP carries it.
    fn user(&self) -> UserName {
        let user = self.options.user;
        if self.options.works_around(Workaround::Intel20) { user.with_padding() } else { user }
    }

    fn mismatched(&mut self) {
        if let State::Login(login) = &mut self.state {
            login.mismatched = true;
        }
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
                let check = whole_code(check, keys.suite().authentication().check_length());
                guard.check(check.is_some(), Dropped::CODE_LENGTH)?;
                if check.is_some_and(|check| keys.rakp4_check(transcript).matches(check)) {
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
        let State::Login(login) = std::mem::replace(&mut self.state, State::Idle) else { return };
        self.profile.suite = login.candidates.front().copied();
        self.profile.highest_privilege = login.highest;
        self.profile.ipmi_15 = None;
        let Some(active) = login.into_orphan(now) else { return };
        self.opened(active);
        self.login_done(now);
    }

    /// There is a session now.
    pub(super) fn opened(&mut self, active: Active) {
        let keep_alive = self.options.timing.keep_alive.map(|rest| {
            let spread = rest / 5;
            self.random_between(rest.saturating_sub(spread), spread)
        });
        self.state = State::Open(Box::new(active.keep_alive(keep_alive)));
        self.slots.had_one();
        self.statistics.opened += 1;
        self.events.push_back(Event::Opened(self.profile.clone()));
    }

    pub(super) fn login_done(&mut self, now: Instant) {
        match &self.wanted {
            Some(wanted) if wanted.request.is_none() => self.wanted = None,
            _ => self.advance(now),
        }
    }
}
