/// State of the chassis identify light (Get Chassis Status, IPMI 2.0 clause 28.2, byte 3 bits 5:4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Uid {
    /// 00b.
    Off,
    /// 01b: on for a time.
    TemporaryOn,
    /// 10b: on until switched off.
    On,
    /// 11b.
    Reserved,
}

/// Answer of Get Chassis Status (IPMI 2.0 clause 28.2, table 28-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChassisStatus {
    /// System power is on.
    pub power: bool,
    /// Identify state.
    pub uid: Uid,
    /// Power overload shut the system down.
    pub power_overload: bool,
    /// The power interlock is active: the chassis is open where that cuts power.
    pub interlock: bool,
    /// Fault in the main power subsystem.
    pub power_fault: bool,
    /// Power control fault.
    pub power_control_fault: bool,
    /// A drive has a fault.
    pub drive_fault: bool,
    /// Cooling or fan fault.
    pub cooling_fault: bool,
    /// The chassis intrusion switch is active.
    pub intrusion: bool,
    /// Front panel lockout is active.
    pub front_panel_lockout: bool,
}
