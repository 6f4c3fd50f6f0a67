use std::net::{IpAddr, SocketAddr};

use crate::{Oid, VarBind};

/// A trap or an inform, as a device sent it (RFC 1157, clause 4.1.6; RFC 3416, clauses 4.2.6 and 4.2.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Whence the datagram came. Nothing proves that.
    pub source: SocketAddr,
    /// The device that it says it is of: agent-addr of SNMPv1, or snmpTrapAddress.0, which proxies put in (RFC 3584, clause
    /// 3.1). Nothing proves that either.
    pub agent: Option<IpAddr>,
    /// In which version it came.
    pub version: SnmpVersion,
    /// For SNMPv3 the user (usmUserName) and the security level at which the message came.
    pub user: Option<(String, SecurityLevel)>,
    /// Whether it is an inform, which was answered.
    pub is_inform: bool,
    /// The request id; SNMPv1 has none. An inform that is sent again keeps it.
    pub request_id: Option<i32>,
    /// snmpTrapOID.0; for SNMPv1 made from its generic and specific numbers (RFC 3584, clause 3.1).
    pub oid: Oid,
    /// The enterprise of SNMPv1.
    pub enterprise: Option<Oid>,
    /// sysUpTime.0, hundredths of a second.
    pub uptime: u32,
    /// What it carries besides.
    pub varbinds: Vec<VarBind>,
}

impl Notification {
    /// Whether a key that the sender and we alone have proves user and contents.
    pub fn is_authenticated(&self) -> bool {
        self.user.as_ref().is_some_and(|(_, level)| *level > SecurityLevel::NoAuthNoPriv)
    }
}

/// The versions of SNMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SnmpVersion {
    /// RFC 1157.
    V1,
    /// RFC 1901.
    V2c,
    /// RFC 3411.
    V3,
}

impl SnmpVersion {
    /// As net-snmp's `-v` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1",
            Self::V2c => "2c",
            Self::V3 => "3",
        }
    }
}

/// How much of a message is protected, in rising order (RFC 3411, clause 3.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecurityLevel {
    /// Nothing.
    NoAuthNoPriv,
    /// Its origin and contents are proven.
    AuthNoPriv,
    /// And encrypted.
    AuthPriv,
}

impl SecurityLevel {
    /// As the RFC writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoAuthNoPriv => "noAuthNoPriv",
            Self::AuthNoPriv => "authNoPriv",
            Self::AuthPriv => "authPriv",
        }
    }
}
