//! SNMPv3 against net-snmp's snmpd and snmpsim: every pair of algorithms, and every way in which it can go wrong; SNMPv1,
//! and IPv6.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod peers;

use std::{net::SocketAddr, time::Duration};

use peers::{Agent, random_secret, root, snmpd, snmpd_at, snmpsim};
use rackpoll_model::{
    AuthProtocol, Fault, FaultKind, OidWalk, PrivProtocol, Reading, Secret, SnmpCredential, SnmpRequest,
    SnmpSecurity, SnmpUser, Value,
};
use rackpoll_snmp::{SnmpDevice, SnmpSockets};
use tokio::time::Instant;

const ENGINE: &str = "8000000001020304";
const SYS_NAME: &str = "1.3.6.1.2.1.1.5.0";

fn user(name: &str, security: SnmpSecurity) -> SnmpUser {
    SnmpUser { name: name.into(), security, context: String::new() }
}

fn device(sockets: &SnmpSockets, peer: SocketAddr, user: SnmpUser) -> SnmpDevice {
    SnmpDevice::new(sockets, peer, SnmpCredential::V3(user))
}

async fn poll(device: &mut SnmpDevice, oids: &[&str], seconds: u64) -> Result<Vec<OidWalk>, Fault> {
    let request = SnmpRequest::Oids(oids.iter().map(|oid| (*oid).to_owned()).collect());
    let deadline = Instant::now() + Duration::from_secs(seconds);
    match device.poll(&request, deadline).await? {
        Reading::Oids(walks) => Ok(walks),
        other => panic!("{other:?}"),
    }
}

async fn name(device: &mut SnmpDevice) -> Result<String, Fault> {
    let walks = poll(device, &[SYS_NAME], 20).await?;
    let walk = &walks[0];
    match (&walk.error, walk.varbinds.as_slice()) {
        (None, [only]) => match &only.value {
            Value::OctetString(name) => Ok(String::from_utf8(name.to_vec()).unwrap()),
            other => panic!("{other:?}"),
        },
        (Some(fault), _) => Err(fault.clone()),
        other => panic!("{other:?}"),
    }
}

/// All pairs, each a user of its own; the passwords are shared.
fn users(auth_password: &str, priv_password: &str) -> (Vec<SnmpUser>, String) {
    let (mut users, mut lines) = (Vec::new(), String::from("createUser plain\nrouser plain noauth\n"));
    users.push(user("plain", SnmpSecurity::None));
    for auth in AuthProtocol::ALL {
        let name = auth.to_string().to_lowercase();
        lines += &format!("createUser {name} {auth} {auth_password}\nrouser {name} auth\n");
        let with = (auth, Secret::from(auth_password));
        users.push(user(&name, SnmpSecurity::Auth(auth, with.1.clone())));
        for privacy in PrivProtocol::ALL {
            let name = format!("{name}-{}", privacy.to_string().to_lowercase());
            lines += &format!(
                "createUser {name} {auth} {auth_password} {privacy} {priv_password}\nrouser {name} priv\n"
            );
            users.push(user(
                &name,
                SnmpSecurity::AuthPriv(with.clone(), (privacy, Secret::from(priv_password))),
            ));
        }
    }
    (users, lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_algorithms_with_snmpd() {
    let (auth, privacy) = (random_secret(), random_secret());
    let (users, lines) = users(&auth, &privacy);
    assert_eq!(users.len(), 1 + 6 * 7);
    let agent = snmpd(&format!("{lines}sysName under-test\n"), ENGINE, 1);
    let sockets = SnmpSockets::new();
    for user in users {
        let title = user.name.clone();
        let found = name(&mut device(&sockets, agent.address, user)).await;
        assert_eq!(found.as_deref(), Ok("under-test"), "{title}");
    }
}

/// An agent whose one user is `monitor`, authPriv.
fn monitored(address: Option<SocketAddr>, engine: &str, boots: u32, passwords: [&str; 2]) -> Agent {
    let [auth, privacy] = passwords;
    let lines = format!(
        "createUser monitor SHA-256 {auth} AES {privacy}\nrouser monitor priv\nsysName boots-{boots}\n"
    );
    match address {
        Some(address) => snmpd_at(address, &lines, engine, boots),
        None => snmpd(&lines, engine, boots),
    }
}

fn monitor(auth: (AuthProtocol, &str), privacy: (PrivProtocol, &str)) -> SnmpUser {
    let (auth, privacy) = ((auth.0, Secret::from(auth.1)), (privacy.0, Secret::from(privacy.1)));
    user("monitor", SnmpSecurity::AuthPriv(auth, privacy))
}

const SHA256: AuthProtocol = AuthProtocol::Sha256;
const AES: PrivProtocol = PrivProtocol::Aes128;

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_starts_anew_is_asked_for_its_engine_again() {
    let (auth, privacy) = (random_secret(), random_secret());
    let sockets = SnmpSockets::new();
    let first = monitored(None, ENGINE, 20, [&auth, &privacy]);
    let address = first.address;
    let mut device = device(&sockets, address, monitor((SHA256, &auth), (AES, &privacy)));
    assert_eq!(name(&mut device).await.as_deref(), Ok("boots-20"));
    assert_eq!(device.attempts(), 1);
    drop(first);

    let higher = monitored(Some(address), ENGINE, 21, [&auth, &privacy]);
    assert_eq!(name(&mut device).await.as_deref(), Ok("boots-21"));
    drop(higher);

    let lower = monitored(Some(address), ENGINE, 3, [&auth, &privacy]);
    assert_eq!(name(&mut device).await.as_deref(), Ok("boots-3"));
    assert_eq!(device.attempts(), 2, "the engine was asked for again");
    assert_eq!(name(&mut device).await.as_deref(), Ok("boots-3"));
    assert_eq!(device.attempts(), 1, "once is enough");
    drop(lower);

    let _other = monitored(Some(address), "80000000010a0b0c0d", 7, [&auth, &privacy]);
    assert_eq!(name(&mut device).await.as_deref(), Ok("boots-7"));
    assert_eq!(device.attempts(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_user_is_said_as_such() {
    let (auth, privacy, wrong) = (random_secret(), random_secret(), random_secret());
    let sockets = SnmpSockets::new();
    let agent = monitored(None, ENGINE, 1, [&auth, &privacy]);
    let stranger = SnmpUser { name: "stranger".into(), ..monitor((SHA256, &auth), (AES, &privacy)) };
    let in_clear = user("monitor", SnmpSecurity::None);
    let authenticated = user("monitor", SnmpSecurity::Auth(SHA256, Secret::from(auth.as_str())));
    for (user, kind, words) in [
        (monitor((SHA256, &wrong), (AES, &privacy)), FaultKind::WrongPassword, "check v3-auth-password"),
        (
            monitor((AuthProtocol::Sha1, &auth), (AES, &privacy)),
            FaultKind::WrongPassword,
            "authentication password",
        ),
        (monitor((SHA256, &auth), (AES, &wrong)), FaultKind::WrongPassword, "privacy password"),
        (
            monitor((SHA256, &auth), (PrivProtocol::Des, &privacy)),
            FaultKind::WrongPassword,
            "privacy password",
        ),
        (stranger, FaultKind::UnknownUser, "stranger"),
        (in_clear, FaultKind::InsufficientPrivilege, "authorizationError"),
        (authenticated, FaultKind::InsufficientPrivilege, "authorizationError"),
    ] {
        let title = format!("{user:?}");
        let begun = Instant::now();
        let fault = poll(&mut device(&sockets, agent.address, user), &[SYS_NAME, "1.3.6.1.2.1.1"], 10)
            .await
            .unwrap_err();
        assert_eq!(fault.kind, kind, "{title}: {fault}");
        assert!(fault.message.contains(words), "{title}: {fault}");
        assert!(fault.message.starts_with(&agent.address.to_string()), "{fault}");
        assert!(begun.elapsed() < Duration::from_secs(6), "{title}: {:?}", begun.elapsed());
        for secret in [&auth, &privacy, &wrong] {
            assert!(!fault.message.contains(secret.as_str()) && !title.contains(secret.as_str()), "{fault}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_at_a_level_that_the_agent_does_not_serve() {
    let (auth, privacy) = (random_secret(), random_secret());
    let agent = snmpd(
        &format!(
            "createUser plain\nrouser plain noauth\ncreateUser half SHA-256 {auth}\nrouser half auth\n\
             createUser whole SHA-256 {auth} AES {privacy}\nrouser whole priv\ncreateUser blind SHA-256 {auth} AES {privacy}\n"
        ),
        ENGINE,
        1,
    );
    let secret = |text: &String| Secret::from(text.as_str());
    let half = || SnmpSecurity::Auth(SHA256, secret(&auth));
    let whole = || SnmpSecurity::AuthPriv((SHA256, secret(&auth)), (AES, secret(&privacy)));
    let unsupported = FaultKind::NoCommonSecurity;
    let no_access = FaultKind::InsufficientPrivilege;
    let sockets = SnmpSockets::new();
    for (name, security, kind, words) in [
        ("half", whole(), unsupported, "leave out v3-priv-proto and v3-priv-password"),
        ("plain", whole(), unsupported, "leave out v3-priv-proto and v3-priv-password"),
        ("plain", half(), unsupported, "leave out v3-auth-proto and v3-auth-password"),
        ("half", SnmpSecurity::None, no_access, "it may want v3-auth-proto and v3-auth-password"),
        ("whole", SnmpSecurity::None, no_access, "it may want v3-auth-proto and v3-auth-password"),
        ("whole", half(), no_access, "it may want v3-priv-proto and v3-priv-password"),
        ("blind", whole(), no_access, "give it a view there"),
    ] {
        let mut device = device(&sockets, agent.address, user(name, security));
        let fault = poll(&mut device, &[SYS_NAME, "1.3.6.1.2.1.1"], 10).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{name}: {fault}");
        assert!(fault.message.contains(words), "{name}: {fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_that_change_under_way_are_said_and_the_right_ones_work_again() {
    let (auth, privacy, other) = (random_secret(), random_secret(), random_secret());
    let sockets = SnmpSockets::new();
    let first = monitored(None, ENGINE, 1, [&auth, &privacy]);
    let address = first.address;
    let mut device = device(&sockets, address, monitor((SHA256, &auth), (AES, &privacy)));
    assert_eq!(name(&mut device).await.as_deref(), Ok("boots-1"));
    let mut running = first;
    for (boots, passwords, wrong) in [
        (2, [&other, &privacy], Some("v3-auth-password")),
        (3, [&auth, &privacy], None),
        (4, [&auth, &other], Some("v3-priv-password")),
        (5, [&auth, &privacy], None),
    ] {
        drop(running);
        running = monitored(Some(address), ENGINE, boots, passwords.map(String::as_str));
        let Some(words) = wrong else {
            assert_eq!(name(&mut device).await, Ok(format!("boots-{boots}")));
            continue;
        };
        let mut faults = Vec::new();
        // snmpd keeps silent on a wrong privacy password, and so may any agent that had a good one be out of order: silence is
        // silence once, and looked into from then on.
        for _ in 0..2 {
            faults.push(poll(&mut device, &[SYS_NAME], 6).await.unwrap_err());
        }
        let last = &faults[1];
        assert_eq!(last.kind, FaultKind::WrongPassword, "{faults:?}");
        assert!(last.message.contains(words), "{faults:?}");
    }
}

/// snmpsim's name of a protocol.
fn named_by_snmpsim(protocol: PrivProtocol) -> &'static str {
    match protocol {
        PrivProtocol::Des => "DES",
        PrivProtocol::Aes128 => "AES128",
        PrivProtocol::Aes192 => "AES192BLMT",
        PrivProtocol::Aes256 => "AES256BLMT",
        PrivProtocol::Aes192Cisco => "AES192",
        PrivProtocol::Aes256Cisco => "AES256",
    }
}

/// The arguments that give snmpsim these users.
fn for_snmpsim(users: &[SnmpUser]) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut add = |key: &str, value: &str| arguments.extend([key.to_owned(), value.to_owned()]);
    let text = |secret: &Secret| String::from_utf8(secret.expose().to_vec()).unwrap();
    for SnmpUser { name, security, .. } in users {
        add("--v3-user", name);
        let (auth, privacy) = match security {
            SnmpSecurity::None => (None, None),
            SnmpSecurity::Auth(protocol, password) => (Some((protocol, password)), None),
            SnmpSecurity::AuthPriv((auth, auth_password), (privacy, priv_password)) => {
                (Some((auth, auth_password)), Some((privacy, priv_password)))
            }
        };
        if let Some((protocol, password)) = auth {
            add("--v3-auth-key", &text(password));
            add("--v3-auth-proto", &protocol.to_string().replace('-', ""));
        }
        if let Some((protocol, password)) = privacy {
            add("--v3-priv-key", &text(password));
            add("--v3-priv-proto", named_by_snmpsim(*protocol));
        }
    }
    arguments
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_algorithms_with_snmpsim() {
    let (auth, privacy) = (random_secret(), random_secret());
    let (users, _) = users(&auth, &privacy);
    let arguments = for_snmpsim(&users);
    let agent = snmpsim(
        &[root().join("tests/fixtures/snmp/switch.snmprec")],
        &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let sockets = SnmpSockets::new();
    let in_context = |user: &SnmpUser| SnmpUser { context: "switch".into(), ..user.clone() };
    for user in &users {
        let mut device = device(&sockets, agent.address, in_context(user));
        assert_eq!(name(&mut device).await.as_deref(), Ok("sw-test-1"), "{}", user.name);
    }
    // Answers of all lengths: DES fills up blocks of eight.
    for user in &users[users.len() - PrivProtocol::ALL.len()..] {
        let mut device = device(&sockets, agent.address, in_context(user));
        let walks = poll(&mut device, &["1.3.6.1.2.1"], 20).await.unwrap();
        assert!(walks[0].varbinds.len() > 70 && walks[0].error.is_none(), "{}: {walks:?}", user.name);
    }

    let last = users.last().unwrap();
    let SnmpSecurity::AuthPriv((auth_protocol, right), (priv_protocol, _)) = last.security.clone() else {
        panic!("the last user has it all")
    };
    let wrong = || Secret::from(random_secret().as_str());
    let with = |security| SnmpUser { security, ..in_context(last) };
    for (asking, kind, words) in [
        (
            with(SnmpSecurity::AuthPriv((auth_protocol, wrong()), (priv_protocol, wrong()))),
            FaultKind::WrongPassword,
            "v3-auth-password",
        ),
        (
            with(SnmpSecurity::AuthPriv((auth_protocol, right), (priv_protocol, wrong()))),
            FaultKind::WrongPassword,
            "v3-priv-password",
        ),
        (SnmpUser { name: "stranger".into(), ..in_context(last) }, FaultKind::UnknownUser, "v3-user"),
        (SnmpUser { context: "elsewhere".into(), ..last.clone() }, FaultKind::Timeout, "v3-context"),
    ] {
        let mut device = device(&sockets, agent.address, asking);
        let fault = poll(&mut device, &[SYS_NAME], 6).await.unwrap_err();
        assert_eq!(fault.kind, kind, "{fault}");
        assert!(fault.message.contains(words), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn version_1() {
    let community = random_secret();
    let agent = snmpd(&format!("rocommunity {community}\nsysName one\n"), ENGINE, 1);
    let sockets = SnmpSockets::new();
    let credential = SnmpCredential::V1(Secret::from(community.as_str()));
    let mut device = SnmpDevice::new(&sockets, agent.address, credential);
    assert_eq!(name(&mut device).await.as_deref(), Ok("one"));
    let walks = poll(&mut device, &["1.3.6.1.2.1.1", "1.3.6.1.3.9999", SYS_NAME], 20).await.unwrap();
    assert!(walks[0].varbinds.len() > 10 && walks[0].error.is_none(), "{walks:?}");
    assert_eq!(walks[1].error.as_ref().map(|fault| fault.kind), Some(FaultKind::NoSuchObject));
    assert_eq!(walks[2].varbinds.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_beside_ipv4() {
    let (auth, privacy) = (random_secret(), random_secret());
    let free = std::net::UdpSocket::bind("[::1]:0").unwrap().local_addr().unwrap();
    let six = monitored(Some(free), ENGINE, 6, [&auth, &privacy]);
    let four = monitored(None, ENGINE, 4, [&auth, &privacy]);
    let sockets = SnmpSockets::new();
    for (agent, expected) in [(&six, "boots-6"), (&four, "boots-4"), (&six, "boots-6")] {
        let mut device = device(&sockets, agent.address, monitor((SHA256, &auth), (AES, &privacy)));
        assert_eq!(name(&mut device).await.as_deref(), Ok(expected), "{}", agent.address);
    }
}
