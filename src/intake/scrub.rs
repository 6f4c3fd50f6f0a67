//! Takes secrets out of what is echoed in results.

use serde_json::{Map, Value};

/// What the keys of secrets end in or are, in lower case and without `-` and `_`.
const SECRETS: [&str; 8] =
    ["password", "passwd", "passphrase", "community", "secret", "sharedkey", "authkey", "privkey"];

/// Removes every key that names a secret, at any depth.
///
/// A secret that somebody sends under a name that does not say so cannot be told from anything else.
pub fn scrub(value: &mut Value) {
    match value {
        Value::Object(map) => scrub_map(map),
        Value::Array(items) => items.iter_mut().for_each(scrub),
        _ => {}
    }
}

/// As [`scrub`], for an object.
pub(super) fn scrub_map(map: &mut Map<String, Value>) {
    map.retain(|key, _| !names_secret(key));
    map.values_mut().for_each(scrub);
}

fn names_secret(key: &str) -> bool {
    let plain: String = key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    SECRETS.iter().any(|secret| plain.ends_with(secret) || plain.starts_with(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_at_any_depth() {
        let mut value = serde_json::json!({
            "host": "h", "password": "x", "Pass_Word": "x", "user": "u",
            "config": { "community": "x", "oids": [".1"], "v3": { "auth-password": "x", "privKey": "x", "name": "n" } },
            "alerts": [{ "action": "warning", "secret": "x" }, [[{ "snmpCommunity": ["x"], "communityString": 1 }]]],
        });
        scrub(&mut value);
        assert_eq!(
            value,
            serde_json::json!({
                "host": "h", "user": "u",
                "config": { "oids": [".1"], "v3": { "name": "n" } },
                "alerts": [{ "action": "warning" }, [[{}]]],
            })
        );
    }
}
