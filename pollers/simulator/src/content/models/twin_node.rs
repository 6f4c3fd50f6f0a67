use super::{
    super::{
        model::{Builder, Model, shape},
        sensor::sensor_type::*,
    },
    server::{band, lower, upper},
};

/// Half-width node: shares fans with its twin; two session slots.
pub(super) fn build() -> Model {
    Builder::new("twin-node", "half-width node, two session slots", "Sim Twin Node")
        .device(2, 60, 0x0201, (4, 0x01))
        .analog("System Temp", (0x07, 1), shape::AMBIENT, 28.0, 3.0, upper([55.0, 60.0]))
        .each(1..=2, |builder, cpu| {
            let name = format!("CPU {cpu} Temp");
            builder.analog(name, (0x03, cpu), shape::SILICON, 53.0, 9.0, upper([86.0, 94.0]))
        })
        .each(1..=2, |builder, fan| {
            let name = format!("Shared Fan {fan}");
            builder.analog(name, (0x1d, fan), shape::FAN, 6_000.0, 700.0, lower([1_500.0, 900.0]))
        })
        .each(1..=2, |builder, cpu| {
            let name = format!("VCCIN {cpu}");
            builder.analog(name, (0x03, cpu), shape::VOLT_CORE, 1.8, 0.03, band(1.8))
        })
        .analog("3.3VSB", (0x14, 1), shape::VOLT_3, 3.32, 0.04, band(3.32))
        .analog("Node Power", (0x07, 1), shape::POWER, 240.0, 60.0, upper([600.0, 680.0]))
        .each(1..=2, |builder, drive| {
            let name = format!("M.2 {drive}");
            builder.discrete(name, (0x04, drive), DRIVE_SLOT, 0b111, 0b1, Some(0b101))
        })
        .discrete("Session Audit", (0x06, 1), SESSION_AUDIT, 0b1111, 0, None)
        .discrete("VBAT", (0x28, 1), BATTERY, 0b111, 0b100, Some(0b101))
        .build()
}
