//! Clients that nobody here wrote, against a rack on real sockets: ipmitool, freeipmi and net-snmp. A client that is
//! not installed fails the test.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    net::SocketAddr,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use rackpoll_ipmi::crypto::CipherSuite;
use rackpoll_model::Secret;
use rackpoll_simulator::{
    bmc::Behaviour,
    content::{incident::Rate, models},
    rack::{DEFAULT_USER, Device, Rack, RackConfig, VIEWER},
};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// A rack of all models on free ports, with secrets of this run.
struct Fixture {
    rack: Rack,
    password: String,
    community: String,
    /// freeipmi keeps SDR caches in the home folder.
    home: TempDir,
}

async fn fixture(bmcs: usize, agents: usize) -> Fixture {
    fixture_with(RackConfig { bmcs, agents, ..RackConfig::default() }).await
}

async fn fixture_with(config: RackConfig) -> Fixture {
    let random: u64 = rackpoll_simulator::random::hash(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64,
        &[u64::from(std::process::id())],
    );
    let (password, community) = (format!("p{random:015x}"), format!("c{random:015x}"));
    let rack = Rack::start(RackConfig {
        base: [127, 61, 0, 0].into(),
        bmc_port: 0,
        agent_port: 0,
        password: Secret::from(password.as_str()),
        community: Secret::from(community.as_str()),
        incidents: Rate::NEVER,
        ..config
    })
    .await
    .unwrap();
    Fixture { rack, password, community, home: tempfile::tempdir().unwrap() }
}

impl Fixture {
    fn bmc(&self, model: &str) -> &Device {
        self.rack.devices().iter().find(|device| device.model == model).unwrap()
    }

    async fn ipmitool(&self, bmc: &Device, user: &str, password: &str, arguments: &[&str]) -> Output {
        let (ip, port) = (bmc.address.ip().to_string(), bmc.address.port().to_string());
        let mut all = vec!["-I", "lanplus", "-H", &ip, "-p", &port, "-U", user, "-E", "-N", "2", "-R", "2"];
        all.extend(arguments);
        run("ipmitool", &all, &[("IPMI_PASSWORD", password)]).await
    }

    async fn good_ipmitool(&self, bmc: &Device, arguments: &[&str]) -> String {
        text(self.ipmitool(bmc, DEFAULT_USER, &self.password, arguments).await)
    }

    async fn freeipmi(&self, program: &str, bmc: &Device, arguments: &[&str]) -> Output {
        let host = bmc.address.to_string();
        let mut all = vec!["-D", "LAN_2_0", "-h", &host, "-u", DEFAULT_USER, "-p", &self.password];
        all.extend(arguments);
        run(program, &all, &[("HOME", self.home.path().to_str().unwrap())]).await
    }

    async fn snmp(&self, program: &str, version: &str, agent: SocketAddr, arguments: &[&str]) -> Output {
        let agent = agent.to_string();
        let mut all =
            vec!["-v", version, "-c", &self.community, "-m", "", "-Oqn", "-t", "2", "-r", "1", &agent];
        all.extend(arguments);
        run(program, &all, &[]).await
    }
}

async fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the tests' peers are programs")]
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).envs(environment.iter().copied());
    // freeipmi's programs are where only administrators look.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    let name = program.to_owned();
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap_or_else(|error| panic!("{name} must be installed for this test: {error}"))
}

fn text(output: Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
    stdout.into_owned()
}

fn sensors_of(model: &str) -> usize {
    models::by_name(model).unwrap().sensors.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn ipmitool_agrees_with_both_suites() {
    let fixture = Arc::new(fixture(5, 0).await);
    let mut checks = JoinSet::new();
    for device in fixture.rack.devices().to_vec() {
        let fixture = Arc::clone(&fixture);
        checks.spawn(async move { check_with_ipmitool(&fixture, &device).await });
    }
    let mut metered = 0;
    while let Some(checked) = checks.join_next().await {
        metered += u64::from(checked.unwrap());
    }
    assert!(metered > 0, "no model has a power meter");
    let counters = fixture.rack.bmc_counters();
    assert_eq!(counters.sessions_opened, 2 * (5 * 6 + metered));
    assert_eq!(counters.sessions_closed, counters.sessions_opened, "ipmitool closes what it opens");
    assert_eq!((counters.unauthentic, counters.out_of_window, counters.malformed), (0, 0, 0));
    assert_eq!(counters.most_in_flight, 1);
}

/// Whether the device has a power meter, which it is then asked for too.
async fn check_with_ipmitool(fixture: &Fixture, device: &Device) -> bool {
    let mut metered = false;
    for suite in ["3", "17"] {
        let with = |arguments: &[&'static str]| [&["-C", suite], arguments].concat();
        let info = fixture.good_ipmitool(device, &with(&["mc", "info"])).await;
        assert!(info.contains("IPMI Version              : 2.0"), "{info}");
        let status = fixture.good_ipmitool(device, &with(&["chassis", "status"])).await;
        assert!(status.contains("System Power         : on"), "{status}");

        let sdr = fixture.good_ipmitool(device, &with(&["sdr"])).await;
        assert_eq!(sdr.lines().count(), sensors_of(device.model), "{sdr}");
        let verbose = fixture.good_ipmitool(device, &with(&["-v", "sdr"])).await;
        let ids = verbose.lines().filter(|line| line.starts_with("Sensor ID")).count();
        assert_eq!(ids, sensors_of(device.model), "{verbose}");
        metered = verbose.contains("Watts");
        if metered {
            let power = fixture.good_ipmitool(device, &with(&["dcmi", "power", "reading"])).await;
            assert!(power.contains("Instantaneous power reading") && power.contains("activated"), "{power}");
        }

        let log = fixture.good_ipmitool(device, &with(&["sel", "list"])).await;
        assert!(log.contains("Log area reset/cleared") && log.lines().count() > 30, "{log}");
        let fru = fixture.good_ipmitool(device, &with(&["fru"])).await;
        assert!(fru.contains("Simulated Systems") && fru.contains("Board Serial"), "{fru}");
    }
    metered
}

#[tokio::test(flavor = "multi_thread")]
async fn ipmitool_finds_a_suite_by_itself_and_switches_power() {
    let fixture = fixture(1, 0).await;
    let bmc = fixture.bmc("server");
    let status = fixture.good_ipmitool(bmc, &["chassis", "power", "status"]).await;
    assert_eq!(status, "Chassis Power is on\n");
    fixture.good_ipmitool(bmc, &["chassis", "power", "off"]).await;
    assert!(!bmc.bmc().unwrap().power());
    let status = fixture.good_ipmitool(bmc, &["chassis", "power", "status"]).await;
    assert_eq!(status, "Chassis Power is off\n");
    let log = fixture.good_ipmitool(bmc, &["sel", "list", "last", "1"]).await;
    assert!(log.contains("System ACPI Power State") && log.contains("soft-off"), "{log}");
    let sdr = fixture.good_ipmitool(bmc, &["sdr", "get", "Fan 1"]).await;
    assert!(sdr.contains("No Reading") || sdr.contains("Disabled"), "{sdr}");
    fixture.good_ipmitool(bmc, &["chassis", "identify", "force"]).await;
    let raw = fixture.good_ipmitool(bmc, &["raw", "0", "1"]).await;
    assert_eq!(
        raw.split_whitespace().nth(2),
        Some("60"),
        "identify state supported, on until switched off: {raw}"
    );
    fixture.rack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ipmitool_understands_the_refusals() {
    let fixture = fixture(1, 0).await;
    let bmc = fixture.bmc("server");
    let status = ["-C", "17", "-vv", "chassis", "power", "status"];
    let said = |output: Output| {
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
    };
    let wrong = said(fixture.ipmitool(bmc, DEFAULT_USER, "wrong", &status).await);
    assert!(wrong.contains("RAKP 2 HMAC is invalid"), "{wrong}");
    let unknown = said(fixture.ipmitool(bmc, "nobody", &fixture.password, &status).await);
    assert!(unknown.contains("unauthorized name"), "{unknown}");
    let role = said(fixture.ipmitool(bmc, VIEWER, &fixture.password, &status).await);
    assert!(role.contains("nauthorized role"), "{role}");
    let viewer = fixture
        .ipmitool(bmc, VIEWER, &fixture.password, &["-C", "3", "-L", "USER", "chassis", "power", "off"])
        .await;
    let viewer = said(viewer);
    assert!(viewer.contains("Insufficient privilege level"), "{viewer}");
    assert!(bmc.bmc().unwrap().power());
    // With a wrong password ipmitool goes away after RAKP 2 and says nothing.
    assert_eq!(bmc.bmc().unwrap().counters().logins_refused, 2);
    fixture.rack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn freeipmi_agrees() {
    let fixture = fixture(5, 0).await;
    for device in fixture.rack.devices() {
        for suite in ["3", "17"] {
            let power = text(fixture.freeipmi("ipmipower", device, &["-I", suite, "--stat"]).await);
            assert_eq!(power.trim(), format!("{}: on", device.address.ip()));
            let power = text(fixture.freeipmi("ipmipower", device, &["-I", suite, "-s"]).await);
            assert_eq!(power.trim(), format!("{}: on", device.address.ip()));
        }
        let arguments = ["-I", "17", "-l", "USER", "-Q", "--flush-cache"];
        text(fixture.freeipmi("ipmi-sensors", device, &arguments).await);
        let arguments =
            ["-I", "17", "-l", "USER", "-Q", "--no-header-output", "--ignore-not-available-sensors"];
        let sensors = text(fixture.freeipmi("ipmi-sensors", device, &arguments).await);
        // The four empty slots of the accelerator node are not available.
        let absent = if device.model == "gpu-node" { 4 } else { 0 };
        assert_eq!(sensors.lines().count(), sensors_of(device.model) - absent, "{sensors}");
        let log = text(fixture.freeipmi("ipmi-sel", device, &["-I", "17", "-l", "USER", "-Q"]).await);
        assert!(log.lines().count() > 30, "{log}");
        let fru = text(fixture.freeipmi("ipmi-fru", device, &["-I", "17", "-l", "USER", "-Q"]).await);
        assert!(fru.contains("Simulated Systems"), "{fru}");
    }
    fixture.rack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_suite_is_spoken_as_ipmitool_and_freeipmi_speak_it() {
    let suites = CipherSuite::ALL;
    let fixture = fixture_with(RackConfig {
        bmcs: 1,
        agents: 0,
        suites: suites.to_vec(),
        slots: Some(64),
        ..RackConfig::default()
    })
    .await;
    let bmc = fixture.bmc("server");
    for suite in suites {
        let id = suite.to_string();
        let status = fixture.good_ipmitool(bmc, &["-C", &id, "chassis", "power", "status"]).await;
        assert_eq!(status, "Chassis Power is on\n", "suite {id}");
        let sdr = fixture.good_ipmitool(bmc, &["-C", &id, "sdr"]).await;
        assert_eq!(sdr.lines().count(), sensors_of("server"), "suite {id}: {sdr}");
        let power = text(fixture.freeipmi("ipmipower", bmc, &["-I", &id, "--stat"]).await);
        assert_eq!(power.trim(), format!("{}: on", bmc.address.ip()), "suite {id}");
        let wrong = ["-C", &id, "chassis", "power", "status"];
        let wrong = fixture.ipmitool(bmc, DEFAULT_USER, "wrong", &wrong).await;
        assert_eq!(wrong.status.success(), id == "0", "suite {id} with a wrong password: {wrong:?}");
    }
    let counters = bmc.bmc().unwrap().counters();
    assert_eq!((counters.unauthentic, counters.out_of_window, counters.malformed), (0, 0, 0));
    fixture.rack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bmc_key_is_wanted_from_every_client() {
    let k_g = "bmc-wide-key";
    let config = RackConfig { bmcs: 1, agents: 0, k_g: Some(Secret::from(k_g)), ..RackConfig::default() };
    let fixture = fixture_with(config).await;
    let bmc = fixture.bmc("server");
    for suite in ["3", "17"] {
        let status = ["-C", suite, "-k", k_g, "chassis", "power", "status"];
        assert_eq!(fixture.good_ipmitool(bmc, &status).await, "Chassis Power is on\n");
        let power = text(fixture.freeipmi("ipmipower", bmc, &["-I", suite, "-k", k_g, "--stat"]).await);
        assert_eq!(power.trim(), format!("{}: on", bmc.address.ip()));
        let without = ["-C", suite, "chassis", "power", "status"];
        let without = fixture.ipmitool(bmc, DEFAULT_USER, &fixture.password, &without).await;
        assert!(!without.status.success(), "{without:?}");
    }
    fixture.rack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ipmitool_and_freeipmi_read_the_same_values() {
    let fixture = fixture(1, 0).await;
    let bmc = fixture.bmc("server");
    let before = fixture.good_ipmitool(bmc, &["-C", "17", "-c", "sdr"]).await;
    let arguments = ["-I", "17", "-l", "USER", "-Q", "--comma-separated-output", "--no-header-output"];
    let theirs = text(fixture.freeipmi("ipmi-sensors", bmc, &arguments).await);
    let reading = |text: &str, name: &str, name_column: usize, value_column: usize| {
        text.lines()
            .map(|line| line.split(',').collect::<Vec<_>>())
            .find(|columns| columns.get(name_column) == Some(&name))
            .and_then(|columns| columns[value_column].parse::<f64>().ok())
    };
    let mut compared = 0;
    for (name, step) in
        [("Inlet Temp", 1.0), ("CPU1 Temp", 1.0), ("Fan 3", 75.0), ("P12V", 0.063), ("CPU2 VCORE", 0.0075)]
    {
        let (ours, other) = (reading(&before, name, 0, 1).unwrap(), reading(&theirs, name, 1, 3).unwrap());
        // Values move between the two: by a few steps at most.
        assert!((ours - other).abs() <= 3.0 * step + 0.01, "{name}: {ours} and {other}");
        compared += 1;
    }
    assert_eq!(compared, 5);
    fixture.rack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn net_snmp_walks_the_same_by_bulk_and_by_steps() {
    let fixture = fixture(0, 3).await;
    for device in fixture.rack.devices() {
        let names = |output: String| {
            output
                .lines()
                .filter(|line| line.starts_with('.'))
                .map(|line| line.split(' ').next().unwrap_or("").to_owned())
                .collect::<Vec<_>>()
        };
        let all = names(text(fixture.snmp("snmpbulkwalk", "2c", device.address, &["1.3"]).await));
        let large = names(text(fixture.snmp("snmpbulkwalk", "2c", device.address, &["-Cr50", "1.3"]).await));
        let steps = names(text(fixture.snmp("snmpwalk", "2c", device.address, &["1.3"]).await));
        assert_eq!(all, steps, "{}", device.name);
        assert_eq!(all, large, "{}", device.name);
        assert!(all.len() > 100, "{}", all.len());
        let first = names(text(fixture.snmp("snmpwalk", "1", device.address, &["1.3"]).await));
        assert!(first.iter().all(|name| all.contains(name)));
        let counters = device.agent().unwrap().counters();
        assert!(counters.get_bulks > 0 && counters.get_nexts > 0);
        assert_eq!((counters.malformed, counters.wrong_community), (0, 0));
    }
    fixture.rack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn net_snmp_reads_values_and_exceptions() {
    let fixture = fixture(0, 1).await;
    let switch = &fixture.rack.devices()[0];
    let get = async |version: &str, oid: &str| fixture.snmp("snmpget", version, switch.address, &[oid]).await;
    let name = text(get("2c", "1.3.6.1.2.1.1.5.0").await);
    assert_eq!(name.trim(), format!(".1.3.6.1.2.1.1.5.0 \"{}\"", switch.name));
    let speed = text(get("2c", "1.3.6.1.2.1.31.1.1.1.15.48").await);
    assert_eq!(speed.trim(), ".1.3.6.1.2.1.31.1.1.1.15.48 100000");
    let octets = text(get("2c", "1.3.6.1.2.1.31.1.1.1.6.48").await);
    let octets: u64 = octets.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(octets >= 1 << 63, "{octets}");
    let narrow = text(get("2c", "1.3.6.1.2.1.2.2.1.10.1").await);
    assert!(narrow.split_whitespace().nth(1).unwrap().parse::<u32>().is_ok(), "{narrow}");
    let missing = text(get("2c", "1.3.6.1.2.1.31.1.1.1.15.99").await);
    assert!(missing.contains("No Such Instance"), "{missing}");
    let missing = text(get("2c", "1.3.6.1.2.1.77.1.0").await);
    assert!(missing.contains("No Such Object"), "{missing}");
    let refused = get("1", "1.3.6.1.2.1.77.1.0").await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("noSuchName"));
    let set = fixture.snmp("snmpset", "2c", switch.address, &["1.3.6.1.2.1.1.5.0", "s", "x"]).await;
    assert!(String::from_utf8_lossy(&set.stderr).contains("notWritable"));
    fixture.rack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_bmc_and_a_garbled_one_fail_a_client() {
    let fixture = fixture(1, 0).await;
    let bmc = fixture.bmc("server");
    for behaviour in [Behaviour::Silent, Behaviour::Garbage] {
        bmc.bmc().unwrap().set_behaviour(behaviour);
        let arguments = ["-C", "17", "-N", "1", "-R", "1", "chassis", "power", "status"];
        let output = fixture.ipmitool(bmc, DEFAULT_USER, &fixture.password, &arguments).await;
        assert!(!output.status.success(), "{behaviour:?}");
    }
    bmc.bmc().unwrap().set_behaviour(Behaviour::Twice);
    fixture.good_ipmitool(bmc, &["-C", "17", "chassis", "power", "status"]).await;
    fixture.rack.stop().await;
}
