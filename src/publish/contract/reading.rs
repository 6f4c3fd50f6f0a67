use rackpoll_model::{ChassisStatus, OidWalk, Reading, Uid};
use rackpoll_snmp::{names::Names, oid_text, value_text};
use serde_json::{Map, Value, json};

use super::{controller, fru, metric::metric_value, sel, sensors};

/// A reading as RackHD's consumers know it (contract.md, section 3). With `names`, SNMP variables are called by them, and
/// their values printed as the MIBs say.
pub fn reading_value(reading: &Reading, names: Option<&Names>) -> Value {
    match reading {
        Reading::Power(on) => Value::Bool(*on),
        Reading::Uid(uid) => Value::from(uid_text(*uid)),
        Reading::Chassis(status) => chassis(status),
        Reading::Oids(walks) => walks.iter().map(|walk| oid_walk(walk, names)).collect(),
        Reading::Metric(reading) => metric_value(&reading.result),
        Reading::SelInformation(information) => sel::information(information),
        Reading::Sel(log) => sel::latest(log),
        Reading::SelEntries(log) => sel::entries(log),
        Reading::Sdr(readings) => sensors::sdr(readings),
        Reading::DriveHealth(readings) => sensors::drive_health(readings),
        Reading::Thresholds(list) => sensors::thresholds(list),
        Reading::Fru(devices) => fru::devices(devices),
        Reading::Controller(controller) => controller::controller(controller),
        Reading::PowerReading(reading) => controller::power_reading(reading),
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

/// What was there before an error stays in `values`: a broken object somewhere does not take the good ones away.
fn oid_walk(walk: &OidWalk, names: Option<&Names>) -> Value {
    let values: Map<String, Value> = walk
        .varbinds
        .iter()
        .map(|varbind| match names {
            None => (oid_text(&varbind.oid), value_text(&varbind.value).into()),
            Some(names) => {
                let text = names.text(varbind).unwrap_or_else(|| value_text(&varbind.value));
                (names.label(&varbind.oid), text.into())
            }
        })
        .collect();
    let mut value = Map::new();
    value.insert("source".to_owned(), walk.source.as_str().into());
    if walk.source.contains(|c: char| c.is_ascii_alphabetic()) {
        value.insert("oid".to_owned(), oid_text(&walk.root).into());
    }
    if let Some(names) = names {
        value.insert("name".to_owned(), names.label(&walk.root).into());
    }
    value.insert("values".to_owned(), values.into());
    if let Some(fault) = &walk.error {
        let error = json!({ "name": fault.kind.name(), "message": fault.message });
        value.insert("error".to_owned(), error);
    }
    value.into()
}

#[cfg(test)]
mod tests {
    use rackpoll_model::{Fault, FaultKind, Oid, Value as SnmpValue, VarBind};

    use super::*;

    #[test]
    fn oids_in_the_contracts_form() {
        let root: Oid = "1.3.6.1.2.1.1".parse().unwrap();
        let varbind = |index: u32, value| VarBind { oid: root.join(&[index, 0]), value };
        let good = OidWalk {
            source: "1.3.6.1.2.1.1".into(),
            root: root.clone(),
            varbinds: vec![
                varbind(3, SnmpValue::TimeTicks(8_640_012)),
                varbind(5, SnmpValue::OctetString(b"sw-1"[..].into())),
            ],
            error: None,
        };
        let fault = Fault::new(FaultKind::NoSuchObject, "the agent has no such object");
        let bad = OidWalk { source: ".1.3".into(), root, varbinds: Vec::new(), error: Some(fault) };
        let expected = concat!(
            r#"[{"source":"1.3.6.1.2.1.1","values":{".1.3.6.1.2.1.1.3.0":"1:0:00:00.12",".1.3.6.1.2.1.1.5.0":"sw-1"}},"#,
            r#"{"source":".1.3","values":{},"error":{"name":"NoSuchObjectError","message":"the agent has no such object"}}]"#,
        );
        assert_eq!(reading_value(&Reading::Oids(vec![good, bad]), None).to_string(), expected);
    }

    #[test]
    fn names_and_words_where_they_are_wanted() {
        let root: Oid = "1.3.6.1.2.1.2.2.1.8".parse().unwrap();
        let varbind = |index: u32, value| VarBind { oid: root.join(&[index]), value };
        let varbinds = vec![
            varbind(1, SnmpValue::Integer(7)),
            varbind(2, SnmpValue::Integer(70)),
            VarBind { oid: "1.3.6.1.4.1.318.1".parse().unwrap(), value: SnmpValue::Counter32(5) },
        ];
        let walk = OidWalk { source: "ifOperStatus".into(), root: root.clone(), varbinds, error: None };
        let walks = Reading::Oids(vec![walk]);
        assert_eq!(
            reading_value(&walks, Some(&Names::builtin()))[0],
            json!({
                "source": "ifOperStatus", "oid": ".1.3.6.1.2.1.2.2.1.8", "name": "IF-MIB::ifOperStatus",
                "values": {
                    "IF-MIB::ifOperStatus.1": "lowerLayerDown", "IF-MIB::ifOperStatus.2": "70",
                    "SNMPv2-SMI::enterprises.318.1": "5",
                },
            })
        );
        // A name that was asked for is answered in numbers all the same, where nothing else is said.
        let numeric = reading_value(&walks, None);
        assert_eq!(numeric[0]["values"][".1.3.6.1.2.1.2.2.1.8.1"], "7");
        assert_eq!(numeric[0]["source"], "ifOperStatus");
    }
}
