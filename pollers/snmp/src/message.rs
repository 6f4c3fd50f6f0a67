//! Messages of SNMPv1 (RFC 1157, clause 4) and SNMPv2c (RFC 1901, clause 3), PDUs of RFC 3416, clause 3.

use bytes::Bytes;
use rackpoll_model::Oid;

use crate::{
    elements::{Elements, INTEGER, OBJECT_ID, OCTET_STRING, SEQUENCE, put, put_header, size},
    varbinds::{VarBinds, put_name},
};

/// The versions as messages have them.
pub(crate) const V1: u8 = 0;
pub(crate) const V2C: u8 = 1;

const GET: u8 = 0xa0;
const GET_NEXT: u8 = 0xa1;
const RESPONSE: u8 = 0xa2;
const GET_BULK: u8 = 0xa5;

/// What is asked, and how many rows of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Get,
    GetNext,
    GetBulk(u32),
}

/// A request for these oids.
pub(crate) fn request(version: u8, community: &[u8], id: i32, kind: Kind, oids: &[Oid]) -> Vec<u8> {
    let (mut list, mut name) = (Vec::with_capacity(oids.len().saturating_mul(24)), Vec::with_capacity(32));
    for oid in oids {
        name.clear();
        put_name(&mut name, oid.numbers());
        // With NULL behind it.
        put_header(&mut list, SEQUENCE, size(name.len()).saturating_add(2));
        put(&mut list, OBJECT_ID, &name);
        list.extend_from_slice(&[0x05, 0]);
    }
    let (tag, repetitions) = match kind {
        Kind::Get => (GET, 0),
        Kind::GetNext => (GET_NEXT, 0),
        Kind::GetBulk(repetitions) => (GET_BULK, i32::try_from(repetitions).unwrap_or(i32::MAX)),
    };
    let mut pdu = Vec::with_capacity(list.len().saturating_add(24));
    put_integer(&mut pdu, id);
    // Non-repeaters, of which there are none, or the error status.
    put_integer(&mut pdu, 0);
    put_integer(&mut pdu, repetitions);
    put(&mut pdu, SEQUENCE, &list);
    let inside = 3_usize.saturating_add(size(community.len())).saturating_add(size(pdu.len()));
    let mut message = Vec::with_capacity(size(inside));
    put_header(&mut message, SEQUENCE, inside);
    put(&mut message, INTEGER, &[version]);
    put(&mut message, OCTET_STRING, community);
    put(&mut message, tag, &pdu);
    message
}

fn put_integer(out: &mut Vec<u8>, number: i32) {
    let bytes = number.to_be_bytes();
    // The first bytes that only repeat the sign are left out.
    let needless = bytes.windows(2).take_while(|pair| match pair {
        [0, next] => next & 0x80 == 0,
        [0xff, next] => next & 0x80 != 0,
        _ => false,
    });
    put(out, INTEGER, bytes.get(needless.count()..).unwrap_or_default());
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// RFC 3416, clause 3; 0 is no error.
    pub(crate) status: i32,
    /// Which variable the status is about, from 1.
    pub(crate) index: u32,
    pub(crate) varbinds: VarBinds,
}

/// Why a datagram is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// It is not to the request that was sent.
    Stranger,
    /// It is, and it cannot be decoded.
    Undecodable,
}

/// The answer to a request with this id.
pub(crate) fn read(datagram: &Bytes, version: u8, community: &[u8], id: i32) -> Result<Response, NoAnswer> {
    let envelope = || {
        let mut message = Elements::new(datagram).inside(SEQUENCE)?;
        Some((integer(&mut message)?, message.inside(OCTET_STRING)?.bytes(), message.element()?))
    };
    let (its_version, its_community, (tag, mut pdu)) = envelope().ok_or(NoAnswer::Stranger)?;
    if its_version != i64::from(version) || its_community != community || tag != RESPONSE {
        return Err(NoAnswer::Stranger);
    }
    if integer(&mut pdu) != Some(i64::from(id)) {
        return Err(NoAnswer::Stranger);
    }
    let mut rest = || {
        let status = i32::try_from(integer(&mut pdu)?).ok()?;
        // Some agents have -1 where there is none.
        let index = u32::try_from(integer(&mut pdu)?).unwrap_or(0);
        let list = pdu.inside(SEQUENCE)?.bytes();
        Some(Response { status, index, varbinds: VarBinds::read(datagram.slice_ref(list))? })
    };
    rest().ok_or(NoAnswer::Undecodable)
}

fn integer(elements: &mut Elements<'_>) -> Option<i64> {
    elements.inside(INTEGER)?.signed()
}

/// What tells to which request a datagram is an answer: the request id, and in SNMPv3 the message id (RFC 3412, clause 6).
pub(crate) fn id(datagram: &[u8]) -> Option<i32> {
    let mut message = Elements::new(datagram).inside(SEQUENCE)?;
    message.inside(INTEGER)?;
    let (tag, inside) = message.element()?;
    let mut holder = if tag == OCTET_STRING { message.element()?.1 } else { inside };
    i32::try_from(integer(&mut holder)?).ok()
}

/// The variable bindings of an answer of SNMPv2c, whoever it is to: for tests with hostile bytes.
pub fn read_varbinds(datagram: &[u8]) -> Option<Vec<rackpoll_model::VarBind>> {
    let datagram = Bytes::copy_from_slice(datagram);
    let mut message = Elements::new(&datagram).inside(SEQUENCE)?;
    message.inside(INTEGER)?;
    let community = message.inside(OCTET_STRING)?.bytes();
    let response = read(&datagram, V2C, community, id(&datagram)?).ok()?;
    Some(response.varbinds.decode())
}

#[cfg(test)]
mod tests {
    use async_snmp::{DecodeConfig, PduType, message::CommunityMessage};
    use rackpoll_model::{Value, VarBind};

    use super::*;

    fn oids() -> Vec<Oid> {
        ["1.3.6.1.2.1.2.2.1.10.48", "2.999.4294967295", "0.0", "1.3.6.1.4.1.3711.128.16384.2097152"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect()
    }

    /// A message as the library reads it.
    fn as_the_library_reads(message: Vec<u8>) -> async_snmp::Pdu {
        let message = CommunityMessage::decode(message.into(), DecodeConfig::DEFAULT).unwrap().value;
        assert_eq!(message.community().as_bytes(), b"public");
        message.into_pdu().unwrap()
    }

    #[test]
    fn requests_are_what_the_library_reads() {
        for (id, kind, pdu_type) in [
            (1, Kind::Get, PduType::GetRequest),
            (i32::MAX, Kind::GetNext, PduType::GetNextRequest),
            (128, Kind::GetBulk(25), PduType::GetBulkRequest),
            (255, Kind::GetBulk(300), PduType::GetBulkRequest),
        ] {
            let pdu = as_the_library_reads(request(V2C, b"public", id, kind, &oids()));
            assert_eq!(pdu.pdu_type(), pdu_type);
            if let Kind::GetBulk(repetitions) = kind {
                assert_eq!(pdu.get_bulk_fields().map(|fields| fields.1), Some(repetitions));
            }
            let (its_id, _, varbinds) = pdu.into_raw_parts();
            let read: Vec<_> = varbinds.iter().map(|varbind| Oid::new(varbind.oid.arcs())).collect();
            assert_eq!((its_id, read), (id, oids()));
        }
        let many = vec![oids().remove(0); 300];
        let pdu = as_the_library_reads(request(V1, b"public", 7, Kind::Get, &many));
        assert_eq!(pdu.varbinds().len(), 300);
    }

    fn answer(version: u8, community: &[u8], tag: u8, id: i32, rest: &[u8]) -> Bytes {
        let mut pdu = Vec::new();
        put_integer(&mut pdu, id);
        pdu.extend_from_slice(rest);
        let mut message = Vec::new();
        put(&mut message, INTEGER, &[version]);
        put(&mut message, OCTET_STRING, community);
        put(&mut message, tag, &pdu);
        let mut datagram = Vec::new();
        put(&mut datagram, SEQUENCE, &message);
        datagram.into()
    }

    #[test]
    fn answers_are_told_from_what_is_none() {
        const REST: &[u8] = b"\x02\x01\x02\x02\x01\x01\x30\x0a\x30\x08\x06\x03\x2b\x06\x01\x02\x01\x05";
        let good = answer(V2C, b"public", RESPONSE, 77, REST);
        let response = read(&good, V2C, b"public", 77).unwrap();
        assert_eq!((response.status, response.index), (2, 1));
        let varbind = VarBind { oid: "1.3.6.1".parse().unwrap(), value: Value::Integer(5) };
        assert_eq!(response.varbinds.decode(), [varbind]);
        assert_eq!(id(&good), Some(77));
        for stranger in [
            answer(V1, b"public", RESPONSE, 77, REST),
            answer(V2C, b"private", RESPONSE, 77, REST),
            answer(V2C, b"public", GET, 77, REST),
            answer(V2C, b"public", RESPONSE, 78, REST),
        ] {
            assert_eq!(read(&stranger, V2C, b"public", 77), Err(NoAnswer::Stranger));
        }
        for length in 0..good.len() {
            assert!(read(&good.slice(..length), V2C, b"public", 77).is_err(), "cut to {length}");
        }
        let cut = answer(V2C, b"public", RESPONSE, 77, &REST[..REST.len() - 1]);
        assert_eq!(read(&cut, V2C, b"public", 77), Err(NoAnswer::Undecodable));
    }
}
