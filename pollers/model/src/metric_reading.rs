use crate::{Fault, Oid, VarBind};

/// What a metric poll found out.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricReading {
    /// The rows, in the agent's order.
    pub result: MetricResult,
    /// What could not be read all the same: the column or tree, and why.
    pub errors: Vec<(Oid, Fault)>,
}

/// The rows of each metric. A value that the agent does not have is `None`; the row stays.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricResult {
    /// `snmp-interface-state`
    InterfaceState(Vec<InterfaceState>),
    /// `snmp-interface-bandwidth-utilization`
    InterfaceBandwidthUtilization(Vec<InterfaceUtilization>),
    /// `snmp-txrx-counters`
    TxRxCounters(Vec<InterfaceCounters>),
    /// `snmp-memory-usage`
    MemoryUsage(MemoryUsage),
    /// `snmp-processor-load`
    ProcessorLoad(ProcessorLoad),
    /// `snmp-pdu-power-status`
    PduPowerStatus(Vec<Pdu>),
    /// `snmp-pdu-sensor-status`
    PduSensorStatus(Vec<PduChannel>),
    /// `snmp-switch-sensor-status`
    SwitchSensorStatus(Vec<SwitchSensor>),
    /// `snmp-entity-sensors`
    EntitySensors(Vec<EntitySensor>),
    /// `snmp-ups`
    Ups(Box<Ups>),
    /// `snmp-lldp-neighbors`
    LldpNeighbors(Vec<LldpNeighbor>),
}

/// A value of an enumeration: the MIB's word, or the number that it has no word for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// A word of the MIB's.
    Known(&'static str),
    /// A number that the MIB gives no word to.
    Number(i64),
}

/// One interface's state (IF-MIB).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceState {
    /// Its name, told apart from others of the same.
    pub name: String,
    /// ifAdminStatus: what it is set to.
    pub admin: Option<Word>,
    /// ifOperStatus: what it does.
    pub oper: Option<Word>,
    /// Bits per second.
    pub speed: Option<u64>,
    /// Octets.
    pub mtu: Option<i64>,
    /// Set to up and down all the same.
    pub link_error: bool,
}

/// How busy one interface was between two polls.
#[derive(Debug, Clone, PartialEq)]
pub struct InterfaceUtilization {
    /// Its name, told apart from others of the same.
    pub name: String,
    /// Percent of its speed; none without an earlier value to compare with.
    pub input: Option<f64>,
    /// Percent of its speed; none without an earlier value to compare with.
    pub output: Option<f64>,
}

/// Names of the 22 counters, as RackHD has them: IF-MIB's columns without `if`.
pub const INTERFACE_COUNTERS: [&str; 22] = [
    "InOctets",
    "InUcastPkts",
    "InDiscards",
    "InErrors",
    "InUnknownProtos",
    "OutOctets",
    "OutUcastPkts",
    "OutDiscards",
    "OutErrors",
    "OutQLen",
    "InMulticastPkts",
    "InBroadcastPkts",
    "OutMulticastPkts",
    "OutBroadcastPkts",
    "HCInOctets",
    "HCInUcastPkts",
    "HCInMulticastPkts",
    "HCInBroadcastPkts",
    "HCOutOctets",
    "HCOutUcastPkts",
    "HCOutMulticastPkts",
    "HCOutBroadcastPkts",
];

/// What one interface has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceCounters {
    /// Its name, told apart from others of the same.
    pub name: String,
    /// In the order of [`INTERFACE_COUNTERS`].
    pub values: [Option<u64>; INTERFACE_COUNTERS.len()],
}

/// Memory in use, in the form that the device has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemoryUsage {
    /// hrStorageTable's rows of RAM.
    Storage(Vec<StorageArea>),
    /// cpmCPUTotalTable.
    Cisco(Vec<CiscoMemory>),
}

/// One row of hrStorageTable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageArea {
    /// hrStorageDescr, told apart from others of the same.
    pub name: String,
    /// In allocation units.
    pub used: Option<u64>,
    /// In allocation units.
    pub size: Option<u64>,
    /// Octets of one allocation unit.
    pub unit: Option<u64>,
}

/// Memory of one Cisco processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiscoMemory {
    /// cpmCPUTotalPhysicalIndex, told apart from others of the same.
    pub name: String,
    /// Kilobytes.
    pub used: Option<u64>,
    /// Kilobytes.
    pub free: Option<u64>,
}

/// How busy the processors are, in the form that the device has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessorLoad {
    /// hrProcessorTable.
    Host(Vec<HostProcessor>),
    /// cpmCPUTotalTable.
    Cisco(Vec<CiscoProcessor>),
}

/// One row of hrProcessorTable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostProcessor {
    /// hrDeviceDescr, told apart from others of the same.
    pub name: String,
    /// Percent, over the last minute.
    pub load: i64,
}

/// One Cisco processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiscoProcessor {
    /// cpmCPUTotalPhysicalIndex, told apart from others of the same.
    pub name: String,
    /// Percent, over the last five seconds.
    pub five_seconds: Option<u64>,
    /// Percent, over the last minute.
    pub one_minute: Option<u64>,
    /// Percent, over the last five minutes.
    pub five_minutes: Option<u64>,
}

/// One column's value of a PDU.
#[derive(Debug, Clone, PartialEq)]
pub enum PduValue {
    /// A text.
    Text(String),
    /// An enumeration.
    Word(Word),
    /// A measurement: what it is after scaling, and its unit with nothing where it has none.
    Measured {
        /// Of this unit.
        value: f64,
        /// `Volts`, `Amps`, `kWh`, ..
        unit: &'static str,
    },
    /// A number without any meaning but its own.
    Number(i64),
}

/// A PDU of a gateway.
#[derive(Debug, Clone, PartialEq)]
pub struct Pdu {
    /// The gateway's number of it: 1, 4, 7 and so on; 99 stands for all of them together.
    pub number: u32,
    /// Column name and value.
    pub values: Vec<(&'static str, PduValue)>,
    /// Its outlets, where it has any.
    pub outlets: Vec<PduOutlet>,
}

/// An outlet of a PDU.
#[derive(Debug, Clone, PartialEq)]
pub struct PduOutlet {
    /// Counted from 1.
    pub number: u32,
    /// Column name and value.
    pub values: Vec<(&'static str, PduValue)>,
}

/// An input of a PDU gateway: temperature, humidity, voltage or contact.
#[derive(Debug, Clone, PartialEq)]
pub struct PduChannel {
    /// Its number.
    pub number: u32,
    /// Column name and value.
    pub values: Vec<(&'static str, PduValue)>,
}

/// One configured oid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchSensor {
    /// The oid as it was written.
    pub source: String,
    /// What lies below it, or it itself; empty where the agent has no such instance.
    pub varbinds: Vec<VarBind>,
}

/// What a sensor measures (EntitySensorDataType of RFC 3433, and what Cisco adds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntitySensorValue {
    /// A measurement with its scale and precision, exact.
    Measured {
        /// Digits of the value.
        digits: i64,
        /// The value is `digits` times ten to this.
        exponent: i32,
    },
    /// A truth value.
    Truth(bool),
}

/// One sensor of the device (RFC 3433).
#[derive(Debug, Clone, PartialEq)]
pub struct EntitySensor {
    /// entPhysicalName or entPhysicalDescr, told apart from others of the same.
    pub name: String,
    /// entPhySensorType.
    pub kind: Option<Word>,
    /// None where the sensor has none at present.
    pub value: Option<EntitySensorValue>,
    /// Of the value: `volts`, `celsius`, ..; none where the type has none.
    pub unit: Option<&'static str>,
    /// entPhySensorUnitsDisplay: what the device itself calls it.
    pub units_display: Option<String>,
    /// entPhySensorOperStatus: ok, unavailable, nonoperational.
    pub status: Option<Word>,
}

/// An uninterruptible power supply (RFC 1628).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ups {
    /// upsIdentManufacturer
    pub manufacturer: Option<String>,
    /// upsIdentModel
    pub model: Option<String>,
    /// upsIdentUPSSoftwareVersion
    pub software: Option<String>,
    /// upsIdentAgentSoftwareVersion
    pub agent_software: Option<String>,
    /// upsIdentName
    pub name: Option<String>,
    /// Its battery.
    pub battery: UpsBattery,
    /// How often the input was out of tolerance.
    pub line_bads: Option<u64>,
    /// Lines that come in.
    pub input: Vec<UpsLine>,
    /// upsOutputSource: where the power comes from.
    pub source: Option<Word>,
    /// Tenths of hertz.
    pub output_frequency: Option<i64>,
    /// Lines that go out.
    pub output: Vec<UpsLine>,
    /// Tenths of hertz.
    pub bypass_frequency: Option<i64>,
    /// Lines of the bypass.
    pub bypass: Vec<UpsLine>,
    /// upsAlarmsPresent
    pub alarms_present: Option<u64>,
    /// The alarms that hold: the MIB's name, or the oid in numbers.
    pub alarms: Vec<String>,
}

/// The battery of an uninterruptible power supply (RFC 1628).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpsBattery {
    /// upsBatteryStatus: unknown, batteryNormal, batteryLow, batteryDepleted.
    pub status: Option<Word>,
    /// Seconds; 0 while on line power.
    pub seconds_on_battery: Option<i64>,
    /// Minutes until it is empty.
    pub minutes_remaining: Option<i64>,
    /// Percent.
    pub charge: Option<i64>,
    /// Tenths of volts.
    pub voltage: Option<i64>,
    /// Tenths of amperes.
    pub current: Option<i64>,
    /// Degrees Celsius.
    pub temperature: Option<i64>,
}

/// A line of an uninterruptible power supply (RFC 1628).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpsLine {
    /// Counted from 1.
    pub number: u32,
    /// Tenths of hertz; inputs only.
    pub frequency: Option<i64>,
    /// Volts.
    pub voltage: Option<i64>,
    /// Tenths of amperes.
    pub current: Option<i64>,
    /// Watts.
    pub power: Option<i64>,
    /// Percent of what it can give; outputs only.
    pub load: Option<i64>,
}

/// What is at the other end of a port (IEEE 802.1AB).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LldpNeighbor {
    /// This end: lldpLocPortId or lldpLocPortDesc, or the port's number.
    pub local_port: String,
    /// In the form that the subtype gives it.
    pub chassis_id: Option<String>,
    /// lldpRemChassisIdSubtype
    pub chassis_id_type: Option<Word>,
    /// In the form that the subtype gives it.
    pub port_id: Option<String>,
    /// lldpRemPortIdSubtype
    pub port_id_type: Option<Word>,
    /// lldpRemPortDesc
    pub port_description: Option<String>,
    /// lldpRemSysName
    pub system_name: Option<String>,
    /// lldpRemSysDesc
    pub system_description: Option<String>,
    /// What it could be: bridge, router, ..
    pub capabilities: Vec<&'static str>,
    /// What of it is turned on.
    pub enabled: Vec<&'static str>,
    /// Management addresses.
    pub addresses: Vec<String>,
}
