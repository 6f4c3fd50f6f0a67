//! Texts of sensor-specific events that event data 2 makes more precise (IPMI 2.0 table 42-3, last column), with
//! `ipmitool`'s wording.

/// The version change types, each after the words for what happened.
macro_rules! version_change {
    ($what:literal) => {
        [
            $what,
            concat!($what, ", Mngmt Ctrl Dev Id"),
            concat!($what, ", Mngmt Ctrl Firm Rev"),
            concat!($what, ", Mngmt Ctrl Dev Rev"),
            concat!($what, ", Mngmt Ctrl Manuf Id"),
            concat!($what, ", Mngmt Ctrl IPMI Vers"),
            concat!($what, ", Mngmt Ctrl Aux Firm Id"),
            concat!($what, ", Mngmt Ctrl Firm Boot Block"),
            concat!($what, ", Mngmt Ctrl Other"),
            concat!($what, ", BIOS/EFI change"),
            concat!($what, ", SMBIOS change"),
            concat!($what, ", O/S change"),
            concat!($what, ", O/S loader change"),
            concat!($what, ", Service Diag change"),
            concat!($what, ", Mngmt SW agent change"),
            concat!($what, ", Mngmt SW App change"),
            concat!($what, ", Mngmt SW Middle"),
            concat!($what, ", Prog HW Change (FPGA)"),
            concat!($what, ", board/FRU module change"),
            concat!($what, ", board/FRU component change"),
            concat!($what, ", board/FRU replace equ ver"),
            concat!($what, ", board/FRU replace new ver"),
            concat!($what, ", board/FRU replace old ver"),
            concat!($what, ", board/FRU HW conf change"),
        ]
    };
}

/// The texts by event data 2; empty where it adds nothing to the offset.
pub(super) fn details(sensor_type: u8, offset: u8) -> &'static [&'static str] {
    match (sensor_type, offset) {
        (0x08, 0x6) => &POWER_SUPPLY_CONFIGURATION,
        (0x0f, 0x0) => &FIRMWARE_ERROR,
        (0x0f, 0x1 | 0x2) => &FIRMWARE_PROGRESS,
        (0x2b, 0x1) => &version_change!("Firmware or software change detected"),
        (0x2b, 0x7) => &version_change!("Firmware or software change success"),
        _ => &[],
    }
}

const POWER_SUPPLY_CONFIGURATION: [&str; 5] = [
    "Config Error: Vendor Mismatch",
    "Config Error: Revision Mismatch",
    "Config Error: Processor Missing",
    "Config Error: Power Supply Rating Mismatch",
    "Config Error: Voltage Rating Mismatch",
];

const FIRMWARE_ERROR: [&str; 14] = [
    "Unspecified",
    "No system memory installed",
    "No usable system memory",
    "Unrecoverable IDE device failure",
    "Unrecoverable system-board failure",
    "Unrecoverable diskette failure",
    "Unrecoverable hard-disk controller failure",
    "Unrecoverable PS/2 or USB keyboard failure",
    "Removable boot media not found",
    "Unrecoverable video controller failure",
    "No video device selected",
    "BIOS corruption detected",
    "CPU voltage mismatch",
    "CPU speed mismatch failure",
];

const FIRMWARE_PROGRESS: [&str; 26] = [
    "Unspecified",
    "Memory initialization",
    "Hard-disk initialization",
    "Secondary CPU Initialization",
    "User authentication",
    "User-initiated system setup",
    "USB resource configuration",
    "PCI resource configuration",
    "Option ROM initialization",
    "Video initialization",
    "Cache initialization",
    "SMBus initialization",
    "Keyboard controller initialization",
    "Management controller initialization",
    "Docking station attachment",
    "Enabling docking station",
    "Docking station ejection",
    "Disabling docking station",
    "Calling operating system wake-up vector",
    "System boot initiated",
    "Motherboard initialization",
    "reserved",
    "Floppy initialization",
    "Keyboard test",
    "Pointing device test",
    "Primary CPU initialization",
];
