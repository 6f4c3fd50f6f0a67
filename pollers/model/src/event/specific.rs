//! Texts of the sensor-specific states (IPMI 2.0 table 42-3, event/reading type 0x6F), with `ipmitool`'s wording.
//! An empty text stands for an offset without one.

/// The texts by offset; empty where the sensor type has no states of its own.
pub(super) fn states(sensor_type: u8) -> &'static [&'static str] {
    match sensor_type {
        // Physical Security.
        0x05 => &[
            "General Chassis intrusion",
            "Drive Bay intrusion",
            "I/O Card area intrusion",
            "Processor area intrusion",
            "System unplugged from LAN",
            "Unauthorized dock",
            "FAN area intrusion",
        ],
        // Platform Security.
        0x06 => &[
            "Front Panel Lockout violation attempted",
            "Pre-boot password violation - user password",
            "Pre-boot password violation - setup password",
            "Pre-boot password violation - network boot password",
            "Other pre-boot password violation",
            "Out-of-band access password violation",
        ],
        // Processor.
        0x07 => &[
            "IERR",
            "Thermal Trip",
            "FRB1/BIST failure",
            "FRB2/Hang in POST failure",
            "FRB3/Processor startup/init failure",
            "Configuration Error",
            "SM BIOS Uncorrectable CPU-complex Error",
            "Presence detected",
            "Disabled",
            "Terminator presence detected",
            "Throttled",
            "Uncorrectable machine check exception",
            "Correctable machine check error",
        ],
        // Power Supply.
        0x08 => &[
            "Presence detected",
            "Failure detected",
            "Predictive failure",
            "Power Supply AC lost",
            "AC lost or out-of-range",
            "AC out-of-range, but present",
            "Config Error",
            "Power Supply Inactive",
        ],
        // Power Unit.
        0x09 => &[
            "Power off/down",
            "Power cycle",
            "240VA power down",
            "Interlock power down",
            "AC lost",
            "Soft-power control failure",
            "Failure detected",
            "Predictive failure",
        ],
        // Memory.
        0x0c => &[
            "Correctable ECC",
            "Uncorrectable ECC",
            "Parity",
            "Memory Scrub Failed",
            "Memory Device Disabled",
            "Correctable ECC logging limit reached",
            "Presence Detected",
            "Configuration Error",
            "Spare",
            "Throttled",
            "Critical Overtemperature",
        ],
        // Drive Slot / Bay.
        0x0d => &[
            "Drive Present",
            "Drive Fault",
            "Predictive Failure",
            "Hot Spare",
            "Parity Check In Progress",
            "In Critical Array",
            "In Failed Array",
            "Rebuild In Progress",
            "Rebuild Aborted",
        ],
        // System Firmwares.
        0x0f => &["Unknown Error", "Unknown Hang", "Unknown Progress"],
        // Event Logging Disabled.
        0x10 => &[
            "Correctable memory error logging disabled",
            "Event logging disabled",
            "Log area reset/cleared",
            "All event logging disabled",
            "Log full",
            "Log almost full",
        ],
        // Watchdog1.
        0x11 => &[
            "BIOS Reset",
            "OS Reset",
            "OS Shut Down",
            "OS Power Down",
            "OS Power Cycle",
            "OS NMI/Diag Interrupt",
            "OS Expired",
            "OS pre-timeout Interrupt",
        ],
        // System Event.
        0x12 => &[
            "System Reconfigured",
            "OEM System boot event",
            "Undetermined system hardware failure",
            "Entry added to auxiliary log",
            "PEF Action",
            "Timestamp Clock Sync",
        ],
        // Critical Interrupt.
        0x13 => &[
            "NMI/Diag Interrupt",
            "Bus Timeout",
            "I/O Channel check NMI",
            "Software NMI",
            "PCI PERR",
            "PCI SERR",
            "EISA failsafe timeout",
            "Bus Correctable error",
            "Bus Uncorrectable error",
            "Fatal NMI",
            "Bus Fatal Error",
            "Bus Degraded",
        ],
        // Button.
        0x14 => &[
            "Power Button pressed",
            "Sleep Button pressed",
            "Reset Button pressed",
            "FRU Latch",
            "FRU Service",
        ],
        // Chip Set.
        0x19 => &["Soft Power Control Failure", "Thermal Trip"],
        // Cable / Interconnect.
        0x1b => &["Connected", "Config Error"],
        // System Boot Initiated.
        0x1d => &[
            "Initiated by power up",
            "Initiated by hard reset",
            "Initiated by warm reset",
            "User requested PXE boot",
            "Automatic boot to diagnostic",
            "OS initiated hard reset",
            "OS initiated warm reset",
            "System Restart",
        ],
        // Boot Error.
        0x1e => &[
            "No bootable media",
            "Non-bootable disk in drive",
            "PXE server not found",
            "Invalid boot sector",
            "Timeout waiting for selection",
        ],
        // OS Boot.
        0x1f => &[
            "A: boot completed",
            "C: boot completed",
            "PXE boot completed",
            "Diagnostic boot completed",
            "CD-ROM boot completed",
            "ROM boot completed",
            "boot completed - device not specified",
            "Installation started",
            "Installation completed",
            "Installation aborted",
            "Installation failed",
        ],
        // OS Critical Stop.
        0x20 => &[
            "Error during system startup",
            "Run-time critical stop",
            "OS graceful stop",
            "OS graceful shutdown",
            "PEF initiated soft shutdown",
            "Agent not responding",
        ],
        // Slot / Connector.
        0x21 => &[
            "Fault Status",
            "Identify Status",
            "Device Installed",
            "Ready for Device Installation",
            "Ready for Device Removal",
            "Slot Power is Off",
            "Device Removal Request",
            "Interlock",
            "Slot is Disabled",
            "Spare Device",
        ],
        // System ACPI Power State.
        0x22 => &[
            "S0/G0: working",
            "S1: sleeping with system hw & processor context maintained",
            "S2: sleeping, processor context lost",
            "S3: sleeping, processor & hw context lost, memory retained",
            "S4: non-volatile sleep/suspend-to-disk",
            "S5/G2: soft-off",
            "S4/S5: soft-off",
            "G3: mechanical off",
            "Sleeping in S1/S2/S3 state",
            "G1: sleeping",
            "S5: entered by override",
            "Legacy ON state",
            "Legacy OFF state",
            "",
            "Unknown",
        ],
        // Watchdog2.
        0x23 => &[
            "Timer expired",
            "Hard reset",
            "Power down",
            "Power cycle",
            "reserved",
            "reserved",
            "reserved",
            "reserved",
            "Timer interrupt",
        ],
        // Platform Alert.
        0x24 => &[
            "Platform generated page",
            "Platform generated LAN alert",
            "Platform Event Trap generated",
            "Platform generated SNMP trap, OEM format",
        ],
        // Entity Presence.
        0x25 => &["Present", "Absent", "Disabled"],
        // LAN.
        0x27 => &["Heartbeat Lost", "Heartbeat"],
        // Management Subsys Health.
        0x28 => &[
            "Sensor access degraded or unavailable",
            "Controller access degraded or unavailable",
            "Management controller off-line",
            "Management controller unavailable",
            "Sensor failure",
            "FRU failure",
        ],
        // Battery.
        0x29 => &["Low", "Failed", "Presence Detected"],
        // Version Change.
        0x2b => &[
            "Hardware change detected",
            "",
            "Hardware incompatibility detected",
            "Firmware or software incompatibility detected",
            "Invalid or unsupported hardware version",
            "Invalid or unsupported firmware or software version",
            "Hardware change success",
        ],
        // FRU State.
        0x2c => &[
            "Not Installed",
            "Inactive",
            "Activation Requested",
            "Activation in Progress",
            "Active",
            "Deactivation Requested",
            "Deactivation in Progress",
            "Communication lost",
        ],
        // FRU hot swap (PICMG 3.0 clause 3.2.4.3).
        0xf0 => &[
            "Transition to M0",
            "Transition to M1",
            "Transition to M2",
            "Transition to M3",
            "Transition to M4",
            "Transition to M5",
            "Transition to M6",
            "Transition to M7",
        ],
        // IPMB-0 link (PICMG 3.0 clause 3.8.4).
        0xf1 => &[
            "IPMB-A disabled, IPMB-B disabled",
            "IPMB-A enabled, IPMB-B disabled",
            "IPMB-A disabled, IPMB-B enabled",
            "IPMB-A enabled, IPMB-B enabled",
        ],
        // Module hot swap (AMC.0 clause 3.6.6).
        0xf2 => &["Module Handle Closed", "Module Handle Opened", "Quiesced"],
        _ => &[],
    }
}
