use std::time::{Duration, Instant};

use rackpoll_model::Secret;

use super::{super::Random, link::Seeded};
use crate::{
    crypto::{CipherSuite, Ipmi15Authentication, Ipmi15Key, SessionKeys, Transcript, Unsealed, seal, unseal},
    session::window::Window,
    wire::{
        CipherSuiteRecord, Datagram, Ipmi15Packet, LanRequest, LanResponse, OpenSessionRequest,
        OpenSessionResponse, PayloadType, Rakp1, Rakp2, Rakp3, Rakp4, RmcpPlusPacket, Status, UserName,
        encode_record, encode_sessionless,
    },
};

/// A BMC for tests: one user, a few session slots, and the weak spots of real ones, each off by default.
pub(super) struct Bmc {
    random: Seeded,
    sessions: Vec<Slot>,
    session_15: Option<Session15>,
    /// Kinds of IPMI 1.5 authentication, a bit each.
    pub(super) kinds_15: u8,
    pub(super) user: &'static str,
    pub(super) password: Secret,
    pub(super) k_g: Option<Secret>,
    pub(super) suites: Vec<CipherSuite>,
    pub(super) slots: usize,
    /// The user's privilege limit.
    pub(super) limit: u8,
    /// A session without traffic is forgotten in silence after this.
    pub(super) expiry: Duration,
    /// Get Channel Cipher Suites is answered.
    pub(super) lists_suites: bool,
    /// Knows RMCP+.
    pub(super) rmcp_plus: bool,
    /// Open Session with an unknown suite is dropped in silence.
    pub(super) silent_refusals: bool,
    /// Refusals are two bytes long.
    pub(super) short_refusals: bool,
    /// Open Session accepts 0 ("highest") only.
    pub(super) wants_highest: bool,
    /// Open Session answers with suite 3, whatever was proposed.
    pub(super) settles_for_3: bool,
    /// RAKP 2 of this suite carries a wrong code.
    pub(super) breaks: Option<CipherSuite>,
    /// Answers nothing inside sessions.
    pub(super) deaf: bool,
    /// Does not answer the echo command, and every other.
    pub(super) mute: bool,
    /// The echo command kills all sessions, and has no answer.
    pub(super) fragile: bool,
    /// A doubled RAKP 1 makes it choose another random number.
    pub(super) rekeys: bool,
    /// The second checksum of its messages is wrong.
    pub(super) bad_checksums: bool,
    /// Its answers have session id 0.
    pub(super) nameless: bool,
    /// Names of users have sixteen bytes.
    pub(super) padded_names: bool,
    /// Bytes that follow codes of RAKP 2 and 4, and the check value of RAKP 4 where the suite has none.
    pub(super) trailing: &'static [u8],
    /// IPMI 1.5: Activate Session says that messages go without a code.
    pub(super) says_bare: bool,
    /// And so they do: one with a code is not taken.
    pub(super) takes_bare: bool,
    /// Its own have one all the same.
    pub(super) signs: bool,
    /// IPMI 1.5: session sequence numbers have their most significant byte first.
    pub(super) swaps: bool,
    /// IPMI 1.5: codes of its answers inside the session are wrong.
    pub(super) bad_codes: bool,
    /// RAKP 3 with a code that was wrong.
    pub(super) rejected: u32,
    /// What was asked, in order.
    pub(super) log: Vec<&'static str>,
    pub(super) proposals: Vec<OpenSessionRequest>,
    /// Tags and session ids of every RAKP 1 and 3, to see that none comes twice.
    pub(super) handshakes: Vec<(PayloadType, u8, u32)>,
}

struct Slot {
    managed_session_id: u32,
    console_session_id: u32,
    suite: CipherSuite,
    transcript: Option<Transcript>,
    keys: Option<SessionKeys>,
    open: bool,
    window: Window,
    sequence: u32,
    last: Instant,
}

impl Bmc {
    pub(super) fn new() -> Self {
        Self {
            random: Seeded::new(0xb3c),
            sessions: Vec::new(),
            session_15: None,
            kinds_15: 0x15,
            user: super::USER,
            password: Secret::from(super::PASSWORD),
            k_g: None,
            suites: CipherSuite::ENCRYPTED.to_vec(),
            slots: 4,
            limit: 4,
            expiry: Duration::from_secs(60),
            lists_suites: true,
            rmcp_plus: true,
            silent_refusals: false,
            short_refusals: false,
            wants_highest: false,
            settles_for_3: false,
            breaks: None,
            deaf: false,
            mute: false,
            fragile: false,
            rekeys: false,
            bad_checksums: false,
            nameless: false,
            padded_names: false,
            trailing: &[],
            says_bare: false,
            takes_bare: false,
            signs: true,
            swaps: false,
            bad_codes: false,
            rejected: 0,
            log: Vec::new(),
            proposals: Vec::new(),
            handshakes: Vec::new(),
        }
    }

    /// Sessions that are open now.
    pub(super) fn open_sessions(&mut self, now: Instant) -> usize {
        self.expire(now);
        self.sessions.iter().filter(|slot| slot.open).count()
    }

    /// Slots that are taken, half-open ones among them.
    pub(super) fn sessions_held(&self) -> usize {
        self.sessions.len()
    }

    /// Loses all sessions without a word, as a reboot does.
    pub(super) fn reboot(&mut self) {
        self.sessions.clear();
    }

    fn expire(&mut self, now: Instant) {
        let expiry = self.expiry;
        self.sessions.retain(|slot| now.duration_since(slot.last) < expiry);
    }

    pub(super) fn answer(&mut self, now: Instant, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.expire(now);
        let answer = match Datagram::decode(datagram) {
            Ok(Datagram::Ipmi15(packet)) if packet.session_id != 0 => self.ipmi_15(now, &packet),
            Ok(Datagram::Ipmi15(packet)) => self.sessionless(packet),
            Ok(Datagram::RmcpPlus(packet)) => match packet.payload_type {
                PayloadType::OpenSessionRequest => self.open_session(now, packet.payload),
                PayloadType::Rakp1 => self.rakp1(now, packet.payload),
                PayloadType::Rakp3 => self.rakp3(now, packet.payload),
                PayloadType::Ipmi => self.command(now, &packet),
                _ => None,
            },
            _ => None,
        };
        answer.into_iter().collect()
    }

    fn sessionless(&mut self, packet: Ipmi15Packet<'_>) -> Option<Vec<u8>> {
        let request = LanRequest::decode(packet.payload).unwrap();
        let data = match (request.netfn, request.command) {
            (0x06, 0x38) => {
                self.log.push("capabilities");
                vec![1, 0x80 | self.kinds_15, 0x04, if self.rmcp_plus { 0x03 } else { 0x01 }, 0, 0, 0, 0]
            }
            (0x06, 0x39) => {
                self.log.push("challenge");
                let kind = Ipmi15Authentication::from_number(request.data[0]).unwrap();
                if request.data[1..] != UserName::new(self.user.as_bytes()).unwrap().padded() {
                    return sessionless_answer(&request, 0x81, &[]);
                }
                self.session_15 = Some(Session15 { kind, active: false, sequence: 0, first: 0 });
                [&ID_15.to_le_bytes()[..], &[0x77; 16]].concat()
            }
            (0x06, 0x54) => {
                self.log.push("cipher suites");
                if !self.lists_suites {
                    return None;
                }
                let mut records = Vec::new();
                // Enough records of other suites for a second part of the list.
                for id in [1, 2] {
                    let mut algorithms = CipherSuite::Three.algorithms();
                    algorithms.confidentiality = id - 1;
                    algorithms.integrity = 0;
                    encode_record(&mut records, &CipherSuiteRecord { id, oem: None, algorithms });
                }
                for suite in &self.suites {
                    let algorithms = suite.algorithms();
                    encode_record(&mut records, &CipherSuiteRecord { id: suite.id(), oem: None, algorithms });
                }
                let part = records.chunks(16).nth(usize::from(request.data[2] & 0x3f)).unwrap_or_default();
                [&[1], part].concat()
            }
            other => panic!("outside a session: {other:?}"),
        };
        sessionless_answer(&request, 0, &data)
    }

    /// A datagram of the one IPMI 1.5 session; one with a wrong code has no answer.
    fn ipmi_15(&mut self, _now: Instant, packet: &Ipmi15Packet<'_>) -> Option<Vec<u8>> {
        let order = |number: u32| if self.swaps { number.swap_bytes() } else { number };
        let session = self.session_15.as_mut().filter(|_| packet.session_id == ID_15)?;
        let key = Ipmi15Key::new(session.kind, &self.password)?;
        let taken = if session.active && self.takes_bare { Ipmi15Authentication::None } else { session.kind };
        let number = packet.sequence.to_le_bytes();
        if packet.auth_type != taken.number()
            || !key.with(taken).verify(packet.session_id, number, packet.payload, packet.code)
        {
            return None;
        }
        let request = LanRequest::decode(packet.payload).unwrap();
        let mut kind = session.kind;
        let (completion, data) = match (request.netfn, request.command) {
            (0x06, 0x3a) if !session.active => {
                self.log.push("activate");
                assert_eq!(request.data[2..18], [0x77; 16]);
                session.first = order(u32::from_le_bytes(*request.data.last_chunk::<4>().unwrap()));
                session.active = true;
                let mut data = vec![if self.says_bare { 0 } else { session.kind.number() }];
                data.extend_from_slice(&ID_15.to_le_bytes());
                data.extend_from_slice(&order(FIRST_15).to_le_bytes());
                data.push(request.data[1]);
                session.sequence = FIRST_15 - 1;
                (0, data)
            }
            (0x06, 0x3c) => {
                self.log.push("close");
                (0, Vec::new())
            }
            _ => {
                // Clause 6.12.13: eight ahead at most.
                let ahead = order(packet.sequence).wrapping_sub(session.sequence);
                if !(1..=8).contains(&ahead) {
                    return None;
                }
                session.sequence = order(packet.sequence);
                self.log.push("echo");
                (0, request.data.to_vec())
            }
        };
        let mut payload = Vec::new();
        LanResponse::to(&request, completion, &data).encode(&mut payload);
        let sequence = if request.command == 0x3a { 0 } else { order(session.first) };
        session.first = session.first.wrapping_add(u32::from(sequence != 0));
        if sequence != 0 && self.says_bare && !self.signs {
            kind = Ipmi15Authentication::None;
        }
        let mut code = key.with(kind).code(ID_15, sequence.to_le_bytes(), &payload);
        if let Some(code) = code.as_mut().filter(|_| self.bad_codes && sequence != 0) {
            code[0] ^= 1;
        }
        let mut answer = Vec::new();
        Ipmi15Packet { auth_type: kind.number(), sequence, session_id: ID_15, code, payload: &payload }
            .encode(&mut answer);
        if request.command == 0x3c {
            self.session_15 = None;
        }
        Some(answer)
    }

    fn open_session(&mut self, now: Instant, payload: &[u8]) -> Option<Vec<u8>> {
        let request = OpenSessionRequest::decode(payload).unwrap();
        self.log.push("open session");
        self.proposals.push(request);
        let suite = CipherSuite::from_algorithms(request.algorithms)?;
        let console_session_id = (!self.short_refusals).then_some(request.console_session_id);
        let refused = |status| {
            let tag = request.tag;
            open_session_answer(OpenSessionResponse::Refused { tag, status, console_session_id })
        };
        if self.wants_highest && request.privilege != 0 {
            return refused(Status::INVALID_ROLE);
        }
        if !self.suites.contains(&suite) && !self.settles_for_3 {
            return if self.silent_refusals { None } else { refused(Status::NO_CIPHER_SUITE) };
        }
        if self.sessions.len() >= self.slots {
            return refused(Status::NO_RESOURCES);
        }
        let suite = if self.settles_for_3 { CipherSuite::Three } else { suite };
        let mut id = [0; 4];
        self.random.fill(&mut id);
        let managed_session_id = u32::from_le_bytes(id) | 1;
        self.sessions.push(Slot {
            managed_session_id,
            console_session_id: request.console_session_id,
            suite,
            transcript: None,
            keys: None,
            open: false,
            window: Window::default(),
            sequence: 0,
            last: now,
        });
        open_session_answer(OpenSessionResponse::Accepted {
            tag: request.tag,
            privilege: 4,
            console_session_id: request.console_session_id,
            managed_session_id,
            algorithms: suite.algorithms(),
        })
    }

    fn rakp1(&mut self, now: Instant, payload: &[u8]) -> Option<Vec<u8>> {
        let message = Rakp1::decode(payload).unwrap();
        self.log.push("rakp 1");
        self.handshakes.push((PayloadType::Rakp1, message.tag, message.managed_session_id));
        let short = self.short_refusals;
        let refused = |status, id: u32| {
            let console_session_id = (!short).then_some(id);
            rakp_answer(PayloadType::Rakp2, |out| {
                Rakp2::Refused { tag: message.tag, status, console_session_id }.encode(out);
            })
        };
        let mut managed_random = [0; 16];
        self.random.fill(&mut managed_random);
        let at = self.sessions.iter().position(|slot| slot.managed_session_id == message.managed_session_id);
        let Some(at) = at else { return refused(Status::INVALID_SESSION_ID, 0) };
        if self.sessions[at].open {
            // A copy that comes late; an open session keeps its keys.
            return None;
        }
        let slot = &mut self.sessions[at];
        slot.last = now;
        if let (Some(before), false) = (&slot.transcript, self.rekeys) {
            managed_random = before.managed_random;
        }
        let (console_session_id, suite) = (slot.console_session_id, slot.suite);
        let user = UserName::new(self.user.as_bytes()).unwrap();
        let user = if self.padded_names { user.with_padding() } else { user };
        if message.user.as_bytes() != user.as_bytes() {
            self.sessions.remove(at);
            return refused(Status::UNAUTHORIZED_NAME, console_session_id);
        }
        if message.role.privilege() > self.limit {
            self.sessions.remove(at);
            return refused(Status::UNAUTHORIZED_ROLE, console_session_id);
        }
        let transcript = Transcript {
            console_session_id,
            managed_session_id: message.managed_session_id,
            console_random: message.console_random,
            managed_random,
            guid: [0x6d; 16],
            role: message.role,
            user: message.user,
        };
        let code = transcript.rakp2_code(suite.authentication(), &self.password);
        let keys = SessionKeys::derive(suite, &self.password, self.k_g.as_ref(), &transcript);
        slot.transcript = Some(transcript);
        slot.keys = Some(keys);
        let mut code = code.as_bytes().to_vec();
        if self.breaks == Some(suite) {
            code[0] ^= 1;
        }
        code.extend_from_slice(self.trailing);
        rakp_answer(PayloadType::Rakp2, |out| {
            let tag = message.tag;
            Rakp2::Accepted { tag, console_session_id, managed_random, guid: [0x6d; 16], code: &code }
                .encode(out);
        })
    }

    fn rakp3(&mut self, now: Instant, payload: &[u8]) -> Option<Vec<u8>> {
        let message = Rakp3::decode(payload).unwrap();
        self.log.push(if message.status == Status::OK { "rakp 3" } else { "rakp 3 refusal" });
        self.handshakes.push((PayloadType::Rakp3, message.tag, message.managed_session_id));
        let at =
            self.sessions.iter().position(|slot| slot.managed_session_id == message.managed_session_id)?;
        if message.status != Status::OK {
            self.sessions.remove(at);
            return None;
        }
        let slot = &mut self.sessions[at];
        let (transcript, keys) = (slot.transcript.as_ref()?, slot.keys.as_ref()?);
        let expected = transcript.rakp3_code(slot.suite.authentication(), &self.password);
        if !expected.matches(message.code) {
            // So it is after a doubled RAKP 1 has made this end choose another random number.
            let console_session_id = Some(slot.console_session_id);
            self.sessions.remove(at);
            self.rejected += 1;
            return rakp_answer(PayloadType::Rakp4, |out| {
                let status = Status::INVALID_INTEGRITY_CHECK;
                Rakp4::Refused { tag: message.tag, status, console_session_id }.encode(out);
            });
        }
        slot.open = true;
        slot.last = now;
        let check = [keys.rakp4_check(transcript).as_bytes(), self.trailing].concat();
        let console_session_id = slot.console_session_id;
        rakp_answer(PayloadType::Rakp4, |out| {
            Rakp4::Accepted { tag: message.tag, console_session_id, check: &check }.encode(out);
        })
    }

    fn command(&mut self, now: Instant, packet: &RmcpPlusPacket<'_>) -> Option<Vec<u8>> {
        let mut iv = [0; 16];
        self.random.fill(&mut iv);
        let at = self
            .sessions
            .iter()
            .position(|slot| slot.open && slot.managed_session_id == packet.session_id)?;
        let slot = &mut self.sessions[at];
        let keys = slot.keys.as_ref()?;
        let mut payload = Vec::new();
        assert_eq!(unseal(&mut payload, keys, packet), Unsealed::Plain);
        if !slot.window.accepts(packet.sequence) {
            return None;
        }
        slot.window.mark(packet.sequence);
        slot.last = now;
        let request = LanRequest::decode(&payload).unwrap();
        if self.deaf {
            self.log.push("not heard");
            return None;
        }
        let mut over = false;
        let (completion, data) = match (request.netfn, request.command) {
            (0x06, 0x3c) => {
                self.log.push("close");
                assert_eq!(request.data, slot.managed_session_id.to_le_bytes());
                over = true;
                (0, Vec::new())
            }
            (0x06, 0x3b) => {
                self.log.push("set privilege");
                if request.data[0] > slot.transcript.as_ref()?.role.privilege() {
                    (0x81, Vec::new())
                } else {
                    (0, request.data.to_vec())
                }
            }
            (0x06, 0x01) => {
                self.log.push("device id");
                (0, vec![0; 11])
            }
            _ if self.fragile => {
                self.log.push("not answered");
                self.sessions.clear();
                return None;
            }
            _ if self.mute => {
                self.log.push("not answered");
                return None;
            }
            _ => {
                self.log.push("echo");
                (0, request.data.to_vec())
            }
        };
        slot.sequence += 1;
        let mut answer = Vec::new();
        let mut response = Vec::new();
        LanResponse::to(&request, completion, &data).encode(&mut response);
        if let Some(checksum) = response.last_mut().filter(|_| self.bad_checksums) {
            *checksum ^= 1;
        }
        let id = if self.nameless { 0 } else { slot.console_session_id };
        let sequence = slot.sequence;
        seal(&mut answer, keys, PayloadType::Ipmi, id, sequence, iv, &response);
        if over {
            self.sessions.remove(at);
        }
        Some(answer)
    }
}

/// Id of the one IPMI 1.5 session, and the first number that it takes.
const ID_15: u32 = 0x0605_0403;
const FIRST_15: u32 = 1000;

struct Session15 {
    kind: Ipmi15Authentication,
    active: bool,
    sequence: u32,
    /// Number of the next answer.
    first: u32,
}

fn sessionless_answer(request: &LanRequest<'_>, completion: u8, data: &[u8]) -> Option<Vec<u8>> {
    let mut payload = Vec::new();
    LanResponse::to(request, completion, data).encode(&mut payload);
    let mut answer = Vec::new();
    Ipmi15Packet::encode_sessionless(&mut answer, &payload);
    Some(answer)
}

fn open_session_answer(response: OpenSessionResponse) -> Option<Vec<u8>> {
    rakp_answer(PayloadType::OpenSessionResponse, |out| response.encode(out))
}

fn rakp_answer(payload_type: PayloadType, encode: impl FnOnce(&mut Vec<u8>)) -> Option<Vec<u8>> {
    let mut payload = Vec::new();
    encode(&mut payload);
    let mut answer = Vec::new();
    encode_sessionless(&mut answer, payload_type, &payload);
    Some(answer)
}
