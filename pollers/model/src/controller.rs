use crate::SelTime;

/// What a management controller says of itself (IPMI 2.0 clauses 20.1, 20.4 and 22.14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Device id; 0 where the manufacturer gives none.
    pub device: u8,
    /// Revision of the device, 4 bits.
    pub revision: u8,
    /// The device gives SDRs of its own.
    pub device_sdrs: bool,
    /// Firmware revision: major, and minor as BCD.
    pub firmware: (u8, u8),
    /// False while the firmware is being updated or starts.
    pub available: bool,
    /// IPMI version as BCD with the nibbles swapped: 0x02 is 2.0, 0x51 is 1.5.
    pub ipmi_version: u8,
    /// What it does besides: sensors, SDR repository, SEL, FRU inventory, IPMB event receiver, IPMB event generator,
    /// bridge, chassis: bits 0 to 7.
    pub support: u8,
    /// Enterprise number.
    pub manufacturer: u32,
    /// The manufacturer's number for the product.
    pub product: u16,
    /// Auxiliary firmware revision, the manufacturer's; as it came.
    pub auxiliary: Option<[u8; 4]>,
    /// What the self test found, where the BMC has one.
    pub self_test: Option<SelfTest>,
    /// The system's GUID as it came, the last byte of its text first; where the BMC has one.
    pub guid: Option<[u8; 16]>,
}

/// Answer of Get Self Test Results (IPMI 2.0 clause 20.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfTest {
    /// 0x55.
    Passed,
    /// 0x56.
    NotImplemented,
    /// 0x57: data or devices are corrupted or out of reach; which of them, by bits.
    Corrupted(u8),
    /// 0x58: fatal hardware error; what, is the manufacturer's.
    Fatal(u8),
    /// The manufacturer's own result and detail.
    Other(u8, u8),
}

/// Answer of Get Power Reading (DCMI 1.5 clause 6.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerReading {
    /// Now, W.
    pub current: u16,
    /// Smallest in the sampling period, W.
    pub minimum: u16,
    /// Largest in the sampling period, W.
    pub maximum: u16,
    /// Average of the sampling period, W.
    pub average: u16,
    /// The BMC's clock.
    pub time: SelTime,
    /// The sampling period, ms.
    pub period: u32,
    /// Power is being measured.
    pub active: bool,
}
