//! `pdupower.updated`: an outlet of a PDU was switched.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Severity,
    alert::{Action, Alert, Device},
    episode::{Episode, Stage},
};

/// The metric that tells of outlets.
pub(crate) const METRIC: &str = "snmp-pdu-power-status";
/// The column that says whether an outlet is on.
const COLUMN: &str = "pduOutOn";

/// Every outlet's state, by its dotted key: `PDU_1.outlet_2`.
pub(crate) fn outlets(result: &Value) -> BTreeMap<String, Value> {
    let objects = |value: &Value| value.as_object().cloned().into_iter().flatten().collect::<Vec<_>>();
    let mut found = BTreeMap::new();
    for (pdu, columns) in result.as_object().into_iter().flatten() {
        for (outlet, columns) in columns.get("outlets").map(objects).unwrap_or_default() {
            if let Some(state) = columns.get(COLUMN).filter(|state| !state.is_null()) {
                found.insert(format!("{pdu}.{outlet}"), state.clone());
            }
        }
    }
    found
}

/// The alert of what was switched, and the states to remember: those that this poll did not tell stay as they were.
/// Without a last state there is none to tell.
pub(crate) fn watch(
    last: &BTreeMap<String, Value>,
    current: BTreeMap<String, Value>,
    device: Device<'_>,
    id: impl FnOnce() -> String,
) -> (Option<Alert>, BTreeMap<String, Value>) {
    let status: Vec<Value> = current
        .iter()
        .filter_map(|(outlet, current)| {
            let last = last.get(outlet).filter(|last| *last != current)?;
            Some(json!({ "outlet": outlet, "current": current, "last": last }))
        })
        .collect();
    let mut next = last.clone();
    next.extend(current);
    let alert = (!status.is_empty()).then(|| Alert {
        action: Action::PduPower,
        severity: Severity::Information,
        data: json!({ "host": device.host, "status": status }),
        episode: Episode { id: id(), state: Stage::Open, count: 1, flapping: false },
    });
    (alert, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_switched_is_told() {
        let host = json!("10.0.0.9");
        let device = Device { host: &host, user: &Value::Null };
        let result = |one: &str, two: &str| {
            json!({ "PDU_1": { "pduName": "left", "outlets": {
                "outlet_1": { "pduOutOn": one }, "outlet_2": { "pduOutOn": two, "pduOutName": "x" }, "outlet_3": {},
            } }, "PDU_2": { "pduName": "none" } })
        };
        let id = || "id".to_owned();
        let (first, known) = watch(&BTreeMap::new(), outlets(&result("on", "off")), device, id);
        assert_eq!((first, known.len()), (None, 2));
        let (same, known) = watch(&known, outlets(&result("on", "off")), device, id);
        assert_eq!(same, None);
        // A poll that did not reach an outlet says nothing of it.
        let (gone, known) = watch(&known, outlets(&json!({ "PDU_1": {} })), device, id);
        assert_eq!((gone, known.len()), (None, 2));
        let (switched, _) = watch(&known, outlets(&result("off", "on")), device, id);
        assert_eq!(
            switched.unwrap().data,
            json!({ "host": "10.0.0.9", "status": [
                { "outlet": "PDU_1.outlet_1", "current": "off", "last": "on" },
                { "outlet": "PDU_1.outlet_2", "current": "on", "last": "off" },
            ] })
        );
        assert!(outlets(&json!([1, 2])).is_empty() && outlets(&json!({ "a": { "outlets": 7 } })).is_empty());
    }
}
