//! SNMPv3 against an agent whose engine and clock are turned under way, and that reports whatever there is to report: the
//! right answer comes without anybody's help, or the right error says which key of the credential to change.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod engine;

use std::time::Duration;

use async_snmp::message::SecurityLevel;
use engine::{Engine, Message, NAME, Request, USER, usm_stats};
use rackpoll_model::{
    AuthProtocol, Fault, FaultKind, PrivProtocol, Reading, Secret, SnmpCredential, SnmpRequest, SnmpSecurity,
    SnmpUser, Value,
};
use rackpoll_snmp::{SnmpDevice, SnmpSockets};
use tokio::time::Instant;

const PASSWORDS: [&str; 2] = ["of the authentication", "of the privacy"];
const DEADLINE: Duration = Duration::from_secs(5);
const TWO_HOURS: i64 = 7_200;

fn user() -> SnmpUser {
    let [auth, privacy] = PASSWORDS.map(Secret::from);
    SnmpUser {
        name: USER.into(),
        security: SnmpSecurity::AuthPriv((AuthProtocol::Sha256, auth), (PrivProtocol::Aes128, privacy)),
        context: String::new(),
    }
}

fn device(engine: &Engine, user: SnmpUser) -> SnmpDevice {
    SnmpDevice::new(&SnmpSockets::new(), engine.address, SnmpCredential::V3(user))
}

async fn ask(device: &mut SnmpDevice) -> Result<(), Fault> {
    let begun = Instant::now();
    let request = SnmpRequest::Get(vec!["1.3.6.1.2.1.1.5.0".to_owned()]);
    let reading = device.poll(&request, begun + DEADLINE).await?;
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
    let Reading::Oids(walks) = reading else { panic!("{reading:?}") };
    assert_eq!(walks[0].error, None);
    assert_eq!(walks[0].varbinds[0].value, Value::OctetString(NAME.as_bytes().into()));
    Ok(())
}

async fn honest() -> Engine {
    Engine::start(PASSWORDS, |_, honest| vec![honest]).await
}

/// The times that went out with authentication; a request that does not know the time yet has none.
fn stamps(requests: &[Request]) -> Vec<(u32, u32)> {
    let signed = requests.iter().filter(|request| request.level != SecurityLevel::NoAuthNoPriv);
    signed.map(|request| (request.boots, request.time)).filter(|stamp| *stamp != (0, 0)).collect()
}

#[tokio::test]
async fn the_fake_is_right_where_it_is_not_turned() {
    let engine = honest().await;
    let mut device = device(&engine, user());
    ask(&mut device).await.unwrap();
    // Its id, its time, the answer.
    assert_eq!(engine.requests().len(), 3);
    ask(&mut device).await.unwrap();
    let requests = engine.requests();
    assert_eq!((requests.len(), device.attempts()), (1, 1));
    assert_eq!(requests[0].level, SecurityLevel::AuthPriv);
    let [(boots, time)] = stamps(&requests)[..] else { panic!("{requests:?}") };
    assert!(boots == 20 && time.abs_diff(engine.identity().time()) <= 1);
}

#[tokio::test]
async fn a_clock_that_jumps_by_two_hours_costs_one_round_and_no_answer() {
    let engine = honest().await;
    let mut device = device(&engine, user());
    ask(&mut device).await.unwrap();
    for (seconds, requests, attempts) in [
        // The signed report has the new time.
        (TWO_HOURS, 2, 1),
        // A signed time that has been before proves nothing (RFC 3414, clause 3.2, step 7b): id and time are asked for anew.
        (-TWO_HOURS, 4, 2),
        (-TWO_HOURS, 4, 2),
        // Within the window nobody minds.
        (140, 1, 1),
        (-140, 1, 1),
    ] {
        engine.requests();
        engine.identity().turn_by(seconds);
        ask(&mut device).await.unwrap();
        assert_eq!((engine.requests().len(), device.attempts()), (requests, attempts), "{seconds} s");
        ask(&mut device).await.unwrap();
        assert_eq!((engine.requests().len(), device.attempts()), (1, 1), "{seconds} s, once more");
    }
}

#[tokio::test]
async fn an_agent_that_checks_no_times_may_go_back_in_time() {
    let engine = honest().await;
    engine.identity().checks = false;
    let mut device = device(&engine, user());
    ask(&mut device).await.unwrap();
    let turns: [fn(&mut engine::Identity); 3] =
        [|its| its.turn_by(-TWO_HOURS), |its| its.boots -= 7, |its| its.turn_by(TWO_HOURS)];
    for (turn, attempts) in turns.into_iter().zip([2, 2, 1]) {
        turn(&mut engine.identity());
        ask(&mut device).await.unwrap();
        assert_eq!(device.attempts(), attempts);
        ask(&mut device).await.unwrap();
        assert_eq!(device.attempts(), 1, "once is enough");
    }
}

#[tokio::test]
async fn reports_of_the_time_that_are_encrypted_count_too() {
    let engine = Engine::start(PASSWORDS, |request, honest| {
        let level = if honest.report.is_some() && honest.level == SecurityLevel::AuthNoPriv {
            request.level
        } else {
            honest.level
        };
        vec![Message { level, ..honest }]
    })
    .await;
    let mut device = device(&engine, user());
    for seconds in [0, TWO_HOURS, -TWO_HOURS] {
        engine.identity().turn_by(seconds);
        ask(&mut device).await.unwrap();
    }
}

/// A report that nobody has signed, with a time that is far off.
fn forged(honest: &Message) -> Message {
    let forged = honest.clone().reporting(usm_stats::NOT_IN_TIME_WINDOWS, SecurityLevel::NoAuthNoPriv);
    Message { boots: 0x7fff_fff0, time: 0x7fff_0000, ..forged }
}

#[tokio::test]
async fn a_report_that_nobody_signed_moves_no_clock() {
    let forging = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let left = std::sync::Arc::clone(&forging);
    let engine = Engine::start(PASSWORDS, move |request, honest| {
        let signed = request.level != SecurityLevel::NoAuthNoPriv;
        let relaxed = std::sync::atomic::Ordering::Relaxed;
        if signed && left.fetch_update(relaxed, relaxed, |left| left.checked_sub(1)).is_ok() {
            return vec![forged(&honest), honest];
        }
        vec![honest]
    })
    .await;
    let mut device = device(&engine, user());
    ask(&mut device).await.unwrap();
    engine.requests();
    forging.store(1, std::sync::atomic::Ordering::Relaxed);
    ask(&mut device).await.unwrap();
    let right = engine.identity().time();
    let is_right = |&(boots, time): &(u32, u32)| boots == 20 && time.abs_diff(right) <= 2;
    let stamps_then = stamps(&engine.requests());
    assert!(!stamps_then.is_empty() && stamps_then.iter().all(is_right), "{stamps_then:?}");

    // One that is there before each answer keeps the poll from ending well: it is told, and leaves nothing behind.
    forging.store(u32::MAX, std::sync::atomic::Ordering::Relaxed);
    let fault = ask(&mut device).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::BadAnswer, "{fault}");
    forging.store(0, std::sync::atomic::Ordering::Relaxed);
    engine.requests();
    for _ in 0..3 {
        ask(&mut device).await.unwrap();
    }
    let stamps_after = stamps(&engine.requests());
    assert!(stamps_after.len() >= 3 && stamps_after.iter().all(is_right), "{stamps_after:?}");
}

#[tokio::test]
async fn agents_that_sign_no_report_of_the_time_are_answered_by() {
    let engine = Engine::start(PASSWORDS, |_, honest| {
        let level = if honest.report.is_some() { SecurityLevel::NoAuthNoPriv } else { honest.level };
        vec![Message { level, ..honest }]
    })
    .await;
    let mut device = device(&engine, user());
    for seconds in [0, TWO_HOURS, -TWO_HOURS, 0] {
        engine.identity().turn_by(seconds);
        let answer = ask(&mut device).await;
        assert_eq!(answer, Ok(()), "{seconds} s: {:?}", engine.requests());
    }
    // What was learned of its manners is kept.
    assert_eq!(device.attempts(), 1);
}

#[tokio::test]
async fn each_report_is_an_error_of_its_own_that_says_what_to_change() {
    use SecurityLevel as Level;
    let only = |security| SnmpUser { security, ..user() };
    let auth_only = only(SnmpSecurity::Auth(AuthProtocol::Sha256, PASSWORDS[0].into()));
    let in_clear = only(SnmpSecurity::None);
    let in_context = SnmpUser { context: "vlan-7".into(), ..user() };
    let stretched = {
        let [auth, privacy] = PASSWORDS.map(Secret::from);
        only(SnmpSecurity::AuthPriv((AuthProtocol::Sha256, auth), (PrivProtocol::Aes256, privacy)))
    };
    let usm = |counter: u8| vec![0x2b, 6, 1, 6, 3, 0x0f, 1, 1, counter, 0];
    // snmpUnavailableContexts and snmpUnknownContexts.
    let contexts = |counter: u8| vec![0x2b, 6, 1, 6, 3, 0x0c, 1, counter, 0];
    let unsupported = usm_stats::UNSUPPORTED_SEC_LEVELS;
    let any = [Level::NoAuthNoPriv, Level::AuthNoPriv, Level::AuthPriv];
    // What nobody has signed is not believed of contexts and the unknown.
    let signed = &any[1..];
    for (asking, report, levels, kind, words) in [
        (user(), usm(unsupported), &any[..], FaultKind::NoCommonSecurity, "leave out v3-priv-proto"),
        (auth_only, usm(unsupported), &any[..2], FaultKind::NoCommonSecurity, "leave out v3-auth-proto"),
        (in_clear, usm(unsupported), &any[..1], FaultKind::NoCommonSecurity, "give it v3-auth-proto"),
        (user(), usm(usm_stats::UNKNOWN_USER_NAMES), &any, FaultKind::UnknownUser, "check v3-user"),
        (
            user(),
            usm(usm_stats::WRONG_DIGESTS),
            &any,
            FaultKind::WrongPassword,
            "check v3-auth-password and v3-auth-proto",
        ),
        (
            user(),
            usm(usm_stats::DECRYPTION_ERRORS),
            &any,
            FaultKind::WrongPassword,
            "check v3-priv-password and v3-priv-proto",
        ),
        // The agent's key is another one: nor could the user decrypt.
        (
            stretched,
            usm(usm_stats::DECRYPTION_ERRORS),
            &any[..2],
            FaultKind::WrongPassword,
            "try v3-priv-proto AES-256-C",
        ),
        (user(), usm(usm_stats::UNKNOWN_ENGINE_IDS), &any, FaultKind::BadAnswer, "usmStatsUnknownEngineIDs"),
        (user(), usm(usm_stats::NOT_IN_TIME_WINDOWS), &any, FaultKind::BadAnswer, "usmStatsNotInTimeWindows"),
        (in_context.clone(), contexts(4), signed, FaultKind::InsufficientPrivilege, "no context \"vlan-7\""),
        (in_context, contexts(5), signed, FaultKind::InsufficientPrivilege, "check v3-context"),
        (user(), usm(99), signed, FaultKind::BadAnswer, "a report that nobody knows"),
    ] {
        for &level in levels {
            let told = report.clone();
            let engine = Engine::start(PASSWORDS, move |request, honest| {
                let discovers = request.level == Level::NoAuthNoPriv && honest.report.is_some();
                vec![if discovers { honest } else { honest.reporting_oid(&told, level) }]
            })
            .await;
            let title = format!("{words:?} {level:?}");
            let fault = ask(&mut device(&engine, asking.clone())).await.expect_err(&title);
            assert_eq!(fault.kind, kind, "{title}: {fault}");
            assert!(fault.message.contains(words), "{title}: {fault}");
            for secret in PASSWORDS {
                assert!(!fault.message.contains(secret), "{fault}");
            }
        }
    }
}

#[tokio::test]
async fn an_engine_that_has_counted_its_restarts_to_the_end_is_told() {
    let engine = honest().await;
    let mut device = device(&engine, user());
    ask(&mut device).await.unwrap();
    engine.identity().boots = 0x7fff_ffff;
    let fault = ask(&mut device).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::BadAnswer);
    assert!(fault.message.contains("give it a new engine id"), "{fault}");
    // Which is what helps.
    engine.identity().id.push(b'2');
    engine.identity().boots = 1;
    ask(&mut device).await.unwrap();
}
