//! A small SNMPv2c agent on loopback whose every answer a test can spoil.
#![allow(unreachable_pub, reason = "a module of one test program")]

use std::{
    net::SocketAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_snmp::{DecodeConfig, PduType, message::CommunityMessage};
use bytes::Bytes;
use rackpoll_model::{Oid, Value, VarBind};
use tokio::{net::UdpSocket, task::JoinHandle};

pub const COMMUNITY: &str = "of-the-faulty";

/// ifDescr, as an example of texts.
pub fn names() -> &'static str {
    "1.3.6.1.2.1.2.2.1.2"
}

/// ifInOctets, as an example of counters.
pub fn counters() -> &'static str {
    "1.3.6.1.2.1.2.2.1.10"
}

/// 40 rows of both, and one object behind them, in the order of a tree.
pub static TREE: LazyLock<Vec<VarBind>> = LazyLock::new(|| {
    let row = |column: &str, index: u32, value| VarBind { oid: by_index(column, index), value };
    let texts = (1..=40)
        .map(|index| row(names(), index, Value::OctetString(format!("Ethernet{index}").into_bytes().into())));
    let numbers = (1..=40).map(|index| row(counters(), index, Value::Counter32(index * 1_000)));
    let last = VarBind { oid: "1.3.6.1.2.1.31.1.1.1.1.1".parse().unwrap(), value: Value::Integer(1) };
    texts.chain(numbers).chain([last]).collect()
});

fn by_index(column: &str, index: u32) -> Oid {
    column.parse::<Oid>().unwrap().join(&[index])
}

/// A row of a column, counted from 1.
pub fn by_name(column: &str, index: u32) -> VarBind {
    let oid = by_index(column, index);
    TREE.iter().find(|varbind| varbind.oid == oid).unwrap().clone()
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Get,
    GetNext,
    GetBulk,
}

/// A request as it came.
#[derive(Debug)]
pub struct Request {
    pub id: i32,
    pub kind: Kind,
    /// 0 for all but GETBULK.
    pub repetitions: u32,
    pub oids: Vec<Oid>,
}

/// An answer, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Answer {
    id: i32,
    status: u8,
    index: u8,
    varbinds: Vec<VarBind>,
    damaged: Option<Oid>,
    delay: Duration,
    elsewhere: bool,
    cut: bool,
    garbage: bool,
}

impl Answer {
    /// An answer without variables.
    pub fn to(request: &Request) -> Self {
        Self {
            id: request.id,
            status: 0,
            index: 0,
            varbinds: Vec::new(),
            damaged: None,
            delay: Duration::ZERO,
            elsewhere: false,
            cut: false,
            garbage: false,
        }
    }

    pub fn with(mut self, varbind: &VarBind) -> Self {
        self.varbinds.push(varbind.clone());
        self
    }

    pub fn with_id(self, id: i32) -> Self {
        Self { id: id & 0x7fff_ffff, ..self }
    }

    pub fn refused(self, status: u8, index: u8) -> Self {
        Self { status, index, ..self }
    }

    pub fn after(self, millis: u64) -> Self {
        Self { delay: Duration::from_millis(millis), ..self }
    }

    pub fn sent_elsewhere(self) -> Self {
        Self { elsewhere: true, ..self }
    }

    /// The value of this variable gets contents that do not fit its tag.
    pub fn damaging(self, oid: &Oid) -> Self {
        Self { damaged: Some(oid.clone()), ..self }
    }

    /// The last variable loses its last bytes, and all lengths around it are right.
    pub fn cut(self) -> Self {
        Self { cut: true, ..self }
    }

    pub fn garbage(self) -> Self {
        Self { garbage: true, ..self }
    }

    pub fn mentions(&self, oid: &Oid) -> bool {
        self.varbinds.iter().any(|varbind| varbind.oid == *oid)
    }

    /// Bytes of the datagram.
    pub fn size(&self) -> usize {
        self.encode().len()
    }

    fn encode(&self) -> Vec<u8> {
        if self.garbage {
            return (0..100_u8).map(|byte| byte.wrapping_mul(37)).collect();
        }
        let mut list: Vec<u8> = self.varbinds.iter().flat_map(|varbind| self.varbind(varbind)).collect();
        if self.cut {
            list.truncate(list.len().saturating_sub(2));
        }
        let pdu = [
            element(0x02, &self.id.to_be_bytes()),
            element(0x02, &[self.status]),
            element(0x02, &[self.index]),
            element(0x30, &list),
        ];
        let message =
            [element(0x02, &[1]), element(0x04, COMMUNITY.as_bytes()), element(0xa2, &pdu.concat())];
        element(0x30, &message.concat())
    }

    fn varbind(&self, varbind: &VarBind) -> Vec<u8> {
        let value = match &varbind.value {
            // An IpAddress of three bytes.
            _ if self.damaged.as_ref() == Some(&varbind.oid) => element(0x40, &[10, 0, 1]),
            Value::OctetString(bytes) => element(0x04, bytes),
            Value::Counter32(number) => element(0x41, &[&[0], number.to_be_bytes().as_slice()].concat()),
            Value::Integer(number) => element(0x02, &number.to_be_bytes()),
            Value::NoSuchInstance => element(0x81, &[]),
            _ => element(0x82, &[]),
        };
        element(0x30, &[oid(&varbind.oid), value].concat())
    }
}

fn element(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
    // Always the long form, which BER allows.
    [&[tag, 0x82], length.as_slice(), contents].concat()
}

fn oid(oid: &Oid) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(oid.numbers()[0] * 40 + oid.numbers()[1]).unwrap()];
    for number in &oid.numbers()[2..] {
        let groups = (0..5).rev().map(|group| (number >> (7 * group)) & 0x7f);
        let mut groups: Vec<u32> = groups.skip_while(|group| *group == 0).collect();
        if groups.is_empty() {
            groups.push(0);
        }
        let last = groups.len() - 1;
        bytes.extend(
            groups
                .iter()
                .enumerate()
                .map(|(place, group)| u8::try_from(*group).unwrap() | if place < last { 0x80 } else { 0 }),
        );
    }
    element(0x06, &bytes)
}

/// The agent, until it is dropped.
pub struct Faulty {
    pub address: SocketAddr,
    task: JoinHandle<()>,
    counters: Arc<[AtomicU32; 4]>,
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Faulty {
    /// Starts it; `spoil` is handed each request with the honest answer to it, and says what goes out.
    pub async fn start<F>(mut spoil: F) -> Self
    where
        F: FnMut(&Request, Answer) -> Vec<Answer> + Send + 'static,
    {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let other = Arc::new(UdpSocket::bind("127.0.0.2:0").await.unwrap());
        let address = socket.local_addr().unwrap();
        let counters: Arc<[AtomicU32; 4]> = Arc::default();
        let counted = Arc::clone(&counters);
        let task = tokio::spawn(async move {
            let mut buffer = [0; 2_000];
            loop {
                let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
                let Some(request) = decode(&buffer[..length]) else { continue };
                counted[request.kind as usize].fetch_add(1, Ordering::Relaxed);
                for answer in spoil(&request, honest(&request)) {
                    if answer.status != 0 {
                        counted[3].fetch_add(1, Ordering::Relaxed);
                    }
                    let socket = Arc::clone(if answer.elsewhere { &other } else { &socket });
                    tokio::spawn(async move {
                        tokio::time::sleep(answer.delay).await;
                        // A test that is over has nobody left to hear it.
                        let _ = socket.send_to(&answer.encode(), peer).await;
                    });
                }
            }
        });
        Self { address, task, counters }
    }

    /// How many requests of a kind have come.
    pub fn count(&self, kind: Kind) -> u32 {
        self.counters[kind as usize].load(Ordering::Relaxed)
    }

    /// How many answers had an error status.
    pub fn refused(&self) -> u32 {
        self.counters[3].load(Ordering::Relaxed)
    }
}

fn decode(bytes: &[u8]) -> Option<Request> {
    let message = CommunityMessage::decode(Bytes::copy_from_slice(bytes), DecodeConfig::STRICT).ok()?.value;
    if message.community().as_bytes() != COMMUNITY.as_bytes() {
        return None;
    }
    let pdu = message.into_pdu()?;
    let (kind, repetitions) = match pdu.pdu_type() {
        PduType::GetRequest => (Kind::Get, 0),
        PduType::GetNextRequest => (Kind::GetNext, 0),
        PduType::GetBulkRequest => (Kind::GetBulk, pdu.get_bulk_fields()?.1),
        _ => return None,
    };
    let oids = pdu.varbinds().iter().map(|varbind| Oid::new(varbind.oid.arcs())).collect();
    let (id, ..) = pdu.into_raw_parts();
    Some(Request { id, kind, repetitions, oids })
}

fn honest(request: &Request) -> Answer {
    let mut answer = Answer::to(request);
    let mut at = request.oids.clone();
    for _ in 0..request.repetitions.max(1) {
        for oid in &mut at {
            let varbind = match request.kind {
                Kind::Get => TREE
                    .iter()
                    .find(|varbind| varbind.oid == *oid)
                    .cloned()
                    .unwrap_or_else(|| VarBind { oid: oid.clone(), value: Value::NoSuchInstance }),
                Kind::GetNext | Kind::GetBulk => TREE
                    .iter()
                    .find(|varbind| varbind.oid > *oid)
                    .cloned()
                    .unwrap_or_else(|| VarBind { oid: oid.clone(), value: Value::EndOfMibView }),
            };
            *oid = varbind.oid.clone();
            answer.varbinds.push(varbind);
        }
    }
    answer
}
