use ipnet::IpNet;
use rackpoll_model::Secret;

use super::{Named, access, name, networks, snmp};
use crate::{
    config::{
        fault::{Findings, Place},
        raw::Table,
        secret::{self, Surroundings},
    },
    job::Credential,
};

/// A credential of the configuration, for devices and for commands that name it.
#[derive(Debug, Clone)]
pub struct NamedCredential {
    /// Commands may use it for hosts in these networks; none where it is empty.
    pub networks: Vec<IpNet>,
    /// User and password, where it has them.
    pub ipmi: Option<Credential>,
    /// The community or the user of SNMPv3, where it has one.
    pub snmp: Option<Credential>,
}

/// Longest user name of IPMI 2.0 (clause 22.28), bytes.
const LONGEST_USER: usize = 16;
/// Longest password of IPMI 2.0 (clause 22.30), bytes.
const LONGEST_PASSWORD: usize = 20;
/// Longest community that is taken, bytes; the protocol sets none.
pub const LONGEST_COMMUNITY: usize = 255;

/// What is wrong with the length of an IPMI user or password; `None` where nothing is.
pub fn wrong_login(user: &str, password: &Secret) -> Option<String> {
    if user.len() > LONGEST_USER {
        return Some(format!("`user` has more than the {LONGEST_USER} bytes that IPMI 2.0 allows"));
    }
    if password.expose().len() > LONGEST_PASSWORD {
        return Some(format!("`password` has more than the {LONGEST_PASSWORD} bytes that IPMI 2.0 allows"));
    }
    let has_nul = user.contains('\0') || password.expose().contains(&0);
    has_nul.then(|| "`user` and `password` cannot hold a zero byte".to_owned())
}

pub(super) fn check(
    tables: Vec<Table>,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings,
) -> Named<NamedCredential> {
    let mut credentials = Named::new();
    for mut table in tables {
        let name = name(&mut table, "name", "[[credential]]", findings);
        let credential = one(table, surroundings, findings);
        if let Some((at, name)) = name
            && credentials.admit("credential", &name, &at, findings)
            && let Some(credential) = credential
        {
            credentials.good.insert(name, credential);
        }
    }
    credentials
}

fn one(
    mut table: Table,
    surroundings: &Surroundings<'_>,
    findings: &mut Findings,
) -> Option<NamedCredential> {
    let place = table.place.clone();
    let networks = networks(&mut table, "networks", findings).unwrap_or_default();
    let has_user = table.has("user");
    let has_password = table.has("password");
    let has_snmp = snmp::is_in(&table);
    let user = table.text("user", findings);
    let password = table.take("password").map(|node| secret::read("password", node, surroundings, findings));
    let snmp = snmp::check(&mut table, surroundings, findings);
    let (has_access, access) = access::check(&mut table, surroundings, findings);
    table.refuse_rest("[[credential]]", findings);
    if has_access && !has_user {
        fault(&place, "says how to log in to BMCs and has no `user`", findings);
    }
    match (has_user, has_password, has_snmp) {
        (true, false, _) => fault(&place, "has a `user` and no `password`", findings),
        (false, true, _) => fault(&place, "has a `password` and no `user`", findings),
        (false, false, false) => {
            fault(&place, "needs `user` and `password`, `community`, or `v3-user`", findings);
        }
        _ => {}
    }
    let ipmi = match (user, password) {
        (Some((at, user)), Some(Some(password))) => {
            if let Some(wrong) = wrong_login(&user, &password) {
                findings.fault(&at, wrong);
                return None;
            }
            let access = access?;
            if let Some(wrong) = access::wrong_password(&access, &password) {
                findings.fault(&at, wrong);
                return None;
            }
            Some(Credential::Ipmi { user, password, access })
        }
        _ if has_user || has_password => return None,
        _ => None,
    };
    match snmp {
        None if has_snmp => None,
        snmp => (ipmi.is_some() || snmp.is_some()).then_some(NamedCredential { networks, ipmi, snmp }),
    }
}

fn fault(place: &Place, what: &str, findings: &mut Findings) {
    findings.fault(place, format!("this [[credential]] {what}"));
}

impl NamedCredential {
    /// Whether commands may use it for this address.
    pub fn covers(&self, address: std::net::IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }
}
