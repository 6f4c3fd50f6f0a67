use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use rackpoll_ipmi::{
    command::{Privilege, completion, netfn},
    crypto::{Unsealed, seal, unseal},
    wire::{
        BMC_ADDRESS, CipherSuiteRecord, Datagram, Ipmi15Packet, LanRequest, LanResponse, OpenSessionRequest,
        OpenSessionResponse, PayloadType, Rakp1, Rakp3, RmcpPlusPacket, asf, encode_record,
        encode_sessionless,
    },
};

use rackpoll_model::Secret;

use super::{
    Behaviour, BmcConfig, Counters, Machine, Quirks,
    machine::Answer,
    session::{Sessions, privilege},
};
use crate::random::Random;

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Not before this time.
    pub at: Instant,
    /// To whom.
    pub to: SocketAddr,
    /// The datagram.
    pub bytes: Vec<u8>,
}

/// A simulated BMC. It has no clock and no socket: times and datagrams are handed in.
pub struct BmcServer {
    config: BmcConfig,
    machine: Machine,
    sessions: Sessions,
    random: Random,
    started: Instant,
    /// A reboot lasts until then.
    down_until: Option<Instant>,
    in_flight: Vec<InFlight>,
    /// Commands taken lately, oldest first: what comes again is a copy, and no command of its own.
    taken: VecDeque<Taken>,
    counters: Counters,
    plain: Vec<u8>,
}

/// A command that is not answered yet.
struct InFlight {
    until: Instant,
}

/// Session, request sequence number, network function and command.
type Taken = (u32, u8, (u8, u8));

/// So many commands are remembered; fewer than there are request sequence numbers.
const REMEMBERED: usize = 16;

/// How long a BMC is away when it reboots.
const REBOOT: Duration = Duration::from_secs(8);

impl BmcServer {
    /// A BMC that starts now.
    pub fn new(config: BmcConfig, now: Instant) -> Self {
        let mut machine = Machine::new(config.model.clone(), config.seed, config.clock, config.incidents);
        if let Some(capacity) = config.sel_capacity {
            machine.log.set_capacity(capacity);
        }
        let random = Random::new(config.seed ^ 0xb3c);
        Self {
            config,
            machine,
            sessions: Sessions::default(),
            random,
            started: now,
            down_until: None,
            in_flight: Vec::new(),
            taken: VecDeque::new(),
            counters: Counters::default(),
            plain: Vec::new(),
        }
    }

    /// Takes a datagram and gives what there is to send. Anything may come in.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Vec<Transmit> {
        self.counters.datagrams_in += 1;
        self.expire(now);
        if self.config.behaviour == Behaviour::Silent || self.is_down(now) {
            return Vec::new();
        }
        let mut out = Vec::new();
        let at = match Datagram::decode(bytes) {
            Ok(Datagram::Asf(asf::Message::Ping { tag })) => {
                asf::Message::Pong { tag, ipmi: true }.encode(&mut out);
                now
            }
            Ok(Datagram::Ipmi15(packet)) => self.before_session(now, &packet, &mut out),
            Ok(Datagram::RmcpPlus(packet)) => self.rmcp_plus(now, &packet, &mut out),
            Ok(Datagram::Asf(asf::Message::Pong { .. })) | Err(_) => {
                self.counters.malformed += 1;
                now
            }
        };
        if out.is_empty() { Vec::new() } else { self.transmit(at, from, out) }
    }

    /// What it has seen. Sessions that have timed out by now are counted as expired.
    pub fn counters(&mut self, now: Instant) -> Counters {
        self.expire(now);
        self.counters.clone()
    }

    /// How many sessions are open.
    pub fn open_sessions(&mut self, now: Instant) -> usize {
        self.expire(now);
        self.sessions.active()
    }

    /// What it is like.
    pub fn config(&self) -> &BmcConfig {
        &self.config
    }

    /// Changes how it behaves from now on.
    pub fn set_behaviour(&mut self, behaviour: Behaviour) {
        self.config.behaviour = behaviour;
    }

    /// The BMC, not the system, starts anew: sessions and reservations are forgotten, and it is away for 8 s.
    pub fn reboot(&mut self, now: Instant) {
        let lost = self.sessions.clear() as u64;
        self.counters.sessions_forgotten += lost;
        self.in_flight.clear();
        self.machine.reservations.cancel();
        self.down_until = now.checked_add(REBOOT);
    }

    /// Forgets all sessions and is there at once: what a client sees of a reboot that it slept through.
    pub fn forget_sessions(&mut self) {
        let lost = self.sessions.clear() as u64;
        self.counters.sessions_forgotten += lost;
    }

    /// Somebody sets all users' passwords; open sessions stay.
    pub fn set_password(&mut self, password: &Secret) {
        let mut users = self.config.users.to_vec();
        for user in &mut users {
            user.password = password.clone();
        }
        self.config.users = users.into();
    }

    /// Changes its habits from now on.
    pub fn set_quirks(&mut self, quirks: Quirks) {
        self.config.quirks = quirks;
    }

    /// Switches the system's power as a person at the front panel would.
    pub fn set_power(&mut self, now: Instant, on: bool) {
        let at = self.age(now);
        self.machine.set_power(at, on);
    }

    /// Whether the system is on.
    pub fn power(&self) -> bool {
        self.machine.power()
    }

    /// The managed system, and how long it has been there.
    pub fn machine(&mut self, now: Instant) -> (&mut Machine, Duration) {
        let at = self.age(now);
        (&mut self.machine, at)
    }

    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.started)
    }

    fn is_down(&self, now: Instant) -> bool {
        self.down_until.is_some_and(|until| now < until)
    }

    fn expire(&mut self, now: Instant) {
        let expired = self.sessions.expire(now, self.config.session_timeout, self.config.login_timeout);
        self.counters.sessions_expired += expired as u64;
        self.in_flight.retain(|command| command.until > now);
    }

    /// IPMI 1.5 session header: commands before a session.
    fn before_session(&mut self, now: Instant, packet: &Ipmi15Packet<'_>, out: &mut Vec<u8>) -> Instant {
        match LanRequest::decode(packet.payload) {
            Ok(request)
                if packet.is_sessionless()
                    && request.command == CIPHER_SUITES
                    && self.config.quirks.hides_suites =>
            {
                now
            }
            Ok(request) if packet.is_sessionless() => {
                let answer = self.sessionless_command(&request);
                Ipmi15Packet::encode_sessionless(out, &lan_answer(&request, answer));
                now.checked_add(self.config.response_time).unwrap_or(now)
            }
            _ => {
                self.counters.malformed += 1;
                now
            }
        }
    }

    fn rmcp_plus(&mut self, now: Instant, packet: &RmcpPlusPacket<'_>, out: &mut Vec<u8>) -> Instant {
        if packet.session_id != 0 {
            return self.in_session(now, packet, out);
        }
        let later = now.checked_add(self.config.response_time).unwrap_or(now);
        let mut payload = Vec::new();
        let answer_type = match packet.payload_type {
            PayloadType::Ipmi => {
                let Ok(request) = LanRequest::decode(packet.payload) else {
                    self.counters.malformed += 1;
                    return now;
                };
                let answer = self.sessionless_command(&request);
                payload = lan_answer(&request, answer);
                PayloadType::Ipmi
            }
            PayloadType::OpenSessionRequest => {
                let Ok(request) = OpenSessionRequest::decode(packet.payload) else {
                    self.counters.malformed += 1;
                    return now;
                };
                let response = self.sessions.open(now, &self.config, &mut self.random, &request);
                if matches!(response, OpenSessionResponse::Refused { .. }) {
                    self.counters.logins_refused += 1;
                }
                self.counters.most_sessions = self.counters.most_sessions.max(self.sessions.len());
                response.encode(&mut payload);
                PayloadType::OpenSessionResponse
            }
            PayloadType::Rakp1 => {
                let Ok(message) = Rakp1::decode(packet.payload) else {
                    self.counters.malformed += 1;
                    return now;
                };
                let guid = self.machine.guid();
                let result =
                    self.sessions.rakp1(now, &self.config, guid, &mut self.random, &message, &mut payload);
                self.counters.logged_in(result.map(|()| false));
                PayloadType::Rakp2
            }
            PayloadType::Rakp3 => {
                let Ok(message) = Rakp3::decode(packet.payload) else {
                    self.counters.malformed += 1;
                    return now;
                };
                let result = self.sessions.rakp3(now, &self.config, &message, packet.payload, &mut payload);
                self.counters.logged_in(result);
                PayloadType::Rakp4
            }
            _ => {
                self.counters.malformed += 1;
                return now;
            }
        };
        if !payload.is_empty() {
            encode_sessionless(out, answer_type, &payload);
        }
        later
    }

    /// A datagram of a session.
    fn in_session(&mut self, now: Instant, packet: &RmcpPlusPacket<'_>, out: &mut Vec<u8>) -> Instant {
        let id = packet.session_id;
        let mut plain = std::mem::take(&mut self.plain);
        let taken = self.take_in(now, packet, &mut plain);
        let request = taken.then(|| LanRequest::decode(&plain));
        let at = match request {
            None => now,
            Some(Err(_)) => {
                self.counters.malformed += 1;
                now
            }
            Some(Ok(request)) => self.session_command(now, id, &request, out),
        };
        self.plain = plain;
        at
    }

    /// Checks session, code and sequence number, and decrypts.
    fn take_in(&mut self, now: Instant, packet: &RmcpPlusPacket<'_>, plain: &mut Vec<u8>) -> bool {
        let Some(session) = self.sessions.get_mut(packet.session_id) else {
            self.counters.unknown_session += 1;
            return false;
        };
        let Some(active) = session.active_mut() else {
            self.counters.unknown_session += 1;
            return false;
        };
        if packet.payload_type != PayloadType::Ipmi {
            self.counters.malformed += 1;
            return false;
        }
        if unseal(plain, &active.keys, packet) != Unsealed::Plain {
            self.counters.unauthentic += 1;
            return false;
        }
        if !active.window.take(packet.sequence) {
            self.counters.out_of_window += 1;
            return false;
        }
        session.last_heard = now;
        true
    }

    fn session_command(
        &mut self,
        now: Instant,
        id: u32,
        request: &LanRequest<'_>,
        out: &mut Vec<u8>,
    ) -> Instant {
        let until = now.checked_add(self.config.response_time).unwrap_or(now);
        let command = (request.netfn, request.command);
        let taken = (id, request.sequence, command);
        if !self.taken.contains(&taken) {
            self.taken.push_back(taken);
            if self.taken.len() > REMEMBERED {
                self.taken.pop_front();
            }
            let in_flight = self.in_flight.len().saturating_add(1);
            self.counters.most_in_flight = self.counters.most_in_flight.max(in_flight);
            if in_flight > self.config.buffers {
                self.counters.overrun += 1;
                return now;
            }
            if until > now {
                self.in_flight.push(InFlight { until });
            }
        }
        *self.counters.commands.entry(command).or_default() += 1;
        let quirks = &self.config.quirks;
        let mute_sensor = command == (netfn::SENSOR, READ_SENSOR)
            && request.data.first().is_some_and(|sensor| quirks.mute_sensors.contains(sensor));
        if mute_sensor || quirks.mute_commands.contains(&command) {
            return now;
        }
        let answer = match self.config.quirks.busy.checked_sub(1) {
            Some(left) => {
                self.config.quirks.busy = left;
                Err(completion::NODE_BUSY)
            }
            None => self.command_in_session(now, id, request),
        };
        let message = lan_answer(request, answer);
        let iv = self.random.bytes();
        if let Some(session) = self.sessions.get_mut(id) {
            let console = session.console_id;
            if let Some(active) = session.active_mut() {
                active.sequence = active.sequence.wrapping_add(1).max(1);
                seal(out, &active.keys, PayloadType::Ipmi, console, active.sequence, iv, &message);
            }
        }
        if request.netfn == netfn::APP && request.command == CLOSE_SESSION && closes(request.data) == Some(id)
        {
            self.sessions.remove(id);
            self.counters.sessions_closed += 1;
        }
        until
    }

    fn command_in_session(&mut self, now: Instant, id: u32, request: &LanRequest<'_>) -> Answer {
        if request.responder != BMC_ADDRESS {
            // Nothing is behind this BMC.
            return Err(0xd3);
        }
        let at = self.age(now);
        let Some(active) = self.sessions.get_mut(id).and_then(|session| session.active_mut()) else {
            return Err(completion::UNSPECIFIED);
        };
        let quirks = &self.config.quirks;
        let needs = quirks.needs.iter().find(|(command, _)| *command == (request.netfn, request.command));
        if needs.is_some_and(|(_, needs)| active.level < *needs) {
            return Err(completion::INSUFFICIENT_PRIVILEGE);
        }
        match (request.netfn, request.command) {
            (netfn::APP, SET_PRIVILEGE) if quirks.no_set_privilege => Err(completion::INVALID_COMMAND),
            (netfn::APP, SET_PRIVILEGE) => {
                let wanted = request.data.first().ok_or(completion::REQUEST_LENGTH)? & 0x0f;
                if wanted != 0 {
                    let wanted = privilege(wanted).ok_or(completion::INVALID_DATA_FIELD)?;
                    if wanted > active.user_limit {
                        return Err(0x80);
                    }
                    if wanted > active.session_limit {
                        return Err(0x81);
                    }
                    active.level = wanted;
                }
                Ok(vec![active.level as u8])
            }
            (netfn::APP, CLOSE_SESSION) => match closes(request.data) {
                Some(own) if own == id => Ok(Vec::new()),
                Some(other) if active.level == Privilege::Administrator => {
                    if self.sessions.remove(other) {
                        self.counters.sessions_closed += 1;
                        Ok(Vec::new())
                    } else {
                        Err(0x87)
                    }
                }
                Some(_) => Err(completion::INSUFFICIENT_PRIVILEGE),
                None => Err(completion::REQUEST_LENGTH),
            },
            (netfn::APP, AUTHENTICATION_CAPABILITIES | CIPHER_SUITES) => self.channel_command(request),
            (network_function, command) => {
                let level = active.level;
                self.machine.execute(at, level, network_function, command, request.data)
            }
        }
    }

    /// What may be asked without a session.
    fn sessionless_command(&mut self, request: &LanRequest<'_>) -> Answer {
        *self.counters.commands.entry((request.netfn, request.command)).or_default() += 1;
        match (request.netfn, request.command) {
            (netfn::APP, AUTHENTICATION_CAPABILITIES | CIPHER_SUITES) => self.channel_command(request),
            (netfn::APP, SYSTEM_GUID) => Ok(self.machine.guid().to_vec()),
            _ => Err(completion::INSUFFICIENT_PRIVILEGE),
        }
    }

    fn channel_command(&self, request: &LanRequest<'_>) -> Answer {
        match (request.command, request.data) {
            // Table 22-15. No IPMI 1.5 sessions; users have names; IPMI 2.0 only.
            (AUTHENTICATION_CAPABILITIES, [channel, _level]) => {
                let extended = channel & 0x80;
                let status = 0x04 | if self.config.k_g.is_some() { 0x20 } else { 0 };
                Ok(vec![CHANNEL, extended, status, if extended == 0 { 0 } else { 0x02 }, 0, 0, 0, 0])
            }
            (CIPHER_SUITES, [_channel, _payload, index]) => {
                let mut records = Vec::new();
                for suite in &self.config.suites {
                    let record =
                        CipherSuiteRecord { id: suite.id(), oem: None, algorithms: suite.algorithms() };
                    encode_record(&mut records, &record);
                }
                // Sixteen bytes an answer (table 22-17).
                let start = usize::from(index & 0x3f).saturating_mul(16);
                let mut answer = vec![CHANNEL];
                answer.extend(records.iter().skip(start).take(16));
                Ok(answer)
            }
            _ => Err(completion::REQUEST_LENGTH),
        }
    }

    fn transmit(&mut self, at: Instant, to: SocketAddr, bytes: Vec<u8>) -> Vec<Transmit> {
        let datagrams = match self.config.behaviour {
            Behaviour::Normal => vec![bytes],
            Behaviour::Twice => vec![bytes.clone(), bytes],
            Behaviour::Garbage => vec![self.garbage(bytes)],
            Behaviour::Silent => Vec::new(),
        };
        self.counters.datagrams_out += datagrams.len() as u64;
        datagrams.into_iter().map(|bytes| Transmit { at, to, bytes }).collect()
    }

    fn garbage(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self.random.below(3) {
            0 => {
                let length = self.random.below(64).saturating_add(1) as usize;
                (0..length).map(|_| self.random.next_u64() as u8).collect()
            }
            1 => {
                bytes.truncate(self.random.below(bytes.len() as u64) as usize);
                bytes
            }
            _ => {
                // RMCP header and authentication type stay.
                for byte in bytes.iter_mut().skip(5) {
                    *byte = self.random.next_u64() as u8;
                }
                bytes
            }
        }
    }
}

/// Channel number of the LAN.
const CHANNEL: u8 = 0x01;
/// Get Sensor Reading.
const READ_SENSOR: u8 = 0x2d;
const SYSTEM_GUID: u8 = 0x37;
const AUTHENTICATION_CAPABILITIES: u8 = 0x38;
const SET_PRIVILEGE: u8 = 0x3b;
const CLOSE_SESSION: u8 = 0x3c;
const CIPHER_SUITES: u8 = 0x54;

/// The session that Close Session names.
fn closes(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_le_bytes)
}

fn lan_answer(request: &LanRequest<'_>, answer: Answer) -> Vec<u8> {
    let (code, data) = match answer {
        Ok(data) => (completion::OK, data),
        Err(code) => (code, Vec::new()),
    };
    let mut message = Vec::with_capacity(data.len().saturating_add(8));
    LanResponse::to(request, code, &data).encode(&mut message);
    message
}
