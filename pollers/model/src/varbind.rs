use crate::Fault;

/// What walking one oid gave.
#[derive(Debug, Clone, PartialEq)]
pub struct OidWalk {
    /// The oid as it was asked.
    pub source: String,
    /// Numeric oid with a leading dot, and the value as net-snmp prints it with `-Oqn` (without quotes), in the walk's order.
    pub values: Vec<(String, String)>,
    /// Why the walk of this oid ended early, where it did.
    pub error: Option<Fault>,
}
