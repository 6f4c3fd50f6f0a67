/// Answers of Get SEL Info and Get SEL Allocation Info (IPMI 2.0 clauses 31.2 and 31.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelInformation {
    /// Version byte, BCD: 0x51 is 1.5.
    pub version: u8,
    /// Number of records.
    pub entries: u16,
    /// Free space, bytes.
    pub free_space: u16,
}

/// One record of the system event log (IPMI 2.0 clause 32).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelEntry {
    /// Record id.
    pub record_id: u16,
}
