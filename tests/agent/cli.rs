//! `rackpoll poll` and `rackpoll check`: what they print, and their exit codes (sysexits).

use std::{
    net::UdpSocket,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    agent::{Setup, rackpoll},
    peers::{free_udp_address, ipmi::Model},
    secrets::{assert_absent, random_secret},
};

pub const USAGE: i32 = 64;
pub const UNREACHABLE: i32 = 69;
pub const REFUSED: i32 = 77;
const CONFIGURATION: i32 = 78;

/// Runs it to its end; no secret may be in what it prints, and no panic.
pub fn output(command: &mut Command, secrets: &[&str]) -> Output {
    let output = command.stdin(Stdio::null()).output().expect("rackpoll starts");
    for (place, text) in [("standard output", &output.stdout), ("standard error", &output.stderr)] {
        assert_absent(secrets, place, text);
        assert!(!String::from_utf8_lossy(text).contains("panicked"), "{output:?}");
    }
    output
}

fn poll_ipmi(host: &str, user: &str, password: &str, arguments: &[&str]) -> Output {
    let mut command = rackpoll();
    command
        .args(["poll", "ipmi"])
        .args(arguments)
        .args(["--host", host, "--user", user, "--password-env", "BMC_PASSWORD"])
        .env("BMC_PASSWORD", password);
    output(&mut command, &[password])
}

pub fn json_of(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error} in {output:?}"))
}

#[test]
fn poll_ipmi_prints_the_result_and_nothing_else() {
    let sim = Model::own().start(&random_secret());
    let value = json_of(&poll_ipmi(&sim.host(), "viewer", sim.password(), &["chassis", "--output", "json"]));
    assert_eq!(value["chassis"]["power"], json!(true));
    assert_eq!(value["host"], json!(sim.host()));
    assert_eq!(value.get("password"), None);
    let table = poll_ipmi(
        &sim.host(),
        "viewer",
        sim.password(),
        &["power", "--output", "table", "--cipher-suite", "3"],
    );
    assert!(table.status.success() && !table.stdout.is_empty(), "{table:?}");
    assert_eq!(sim.open_sessions(), 0, "it ended and left its session open");
}

#[test]
fn poll_ipmi_takes_its_password_from_a_file() {
    let sim = Model::own().start(&random_secret());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, format!("{}\n", sim.password())).expect("our own folder");
    let mut command = rackpoll();
    command
        .args([
            "poll",
            "ipmi",
            "power",
            "--host",
            &sim.host(),
            "--user",
            "admin",
            "--output",
            "json",
            "--password-file",
        ])
        .arg(&file);
    assert_eq!(json_of(&output(&mut command, &[sim.password()]))["power"], json!(true));
}

#[test]
fn poll_ipmi_says_by_its_exit_code_what_went_wrong() {
    let (password, wrong) = (random_secret(), random_secret());
    let sim = Model::own().start(&password);
    let code = |output: Output| output.status.code();
    assert_eq!(code(poll_ipmi(&sim.host(), "admin", &wrong, &["chassis"])), Some(REFUSED));
    assert_eq!(code(poll_ipmi(&sim.host(), "nobody", &password, &["chassis"])), Some(REFUSED));
    assert_eq!(code(poll_ipmi(&sim.host(), "disabled", &password, &["chassis"])), Some(REFUSED));
    assert_eq!(code(poll_ipmi("no-such-host.invalid", "admin", &password, &["chassis"])), Some(UNREACHABLE));
    let nobody = free_udp_address(6230).to_string();
    assert_eq!(
        code(poll_ipmi(&nobody, "admin", &password, &["chassis", "--timeout", "3s"])),
        Some(UNREACHABLE)
    );

    let silent = UdpSocket::bind(free_udp_address(6230)).expect("a socket that nobody reads");
    let host = silent.local_addr().expect("bound").to_string();
    let start = Instant::now();
    assert_eq!(
        code(poll_ipmi(&host, "admin", &password, &["chassis", "--timeout", "2s"])),
        Some(UNREACHABLE)
    );
    let took = start.elapsed();
    assert!(
        took > Duration::from_millis(1800) && took < Duration::from_secs(8),
        "a deadline of 2 s took {took:?}"
    );

    for arguments in [&["reboot"][..], &["chassis", "--no-such-option"], &["chassis", "--output", "xml"], &[]]
    {
        assert_eq!(code(poll_ipmi(&sim.host(), "admin", &password, arguments)), Some(USAGE), "{arguments:?}");
    }
    // A password on the command line could be read by everybody on the machine.
    let mut command = rackpoll();
    command.args(["poll", "ipmi", "chassis", "--host", &sim.host(), "--user", "admin", "--password", "x"]);
    assert_eq!(code(output(&mut command, &[])), Some(USAGE));
}

#[test]
fn check_tells_every_fault_with_its_line() {
    let check = |setup: &Setup| {
        let mut command = rackpoll();
        command.args(["check", "--config"]).arg(setup.configuration());
        output(&mut command, &[])
    };
    let good = Setup::embedded(1883).with_community("c", "a-community").with_device("d", "10.0.0.1", "c");
    let good = good.with_poller("p", "d", "snmp = { oids = [\"1.3.6.1.2.1.1\"] }", "60s");
    let said = check(&good);
    assert!(said.status.success(), "{said:?}");

    let bad =
        good.with_poller("q", "nobody", "ipmi = \"chassis\"", "a while").with("[agnet]\nname = \"x\"\n");
    let said = check(&bad);
    assert_eq!(said.status.code(), Some(CONFIGURATION), "{said:?}");
    let text = format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    let lines = std::fs::read_to_string(bad.configuration()).expect("our own file");
    let line_of = |word: &str| lines.lines().position(|line| line.contains(word)).expect("our own text") + 1;
    for word in ["a while", "agnet"] {
        assert!(
            text.contains(&format!(":{}", line_of(word))),
            "no line {} for {word}:\n{text}",
            line_of(word)
        );
    }
}
