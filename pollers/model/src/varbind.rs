use std::net::Ipv4Addr;

use crate::{Fault, Oid};

/// A value as an SNMP agent sent it (RFC 2578, clause 7; RFC 3416, clause 3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// INTEGER, Integer32 and enumerations.
    Integer(i32),
    /// OCTET STRING, BITS and everything that is made of them.
    OctetString(Box<[u8]>),
    /// NULL: no value at all, which RFC 3416 has in requests only.
    Null,
    /// OBJECT IDENTIFIER.
    ObjectId(Oid),
    /// IpAddress: IPv4 only.
    IpAddress(Ipv4Addr),
    /// Counter32: wraps.
    Counter32(u32),
    /// Gauge32 and Unsigned32: do not wrap.
    Gauge32(u32),
    /// TimeTicks: hundredths of a second; wraps after 497 days.
    TimeTicks(u32),
    /// Counter64: wraps, in theory.
    Counter64(u64),
    /// Opaque: BER inside an octet string, as it came.
    Opaque(Box<[u8]>),
    /// NsapAddress of the first SMIv2 (RFC 1442), application tag 5.
    Nsap(Box<[u8]>),
    /// UInteger32 of the first SMIv2 (RFC 1442), application tag 7.
    UInteger32(u32),
    /// A tag that no RFC gives to a value.
    Unknown {
        /// The BER identifier.
        tag: u8,
        /// The contents, as they came.
        data: Box<[u8]>,
    },
    /// Contents that do not fit their tag, such as an IpAddress of three bytes: the agent's mistake. As they came.
    Malformed(Box<[u8]>),
    /// The agent has no object of this name.
    NoSuchObject,
    /// The agent has the object, and not this instance of it.
    NoSuchInstance,
    /// Nothing comes after this oid in the agent's tree.
    EndOfMibView,
}

impl Value {
    /// Whether it says that there is no value.
    pub fn is_exception(&self) -> bool {
        matches!(self, Self::NoSuchObject | Self::NoSuchInstance | Self::EndOfMibView)
    }

    /// A number that is not negative, of whichever of the integer types.
    pub fn unsigned(&self) -> Option<u64> {
        match *self {
            Self::Integer(number) => u64::try_from(number).ok(),
            Self::Counter32(number)
            | Self::Gauge32(number)
            | Self::TimeTicks(number)
            | Self::UInteger32(number) => Some(number.into()),
            Self::Counter64(number) => Some(number),
            _ => None,
        }
    }

    /// A number of whichever of the integer types. `None` for a Counter64 above 2^63, too.
    pub fn signed(&self) -> Option<i64> {
        match *self {
            Self::Integer(number) => Some(number.into()),
            _ => self.unsigned().and_then(|number| number.try_into().ok()),
        }
    }

    /// The bytes of an octet string.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::OctetString(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A variable and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VarBind {
    /// Which variable: a column or scalar and the index behind it.
    pub oid: Oid,
    /// Its value.
    pub value: Value,
}

/// What walking one oid gave.
#[derive(Debug, Clone, PartialEq)]
pub struct OidWalk {
    /// The oid as it was asked, in the text of whoever asked.
    pub source: String,
    /// The oid that was walked.
    pub root: Oid,
    /// What lies below it, in the agent's order; what was there before an error, too.
    pub varbinds: Vec<VarBind>,
    /// Why the walk of this oid ended early, where it did.
    pub error: Option<Fault>,
}
