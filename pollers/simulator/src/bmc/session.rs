//! Session slots and the login: Open Session and RAKP as the managed system sees them (IPMI 2.0 clauses 13.17 to
//! 13.24).

use std::time::{Duration, Instant};

use rackpoll_ipmi::{
    command::Privilege,
    crypto::{CipherSuite, SessionKeys, Transcript},
    wire::{OpenSessionRequest, OpenSessionResponse, Rakp1, Rakp2, Rakp3, Rakp4, Status},
};
use rackpoll_model::Secret;

use super::{BmcConfig, Counters, User, window::Window};
use crate::random::Random;

/// One slot that is taken.
pub(super) struct Session {
    pub(super) id: u32,
    pub(super) console_id: u32,
    pub(super) last_heard: Instant,
    suite: CipherSuite,
    /// Highest privilege that Open Session granted.
    granted: u8,
    phase: Phase,
}

enum Phase {
    Opened {
        tag: u8,
    },
    /// RAKP 2 was sent. The message before it is kept, so that a repeated one gets the same answer.
    Challenged(Box<Challenge>),
    Active(Box<Active>),
}

struct Challenge {
    rakp1: Rakp1,
    answer: Vec<u8>,
    transcript: Transcript,
    password: Secret,
    user_limit: Privilege,
    session_limit: Privilege,
}

/// A session that is open.
pub(super) struct Active {
    pub(super) keys: SessionKeys,
    pub(super) window: Window,
    /// Sequence number of the last answer.
    pub(super) sequence: u32,
    pub(super) level: Privilege,
    pub(super) session_limit: Privilege,
    pub(super) user_limit: Privilege,
    rakp3: Vec<u8>,
    rakp4: Vec<u8>,
}

impl Session {
    pub(super) fn active_mut(&mut self) -> Option<&mut Active> {
        match &mut self.phase {
            Phase::Active(active) => Some(active),
            _ => None,
        }
    }

    pub(super) fn is_active(&self) -> bool {
        matches!(self.phase, Phase::Active(_))
    }
}

/// All slots.
#[derive(Default)]
pub(super) struct Sessions {
    sessions: Vec<Session>,
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn active(&self) -> usize {
        self.sessions.iter().filter(|session| session.is_active()).count()
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    /// Frees a slot; whether there was an open session in it.
    pub(super) fn remove(&mut self, id: u32) -> bool {
        let open = self.sessions.iter().any(|session| session.id == id && session.is_active());
        self.sessions.retain(|session| session.id != id);
        open
    }

    /// Forgets everything; how many open sessions there were.
    pub(super) fn clear(&mut self) -> usize {
        let open = self.active();
        self.sessions.clear();
        open
    }

    /// Frees the slots of sessions that rested too long; how many of them were open.
    pub(super) fn expire(&mut self, now: Instant, session: Duration, login: Duration) -> usize {
        let before = self.active();
        self.sessions.retain(|slot| {
            let limit = if slot.is_active() { session } else { login };
            now.saturating_duration_since(slot.last_heard) < limit
        });
        before.saturating_sub(self.active())
    }

    pub(super) fn open(
        &mut self,
        now: Instant,
        config: &BmcConfig,
        random: &mut Random,
        request: &OpenSessionRequest,
    ) -> OpenSessionResponse {
        let refused = |status| OpenSessionResponse::Refused {
            tag: request.tag,
            status,
            console_session_id: Some(request.console_session_id),
        };
        if request.privilege > Privilege::Administrator as u8 {
            return refused(Status::INVALID_ROLE);
        }
        let suite = match CipherSuite::from_algorithms(request.algorithms) {
            Some(suite) if config.suites.contains(&suite) => suite,
            _ => return refused(Status::NO_CIPHER_SUITE),
        };
        let granted = if request.privilege == 0 { Privilege::Administrator as u8 } else { request.privilege };
        // A repeated request must not cost a second slot.
        let repeated = self.sessions.iter().find(|session| {
            session.console_id == request.console_session_id
                && matches!(session.phase, Phase::Opened { tag } if tag == request.tag)
        });
        let id = match repeated {
            Some(session) => session.id,
            None if self.sessions.len() >= config.slots => return refused(Status::NO_RESOURCES),
            None => {
                let id = self.new_id(random);
                self.sessions.push(Session {
                    id,
                    console_id: request.console_session_id,
                    last_heard: now,
                    suite,
                    granted,
                    phase: Phase::Opened { tag: request.tag },
                });
                id
            }
        };
        OpenSessionResponse::Accepted {
            tag: request.tag,
            privilege: granted,
            console_session_id: request.console_session_id,
            managed_session_id: id,
            algorithms: suite.algorithms(),
        }
    }

    /// Appends RAKP 2. A refusal frees the slot.
    pub(super) fn rakp1(
        &mut self,
        now: Instant,
        config: &BmcConfig,
        guid: [u8; 16],
        random: &mut Random,
        message: &Rakp1,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let refused = |out: &mut Vec<u8>, status, console_session_id| {
            Rakp2::Refused { tag: message.tag, status, console_session_id }.encode(out);
            Err(status)
        };
        let Some(session) = self.get_mut(message.managed_session_id) else {
            return refused(out, Status::INVALID_SESSION_ID, None);
        };
        let console = session.console_id;
        match &session.phase {
            Phase::Opened { .. } => {}
            Phase::Challenged(challenge) if challenge.rakp1 == *message => {
                out.extend_from_slice(&challenge.answer);
                return Ok(());
            }
            Phase::Challenged(_) | Phase::Active(_) => {
                return refused(out, Status::INVALID_SESSION_ID, Some(console));
            }
        }
        let (user, session_limit) = match admit(&config.users, session.granted, message) {
            Ok(admitted) => admitted,
            Err(status) => {
                self.remove(message.managed_session_id);
                return refused(out, status, Some(console));
            }
        };
        let transcript = Transcript {
            console_session_id: console,
            managed_session_id: session.id,
            console_random: message.console_random,
            managed_random: random.bytes(),
            guid,
            role: message.role,
            user: message.user,
        };
        let code = transcript.rakp2_code(session.suite.authentication(), &user.password);
        let mut answer = Vec::new();
        Rakp2::Accepted {
            tag: message.tag,
            console_session_id: console,
            managed_random: transcript.managed_random,
            guid,
            code: code.as_bytes(),
        }
        .encode(&mut answer);
        out.extend_from_slice(&answer);
        session.last_heard = now;
        session.phase = Phase::Challenged(Box::new(Challenge {
            rakp1: *message,
            answer,
            transcript,
            password: user.password.clone(),
            user_limit: user.limit,
            session_limit,
        }));
        Ok(())
    }

    /// Appends RAKP 4, if there is one to send, and says whether a session was opened by this message.
    pub(super) fn rakp3(
        &mut self,
        now: Instant,
        config: &BmcConfig,
        message: &Rakp3<'_>,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<bool, Status> {
        let refused = |out: &mut Vec<u8>, status, console_session_id| {
            Rakp4::Refused { tag: message.tag, status, console_session_id }.encode(out);
            Err(status)
        };
        let Some(session) = self.get_mut(message.managed_session_id) else {
            return refused(out, Status::INVALID_SESSION_ID, None);
        };
        let (id, console) = (session.id, session.console_id);
        let challenge = match &session.phase {
            Phase::Challenged(challenge) => challenge,
            Phase::Active(active) if active.rakp3 == bytes => {
                out.extend_from_slice(&active.rakp4);
                return Ok(false);
            }
            Phase::Opened { .. } | Phase::Active(_) => {
                return refused(out, Status::INVALID_SESSION_ID, Some(console));
            }
        };
        if message.status != Status::OK {
            // The console gives up: no answer (clause 13.22).
            self.remove(id);
            return Err(message.status);
        }
        let Challenge { transcript, password, user_limit, session_limit, .. } = &**challenge;
        if !transcript.rakp3_code(session.suite.authentication(), password).matches(message.code) {
            self.remove(id);
            return refused(out, Status::INVALID_INTEGRITY_CHECK, Some(console));
        }
        let keys = SessionKeys::derive(session.suite, password, config.k_g.as_ref(), transcript);
        let check = keys.rakp4_check(transcript);
        let mut rakp4 = Vec::new();
        Rakp4::Accepted { tag: message.tag, console_session_id: console, check: check.as_bytes() }
            .encode(&mut rakp4);
        out.extend_from_slice(&rakp4);
        session.last_heard = now;
        session.phase = Phase::Active(Box::new(Active {
            keys,
            window: Window::default(),
            sequence: 0,
            // A session begins at USER, whatever its limit (clause 22.18).
            level: if config.quirks.no_set_privilege {
                *session_limit
            } else {
                Privilege::User.min(*session_limit)
            },
            session_limit: *session_limit,
            user_limit: *user_limit,
            rakp3: bytes.to_vec(),
            rakp4,
        }));
        Ok(true)
    }

    fn new_id(&self, random: &mut Random) -> u32 {
        loop {
            let id = random.next_u64() as u32;
            if id != 0 && self.sessions.iter().all(|session| session.id != id) {
                return id;
            }
        }
    }
}

/// Looks the user up and the privilege that the session may reach at most (table 13-11, byte 25).
fn admit<'a>(users: &'a [User], granted: u8, message: &Rakp1) -> Result<(&'a User, Privilege), Status> {
    let wanted = message.role.privilege();
    let named = |user: &&User| user.enabled && user.name.as_bytes() == message.user.as_bytes();
    let user = if message.role.is_name_only() {
        users.iter().find(named)
    } else {
        // By name and privilege: the user's own limit, exactly.
        users.iter().filter(named).find(|user| user.limit as u8 == wanted || wanted == 0)
    };
    let user = user.ok_or(Status::UNAUTHORIZED_NAME)?;
    if wanted > granted || wanted > user.limit as u8 {
        return Err(Status::UNAUTHORIZED_ROLE);
    }
    let level = privilege(if wanted == 0 { granted.min(user.limit as u8) } else { wanted });
    Ok((user, level.ok_or(Status::INVALID_ROLE)?))
}

/// By its number on the wire.
pub(super) fn privilege(number: u8) -> Option<Privilege> {
    [Privilege::Callback, Privilege::User, Privilege::Operator, Privilege::Administrator]
        .into_iter()
        .find(|level| *level as u8 == number)
}

impl Counters {
    pub(super) fn logged_in(&mut self, result: Result<bool, Status>) {
        match result {
            Ok(true) => self.sessions_opened += 1,
            Ok(false) => {}
            Err(_) => self.logins_refused += 1,
        }
    }
}
