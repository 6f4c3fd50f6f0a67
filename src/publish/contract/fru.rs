//! `fru`: the labels of `ipmitool fru`, camel-cased, and its texts; one object a FRU device (additive to the contract).

use chrono::{DateTime, TimeDelta, Utc};
use rackpoll_model::{
    FruBoard, FruChassis, FruDcLoad, FruDcOutput, FruDevice, FruInventory, FruPart, FruPowerSupply,
    FruProduct, FruRecord, FruState,
};
use serde_json::{Map, Value};

/// Types of chassis (SMBIOS), with `ipmitool`'s wording.
const CHASSIS: [&str; 30] = [
    "Unspecified",
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "LapTop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All in One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "SubChassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system Chassis",
    "CompactPCI",
    "AdvancedTCA",
    "Blade",
    "Blade Enclosure",
];

/// Voltages of a combined capacity, by code.
const COMBINED: [&str; 4] = ["12 V", "-12 V", "5 V", "3.3 V"];

/// What a power supply's flags mean, by bit.
const FLAGS: [&str; 4] =
    ["'Predictive fail'", "'Power factor correction'", "'Autoswitch voltage'", "'Hot swap'"];

/// 00:00 on January 1st 1996, from where boards count their minutes: seconds since 1970.
const YEAR_1996: i64 = 820_454_400;

pub(super) fn devices(devices: &[FruDevice]) -> Value {
    devices.iter().map(device).collect()
}

fn device(device: &FruDevice) -> Value {
    let mut fields = Fields::default();
    fields.put("fruDeviceDescription", format!("{} (ID {})", device.name, device.id));
    if let FruState::Read(inventory) = &device.state {
        fields.inventory(inventory);
    }
    Value::Object(fields.0)
}

/// Texts by key; what comes more than once is a list.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, key: &str, text: impl ToString) {
        let text = text.to_string();
        let text = text.trim();
        self.0.insert(key.to_owned(), text.into());
    }

    /// A text that may not be there.
    fn some(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.put(key, text);
        }
    }

    fn list(&mut self, key: &str, texts: &[String]) {
        match texts {
            [] => {}
            [one] => self.put(key, one),
            many => {
                let many = many.iter().map(|text| Value::from(text.trim())).collect();
                self.0.insert(key.to_owned(), Value::Array(many));
            }
        }
    }

    fn inventory(&mut self, inventory: &FruInventory) {
        if let Some(chassis) = &inventory.chassis {
            self.chassis(chassis);
        }
        if let Some(board) = &inventory.board {
            self.board(board);
        }
        if let Some(product) = &inventory.product {
            self.product(product);
        }
        if !inventory.records.is_empty() {
            let records = inventory.records.iter().map(record).collect();
            self.0.insert("multiRecords".to_owned(), records);
        }
        for (key, parts) in
            [("wrongChecksums", &inventory.wrong_checksums), ("unreadable", &inventory.unreadable)]
        {
            if !parts.is_empty() {
                let parts = parts.iter().map(|part| Value::from(part_name(*part))).collect();
                self.0.insert(key.to_owned(), parts);
            }
        }
    }

    fn chassis(&mut self, chassis: &FruChassis) {
        let kind = CHASSIS.get(usize::from(chassis.kind)).copied().unwrap_or("Unknown");
        self.put("chassisType", kind);
        self.some("chassisPartNumber", &chassis.part_number);
        self.some("chassisSerial", &chassis.serial);
        self.list("chassisExtra", &chassis.extra);
    }

    fn board(&mut self, board: &FruBoard) {
        self.put("boardMfgDate", made(board.made));
        self.some("boardMfg", &board.manufacturer);
        self.some("boardProduct", &board.product);
        self.some("boardSerial", &board.serial);
        self.some("boardPartNumber", &board.part_number);
        self.list("boardExtra", &board.extra);
    }

    fn product(&mut self, product: &FruProduct) {
        self.some("productManufacturer", &product.manufacturer);
        self.some("productName", &product.name);
        self.some("productPartNumber", &product.part_number);
        self.some("productVersion", &product.version);
        self.some("productSerial", &product.serial);
        self.some("productAssetTag", &product.asset_tag);
        self.list("productExtra", &product.extra);
    }

    fn power_supply(&mut self, supply: &FruPowerSupply) {
        self.put("record", "Power Supply");
        self.put("capacity", format!("{} W", supply.capacity));
        self.put("peakVa", format!("{} VA", supply.peak_va));
        self.put("inrushCurrent", format!("{} A", supply.inrush_current));
        self.put("inrushInterval", format!("{} ms", supply.inrush_interval));
        let range = |(low, high): (u16, u16)| format!("{}-{} V", low / 100, high / 100);
        self.put("inputVoltageRange1", range(supply.input_voltage_1));
        self.put("inputVoltageRange2", range(supply.input_voltage_2));
        let (low, high) = supply.input_frequency;
        self.put("inputFrequencyRange", format!("{low}-{high} Hz"));
        self.put("aCDropoutTolerance", format!("{} ms", supply.dropout_tolerance));
        self.put("flags", flags(supply.flags));
        let (watts, seconds) = supply.peak_capacity;
        self.put("peakCapacity", format!("{watts} W"));
        self.put("peakCapacityHoldup", format!("{seconds} s"));
        let voltage = |code: u8| COMBINED.get(usize::from(code)).copied().unwrap_or("unknown");
        let combined = match supply.combined {
            (_, _, 0) => "not specified".to_owned(),
            (first, second, watts) => format!("{watts} W ({} and {})", voltage(first), voltage(second)),
        };
        self.put("combinedCapacity", combined);
        if supply.flags & 0x01 != 0 {
            self.put("fanLowerThreshold", format!("{} RPS", supply.fan_threshold));
        }
    }

    fn dc_output(&mut self, output: &FruDcOutput) {
        self.put("record", "DC Output");
        self.put("outputNumber", output.number);
        self.put("standbyPower", if output.standby { "Yes" } else { "No" });
        self.put("nominalVoltage", volts(output.nominal));
        self.put("maxNegativeDeviation", volts(output.negative_deviation));
        self.put("maxPositiveDeviation", volts(output.positive_deviation));
        self.put("rippleAndNoisePkPk", format!("{} mV", output.ripple));
        self.put("minimumCurrentDraw", amperes(output.minimum_current));
        self.put("maximumCurrentDraw", amperes(output.maximum_current));
    }

    fn dc_load(&mut self, load: &FruDcLoad) {
        self.put("record", "DC Load");
        self.put("outputNumber", load.number);
        self.put("nominalVoltage", volts(load.nominal));
        self.put("minVoltageAllowed", volts(load.minimum_voltage));
        self.put("maxVoltageAllowed", volts(load.maximum_voltage));
        self.put("rippleAndNoisePkPk", format!("{} mV", load.ripple));
        self.put("minimumCurrentLoad", amperes(load.minimum_current));
        self.put("maximumCurrentLoad", amperes(load.maximum_current));
    }
}

fn record(record: &FruRecord) -> Value {
    let mut fields = Fields::default();
    match record {
        FruRecord::PowerSupply(supply) => fields.power_supply(supply),
        FruRecord::DcOutput(output) => fields.dc_output(output),
        FruRecord::DcLoad(load) => fields.dc_load(load),
        FruRecord::Other { kind, data } => {
            fields.put("record", format!("{kind:#04x}"));
            fields.put("data", data.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        }
    }
    Value::Object(fields.0)
}

fn flags(bits: u8) -> String {
    let mut set: Vec<&str> =
        (0..).zip(FLAGS).filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, text)| text).collect();
    // What bit 4 says depends on whether there is a tachometer to fail.
    let pulses = match (bits & 0x01 != 0, bits & 0x10 != 0) {
        (true, true) => "'Two pulses per rotation'",
        (true, false) => "'One pulse per rotation'",
        (false, true) => "'Failure on pin de-assertion'",
        (false, false) => "'Failure on pin assertion'",
    };
    set.push(pulses);
    set.join(" ")
}

fn volts(hundredths: i16) -> String {
    format!("{:.2} V", f64::from(hundredths) / 100.0)
}

fn amperes(thousandths: u16) -> String {
    format!("{:.3} A", f64::from(thousandths) / 1_000.0)
}

/// As `ipmitool` writes it: `Thu Jul 23 14:31:00 2015 UTC`.
fn made(minutes: u32) -> String {
    let date = DateTime::<Utc>::from_timestamp(YEAR_1996, 0)
        .and_then(|start| start.checked_add_signed(TimeDelta::minutes(i64::from(minutes))));
    match date {
        Some(date) if minutes > 0 => date.format("%a %b %e %H:%M:%S %Y UTC").to_string(),
        _ => "Unspecified".to_owned(),
    }
}

fn part_name(part: FruPart) -> &'static str {
    match part {
        FruPart::Header => "header",
        FruPart::Chassis => "chassis",
        FruPart::Board => "board",
        FruPart::Product => "product",
        FruPart::Record => "record",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_boards() {
        // ipmitool fru, against ipmi_sim with the model dell_r630 and others.
        assert_eq!(made(10_286_791), "Thu Jul 23 14:31:00 2015 UTC");
        assert_eq!(made(5), "Mon Jan  1 00:05:00 1996 UTC");
        assert_eq!(made(0), "Unspecified");
        assert_eq!(made(0x00ff_ffff), "Wed Nov 24 20:15:00 2027 UTC");
    }
}
