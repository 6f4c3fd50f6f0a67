//! The half of a credential that is for SNMP: a community with its version, or a user of SNMPv3.

use rackpoll_model::{AuthProtocol, PrivProtocol, Secret, SnmpCredential, SnmpSecurity, SnmpUser};

use super::LONGEST_COMMUNITY;
use crate::{
    config::{
        fault::{Findings, Place},
        raw::{Table, shorten},
        secret::{self, Surroundings},
    },
    job::Credential,
};

/// The keys of a user of SNMPv3 beside `v3-user`.
const OF_A_USER: [&str; 5] =
    ["v3-auth-proto", "v3-auth-password", "v3-priv-proto", "v3-priv-password", "v3-context"];

/// Whether the table says anything about SNMP.
pub(super) fn is_in(table: &Table) -> bool {
    ["community", "snmp-version", "v3-user"].iter().chain(&OF_A_USER).any(|key| table.has(key))
}

/// `None`: there is nothing, or it has a fault.
pub(super) fn check(
    table: &mut Table,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings,
) -> Option<Credential> {
    let place = table.place.clone();
    let has_community = table.has("community");
    let has_version = table.has("snmp-version");
    let has_user = table.has("v3-user");
    let of_a_user = OF_A_USER.into_iter().find(|key| table.has(key));
    let version = table.text("snmp-version", findings);
    let community = community(table, surroundings, findings);
    let user = user(table, surroundings, findings);
    match (has_community, has_user, of_a_user) {
        (true, true, _) => {
            findings.fault(&place, "a credential has `community` or `v3-user`, not both");
            return None;
        }
        (_, false, Some(key)) => {
            findings.fault(&place, format!("`{key}` needs `v3-user`"));
            return None;
        }
        (false, _, _) if has_version => {
            let what = "`snmp-version` goes with `community`: a `v3-user` has version 3";
            findings.fault(&place, what);
            return None;
        }
        _ => {}
    }
    if has_user {
        return user.map(|user| Credential::Snmp(SnmpCredential::V3(user)));
    }
    let community = community?;
    let credential = match version {
        Some((at, version)) => match version.as_str() {
            "1" | "v1" => SnmpCredential::V1(community),
            "2c" | "v2c" => SnmpCredential::V2c(community),
            _ => {
                let what = format!("`snmp-version` is \"1\" or \"2c\", not {:?}", shorten(&version));
                findings.fault_with_hint(&at, what, "SNMPv3 has a `v3-user` in place of a `community`");
                return None;
            }
        },
        None if has_version => return None,
        None => SnmpCredential::V2c(community),
    };
    Some(Credential::Snmp(credential))
}

fn community(table: &mut Table, surroundings: &Surroundings<'_>, findings: &mut Findings) -> Option<Secret> {
    let node = table.take("community")?;
    let place = node.place.clone();
    let secret = secret::read("community", node, surroundings, findings)?;
    if secret.expose().len() > LONGEST_COMMUNITY {
        findings.fault(&place, format!("`community` has more than {LONGEST_COMMUNITY} bytes"));
        return None;
    }
    Some(secret)
}

fn user(table: &mut Table, surroundings: &Surroundings<'_>, findings: &mut Findings) -> Option<SnmpUser> {
    let name = table.text("v3-user", findings);
    let auth_proto = protocol::<AuthProtocol>(table, "v3-auth-proto", findings);
    let priv_proto = protocol::<PrivProtocol>(table, "v3-priv-proto", findings);
    let mut password = |key| {
        let node = table.take(key)?;
        Some(secret::read(key, node, surroundings, findings))
    };
    let (auth_password, priv_password) = (password("v3-auth-password"), password("v3-priv-password"));
    let has_context = table.has("v3-context");
    let context = table.text("v3-context", findings);
    let (place, name) = name?;
    let auth = pair(&place, "auth", auth_proto, auth_password, findings)?;
    let privacy = pair(&place, "priv", priv_proto, priv_password, findings)?;
    let security = match (auth, privacy) {
        (None, None) => SnmpSecurity::None,
        (Some((protocol, password)), None) => SnmpSecurity::Auth(protocol, password),
        (Some(auth), Some(privacy)) => SnmpSecurity::AuthPriv(auth, privacy),
        (None, Some(_)) => {
            let what = "SNMPv3 has no privacy without authentication";
            findings.fault_with_hint(&place, what, "add `v3-auth-proto` and `v3-auth-password`");
            return None;
        }
    };
    let context = match context {
        Some((_, context)) => context,
        None if has_context => return None,
        None => String::new(),
    };
    let user = SnmpUser { name, security, context };
    if let Some(wrong) = user.wrong() {
        findings.fault(&place, wrong);
        return None;
    }
    Some(user)
}

/// `Some(None)` where it is there and has a fault.
#[expect(clippy::option_option, reason = "a fault is not the same as nothing")]
fn protocol<P>(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<Option<P>>
where
    P: std::str::FromStr<Err = rackpoll_model::UnknownProtocol>,
{
    if !table.has(key) {
        return None;
    }
    let Some((place, word)) = table.text(key, findings) else { return Some(None) };
    match word.parse() {
        Ok(protocol) => Some(Some(protocol)),
        Err(fault) => {
            findings.fault(&place, format!("`{key}` {:?}: {fault}", shorten(&word)));
            Some(None)
        }
    }
}

/// Protocol and password belong together. `None` is a fault that has been told, `Some(None)` neither.
#[expect(clippy::option_option, reason = "a fault is not the same as nothing")]
fn pair<P>(
    place: &Place,
    what: &str,
    protocol: Option<Option<P>>,
    password: Option<Option<Secret>>,
    findings: &mut Findings,
) -> Option<Option<(P, Secret)>> {
    match (protocol, password) {
        (None, None) => Some(None),
        (Some(protocol), Some(password)) => protocol.zip(password).map(Some),
        (Some(_), None) => {
            findings.fault(place, format!("`v3-{what}-proto` needs `v3-{what}-password`"));
            None
        }
        (None, Some(_)) => {
            findings.fault(place, format!("`v3-{what}-password` needs `v3-{what}-proto`"));
            None
        }
    }
}
