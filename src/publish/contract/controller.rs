//! `mc` and `dcmi`: the labels of `ipmitool mc info` and `ipmitool dcmi power reading`, camel-cased, and what they say
//! (additive to the contract).

use rackpoll_model::{Controller, PowerReading, SelTime, SelfTest};
use serde_json::{Map, Value, json};

use super::time::{bmc_date, bmc_time};

/// What a controller does besides, by bit of its support byte, with `ipmitool`'s wording.
const SUPPORT: [&str; 8] = [
    "Sensor Device",
    "SDR Repository Device",
    "SEL Device",
    "FRU Inventory Device",
    "IPMB Event Receiver",
    "IPMB Event Generator",
    "Bridge",
    "Chassis Device",
];

/// What a self test can find broken, by bit (IPMI 2.0 table 20-4).
const CORRUPTED: [&str; 8] = [
    "controller operational firmware corrupted",
    "controller update boot block firmware corrupted",
    "internal use area of BMC FRU corrupted",
    "SDR repository empty",
    "IPMB signal lines do not respond",
    "cannot access BMC FRU device",
    "cannot access SDR repository",
    "cannot access SEL device",
];

pub(super) fn controller(controller: &Controller) -> Value {
    let (major, minor) = controller.firmware;
    let version = controller.ipmi_version;
    let product = controller.product;
    let yes = |is| if is { "yes" } else { "no" };
    let mut value = Map::new();
    let mut put = |key: &str, said: Value| value.insert(key.to_owned(), said);
    put("deviceId", controller.device.to_string().into());
    put("deviceRevision", controller.revision.to_string().into());
    put("firmwareRevision", format!("{major}.{minor:02x}").into());
    put("ipmiVersion", format!("{:x}.{:x}", version & 0x0f, version >> 4).into());
    put("manufacturerId", controller.manufacturer.to_string().into());
    put("productId", format!("{product} ({product:#06x})").into());
    put("deviceAvailable", yes(controller.available).into());
    put("providesDeviceSdrs", yes(controller.device_sdrs).into());
    put("additionalDeviceSupport", by_bit(controller.support, &SUPPORT).into());
    if let Some(auxiliary) = controller.auxiliary {
        put("auxFirmwareRevInfo", auxiliary.map(|byte| format!("{byte:#04x}")).to_vec().into());
    }
    if let Some(result) = controller.self_test {
        put("selfTest", self_test(result).into());
    }
    if let Some(bytes) = controller.guid {
        put("systemGuid", guid(bytes).into());
    }
    Value::Object(value)
}

fn by_bit(bits: u8, texts: &[&'static str; 8]) -> Vec<&'static str> {
    (0..).zip(texts).filter(|(bit, _)| bits & (1 << bit) != 0).map(|(_, text)| *text).collect()
}

fn self_test(result: SelfTest) -> String {
    match result {
        SelfTest::Passed => "passed".to_owned(),
        SelfTest::NotImplemented => "not implemented".to_owned(),
        SelfTest::Corrupted(bits) => by_bit(bits, &CORRUPTED).join(", "),
        SelfTest::Fatal(detail) => format!("fatal hardware error {detail:#04x}"),
        SelfTest::Other(result, detail) => format!("device specific ({result:#04x} {detail:#04x})"),
    }
}

/// The bytes come from the last to the first.
fn guid(mut bytes: [u8; 16]) -> String {
    bytes.reverse();
    uuid::Uuid::from_bytes(bytes).to_string()
}

/// Watts as numbers, so that they can be compared and drawn.
pub(super) fn power_reading(reading: &PowerReading) -> Value {
    let time = match reading.time {
        SelTime::UNSPECIFIED => Value::Null,
        SelTime(seconds) => format!("{} {}", bmc_date(seconds), bmc_time(seconds)).into(),
    };
    json!({
        "instantaneousPowerReading": reading.current,
        "minimumDuringSamplingPeriod": reading.minimum,
        "maximumDuringSamplingPeriod": reading.maximum,
        "averagePowerReadingOverSamplePeriod": reading.average,
        "unit": "Watts",
        "ipmiTimestamp": time,
        "samplingPeriodMs": reading.period,
        "powerReadingState": if reading.active { "activated" } else { "deactivated" },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guid_as_ipmitool_reads_it() {
        // ipmitool raw 6 0x37 and mc guid, against ipmi_sim.
        let bytes =
            [0x2b, 0x7c, 0x82, 0x27, 0x34, 0x99, 0xcf, 0x7c, 0xd0, 0x59, 0xa2, 0xae, 0x15, 0xe6, 0xbe, 0x27];
        assert_eq!(guid(bytes), "27bee615-aea2-59d0-7ccf-993427827c2b");
    }

    #[test]
    fn self_tests() {
        assert_eq!(
            self_test(SelfTest::Corrupted(0xa0)),
            "cannot access BMC FRU device, cannot access SEL device"
        );
        assert_eq!(self_test(SelfTest::Fatal(7)), "fatal hardware error 0x07");
    }
}
