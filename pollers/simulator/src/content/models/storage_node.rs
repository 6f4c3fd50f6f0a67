use super::{
    super::{
        model::{Builder, Model, shape},
        sensor::{Kind, sensor_type::*},
    },
    server::{band, lower, upper},
};

/// Twenty-four drive slots, few temperatures; its BMC gives small parts only.
pub(super) fn build() -> Model {
    Builder::new("storage-node", "storage node with 24 drive slots", "Sim Storage 24")
        .device(3, 16, 0x2401, (1, 0x32))
        .analog("Inlet Temp", (0x37, 1), shape::AMBIENT, 24.0, 3.0, upper([40.0, 45.0]))
        .analog("CPU Temp", (0x03, 1), shape::SILICON, 49.0, 8.0, upper([85.0, 92.0]))
        .each(1..=2, |builder, side| {
            let name = format!("Backplane {side}");
            builder.analog(name, (0x0f, side), shape::AMBIENT, 31.0, 3.0, upper([50.0, 55.0]))
        })
        .each(1..=5, |builder, fan| {
            let name = format!("FAN_{fan}");
            builder.analog(name, (0x1d, fan), shape::FAN, 5_400.0, 600.0, lower([1_200.0, 750.0]))
        })
        .analog("12V", (0x14, 1), shape::VOLT_12, 11.9, 0.15, band(11.9))
        .analog("5V", (0x14, 2), shape::VOLT_5, 5.0, 0.05, band(5.0))
        .each(1..=24, |builder, slot| {
            // Drive present, drive fault, predictive failure, rebuild.
            let name = format!("Drive Slot {slot}");
            let builder = builder.discrete(name, (0x1a, slot), DRIVE_SLOT, 0b1_0000_0111, 0b1, Some(0b11));
            builder.last(|sensor| {
                let Kind::Discrete(discrete) = &mut sensor.kind else { return };
                match slot {
                    // Rebuilding since the beginning; empty.
                    7 => discrete.normal = 0b1_0000_0001,
                    20..=24 => (discrete.normal, discrete.fault) = (0, None),
                    _ => {}
                }
            })
        })
        // Predictive failure by generic states: deasserted, asserted.
        .generic("Cache Battery", (0x28, 1), BATTERY, 0x04, 0b11, 0b01, Some(0b10))
        .each(1..=2, |builder, supply| {
            let name = format!("PSU {supply}");
            builder.discrete(name, (0x0a, supply), POWER_SUPPLY, 0b1011, 1, Some(0b1001))
        })
        // Fully redundant up to "non-redundant: sufficient resources".
        .generic("Fan Redundancy", (0x1e, 1), FAN, 0x0b, 0b1011, 0b0001, Some(0b1000))
        .discrete("Chassis Open", (0x17, 1), PHYSICAL_SECURITY, 1, 0, Some(1))
        .build()
}
