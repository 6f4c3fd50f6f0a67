use super::super::{
    model::{Builder, Model, shape},
    sensor::sensor_type::*,
};

/// One rack unit, two sockets, eight fans, two power supplies.
pub(super) fn build() -> Model {
    Builder::new("server", "two-socket server, one rack unit", "Sim Server 1U2")
        .device(4, 32, 0x0101, (2, 0x14))
        .analog("Inlet Temp", (0x37, 1), shape::AMBIENT, 23.0, 3.0, upper_lower([-5.0, 3.0], [38.0, 42.0]))
        .analog("Exhaust Temp", (0x37, 2), shape::AMBIENT, 36.0, 4.0, upper([70.0, 75.0]))
        .each(1..=2, |builder, cpu| {
            let name = format!("CPU{cpu} Temp");
            builder.analog(name, (0x03, cpu), shape::SILICON, 58.0, 12.0, upper([88.0, 95.0]))
        })
        .each(1..=4, |builder, bank| {
            let name = format!("DIMM {} Temp", ["A", "B", "C", "D"][usize::from((bank - 1) % 4)]);
            builder.analog(name, (0x20, bank), shape::SILICON, 41.0, 5.0, upper([80.0, 85.0]))
        })
        .each(1..=8, |builder, fan| {
            let name = format!("Fan {fan}");
            builder.analog(name, (0x1d, fan), shape::FAN, 7_200.0, 900.0, lower([900.0, 600.0]))
        })
        .analog("P12V", (0x14, 1), shape::VOLT_12, 12.0, 0.2, band(12.0))
        .analog("P5V", (0x14, 2), shape::VOLT_5, 5.0, 0.06, band(5.0))
        .analog("P3V3 STBY", (0x14, 3), shape::VOLT_3, 3.3, 0.04, band(3.3))
        .each(1..=2, |builder, cpu| {
            let name = format!("CPU{cpu} VCORE");
            builder.analog(name, (0x03, cpu), shape::VOLT_CORE, 1.78, 0.04, band(1.78))
        })
        .each(1..=2, |builder, supply| {
            let name = format!("PS{supply} Current");
            let limits = [None, None, None, Some(9.0), Some(10.0), None];
            builder.analog(name, (0x0a, supply), shape::CURRENT, 1.4, 0.4, limits)
        })
        .analog("Pwr Consumption", (0x07, 1), shape::POWER, 320.0, 60.0, upper([896.0, 980.0]))
        .analog("CPU Usage", (0x07, 1), shape::LOAD, 38.0, 25.0, [None, None, None, None, Some(95.0), None])
        .each(1..=2, |builder, cpu| {
            // IERR, thermal trip, presence, throttled.
            let name = format!("CPU{cpu} Status");
            builder.discrete(name, (0x03, cpu), PROCESSOR, 0b100_1000_0011, 1 << 7, Some(1 << 7 | 1 << 1))
        })
        .each(1..=2, |builder, supply| {
            // Presence, failure, input lost.
            let name = format!("PS{supply} Status");
            builder.discrete(name, (0x0a, supply), POWER_SUPPLY, 0b1011, 1, Some(0b1001))
        })
        // Fully redundant; redundancy lost.
        .generic("PS Redundancy", (0x13, 1), POWER_SUPPLY, 0x0b, 0b11, 0b01, Some(0b10))
        .discrete("Intrusion", (0x17, 1), PHYSICAL_SECURITY, 1, 0, Some(1))
        // Correctable ECC, uncorrectable ECC.
        .discrete("ECC Errors", (0x08, 1), MEMORY, 0b11, 0, Some(0b01))
        .discrete("CMOS Battery", (0x28, 1), BATTERY, 0b111, 0b100, Some(0b101))
        .in_full_record()
        .discrete("SEL", (0x06, 1), EVENT_LOGGING, 0b11_0100, 0, None)
        .discrete("Watchdog", (0x06, 1), WATCHDOG, 0b1_0000_1111, 0, None)
        .discrete("ACPI State", (0x07, 1), SYSTEM_ACPI_POWER_STATE, 0b10_0001, 0b1, None)
        .build()
}

/// Upper non-critical and critical.
pub(super) fn upper([warning, critical]: [f64; 2]) -> super::super::model::Limits {
    [None, None, None, Some(warning), Some(critical), None]
}

/// Lower non-critical and critical.
pub(super) fn lower([warning, critical]: [f64; 2]) -> super::super::model::Limits {
    [Some(warning), Some(critical), None, None, None, None]
}

/// Lower critical and non-critical, upper non-critical and critical.
pub(super) fn upper_lower(low: [f64; 2], high: [f64; 2]) -> super::super::model::Limits {
    [Some(low[1]), Some(low[0]), None, Some(high[0]), Some(high[1]), None]
}

/// Five per cent to either side is critical, as for supply voltages.
pub(super) fn band(nominal: f64) -> super::super::model::Limits {
    [None, Some(nominal * 0.95), None, None, Some(nominal * 1.05), None]
}
