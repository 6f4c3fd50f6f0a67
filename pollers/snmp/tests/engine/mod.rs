//! An SNMPv3 agent on loopback whose engine a test turns as it likes, and whose every message it can spoil: what snmpd does
//! right (RFC 3414, clause 3.2), unless a test wants it otherwise.
#![allow(unreachable_pub, reason = "a module of one test program")]

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use async_snmp::{
    AuthProtocol, DecodeConfig, MasterKeys, Oid, PrivProtocol,
    ber::Decoder,
    message::{RawMsgData, RawV3Message, ScopedPdu, SecurityLevel},
    v3::{LocalizedKey, PrivKey, SaltCounter, UsmSecurityParams},
};
use bytes::Bytes;
use tokio::{net::UdpSocket, task::JoinHandle};

/// Its one user, with SHA-256 and AES, authPriv.
pub const USER: &str = "monitor";
/// What it answers to everything.
pub const NAME: &str = "turned";
/// The counters of usmStats (RFC 3414, clause 5) by their last number.
pub mod usm_stats {
    pub const UNSUPPORTED_SEC_LEVELS: u8 = 1;
    pub const NOT_IN_TIME_WINDOWS: u8 = 2;
    pub const UNKNOWN_USER_NAMES: u8 = 3;
    pub const UNKNOWN_ENGINE_IDS: u8 = 4;
    pub const WRONG_DIGESTS: u8 = 5;
    pub const DECRYPTION_ERRORS: u8 = 6;
}
/// Seconds by which a request's time may be off (RFC 3414, clause 2.2.3).
const WINDOW: u64 = 150;

/// What the agent is and knows of itself.
#[derive(Debug, Clone)]
pub struct Identity {
    pub id: Vec<u8>,
    pub boots: u32,
    /// snmpEngineTime, and when it was that.
    time: (i64, Instant),
    /// Whether requests of another time are refused.
    pub checks: bool,
}

impl Identity {
    pub fn time(&self) -> u32 {
        let (time, since) = self.time;
        u32::try_from(time + i64::try_from(since.elapsed().as_secs()).unwrap()).unwrap()
    }

    /// Moves its clock.
    pub fn turn_by(&mut self, seconds: i64) {
        self.time.0 += seconds;
    }
}

/// What came in, as far as a test wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    user: Vec<u8>,
    pub level: SecurityLevel,
    pub boots: u32,
    pub time: u32,
    msg_id: i32,
    request_id: i32,
}

/// What goes out.
#[derive(Debug, Clone)]
pub struct Message {
    /// A report of this counter of usmStats or, without one, the answer.
    pub report: Option<Vec<u8>>,
    pub level: SecurityLevel,
    pub engine: Vec<u8>,
    pub boots: u32,
    pub time: u32,
    pub varbinds: Vec<u8>,
    pub request: Request,
}

impl Message {
    /// A report in place of it, signed or not.
    pub fn reporting(self, counter: u8, level: SecurityLevel) -> Self {
        self.reporting_oid(&[0x2b, 6, 1, 6, 3, 0x0f, 1, 1, counter, 0], level)
    }

    pub fn reporting_oid(self, oid: &[u8], level: SecurityLevel) -> Self {
        Self { report: Some(oid.to_vec()), level, ..self }
    }
}

pub struct Engine {
    pub address: SocketAddr,
    identity: Arc<Mutex<Identity>>,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Engine {
    /// Starts it; `spoil` is handed each request with the honest message to it, and says what goes out.
    pub async fn start<F>(passwords: [&str; 2], mut spoil: F) -> Self
    where
        F: FnMut(&Request, Message) -> Vec<Message> + Send + 'static,
    {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let [auth, privacy] = passwords;
        let keys = MasterKeys::new(AuthProtocol::Sha256, auth.as_bytes())
            .unwrap()
            .with_privacy(PrivProtocol::Aes128, privacy.as_bytes())
            .unwrap();
        let identity = Arc::new(Mutex::new(Identity {
            id: b"\x80\x00\x00\x00\x01turn".to_vec(),
            boots: 20,
            time: (100_000, Instant::now()),
            checks: true,
        }));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (its, heard) = (Arc::clone(&identity), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            let salt = SaltCounter::new().unwrap();
            let mut buffer = [0; 2_000];
            loop {
                let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
                let identity = its.lock().unwrap().clone();
                let (auth, privacy) = keys.localize(&identity.id).unwrap();
                let local = Local { identity, auth, privacy: privacy.unwrap() };
                let (request, honest) = local.hear(&buffer[..length]);
                heard.lock().unwrap().push(request.clone());
                for message in spoil(&request, honest) {
                    let (auth, privacy) = keys.localize(&message.engine).unwrap();
                    // A test that is over has nobody left to hear it.
                    let _ = socket.send_to(&encode(&message, &auth, &privacy.unwrap(), &salt), peer).await;
                }
            }
        });
        Self { address, identity, requests, task }
    }

    pub fn identity(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock().unwrap()
    }

    /// The requests since this was asked last.
    pub fn requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

/// The engine with its keys.
struct Local {
    identity: Identity,
    auth: LocalizedKey,
    privacy: PrivKey,
}

impl Local {
    fn hear(&self, datagram: &[u8]) -> (Request, Message) {
        let datagram = Bytes::copy_from_slice(datagram);
        let raw = RawV3Message::decode(datagram.clone(), DecodeConfig::STRICT).unwrap().value;
        let security =
            UsmSecurityParams::decode(raw.security_params().clone(), DecodeConfig::STRICT).unwrap().value;
        let mut request = Request {
            user: security.username().to_vec(),
            level: raw.security_level(),
            boots: security.engine_boots(),
            time: security.engine_time(),
            msg_id: raw.msg_id(),
            request_id: 0,
        };
        let varbinds = match self.refusal(&datagram, &raw, &security) {
            Some(counter) => {
                let level = match counter {
                    usm_stats::NOT_IN_TIME_WINDOWS | usm_stats::DECRYPTION_ERRORS => {
                        SecurityLevel::AuthNoPriv
                    }
                    _ => SecurityLevel::NoAuthNoPriv,
                };
                let honest = self.message(&request, Vec::new()).reporting(counter, level);
                return (request, honest);
            }
            None => {
                let scoped = self.scoped(&raw, &security).unwrap();
                request.request_id = scoped.pdu.clone().into_raw_parts().0;
                // GETNEXT and GETBULK find what a GET of sysName finds, and after it nothing.
                let asked = scoped.pdu.varbinds().iter().map(|varbind| varbind.oid.clone());
                asked
                    .flat_map(|oid| answer(&oid, scoped.pdu.pdu_type() == async_snmp::PduType::GetRequest))
                    .collect()
            }
        };
        let honest = self.message(&request, varbinds);
        (request, honest)
    }

    /// The counter that refuses it, by the steps of RFC 3414, clause 3.2.
    fn refusal(&self, datagram: &Bytes, raw: &RawV3Message, security: &UsmSecurityParams) -> Option<u8> {
        let Identity { id, boots, checks, .. } = &self.identity;
        if security.engine_id() != id {
            return Some(usm_stats::UNKNOWN_ENGINE_IDS);
        }
        if security.username() != USER.as_bytes() {
            return Some(usm_stats::UNKNOWN_USER_NAMES);
        }
        if raw.security_level() == SecurityLevel::NoAuthNoPriv {
            return None;
        }
        let (at, length) = UsmSecurityParams::find_auth_params_offset(datagram).unwrap();
        if !async_snmp::v3::auth::verify_message(&self.auth, datagram, at, length).unwrap() {
            return Some(usm_stats::WRONG_DIGESTS);
        }
        let off = u64::from(self.identity.time().abs_diff(security.engine_time()));
        if *checks && (security.engine_boots() != *boots || *boots == 0x7fff_ffff || off > WINDOW) {
            return Some(usm_stats::NOT_IN_TIME_WINDOWS);
        }
        self.scoped(raw, security).is_none().then_some(usm_stats::DECRYPTION_ERRORS)
    }

    fn scoped(&self, raw: &RawV3Message, security: &UsmSecurityParams) -> Option<ScopedPdu> {
        let plain = match raw.msg_data() {
            RawMsgData::Plaintext { data, .. } => data.clone(),
            RawMsgData::Encrypted(data) => self
                .privacy
                .decrypt(data, security.engine_boots(), security.engine_time(), security.priv_params())
                .ok()?,
        };
        ScopedPdu::decode(&mut Decoder::new(plain)).ok()
    }

    fn message(&self, request: &Request, varbinds: Vec<u8>) -> Message {
        let Identity { id, boots, .. } = &self.identity;
        Message {
            report: None,
            level: request.level,
            engine: id.clone(),
            boots: *boots,
            time: self.identity.time(),
            varbinds,
            request: request.clone(),
        }
    }
}

fn answer(oid: &Oid, get: bool) -> Vec<u8> {
    const SYS_NAME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 5, 0];
    let found = if get { oid.arcs() == SYS_NAME } else { oid.arcs() < &SYS_NAME[..] };
    let (name, value) = if found {
        (vec![0x2b, 6, 1, 2, 1, 1, 5, 0], element(0x04, NAME.as_bytes()))
    } else {
        // endOfMibView
        (vec![0x2b, 6, 1, 2, 1, 1, 5, 0], vec![0x82, 0])
    };
    element(0x30, &[element(0x06, &name), value].concat())
}

fn encode(message: &Message, auth: &LocalizedKey, privacy: &PrivKey, salt: &SaltCounter) -> Vec<u8> {
    let Message { report, level, engine, boots, time, varbinds, request } = message;
    let (tag, request_id, varbinds) = match report {
        Some(counter) => {
            let varbind = [element(0x06, counter), element(0x41, &[1])].concat();
            (0xa8, 0, element(0x30, &varbind))
        }
        None => (0xa2, request.request_id, varbinds.clone()),
    };
    let pdu = [integer(request_id), integer(0), integer(0), element(0x30, &varbinds)].concat();
    let scoped = element(0x30, &[element(0x04, engine), element(0x04, &[]), element(tag, &pdu)].concat());
    let (flags, mac) = match level {
        SecurityLevel::NoAuthNoPriv => (0, vec![]),
        SecurityLevel::AuthNoPriv => (1, vec![0; auth.mac_len()]),
        SecurityLevel::AuthPriv => (3, vec![0; auth.mac_len()]),
    };
    let (data, salt) = if flags == 3 {
        let (data, salt) = privacy.encrypt_aes(&scoped, *boots, *time, salt).unwrap();
        (element(0x04, &data), salt)
    } else {
        (scoped, Bytes::new())
    };
    let stamp = |number: &u32| integer(i32::try_from(*number).unwrap());
    let security = [
        element(0x04, engine),
        stamp(boots),
        stamp(time),
        element(0x04, &request.user),
        element(0x04, &mac),
        element(0x04, &salt),
    ];
    let security = element(0x04, &element(0x30, &security.concat()));
    let header = [integer(request.msg_id), integer(65_507), element(0x04, &[flags]), integer(3)];
    let mut datagram = element(0x30, &[integer(3), element(0x30, &header.concat()), security, data].concat());
    if !mac.is_empty() {
        let (at, length) = UsmSecurityParams::find_auth_params_offset(&datagram).unwrap();
        async_snmp::v3::auth::authenticate_message(auth, &mut datagram, at, length).unwrap();
    }
    datagram
}

fn integer(number: i32) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    // As few bytes as it takes: the leading ones that only repeat the sign are left out.
    let skip = (0..3).take_while(|&at| bytes[at] == 0 && bytes[at + 1] < 0x80).count();
    element(0x02, &bytes[skip..])
}

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap();
    let length = if length < 0x80 {
        vec![u8::try_from(length).unwrap()]
    } else {
        [&[0x82], length.to_be_bytes().as_slice()].concat()
    };
    [&[tag], length.as_slice(), contents].concat()
}
