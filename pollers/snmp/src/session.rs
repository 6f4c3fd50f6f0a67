use std::net::SocketAddr;

use async_snmp::{Auth, Client, ClientBuilder, Error, ErrorStatus, Retry};
use bytes::Bytes;
use rackpoll_model::{Fault, FaultKind, Oid, Secret, Value, VarBind};

use crate::{
    SnmpSockets,
    agent::{Agent, Answer, Failure},
    wire::{LONGEST_EXCHANGE, MALFORMED, Wire},
};

/// With what an agent is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credentials {
    /// SNMPv2c.
    Community(Secret),
}

/// A conversation with one agent through the library.
pub(crate) struct Session {
    client: Client<Wire>,
    wire: Wire,
}

impl Session {
    pub(crate) async fn open(
        sockets: &SnmpSockets,
        peer: SocketAddr,
        credentials: &Credentials,
    ) -> Result<Self, Fault> {
        let wire = Wire::new(sockets.handle(peer).await?);
        let auth = match credentials {
            Credentials::Community(community) => Auth::v2c(Bytes::copy_from_slice(community.expose())),
        };
        let client = ClientBuilder::new(auth)
            // The wire sends again by itself.
            .retry(Retry::none())
            .request_timeout(LONGEST_EXCHANGE)
            // How much is asked at once is decided by the walks.
            .max_oids_per_request(usize::MAX)
            .build_with_transport(wire.clone())
            .map_err(|error| Fault::new(FaultKind::Internal, error.to_string()))?;
        Ok(Self { client, wire })
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// A time-out during which something did come is another fault than silence.
    pub(crate) fn explain(&self, fault: Fault) -> Fault {
        if fault.kind == FaultKind::Timeout && self.wire.heard().dropped > 0 {
            let what = "what the agent answers cannot be decoded; no good answer came within the deadline";
            return Fault::new(FaultKind::BadAnswer, what);
        }
        fault
    }

    fn answer(&self, varbinds: Vec<async_snmp::VarBind>) -> Answer {
        let size = self.wire.heard().size;
        Answer { varbinds: varbinds.into_iter().map(varbind).collect(), size }
    }

    fn failure(&self, error: &Error) -> Failure {
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
}

impl Agent for Session {
    async fn get(&self, oids: &[Oid]) -> Result<Answer, Failure> {
        match self.client.get_many(&sent(oids)).await {
            Ok(response) => Ok(self.answer(response.varbinds)),
            Err(error) => Err(self.failure(&error)),
        }
    }

    async fn get_next(&self, oids: &[Oid]) -> Result<Answer, Failure> {
        match self.client.get_next_many(&sent(oids)).await {
            Ok(response) => Ok(self.answer(response.varbinds)),
            Err(error) => Err(self.failure(&error)),
        }
    }

    async fn get_bulk(&self, oids: &[Oid], repetitions: u32) -> Result<Answer, Failure> {
        match self.client.get_bulk_with_metadata(&sent(oids), 0, repetitions).await {
            Ok(response) => Ok(self.answer(response.varbinds)),
            Err(error) => Err(self.failure(&error)),
        }
    }

    fn is_v1(&self) -> bool {
        self.client.version() == async_snmp::Version::V1
    }
}

fn sent(oids: &[Oid]) -> Vec<async_snmp::Oid> {
    oids.iter().map(|oid| async_snmp::Oid::from_slice(oid.numbers())).collect()
}

fn varbind(varbind: async_snmp::VarBind) -> VarBind {
    VarBind { oid: Oid::new(varbind.oid.arcs()), value: value(varbind.value) }
}

fn value(value: async_snmp::Value) -> Value {
    use async_snmp::Value as Wire;
    let bytes = |bytes: Bytes| Box::from(&bytes[..]);
    match value {
        Wire::Integer(number) => Value::Integer(number),
        Wire::OctetString(string) => Value::OctetString(bytes(string)),
        Wire::Null => Value::Null,
        Wire::ObjectIdentifier(oid) => Value::ObjectId(Oid::new(oid.arcs())),
        Wire::IpAddress(address) => Value::IpAddress(address.into()),
        Wire::Counter32(number) => Value::Counter32(number),
        Wire::Gauge32(number) => Value::Gauge32(number),
        Wire::UInteger32(number) => Value::UInteger32(number),
        Wire::TimeTicks(ticks) => Value::TimeTicks(ticks),
        Wire::Opaque(contents) => Value::Opaque(bytes(contents)),
        Wire::Nsap(contents) => Value::Nsap(bytes(contents)),
        Wire::Counter64(number) => Value::Counter64(number),
        Wire::NoSuchObject => Value::NoSuchObject,
        Wire::NoSuchInstance => Value::NoSuchInstance,
        Wire::EndOfMibView => Value::EndOfMibView,
        Wire::Unknown { tag: MALFORMED, data } => Value::Malformed(bytes(data)),
        Wire::Unknown { tag, data } => Value::Unknown { tag, data: bytes(data) },
        // The library may learn new ones; a value of a kind that nobody knows is one that cannot be read.
        _ => Value::Malformed(Box::default()),
    }
}
