use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rackpoll_model::Secret;

use super::{
    ber::{self, Malformed, OCTETS, Reader, SEQUENCE, Value},
    content::AgentModel,
    tree::Moment,
};

const VERSION_1: i32 = 0;
const VERSION_2C: i32 = 1;
const GET: u8 = 0xa0;
const GET_NEXT: u8 = 0xa1;
const RESPONSE: u8 = 0xa2;
const SET: u8 = 0xa3;
const GET_BULK: u8 = 0xa5;
/// Error statuses (RFC 3416 section 3).
const NO_ERROR: i32 = 0;
const TOO_BIG: i32 = 1;
const NO_SUCH_NAME: i32 = 2;
const READ_ONLY: i32 = 4;
const NOT_WRITABLE: i32 = 17;
/// Longest answer: one Ethernet frame, as of most switches.
const LONGEST: usize = 1_472;
/// What message, PDU and varbind list take around the varbinds at most, the community excepted.
const ENVELOPE: usize = 48;
/// Most varbinds of a request: more than a frame holds.
const MOST_VARBINDS: usize = 512;

/// What an agent has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AgentCounters {
    /// Datagrams that came in.
    pub datagrams_in: u64,
    /// Datagrams that went out.
    pub datagrams_out: u64,
    /// Datagrams that are no request of version 1 or 2c.
    pub malformed: u64,
    /// Requests with another community; they are not answered.
    pub wrong_community: u64,
    /// GET requests.
    pub gets: u64,
    /// GETNEXT requests.
    pub get_nexts: u64,
    /// GETBULK requests.
    pub get_bulks: u64,
    /// Varbinds in answers.
    pub varbinds: u64,
}

/// A simulated SNMP agent without clock and socket.
#[derive(Debug)]
pub struct Agent {
    model: Arc<AgentModel>,
    name: String,
    seed: u64,
    community: Secret,
    started: Instant,
    counters: AgentCounters,
}

struct Request<'a> {
    version: i32,
    community: &'a [u8],
    kind: u8,
    id: i32,
    /// Non-repeaters and max-repetitions of GETBULK; nothing else uses them.
    fields: [i32; 2],
    names: Vec<Vec<u32>>,
}

impl Agent {
    /// An agent of this make-up that starts now.
    pub fn new(
        model: Arc<AgentModel>,
        name: impl Into<String>,
        seed: u64,
        community: Secret,
        now: Instant,
    ) -> Self {
        let counters = AgentCounters::default();
        Self { model, name: name.into(), seed, community, started: now, counters }
    }

    /// Takes a datagram and gives the answer, where there is one.
    pub fn handle_datagram(&mut self, now: Instant, bytes: &[u8]) -> Option<Vec<u8>> {
        self.counters.datagrams_in += 1;
        let Ok(request) = decode(bytes) else {
            self.counters.malformed += 1;
            return None;
        };
        if request.community != self.community.expose() {
            self.counters.wrong_community += 1;
            return None;
        }
        let answer = match request.kind {
            GET => {
                self.counters.gets += 1;
                self.get(now, &request)
            }
            GET_NEXT => {
                self.counters.get_nexts += 1;
                self.get_next(now, &request)
            }
            GET_BULK if request.version == VERSION_2C => {
                self.counters.get_bulks += 1;
                self.get_bulk(now, &request)
            }
            SET => {
                let status = if request.version == VERSION_1 { READ_ONLY } else { NOT_WRITABLE };
                Answer::refused(status, 1, &request)
            }
            _ => {
                self.counters.malformed += 1;
                return None;
            }
        };
        self.counters.datagrams_out += 1;
        self.counters.varbinds += answer.count;
        Some(answer.encode(&request))
    }

    /// What it has seen.
    pub fn counters(&self) -> AgentCounters {
        self.counters
    }

    /// Starts anew: its uptime and counters begin again.
    pub fn reboot(&mut self, now: Instant) {
        self.started = now;
    }

    fn moment(&self, now: Instant) -> Moment<'_> {
        // It has been there for some hours already.
        let past = Duration::from_secs(self.seed % 86_400);
        let age = now.saturating_duration_since(self.started).saturating_add(past);
        Moment { name: &self.name, seed: self.seed, age }
    }

    fn get(&self, now: Instant, request: &Request<'_>) -> Answer {
        let moment = self.moment(now);
        let mut answer = Answer::default();
        for (place, name) in (1..).zip(&request.names) {
            let value = self.model.tree.get(name, moment);
            let missing = matches!(value, Value::NoSuchObject | Value::NoSuchInstance | Value::Counter64(_));
            if request.version == VERSION_1 && missing {
                return Answer::refused(NO_SUCH_NAME, place, request);
            }
            answer.put(name, &value);
        }
        answer.checked(request)
    }

    fn get_next(&self, now: Instant, request: &Request<'_>) -> Answer {
        let moment = self.moment(now);
        let mut answer = Answer::default();
        for (place, name) in (1..).zip(&request.names) {
            let mut next = self.model.tree.next(name, moment);
            // Version 1 has no Counter64: such objects are not there (RFC 3584 section 4.2.2.1).
            while request.version == VERSION_1 && matches!(next, Some((_, Value::Counter64(_)))) {
                next = next.and_then(|(name, _)| self.model.tree.next(name, moment));
            }
            match next {
                Some((name, value)) => answer.put(name, &value),
                None if request.version == VERSION_1 => return Answer::refused(NO_SUCH_NAME, place, request),
                None => answer.put(name, &Value::EndOfMibView),
            }
        }
        answer.checked(request)
    }

    /// RFC 3416 section 4.2.3: as many rows as fit.
    fn get_bulk(&self, now: Instant, request: &Request<'_>) -> Answer {
        let moment = self.moment(now);
        let [non_repeaters, repetitions] = request.fields.map(|field| usize::try_from(field).unwrap_or(0));
        let (once, repeated) =
            request.names.split_at_checked(non_repeaters).unwrap_or((request.names.as_slice(), &[]));
        let limit = LONGEST.saturating_sub(ENVELOPE).saturating_sub(request.community.len());
        let mut answer = Answer::default();
        for name in once {
            self.put_next(&mut answer, name, moment);
        }
        if answer.varbinds.len() > limit {
            return Answer::too_big();
        }
        let mut names: Vec<Vec<u32>> = repeated.to_vec();
        for _ in 0..repetitions {
            let mut ended = true;
            for name in &mut names {
                let before = answer.varbinds.len();
                if let Some(next) = self.put_next(&mut answer, name, moment) {
                    *name = next;
                    ended = false;
                }
                if answer.varbinds.len() > limit {
                    answer.varbinds.truncate(before);
                    answer.count = answer.count.saturating_sub(1);
                    return if answer.count == 0 { Answer::too_big() } else { answer };
                }
            }
            if ended {
                break;
            }
        }
        answer
    }

    fn put_next(&self, answer: &mut Answer, name: &[u32], moment: Moment<'_>) -> Option<Vec<u32>> {
        match self.model.tree.next(name, moment) {
            Some((next, value)) => {
                answer.put(next, &value);
                Some(next.to_vec())
            }
            None => {
                answer.put(name, &Value::EndOfMibView);
                None
            }
        }
    }
}

#[derive(Default)]
struct Answer {
    status: i32,
    index: i32,
    varbinds: Vec<u8>,
    count: u64,
}

impl Answer {
    fn put(&mut self, name: &[u32], value: &Value) {
        ber::put_varbind(&mut self.varbinds, name, value);
        self.count += 1;
    }

    /// The request's varbinds come back.
    fn refused(status: i32, index: i32, request: &Request<'_>) -> Self {
        let mut answer = Self { status, index, ..Self::default() };
        for name in &request.names {
            answer.put(name, &Value::Null);
        }
        answer
    }

    fn too_big() -> Self {
        Self { status: TOO_BIG, ..Self::default() }
    }

    fn checked(self, request: &Request<'_>) -> Self {
        let whole = self.varbinds.len().saturating_add(ENVELOPE).saturating_add(request.community.len());
        match (whole > LONGEST, request.version) {
            (false, _) => self,
            (true, VERSION_1) => Self::refused(TOO_BIG, 0, request),
            (true, _) => Self::too_big(),
        }
    }

    fn encode(&self, request: &Request<'_>) -> Vec<u8> {
        debug_assert!(self.status != NO_ERROR || self.index == 0);
        let mut pdu = Vec::with_capacity(self.varbinds.len().saturating_add(ENVELOPE));
        ber::put_integer(&mut pdu, request.id);
        ber::put_integer(&mut pdu, self.status);
        ber::put_integer(&mut pdu, self.index);
        ber::put(&mut pdu, SEQUENCE, &self.varbinds);
        let mut message = Vec::with_capacity(pdu.len().saturating_add(ENVELOPE));
        ber::put_integer(&mut message, request.version);
        ber::put(&mut message, OCTETS, request.community);
        ber::put(&mut message, RESPONSE, &pdu);
        let mut datagram = Vec::with_capacity(message.len().saturating_add(4));
        ber::put(&mut datagram, SEQUENCE, &message);
        datagram
    }
}

fn decode(bytes: &[u8]) -> Result<Request<'_>, Malformed> {
    let mut message = Reader::new(Reader::new(bytes).expect(SEQUENCE)?);
    let version = message.integer()?;
    if !matches!(version, VERSION_1 | VERSION_2C) {
        return Err(Malformed);
    }
    let community = message.expect(OCTETS)?;
    let (kind, pdu) = message.element()?;
    let mut pdu = Reader::new(pdu);
    let id = pdu.integer()?;
    let fields = [pdu.integer()?, pdu.integer()?];
    let mut list = Reader::new(pdu.expect(SEQUENCE)?);
    let mut names = Vec::new();
    while !list.is_empty() {
        let mut varbind = Reader::new(list.expect(SEQUENCE)?);
        names.push(varbind.oid()?);
        varbind.element()?;
        if names.len() > MOST_VARBINDS {
            return Err(Malformed);
        }
    }
    Ok(Request { version, community, kind, id, fields, names })
}
