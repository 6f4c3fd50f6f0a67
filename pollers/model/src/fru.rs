/// A FRU device of a BMC: a part with an inventory of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FruDevice {
    /// FRU id.
    pub id: u8,
    /// Its name in the SDR repository; `Builtin FRU Device` is the BMC's own.
    pub name: String,
    /// What it says of itself.
    pub state: FruState,
}

/// What reading an inventory came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FruState {
    /// It was read.
    Read(Box<FruInventory>),
    /// The BMC refused with this completion code: the part is not there, as a rule.
    Absent(u8),
    /// It was not asked: behind another controller, or no inventory but another kind of memory.
    NotAsked,
}

/// An inventory (Platform Management FRU Information Storage Definition, revision 1.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FruInventory {
    /// Chassis area.
    pub chassis: Option<FruChassis>,
    /// Board area.
    pub board: Option<FruBoard>,
    /// Product area.
    pub product: Option<FruProduct>,
    /// Multi-record area, in its order.
    pub records: Vec<FruRecord>,
    /// Parts whose checksum is wrong; they are read all the same.
    pub wrong_checksums: Vec<FruPart>,
    /// Parts that are there and could not be read, because the answers with their bytes made no sense. After the header,
    /// or a record, nobody knows what else there is.
    pub unreadable: Vec<FruPart>,
}

/// Parts of an inventory that have a checksum of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FruPart {
    /// The common header.
    Header,
    /// The chassis area.
    Chassis,
    /// The board area.
    Board,
    /// The product area.
    Product,
    /// A record of the multi-record area.
    Record,
}

/// Chassis area (clause 10). Texts are empty where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FruChassis {
    /// Type of the chassis (SMBIOS).
    pub kind: u8,
    /// Part number.
    pub part_number: String,
    /// Serial number.
    pub serial: String,
    /// Further fields.
    pub extra: Vec<String>,
}

/// Board area (clause 11). Texts are empty where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FruBoard {
    /// When it was made, minutes since the beginning of 1996; 0 is not told.
    pub made: u32,
    /// Who made it.
    pub manufacturer: String,
    /// What it is.
    pub product: String,
    /// Serial number.
    pub serial: String,
    /// Part number.
    pub part_number: String,
    /// File that the inventory was made with.
    pub file_id: String,
    /// Further fields.
    pub extra: Vec<String>,
}

/// Product area (clause 12). Texts are empty where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FruProduct {
    /// Who made it.
    pub manufacturer: String,
    /// What it is.
    pub name: String,
    /// Part or model number.
    pub part_number: String,
    /// Version.
    pub version: String,
    /// Serial number.
    pub serial: String,
    /// Asset tag.
    pub asset_tag: String,
    /// File that the inventory was made with.
    pub file_id: String,
    /// Further fields.
    pub extra: Vec<String>,
}

/// A record of the multi-record area (clauses 16 and 18).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FruRecord {
    /// Record type 0x00.
    PowerSupply(FruPowerSupply),
    /// Record type 0x01.
    DcOutput(FruDcOutput),
    /// Record type 0x02.
    DcLoad(FruDcLoad),
    /// One of another type, as it came.
    Other {
        /// Record type.
        kind: u8,
        /// Its data.
        data: Vec<u8>,
    },
}

/// Power supply information (clause 18.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FruPowerSupply {
    /// Overall capacity, W.
    pub capacity: u16,
    /// Peak VA; 0xFFFF is not told.
    pub peak_va: u16,
    /// Inrush current, A.
    pub inrush_current: u8,
    /// Inrush interval, ms.
    pub inrush_interval: u8,
    /// Low and high end of the first range of the input voltage, 10 mV.
    pub input_voltage_1: (u16, u16),
    /// Low and high end of the second one, 10 mV.
    pub input_voltage_2: (u16, u16),
    /// Low and high end of the input frequency, Hz.
    pub input_frequency: (u8, u8),
    /// A/C dropout tolerance, ms.
    pub dropout_tolerance: u8,
    /// Predictive fail, power factor correction, autoswitch, hot swap, pulses: bits 0 to 4.
    pub flags: u8,
    /// Peak capacity, W, for so many seconds.
    pub peak_capacity: (u16, u8),
    /// Combined wattage of two voltages: their codes, and W.
    pub combined: (u8, u8, u16),
    /// Lower threshold of the predictive fail tachometer, revolutions a second.
    pub fan_threshold: u8,
}

/// DC output (clause 18.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FruDcOutput {
    /// Number of the output.
    pub number: u8,
    /// It stays on when the system is off.
    pub standby: bool,
    /// Nominal voltage, 10 mV.
    pub nominal: i16,
    /// Largest negative deviation, 10 mV.
    pub negative_deviation: i16,
    /// Largest positive deviation, 10 mV.
    pub positive_deviation: i16,
    /// Ripple and noise, peak to peak, mV.
    pub ripple: u16,
    /// Smallest current, mA.
    pub minimum_current: u16,
    /// Largest current, mA.
    pub maximum_current: u16,
}

/// DC load (clause 18.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FruDcLoad {
    /// Number of the output that feeds it.
    pub number: u8,
    /// Nominal voltage, 10 mV.
    pub nominal: i16,
    /// Smallest voltage allowed, 10 mV.
    pub minimum_voltage: i16,
    /// Largest voltage allowed, 10 mV.
    pub maximum_voltage: i16,
    /// Ripple and noise, peak to peak, mV.
    pub ripple: u16,
    /// Smallest current, mA.
    pub minimum_current: u16,
    /// Largest current, mA.
    pub maximum_current: u16,
}
