use super::{
    super::{
        model::{Builder, Model, shape},
        sensor::sensor_type::*,
    },
    server::{band, lower, upper},
};

/// Nine sensors: a small box in a corner.
pub(super) fn build() -> Model {
    Builder::new("microserver", "small single-socket box", "Sim Micro")
        .device(2, 24, 0x0011, (0, 0x96))
        .analog("Board Temp", (0x07, 1), shape::AMBIENT, 33.0, 4.0, upper([65.0, 70.0]))
        .analog("CPU Temp", (0x03, 1), shape::SILICON, 47.0, 10.0, upper([92.0, 100.0]))
        .analog("Case Fan", (0x1d, 1), shape::FAN, 1_800.0, 300.0, lower([600.0, 450.0]))
        .analog("12V", (0x14, 1), shape::VOLT_12, 12.1, 0.1, band(12.1))
        .analog("5V", (0x14, 2), shape::VOLT_5, 5.1, 0.05, band(5.1))
        .each(1..=2, |builder, drive| {
            let name = format!("HDD {drive}");
            builder.discrete(name, (0x04, drive), DRIVE_SLOT, 0b11, 0b1, Some(0b11))
        })
        .discrete("Power Supply", (0x0a, 1), POWER_SUPPLY, 0b11, 1, None)
        .discrete("Lid", (0x17, 1), PHYSICAL_SECURITY, 1, 0, Some(1))
        .build()
}
