/// What a sensor watches (IPMI 2.0 table 43-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entity {
    /// Entity id: a kind of thing.
    pub id: u8,
    /// Which of them; 0x60 to 0x7F count within the owner.
    pub instance: u8,
    /// A logical container of others, not a thing that one can touch.
    pub logical: bool,
}

impl Entity {
    /// The name of the entity id, in the wording of `ipmitool` 1.8.19, because RackHD's consumers match on it; none for
    /// ids that it has no name for.
    pub fn name(self) -> Option<&'static str> {
        match self.id {
            // PICMG's extensions.
            0xa0 => Some("PICMG Front Board"),
            0xc0 => Some("PICMG Rear Transition Module"),
            0xc1 => Some("PICMG AdvancedMC Module"),
            0xf0 => Some("PICMG Shelf Management Controller"),
            0xf1 => Some("PICMG Filtration Unit"),
            0xf2 => Some("PICMG Shelf FRU Information"),
            0xf3 => Some("PICMG Alarm Panel"),
            id => NAMES.get(usize::from(id)).copied(),
        }
    }
}

const NAMES: [&str; 67] = [
    "Unspecified",
    "Other",
    "Unknown",
    "Processor",
    "Disk or Disk Bay",
    "Peripheral Bay",
    "System Management Module",
    "System Board",
    "Memory Module",
    "Processor Module",
    "Power Supply",
    "Add-in Card",
    "Front Panel Board",
    "Back Panel Board",
    "Power System Board",
    "Drive Backplane",
    "System Internal Expansion Board",
    "Other System Board",
    "Processor Board",
    "Power Unit",
    "Power Module",
    "Power Management",
    "Chassis Back Panel Board",
    "System Chassis",
    "Sub-Chassis",
    "Other Chassis Board",
    "Disk Drive Bay",
    "Peripheral Bay",
    "Device Bay",
    "Fan Device",
    "Cooling Unit",
    "Cable/Interconnect",
    "Memory Device",
    "System Management Software",
    "BIOS",
    "Operating System",
    "System Bus",
    "Group",
    "Remote Management Device",
    "External Environment",
    "Battery",
    "Processing Blade",
    "Connectivity Switch",
    "Processor/Memory Module",
    "I/O Module",
    "Processor/IO Module",
    "Management Controller Firmware",
    "IPMI Channel",
    "PCI Bus",
    "PCI Express Bus",
    "SCSI Bus (parallel)",
    "SATA/SAS Bus",
    "Processor/Front-Side Bus",
    "Real Time Clock(RTC)",
    "Reserved",
    "Air Inlet",
    "Reserved",
    "Reserved",
    "Reserved",
    "Reserved",
    "Reserved",
    "Reserved",
    "Reserved",
    "Reserved",
    "Air Inlet",
    "Processor",
    "Baseboard/Main System Board",
];

#[cfg(test)]
mod tests {
    use super::*;

    // As `ipmitool sdr entity help` numbers them.
    #[test]
    fn names_by_id() {
        let name = |id| Entity { id, instance: 1, logical: false }.name();
        assert_eq!(name(7), Some("System Board"));
        assert_eq!(name(34), Some("BIOS"));
        assert_eq!(
            (name(53), name(54), name(55)),
            (Some("Real Time Clock(RTC)"), Some("Reserved"), Some("Air Inlet"))
        );
        assert_eq!(
            (name(66), name(67), name(0xa0)),
            (Some("Baseboard/Main System Board"), None, Some("PICMG Front Board"))
        );
        assert_eq!(name(0xd1), None);
    }
}
