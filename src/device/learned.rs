//! What a session has learned about its BMC, as JSON: for the state file, and for people.

use std::{collections::BTreeMap, time::Duration};

use rackpoll_io::{CipherSuite, Ipmi15Authentication, Privilege, Profile};
use serde_json::{Map, Value, json};

const PRIVILEGES: [Privilege; 4] =
    [Privilege::Callback, Privilege::User, Privilege::Operator, Privilege::Administrator];

/// As JSON; what was not learned is left out.
pub(crate) fn to_json(profile: &Profile) -> Map<String, Value> {
    let mut object = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(key.to_owned(), value);
        }
    };
    let flag = |set: bool| set.then_some(Value::Bool(true));
    put("cipherSuite", profile.suite.map(|suite| suite.id().into()));
    put("ipmi15", profile.ipmi_15.map(|kind| kind.as_str().into()));
    put("highestPrivilege", flag(profile.highest_privilege));
    put("noSetPrivilege", flag(profile.no_set_privilege));
    put("hidesCipherSuites", flag(profile.hides_suites));
    put("roundTripMs", profile.round_trip.map(milliseconds));
    let privileges: Map<String, Value> = profile
        .privileges
        .iter()
        .map(|((netfn, command), level)| (format!("{netfn:02x}/{command:02x}"), level.as_str().into()))
        .collect();
    put("privileges", (!privileges.is_empty()).then_some(privileges.into()));
    object
}

fn milliseconds(time: Duration) -> Value {
    // Whole microseconds are more than a clock of this kind knows.
    let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    json!(f64::from(micros) / 1000.0)
}

/// From JSON. What is missing or makes no sense was not learned: it is learned again.
pub(crate) fn from_json(text: &str) -> Profile {
    let Ok(Value::Object(object)) = serde_json::from_str(text) else { return Profile::default() };
    let flag = |key: &str| object.get(key).and_then(Value::as_bool).unwrap_or(false);
    let suite = object.get("cipherSuite").and_then(Value::as_u64);
    let kind = object.get("ipmi15").and_then(Value::as_str);
    let round_trip = object.get("roundTripMs").and_then(Value::as_f64);
    Profile {
        suite: suite.and_then(|id| u8::try_from(id).ok()).and_then(CipherSuite::from_id),
        ipmi_15: kind
            .and_then(|word| Ipmi15Authentication::ALL.into_iter().find(|kind| kind.as_str() == word)),
        highest_privilege: flag("highestPrivilege"),
        no_set_privilege: flag("noSetPrivilege"),
        hides_suites: flag("hidesCipherSuites"),
        round_trip: round_trip
            .and_then(|milliseconds| Duration::try_from_secs_f64(milliseconds / 1000.0).ok())
            .filter(|trip| *trip < Duration::from_secs(60)),
        privileges: object.get("privileges").and_then(Value::as_object).map(privileges).unwrap_or_default(),
    }
}

fn privileges(object: &Map<String, Value>) -> BTreeMap<(u8, u8), Privilege> {
    let byte = |text: &str| u8::from_str_radix(text, 16).ok();
    object
        .iter()
        .filter_map(|(command, level)| {
            let (netfn, command) = command.split_once('/')?;
            let level = PRIVILEGES.into_iter().find(|known| Some(known.as_str()) == level.as_str())?;
            Some(((byte(netfn)?, byte(command)?), level))
        })
        .take(64)
        .collect()
}

/// Whether it is worth a write: something was learned, or answers take twice or half as long as before.
pub(crate) fn differs(now: &Profile, before: &Profile) -> bool {
    let without = |profile: &Profile| Profile { round_trip: None, ..profile.clone() };
    if without(now) != without(before) {
        return true;
    }
    match (now.round_trip, before.round_trip) {
        (Some(now), Some(before)) => now > before.saturating_mul(2) || now < before / 2,
        (now, before) => now.is_some() != before.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned() -> Profile {
        Profile {
            suite: CipherSuite::from_id(17),
            ipmi_15: None,
            highest_privilege: true,
            privileges: BTreeMap::from([((0x2c, 0x02), Privilege::Operator)]),
            no_set_privilege: true,
            hides_suites: true,
            round_trip: Some(Duration::from_micros(1250)),
        }
    }

    #[test]
    fn it_comes_back() {
        let json = Value::Object(to_json(&learned()));
        assert_eq!(json["privileges"], json!({ "2c/02": "OPERATOR" }));
        assert_eq!(json["roundTripMs"], json!(1.25));
        assert_eq!(from_json(&json.to_string()), learned());
        let old = Profile { ipmi_15: Some(Ipmi15Authentication::Md5), ..Profile::default() };
        assert_eq!(from_json(&Value::Object(to_json(&old)).to_string()), old);
        assert!(to_json(&Profile::default()).is_empty());
    }

    #[test]
    fn nonsense_is_nothing_learned() {
        for text in ["", "[]", "{", "{\"cipherSuite\": 99, \"roundTripMs\": -1, \"privileges\": {\"x\": 1}}"]
        {
            assert_eq!(from_json(text), Profile::default(), "{text}");
        }
    }

    #[test]
    fn small_changes_of_the_round_trip_are_worth_no_write() {
        let with = |micros| Profile { round_trip: Some(Duration::from_micros(micros)), ..learned() };
        assert!(!differs(&with(1500), &with(1000)));
        assert!(differs(&with(2500), &with(1000)));
        assert!(differs(&with(400), &with(1000)));
        assert!(differs(&with(1000), &Profile { round_trip: None, ..learned() }));
        assert!(differs(&learned(), &Profile { suite: None, ..learned() }));
    }
}
