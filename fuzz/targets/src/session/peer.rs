use rackpoll_fuzz_driver::Script;
use rackpoll_ipmi::{
    command::{
        Bridge, activate_session, get_channel_authentication_capabilities as capabilities,
        get_channel_cipher_suites as cipher_suites, get_session_challenge, netfn, send_message,
    },
    crypto::{CipherSuite, Ipmi15Authentication, Ipmi15Key, SessionKeys, Transcript, Unsealed, seal, unseal},
    wire::{
        BMC_ADDRESS, CipherSuiteRecord, Datagram, Ipmi15Packet, LanRequest, LanResponse, OpenSessionRequest,
        OpenSessionResponse, PayloadType, Rakp1, Rakp2, Rakp3, Rakp4, RmcpPlusPacket, Status, encode_record,
        encode_sessionless,
    },
};
use rackpoll_model::Secret;
use rackpoll_simulator::random::Random;

/// Sessions that it remembers; the oldest gives way.
const MOST_SESSIONS: usize = 8;
const SET_PRIVILEGE: u8 = 0x3b;
pub(super) const CLOSE: u8 = 0x3c;
/// The command whose answer says which question it was for.
pub(super) const ECHO: u8 = 0x42;

/// The controller behind it that bridged commands are for.
pub(super) const BEHIND: Bridge = Bridge { channel: 6, address: 0x2c };

/// A BMC that has the password and does with it what the script says: it may answer honestly, lie, repeat itself, refuse,
/// and answer what nobody asked, all under right codes.
pub(super) struct Peer {
    random: Random,
    password: Secret,
    k_g: Option<Secret>,
    /// The session lacks `k_g`.
    key_is_unknown: bool,
    sessions: Vec<Slot>,
    sessions_15: Vec<Slot15>,
    /// Says that it knows IPMI 1.5 only.
    pub(super) old: bool,
    /// Answers nothing.
    pub(super) mute: bool,
}

struct Slot {
    managed_session_id: u32,
    console_session_id: u32,
    suite: CipherSuite,
    opened: Option<(Transcript, SessionKeys)>,
    sequence: u32,
}

/// A session of IPMI 1.5.
struct Slot15 {
    id: u32,
    key: Ipmi15Key,
    /// The number of its next answer, once it is open.
    next: Option<u32>,
}

/// A command of a session, as the peer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) session: u32,
    pub(super) sequence: u8,
    pub(super) netfn: u8,
    pub(super) command: u8,
    /// The question's number, where it is the echo command.
    pub(super) number: Option<u32>,
}

/// How an answer in a session relates to its question; the first byte of its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// Its own numbers, whatever else it says.
    Own = 0xa0,
    /// Other numbers, or a wrong code: it must never be taken.
    Foreign = 0xf0,
}

/// What an answer says of itself: whether it may be taken at all, and the number of its question.
pub(super) fn labels(data: &[u8]) -> Option<(bool, u32)> {
    match *data {
        [kind, a, b, c, d, ..] => Some((kind == Kind::Own as u8, u32::from_le_bytes([a, b, c, d]))),
        _ => None,
    }
}

impl Peer {
    pub(super) fn new(password: Secret, k_g: Option<Secret>, key_is_unknown: bool) -> Self {
        let random = Random::new(0xb3c);
        Self {
            random,
            password,
            k_g,
            key_is_unknown,
            sessions: Vec::new(),
            sessions_15: Vec::new(),
            old: false,
            mute: false,
        }
    }

    pub(super) fn forget_sessions(&mut self) {
        self.sessions.clear();
        self.sessions_15.clear();
    }

    /// What it says to a datagram of ours, and the command that it saw. What we send has to be right: it panics otherwise.
    pub(super) fn answer(
        &mut self,
        datagram: &[u8],
        script: &mut Script<'_>,
        answers: &mut Vec<Vec<u8>>,
    ) -> Option<Seen> {
        let whim = match script.byte() {
            whim @ 0x80.. => Some(whim & 0x0f),
            _ => None,
        };
        let mut said = Vec::new();
        let mut seen = None;
        match Datagram::decode(datagram) {
            Ok(Datagram::Ipmi15(packet)) if packet.session_id != 0 => {
                seen = self.in_session_15(&packet, whim, script, &mut said);
            }
            Ok(Datagram::Ipmi15(packet)) => said.extend(self.sessionless(&packet, whim, script)),
            Ok(Datagram::RmcpPlus(packet)) => match packet.payload_type {
                PayloadType::Ipmi => seen = self.command(&packet, whim, script, &mut said),
                kind => said.extend(self.login(kind, packet.payload, whim, script)),
            },
            other => panic!("{other:?} was sent to a BMC"),
        }
        if !self.mute {
            answers.extend(said);
        }
        seen
    }

    fn login(
        &mut self,
        kind: PayloadType,
        payload: &[u8],
        whim: Option<u8>,
        script: &mut Script<'_>,
    ) -> Option<Vec<u8>> {
        let mut answer = Vec::new();
        let answer_type = match kind {
            PayloadType::OpenSessionRequest => {
                self.open_session(payload, whim, script)?.encode(&mut answer);
                PayloadType::OpenSessionResponse
            }
            PayloadType::Rakp1 => {
                self.rakp1(payload, whim, script, &mut answer)?;
                PayloadType::Rakp2
            }
            PayloadType::Rakp3 => {
                self.rakp3(payload, whim, script, &mut answer)?;
                PayloadType::Rakp4
            }
            other => panic!("{other:?} was sent to a BMC"),
        };
        match whim {
            Some(8) => return None,
            Some(9) => answer = script.bytes().to_vec(),
            Some(10) => answer.truncate(script.byte().into()),
            Some(11) => answer.extend_from_slice(script.bytes()),
            _ => {}
        }
        let mut datagram = Vec::new();
        encode_sessionless(&mut datagram, answer_type, &answer);
        Some(datagram)
    }

    fn open_session(
        &mut self,
        payload: &[u8],
        whim: Option<u8>,
        script: &mut Script<'_>,
    ) -> Option<OpenSessionResponse> {
        let request = OpenSessionRequest::decode(payload).expect("an Open Session Request");
        assert_ne!(request.console_session_id, 0);
        let mut tag = request.tag;
        let mut console_session_id = request.console_session_id;
        let mut algorithms = request.algorithms;
        let mut managed_session_id = u32::from_le_bytes(self.random.bytes()) | 1;
        match whim {
            Some(0) => {
                let status = Status(script.byte().max(1));
                return Some(OpenSessionResponse::Refused {
                    tag,
                    status,
                    console_session_id: Some(console_session_id),
                });
            }
            Some(1) => {
                let status = Status(script.byte().max(1));
                return Some(OpenSessionResponse::Refused { tag, status, console_session_id: None });
            }
            Some(2) => tag = tag.wrapping_add(script.byte()),
            Some(3) => console_session_id ^= u32::from(script.byte()),
            Some(4) => algorithms.integrity ^= script.byte() & 0x3f,
            Some(5) => managed_session_id = 0,
            _ => {}
        }
        let suite = CipherSuite::from_algorithms(request.algorithms).expect("a suite that we speak");
        if self.sessions.len() >= MOST_SESSIONS {
            self.sessions.remove(0);
        }
        self.sessions.push(Slot {
            managed_session_id,
            console_session_id: request.console_session_id,
            suite,
            opened: None,
            sequence: 0,
        });
        Some(OpenSessionResponse::Accepted {
            tag,
            privilege: 4,
            console_session_id,
            managed_session_id,
            algorithms,
        })
    }

    fn rakp1(
        &mut self,
        payload: &[u8],
        whim: Option<u8>,
        script: &mut Script<'_>,
        answer: &mut Vec<u8>,
    ) -> Option<()> {
        let message = Rakp1::decode(payload).expect("a RAKP 1");
        let managed_random = self.random.bytes();
        let slot =
            self.sessions.iter_mut().find(|slot| slot.managed_session_id == message.managed_session_id)?;
        let transcript = Transcript {
            console_session_id: slot.console_session_id,
            managed_session_id: slot.managed_session_id,
            console_random: message.console_random,
            managed_random,
            guid: [0x6d; 16],
            role: message.role,
            user: message.user,
        };
        let code = transcript.rakp2_code(slot.suite.authentication(), &self.password);
        let keys = SessionKeys::derive(slot.suite, &self.password, self.k_g.as_ref(), &transcript);
        slot.opened = Some((transcript, keys));
        let mut code = code.as_bytes().to_vec();
        let mut tag = message.tag;
        let mut console_session_id = slot.console_session_id;
        match whim {
            Some(short @ (0 | 1)) => {
                let status = Status(script.byte().max(1));
                let console_session_id = (short == 0).then_some(console_session_id);
                Rakp2::Refused { tag, status, console_session_id }.encode(answer);
                return Some(());
            }
            Some(2) => tag = tag.wrapping_add(script.byte()),
            Some(3) => console_session_id ^= u32::from(script.byte()),
            Some(4 | 5) => spoil(&mut code, script),
            _ => {}
        }
        Rakp2::Accepted { tag, console_session_id, managed_random, guid: [0x6d; 16], code: &code }
            .encode(answer);
        Some(())
    }

    fn rakp3(
        &mut self,
        payload: &[u8],
        whim: Option<u8>,
        script: &mut Script<'_>,
        answer: &mut Vec<u8>,
    ) -> Option<()> {
        let message = Rakp3::decode(payload).expect("a RAKP 3");
        let at =
            self.sessions.iter().position(|slot| slot.managed_session_id == message.managed_session_id)?;
        if message.status != Status::OK {
            assert!(message.code.is_empty());
            self.sessions.remove(at);
            return None;
        }
        let slot = self.sessions.get(at)?;
        let (transcript, keys) = slot.opened.as_ref()?;
        let mut check = keys.rakp4_check(transcript).as_bytes().to_vec();
        let mut tag = message.tag;
        let mut console_session_id = slot.console_session_id;
        match whim {
            Some(short @ (0 | 1)) => {
                let status = Status(script.byte().max(1));
                let console_session_id = (short == 0).then_some(console_session_id);
                Rakp4::Refused { tag, status, console_session_id }.encode(answer);
                return Some(());
            }
            Some(2) => tag = tag.wrapping_add(script.byte()),
            Some(3) => console_session_id ^= u32::from(script.byte()),
            Some(4 | 5) => spoil(&mut check, script),
            _ => {}
        }
        Rakp4::Accepted { tag, console_session_id, check: &check }.encode(answer);
        Some(())
    }

    fn command(
        &mut self,
        packet: &RmcpPlusPacket<'_>,
        whim: Option<u8>,
        script: &mut Script<'_>,
        answers: &mut Vec<Vec<u8>>,
    ) -> Option<Seen> {
        let ivs: [[u8; 16]; 2] = [self.random.bytes(), self.random.bytes()];
        let at = self.sessions.iter().position(|slot| slot.managed_session_id == packet.session_id)?;
        let slot = self.sessions.get_mut(at)?;
        let (_, keys) = slot.opened.as_ref()?;
        let mut plain = Vec::new();
        let unsealed = unseal(&mut plain, keys, packet);
        if self.key_is_unknown && unsealed == Unsealed::Forged {
            // A farewell after RAKP 3, made with the password in the place of the key.
            return None;
        }
        assert_eq!(unsealed, Unsealed::Plain);
        let request = LanRequest::decode(&plain).expect("a command");
        let (seen, messages) = said_to(&request, packet.session_id, whim, script);
        match whim {
            Some(6) => slot.sequence = slot.sequence.saturating_add(u32::from(script.short())),
            Some(7) => slot.sequence = slot.sequence.saturating_sub(1),
            _ => {}
        }
        let copies = if whim == Some(10) { 2 } else { 1 };
        for (message, iv) in messages.iter().flat_map(|message| std::iter::repeat_n(message, copies)).zip(ivs)
        {
            slot.sequence = slot.sequence.saturating_add(1);
            let mut datagram = Vec::new();
            let (to, sequence) = (slot.console_session_id, slot.sequence);
            seal(&mut datagram, keys, PayloadType::Ipmi, to, sequence, iv, message);
            if whim == Some(9)
                && let Some(kind) = datagram.get_mut(5)
            {
                // In the session, and by its headers neither encrypted nor authenticated.
                *kind &= 0x3f;
            }
            if whim == Some(13)
                && let Some(last) = datagram.last_mut()
            {
                *last ^= 1;
            }
            if whim != Some(8) {
                answers.push(datagram);
            }
        }
        if (seen.netfn, seen.command) == (netfn::APP, CLOSE) || whim == Some(11) {
            self.sessions.remove(at);
        }
        Some(seen)
    }

    /// A datagram of an IPMI 1.5 session.
    fn in_session_15(
        &mut self,
        packet: &Ipmi15Packet<'_>,
        whim: Option<u8>,
        script: &mut Script<'_>,
        answers: &mut Vec<Vec<u8>>,
    ) -> Option<Seen> {
        let at = self.sessions_15.iter().position(|slot| slot.id == packet.session_id)?;
        let slot = self.sessions_15.get_mut(at)?;
        let number = packet.sequence.to_le_bytes();
        assert_eq!(packet.auth_type, slot.key.authentication().number());
        assert!(slot.key.verify(slot.id, number, packet.payload, packet.code), "its code is wrong");
        let request = LanRequest::decode(packet.payload).expect("a command");
        let activates = (request.netfn, request.command) == (netfn::APP, activate_session::COMMAND);
        let (seen, messages) = if activates {
            let first = *request.data.last_chunk::<4>().expect("a number for our answers");
            slot.next = slot.next.or(Some(u32::from_le_bytes(first)));
            (None, vec![activation(&request, slot, whim, script)])
        } else {
            let (seen, messages) = said_to(&request, slot.id, whim, script);
            (Some(seen), messages)
        };
        let next = slot.next.as_mut()?;
        match whim {
            Some(6) => *next = next.saturating_add(u32::from(script.short())),
            Some(7) => *next = next.saturating_sub(1),
            _ => {}
        }
        let copies = if whim == Some(10) { 2 } else { 1 };
        for message in messages.iter().flat_map(|message| std::iter::repeat_n(message, copies)) {
            let sequence = if activates { 0 } else { *next };
            *next = next.wrapping_add(u32::from(!activates)).max(1);
            let mut code = slot.key.code(slot.id, sequence.to_le_bytes(), message);
            let mut auth_type = packet.auth_type;
            if whim == Some(9) {
                (auth_type, code) = (0, None);
            }
            if let Some(code) = code.as_mut().filter(|_| whim == Some(13)) {
                code[3] ^= 1;
            }
            let mut datagram = Vec::new();
            Ipmi15Packet { auth_type, sequence, session_id: slot.id, code, payload: message }
                .encode(&mut datagram);
            if whim != Some(8) {
                answers.push(datagram);
            }
        }
        let closes = seen.is_some_and(|seen| (seen.netfn, seen.command) == (netfn::APP, CLOSE));
        if closes || whim == Some(11) {
            self.sessions_15.remove(at);
        }
        seen
    }

    fn challenge(&mut self, request: &LanRequest<'_>) -> Vec<u8> {
        let kind = request.data.first().copied().and_then(Ipmi15Authentication::from_number);
        let key = kind.and_then(|kind| Ipmi15Key::new(kind, &self.password)).expect("a kind that we speak");
        let id = u32::from_le_bytes(self.random.bytes()) | 1;
        if self.sessions_15.len() >= MOST_SESSIONS {
            self.sessions_15.remove(0);
        }
        self.sessions_15.push(Slot15 { id, key, next: None });
        [&id.to_le_bytes()[..], &[0x77; 16]].concat()
    }
}

/// The answer to Activate Session.
fn activation(request: &LanRequest<'_>, slot: &Slot15, whim: Option<u8>, script: &mut Script<'_>) -> Vec<u8> {
    let kind = slot.key.authentication().number();
    let mut data = [&[kind][..], &slot.id.to_le_bytes(), &1000_u32.to_le_bytes(), &[4]].concat();
    let mut response = LanResponse::to(request, 0, &[]);
    match whim {
        Some(0) => data.truncate(script.byte().into()),
        Some(1) => response.completion = script.byte(),
        Some(2) => response.sequence ^= script.byte() & 0x3f,
        Some(3) => response.netfn ^= script.byte() & 0x3f,
        Some(4) => response.command ^= script.byte(),
        // Not the first byte: in a session without codes nobody can tell whose an answer is.
        Some(5) => data.iter_mut().skip(1).for_each(|byte| *byte ^= script.byte()),
        _ => {}
    }
    response.data = &data;
    let mut message = Vec::new();
    response.encode(&mut message);
    message
}

/// What it says to a command of a session, in one message or two, and the command that it saw.
fn said_to(
    request: &LanRequest<'_>,
    session: u32,
    whim: Option<u8>,
    script: &mut Script<'_>,
) -> (Seen, Vec<Vec<u8>>) {
    let (sequence, command) = (request.sequence, request.command);
    let bridged = (request.netfn, command) == (netfn::APP, send_message::COMMAND);
    let inner = bridged.then(|| {
        let (channel, message) = request.data.split_first().expect("a channel");
        let inner = LanRequest::decode(message).expect("a command inside");
        assert_eq!((channel & 0x0f, inner.responder), (BEHIND.channel, BEHIND.address));
        assert_eq!((inner.requester, inner.sequence), (BMC_ADDRESS, sequence));
        inner
    });
    let asked = inner.as_ref().unwrap_or(request);
    let number = match (asked.netfn, asked.command) {
        (netfn::STORAGE, ECHO) => asked.data.try_into().ok().map(u32::from_le_bytes),
        _ => None,
    };
    let seen = Seen { session, sequence, netfn: request.netfn, command, number };

    let mut kind = Kind::Own;
    let mut response = LanResponse::to(asked, 0, &[]);
    if bridged {
        // On the far bus it is the BMC that has asked.
        (response.requester, response.responder) = (BMC_ADDRESS, BEHIND.address);
    }
    match whim {
        Some(1) => response.completion = script.byte(),
        Some(2) if bridged => {
            response.responder ^= script.byte().max(1);
            kind = Kind::Foreign;
        }
        Some(2) => {
            // Numbers of the last few questions; those that come next would be a prophecy.
            response.sequence = sequence.wrapping_sub(1 + (script.byte() & 0x07)) & 0x3f;
            kind = Kind::Foreign;
        }
        Some(3) => {
            response.netfn ^= 1 + (script.byte() & 0x1e);
            kind = Kind::Foreign;
        }
        Some(4) => {
            response.command ^= script.byte().max(1);
            kind = Kind::Foreign;
        }
        Some(13) => kind = Kind::Foreign,
        _ => {}
    }
    let mut data = vec![kind as u8];
    match number {
        Some(number) => data.extend_from_slice(&number.to_le_bytes()),
        None if command == SET_PRIVILEGE => data = request.data.to_vec(),
        None => data.resize(15, 0),
    }
    if matches!(whim, Some(0 | 1)) {
        data.extend_from_slice(script.bytes());
    }
    response.data = &data;
    let mut message = Vec::new();
    response.encode(&mut message);
    match whim {
        Some(5) => message = script.bytes().to_vec(),
        Some(12) => message.truncate(script.byte().into()),
        _ => {}
    }
    let wrapped = |completion, inside: &[u8]| {
        let mut message = Vec::new();
        LanResponse::to(request, completion, inside).encode(&mut message);
        message
    };
    let messages = match whim {
        _ if !bridged => vec![message],
        // Delivered, and the answer comes apart; or not delivered.
        Some(14) => vec![wrapped(0, &[]), message],
        Some(15) => vec![wrapped(script.byte(), &[])],
        _ => vec![wrapped(0, &message)],
    };
    (seen, messages)
}

/// Changes a bit, or the length.
fn spoil(code: &mut Vec<u8>, script: &mut Script<'_>) {
    let how = script.byte();
    match code.get_mut(usize::from(how >> 3)) {
        Some(byte) => *byte ^= 1 << (how & 7),
        None => code.resize(usize::from(how & 0x3f), 0x5a),
    }
}

impl Peer {
    /// Answers to the commands before a session.
    fn sessionless(
        &mut self,
        packet: &Ipmi15Packet<'_>,
        whim: Option<u8>,
        script: &mut Script<'_>,
    ) -> Option<Vec<u8>> {
        let request = LanRequest::decode(packet.payload).expect("a command");
        let data = match (request.netfn, request.command, whim) {
            (_, _, Some(8)) => return None,
            (_, _, Some(9)) => script.bytes().to_vec(),
            // Of the session 0, as an answer of nonsense has named it.
            (netfn::APP, activate_session::COMMAND, _) => return None,
            (netfn::APP, get_session_challenge::COMMAND, _) => self.challenge(&request),
            (netfn::APP, capabilities::COMMAND, _) if self.old => vec![1, 0x15, 0x04, 0x01, 0, 0, 0, 0],
            (netfn::APP, capabilities::COMMAND, Some(0)) => vec![1, 0x15, 0x04, 0x01, 0, 0, 0, 0],
            (netfn::APP, capabilities::COMMAND, _) => vec![1, 0x80 | 0x15, 0x04, 0x03, 0, 0, 0, 0],
            // A list without an end.
            (netfn::APP, cipher_suites::COMMAND, Some(0)) => {
                [&[1][..], &[0xc0, script.byte(), 0x01, 0x41], &[0x81; 12]].concat()
            }
            (netfn::APP, cipher_suites::COMMAND, _) => {
                let mut records = Vec::new();
                for suite in CipherSuite::ALL {
                    let algorithms = suite.algorithms();
                    encode_record(&mut records, &CipherSuiteRecord { id: suite.id(), oem: None, algorithms });
                }
                let index = request.data.get(2).map_or(0, |index| usize::from(index & 0x3f));
                let part = records.chunks(16).nth(index).unwrap_or_default();
                [&[1], part].concat()
            }
            other => panic!("outside a session: {other:?}"),
        };
        let completion = if whim == Some(1) { script.byte() } else { 0 };
        let mut response = LanResponse::to(&request, completion, &data);
        match whim {
            Some(2) => response.sequence ^= script.byte() & 0x3f,
            Some(3) => response.netfn ^= script.byte() & 0x3f,
            Some(4) => response.command ^= script.byte(),
            _ => {}
        }
        let mut payload = Vec::new();
        response.encode(&mut payload);
        let mut datagram = Vec::new();
        Ipmi15Packet::encode_sessionless(&mut datagram, &payload);
        Some(datagram)
    }
}
