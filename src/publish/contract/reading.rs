use rackpoll_model::{ChassisStatus, Reading, Uid};
use serde_json::{Value, json};

/// A reading as RackHD's consumers know it (contract.md, section 3).
pub fn reading_value(reading: &Reading) -> Value {
    match reading {
        Reading::Power(on) => Value::Bool(*on),
        Reading::Uid(uid) => Value::from(uid_text(*uid)),
        Reading::Chassis(status) => chassis(status),
        // The rest is not here yet.
        _ => Value::Null,
    }
}

fn uid_text(uid: Uid) -> &'static str {
    match uid {
        Uid::Off => "Off",
        Uid::TemporaryOn => "Temporary On",
        Uid::On => "On",
        Uid::Reserved => "Reserved",
    }
}

fn chassis(status: &ChassisStatus) -> Value {
    json!({
        "uid": uid_text(status.uid),
        "power": status.power,
        "powerOverload": status.power_overload,
        "interlock": status.interlock,
        "powerFault": status.power_fault,
        "powerControlFault": status.power_control_fault,
        "driveFault": status.drive_fault,
        "coolingFault": status.cooling_fault,
        "intrusion": status.intrusion,
        "frontPanelLockout": status.front_panel_lockout,
    })
}
