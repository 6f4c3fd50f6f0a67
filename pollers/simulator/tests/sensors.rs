//! Sensor polls of simulated BMCs: next to `ipmitool -C 17`, and over a bad link.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use rackpoll_io::{CipherSuite, IpmiDevice, IpmiSockets, Options, Profile};
use rackpoll_model::{IpmiCommand, Reading, Secret, SensorReading, SensorState};
use rackpoll_simulator::{
    content::incident::Rate,
    link::Faults,
    rack::{DEFAULT_PASSWORD, DEFAULT_USER, Device, Rack, RackConfig},
};
use tokio::time::Instant;

async fn rack(base: [u8; 4], faults: Faults) -> Rack {
    Rack::start(RackConfig {
        bmcs: 5,
        agents: 0,
        base: base.into(),
        bmc_port: 0,
        faults,
        // Sessions that the link loses take none away.
        slots: Some(64),
        incidents: Rate::NEVER,
        ..RackConfig::default()
    })
    .await
    .unwrap()
}

fn device(sockets: &IpmiSockets, device: &Device) -> IpmiDevice {
    let options = Options::new(DEFAULT_USER, Secret::from(DEFAULT_PASSWORD)).unwrap();
    let options = options.suites(&[CipherSuite::Seventeen]);
    IpmiDevice::with_options(sockets, device.address, options, Profile::default())
}

async fn sensors(device: &mut IpmiDevice, limit: Duration) -> Vec<SensorReading> {
    match device.poll(IpmiCommand::Sdr, Instant::now() + limit).await {
        Ok(Reading::Sdr(readings)) => readings,
        other => panic!("{}: {other:?}", device.peer()),
    }
}

fn ipmitool(device: &Device) -> Vec<Vec<String>> {
    #[expect(clippy::disallowed_methods, reason = "the tests' peers are programs")]
    let output = Command::new("ipmitool")
        .args(["-I", "lanplus", "-C", "17", "-E", "-U", DEFAULT_USER])
        .args(["-H", &device.address.ip().to_string(), "-p", &device.address.port().to_string()])
        .args(["-c", "sdr"])
        .env("IPMI_PASSWORD", DEFAULT_PASSWORD)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("ipmitool must be installed for this test: {error}"));
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split(',').map(|field| field.trim().to_owned()).collect()).collect()
}

/// Values wander between two looks at them, by a few counts at most: ours before and after, and theirs between.
fn between(theirs: f64, before: f64, after: f64) -> bool {
    let room = 0.02 * before.abs().max(after.abs()) + 2.0;
    (before.min(after) - room..=before.max(after) + room).contains(&theirs)
}

#[tokio::test(flavor = "multi_thread")]
async fn ipmitool_lists_the_same_sensors_values_and_states() {
    let rack = rack([127, 61, 40, 0], Faults::default()).await;
    let sockets = IpmiSockets::bind().unwrap();
    let (mut values, mut states, mut nothing) = (0, 0, 0);
    for bmc in rack.devices() {
        let mut device = device(&sockets, bmc);
        let before = sensors(&mut device, Duration::from_secs(30)).await;
        let sent = device.statistics().sent;
        let theirs = ipmitool(bmc);
        let after = sensors(&mut device, Duration::from_secs(30)).await;
        let asked = device.statistics().sent - sent;
        assert!(asked <= before.len() as u64 + 3, "{asked} datagrams for {} sensors", before.len());
        assert_eq!(theirs.len(), before.len(), "{}", bmc.model);
        for (row, (before, after)) in theirs.iter().zip(before.iter().zip(&after)) {
            assert_eq!(row[0], *before.sensor.name);
            match (before.value(), after.value()) {
                (Some(before), Some(after)) => {
                    assert!(between(row[1].parse().unwrap(), before, after), "{row:?}: {before} {after}");
                    values += 1;
                }
                _ if matches!(before.state, SensorState::Read { .. }) => {
                    let ours: Vec<&str> = before.state_texts().collect();
                    let theirs: Vec<&str> =
                        row[4..].iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
                    // A state with a comma in it falls apart in their list only.
                    assert_eq!(theirs.join(", "), ours.join(", "), "{row:?}");
                    states += 1;
                }
                _ => {
                    assert!(row.iter().any(|field| field == "ns"), "{row:?} {:?}", before.state);
                    nothing += 1;
                }
            }
        }
        device.close().await;
    }
    assert!(values > 100 && states > 40 && nothing > 0, "{values} {states} {nothing}");
    rack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_loses_a_fifth_each_way_hides_no_sensor() {
    let jitter = Duration::from_millis(20);
    let faults = Faults { loss: 0.2, duplication: 0.1, reordering: 0.1, jitter, ..Faults::default() };
    let clean = rack([127, 61, 41, 0], Faults::default()).await;
    let lossy = rack([127, 61, 42, 0], faults).await;
    // The small box: a bad link makes a walk through many records long.
    let smallest = |rack: &Rack| rack.devices().last().cloned().unwrap();
    let sockets = IpmiSockets::bind().unwrap();
    let limit = Duration::from_secs(240);
    let expected = sensors(&mut device(&sockets, &smallest(&clean)), limit).await;
    let mut device = device(&sockets, &smallest(&lossy));
    let readings = sensors(&mut device, limit).await;
    assert!(device.statistics().resent > 0, "nothing was lost");
    assert!(expected.len() == readings.len() && expected.len() > 5);
    for (expected, reading) in expected.iter().zip(&readings) {
        assert_eq!(expected.sensor, reading.sensor);
        let kind = |reading: &SensorReading| std::mem::discriminant(&reading.state);
        assert_eq!(kind(expected), kind(reading), "{}: {:?}", reading.sensor.name, reading.state);
    }
    clean.stop().await;
    lossy.stop().await;
}
