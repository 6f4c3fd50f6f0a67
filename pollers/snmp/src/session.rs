use std::net::SocketAddr;

use async_snmp::{Error, ErrorStatus, transport::alloc_request_id};
use rackpoll_model::{Fault, FaultKind, Oid, Secret, SnmpCredential};

use crate::{
    SnmpSockets,
    agent::{Agent, Answer, Failure},
    message::{self, Kind, NoAnswer, Response, V1, V2C},
    usm::Usm,
    wire::{FRAME, Seen, Wire},
};

/// A conversation with one agent.
pub(crate) struct Session {
    wire: Wire,
    speech: Speech,
}

/// What the two speak.
enum Speech {
    Community {
        version: u8,
        community: Secret,
    },
    /// Boxed: the library's part is large, and most agents have none.
    Usm(Box<Usm>),
}

/// The error status of an answer that is one.
const NO_ERROR: i32 = 0;
/// RFC 3416, clause 3.
const TOO_BIG: i32 = 1;

impl Session {
    pub(crate) async fn open(
        sockets: &SnmpSockets,
        peer: SocketAddr,
        credential: &SnmpCredential,
    ) -> Result<Self, Fault> {
        let wire = Wire::new(sockets.line(peer).await?, peer);
        let speech = match credential {
            SnmpCredential::V1(community) => Speech::Community { version: V1, community: community.clone() },
            SnmpCredential::V2c(community) => {
                Speech::Community { version: V2C, community: community.clone() }
            }
            SnmpCredential::V3(user) => Speech::Usm(Box::new(Usm::open(sockets, wire.clone(), user)?)),
        };
        Ok(Self { wire, speech })
    }

    async fn exchange(&self, kind: Kind, oids: &[Oid]) -> Result<Answer, Failure> {
        let answer = match &self.speech {
            Speech::Community { version, community } => {
                self.ask(*version, community.expose(), kind, oids).await
            }
            // Boxed: the library's futures are large, and thousands of polls wait with one at a time.
            Speech::Usm(usm) => Box::pin(usm.exchange(kind, oids)).await,
        };
        self.wire.release();
        answer
    }

    async fn ask(&self, version: u8, community: &[u8], kind: Kind, oids: &[Oid]) -> Result<Answer, Failure> {
        let id = alloc_request_id();
        let request = message::request(version, community, id, kind, oids);
        if request.len() > FRAME {
            // Ours is too big, which another day's tooBig may be too: fewer names help.
            return Err(Failure::TooBig);
        }
        let look = |datagram: bytes::Bytes, _| {
            Ok(match message::read(&datagram, version, community, id) {
                Ok(response) => Seen::Answer((response, datagram.len())),
                Err(NoAnswer::Stranger) => Seen::Stranger,
                Err(NoAnswer::Undecodable) => Seen::Bad,
            })
        };
        let answer = self.wire.exchange(std::iter::once(id), &request, look).await;
        match answer.map_err(|error| failure(&error))? {
            (Response { status: NO_ERROR, varbinds, .. }, size) => Ok(Answer { varbinds, size }),
            (Response { status: TOO_BIG, .. }, _) => Err(Failure::TooBig),
            (Response { status, index, .. }, _) => Err(Failure::Status { status, index }),
        }
    }

    /// How often the agent's engine had to be asked for anew.
    pub(crate) fn renewed(&self) -> u32 {
        match &self.speech {
            Speech::Community { .. } => 0,
            Speech::Usm(usm) => usm.renewed(),
        }
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// A time-out during which something did come is another fault than silence; and what silence is about depends on the
    /// version.
    pub(crate) fn explain(&self, fault: Fault) -> Fault {
        if fault.kind != FaultKind::Timeout {
            return fault;
        }
        if self.wire.heard().dropped > 0 {
            let what = "what the agent answers cannot be decoded; no good answer came within the deadline";
            return Fault::new(FaultKind::BadAnswer, what);
        }
        match &self.speech {
            Speech::Community { .. } => fault,
            Speech::Usm(usm) => usm.silence(),
        }
    }
}

impl Agent for Session {
    async fn ready(&self) {
        self.wire.ready().await;
    }

    async fn get(&self, oids: &[Oid]) -> Result<Answer, Failure> {
        self.exchange(Kind::Get, oids).await
    }

    async fn get_next(&self, oids: &[Oid]) -> Result<Answer, Failure> {
        self.exchange(Kind::GetNext, oids).await
    }

    async fn get_bulk(&self, oids: &[Oid], repetitions: u32) -> Result<Answer, Failure> {
        self.exchange(Kind::GetBulk(repetitions), oids).await
    }

    fn is_v1(&self) -> bool {
        matches!(self.speech, Speech::Community { version: V1, .. })
    }
}

/// Why the library has no answer.
pub(crate) fn failure(error: &Error) -> Failure {
    match error.exchange_source() {
        Error::Snmp { status: ErrorStatus::TooBig, .. } => Failure::TooBig,
        Error::Snmp { status, index, .. } => Failure::Status { status: status.as_i32(), index: *index },
        // Ours is too big, which another day's tooBig may be too: fewer names help.
        Error::OutboundMessageTooLarge { .. } => Failure::TooBig,
        Error::Network { source, .. } => Failure::Fault(Fault::new(
            FaultKind::Unreachable,
            format!("the network does not take the request ({source}); check address and routes"),
        )),
        Error::Timeout { .. } => Failure::Fault(Fault::new(FaultKind::Timeout, "no answer")),
        Error::MalformedResponse { .. } | Error::Decode(_) | Error::ResponseShape { .. } => {
            Failure::Fault(Fault::new(FaultKind::BadAnswer, "the agent's answer cannot be right"))
        }
        other => Failure::Fault(Fault::new(FaultKind::Internal, other.to_string())),
    }
}
