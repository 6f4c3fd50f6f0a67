use super::{
    super::{
        model::{Builder, Model, shape},
        sensor::{Kind, Presence, sensor_type::*},
    },
    server::{band, lower, upper, upper_lower},
};

/// Eight accelerators, 24 memory modules, all six thresholds on the accelerators.
pub(super) fn build() -> Model {
    Builder::new("gpu-node", "accelerator node: eight GPUs, 24 DIMMs, six supplies", "Sim GPU Node 8")
        .device(4, 22, 0x0802, (3, 0x07))
        .analog("Inlet Temp", (0x37, 1), shape::AMBIENT, 21.0, 2.0, upper_lower([0.0, 5.0], [35.0, 40.0]))
        .each(1..=4, |builder, zone| {
            let name = format!("Zone{zone} Temp");
            builder.analog(name, (0x42, zone), shape::AMBIENT, 34.0, 4.0, upper([60.0, 65.0]))
        })
        .each(1..=2, |builder, cpu| {
            let name = format!("CPU{cpu} Temp");
            builder.analog(name, (0x03, cpu), shape::SILICON, 62.0, 10.0, upper([90.0, 98.0]))
        })
        .each(1..=8, |builder, gpu| {
            let name = format!("GPU{gpu} Temp");
            let limits = [Some(5.0), Some(0.0), Some(-10.0), Some(85.0), Some(90.0), Some(95.0)];
            builder.analog(name, (0x0b, gpu), shape::SILICON, 66.0, 12.0, limits)
        })
        .each(1..=8, |builder, gpu| {
            let name = format!("GPU{gpu} Mem Temp");
            builder.analog(name, (0x0b, gpu), shape::SILICON, 74.0, 9.0, upper([95.0, 105.0]))
        })
        .each(1..=8, |builder, gpu| {
            let name = format!("GPU{gpu} Power");
            builder.analog(name, (0x0b, gpu), shape::POWER, 420.0, 140.0, upper([720.0, 760.0]))
        })
        .each(1..=24, |builder, dimm| {
            let name = format!("DIMM{dimm} Temp");
            let builder = builder.analog(name, (0x20, dimm), shape::SILICON, 44.0, 6.0, upper([82.0, 90.0]));
            // Every sixth slot is empty; this BMC has two ways to say so.
            match dimm {
                6 | 12 => builder.absent(Presence::Unavailable),
                18 | 24 => builder.absent(Presence::Refused),
                _ => builder,
            }
        })
        .each(1..=12, |builder, fan| {
            let name = format!("Fan{fan} Tach");
            builder.analog(name, (0x1d, fan), shape::FAN, 11_250.0, 1_500.0, lower([2_400.0, 1_500.0]))
        })
        .analog("Sys Airflow", (0x1e, 1), shape::AIRFLOW, 160.0, 20.0, lower([40.0, 24.0]))
        .analog("P12V", (0x14, 1), shape::VOLT_12, 12.1, 0.2, band(12.1))
        .analog("P5V", (0x14, 2), shape::VOLT_5, 5.05, 0.06, band(5.05))
        .analog("P3V3 STBY", (0x14, 3), shape::VOLT_3, 3.3, 0.04, band(3.3))
        .analog("Total Power", (0x07, 1), shape::POWER_SQUARE, 2_100.0, 500.0, upper([3_300.0, 3_450.0]))
        .each(1..=6, |builder, supply| {
            let name = format!("PSU{supply} Input");
            builder.analog(name, (0x0a, supply), shape::POWER, 640.0, 120.0, upper([960.0, 1_000.0]))
        })
        .each(1..=6, |builder, supply| {
            let name = format!("PSU{supply} Status");
            builder.discrete(name, (0x0a, supply), POWER_SUPPLY, 0b1111, 1, Some(0b0011))
        })
        .generic("PSU Redundancy", (0x13, 1), POWER_UNIT, 0x0b, 0b10_1111, 0b0001, Some(0b0010))
        .each(1..=8, |builder, gpu| {
            // Generic digital state: deasserted, asserted.
            let name = format!("GPU{gpu} Throttle");
            builder.generic(name, (0x0b, gpu), PROCESSOR, 0x03, 0b11, 0b01, Some(0b10))
        })
        .each(1..=8, |builder, drive| {
            let name = format!("NVMe {drive}");
            let builder = builder.discrete(name, (0x1a, drive), DRIVE_SLOT, 0b111, 0b1, Some(0b11));
            // The last two bays are empty: no state at all.
            builder.last(|sensor| {
                if drive > 6
                    && let Kind::Discrete(discrete) = &mut sensor.kind
                {
                    (discrete.normal, discrete.fault) = (0, None);
                }
            })
        })
        .discrete("ECC Errors", (0x08, 1), MEMORY, 0b11, 0, Some(0b01))
        .discrete("ACPI State", (0x07, 1), SYSTEM_ACPI_POWER_STATE, 0b10_0001, 0b1, None)
        .discrete("Watchdog", (0x06, 1), WATCHDOG, 0b1_0000_1111, 0, None)
        .discrete("SEL", (0x06, 1), EVENT_LOGGING, 0b11_0100, 0, None)
        .discrete("Power Button", (0x07, 1), BUTTON, 0b111, 0, None)
        .build()
}
