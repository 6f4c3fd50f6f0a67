//! The rack on real sockets, with clients of few lines.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    net::{Ipv4Addr, UdpSocket},
    time::Duration,
};

use rackpoll_ipmi::wire::{Datagram, asf};
use rackpoll_simulator::{
    link::Faults,
    rack::{Device, Outages, Rack, RackConfig, RackError},
};

fn config(base: Ipv4Addr) -> RackConfig {
    RackConfig { base, bmc_port: 0, agent_port: 0, ..RackConfig::default() }
}

fn client() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    socket
}

/// Sends presence pings one after another; how many pongs came back for each.
fn ping(socket: &UdpSocket, device: &Device, count: u8) -> Vec<usize> {
    let mut buffer = [0; 1500];
    (0..count)
        .map(|tag| {
            let mut bytes = Vec::new();
            asf::Message::Ping { tag }.encode(&mut bytes);
            socket.send_to(&bytes, device.address).unwrap();
            // Long enough for answers that come twice or late.
            socket.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
            let mut pongs = 0;
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                assert_eq!(from, device.address);
                let pong = Datagram::decode(&buffer[..length]);
                pongs += usize::from(pong == Ok(Datagram::Asf(asf::Message::Pong { tag, ipmi: true })));
            }
            pongs
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_devices_answer_from_addresses_of_their_own() {
    let rack =
        Rack::start(RackConfig { bmcs: 500, agents: 50, ..config([127, 62, 0, 0].into()) }).await.unwrap();
    assert_eq!(rack.devices().len(), 550);
    let mut addresses: Vec<_> = rack.devices().iter().map(|device| device.address.ip()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 550);
    let devices: Vec<Device> = rack.devices().to_vec();
    tokio::task::spawn_blocking(move || {
        let socket = client();
        let mut ping = Vec::new();
        asf::Message::Ping { tag: 1 }.encode(&mut ping);
        for device in devices.iter().filter(|device| device.bmc().is_some()) {
            socket.send_to(&ping, device.address).unwrap();
            let (_, from) = socket.recv_from(&mut [0; 100]).unwrap();
            assert_eq!(from, device.address);
        }
    })
    .await
    .unwrap();
    assert_eq!(rack.bmc_counters().datagrams_in, 500);
    rack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_closes_every_socket_and_keeps_the_counters() {
    let rack =
        Rack::start(RackConfig { bmcs: 3, agents: 3, ..config([127, 63, 0, 0].into()) }).await.unwrap();
    let devices: Vec<Device> = rack.devices().to_vec();
    let socket = client();
    assert_eq!(ping(&socket, &devices[0], 2), [1, 1]);
    rack.stop().await;
    for device in &devices {
        UdpSocket::bind(device.address).unwrap_or_else(|error| panic!("{}: {error}", device.address));
    }
    assert_eq!(devices[0].bmc().unwrap().counters().datagrams_in, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lose_and_duplicate_on_real_sockets() {
    let faults = Faults { loss: 0.2, duplication: 0.2, ..Faults::default() };
    let rack = Rack::start(RackConfig { bmcs: 1, faults, ..config([127, 64, 0, 0].into()) }).await.unwrap();
    let device = rack.devices()[0].clone();
    let pongs = tokio::task::spawn_blocking(move || ping(&client(), &device, 100)).await.unwrap();
    let links = rack.link_counters();
    // In and out: about 36 of 100 lost.
    let unanswered = pongs.iter().filter(|pongs| **pongs == 0).count();
    assert!((20..=52).contains(&unanswered), "{unanswered}");
    assert!(pongs.iter().filter(|pongs| **pongs > 1).count() > 10);
    assert!(links.lost > 20 && links.duplicated > 15, "{links:?}");
    rack.bmcs().next().unwrap().set_faults(Faults::loss(1.0));
    let device = rack.devices()[0].clone();
    let pongs = tokio::task::spawn_blocking(move || ping(&client(), &device, 5)).await.unwrap();
    assert_eq!(pongs, [0; 5]);
    rack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_device_is_away_and_comes_back() {
    let outages = Outages { every: Duration::from_millis(1_200), lasting: Duration::from_millis(600) };
    let config = RackConfig { bmcs: 2, agents: 0, failing: 1, outages, ..config([127, 65, 0, 0].into()) };
    let rack = Rack::start(config).await.unwrap();
    let devices: Vec<Device> = rack.devices().to_vec();
    assert_eq!(devices.iter().map(|device| device.failing).collect::<Vec<_>>(), [false, true]);
    let (steady, failing) = tokio::task::spawn_blocking(move || {
        let socket = client();
        (0..80)
            .map(|_| (ping(&socket, &devices[0], 1)[0], ping(&socket, &devices[1], 1)[0]))
            .unzip::<_, _, Vec<_>, Vec<_>>()
    })
    .await
    .unwrap();
    assert!(steady.iter().all(|pongs| *pongs == 1), "{steady:?}");
    let changes = failing.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes >= 4, "{failing:?}");
    rack.stop().await;
}

#[tokio::test]
async fn what_cannot_be_is_told() {
    let unknown =
        Rack::start(RackConfig { model: Some("mainframe".into()), ..config([127, 66, 0, 0].into()) }).await;
    assert!(
        matches!(&unknown, Err(RackError::UnknownModel { known, .. }) if known.contains("gpu-node")),
        "{unknown:?}"
    );
    let unknown =
        Rack::start(RackConfig { agent_model: Some("router".into()), ..config([127, 66, 0, 0].into()) });
    let unknown = unknown.await;
    assert!(
        matches!(&unknown, Err(RackError::UnknownModel { known, .. }) if known.contains("switch-48")),
        "{unknown:?}"
    );
    let taken = UdpSocket::bind("127.66.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let bound = Rack::start(RackConfig { bmc_port: port, ..config([127, 66, 0, 0].into()) }).await;
    assert!(matches!(bound, Err(RackError::Bind { address, .. }) if address.port() == port));
    let far = Rack::start(config([192, 0, 2, 0].into())).await;
    assert!(matches!(far, Err(RackError::NotLoopback { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn run_tells_what_runs_and_what_it_saw() {
    let mut out = Vec::new();
    let config = RackConfig { bmcs: 30, agents: 2, failing: 1, ..config([127, 67, 0, 0].into()) };
    rackpoll_simulator::rack::run(config, &mut out, std::future::ready(())).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.contains("node01") && text.contains("127.67.0.30:") && text.contains("fails now and then"),
        "{text}"
    );
    assert!(text.contains("... and 6 more"), "{text}");
    assert!(text.contains("ipmitool -I lanplus") && text.contains("snmpbulkwalk"), "{text}");
    assert!(text.contains("0 datagrams in"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_ones_own_is_not_told() {
    let mut out = Vec::new();
    let secret = "not-for-the-screen";
    let config = RackConfig {
        password: rackpoll_model::Secret::from(secret),
        community: rackpoll_model::Secret::from(secret),
        ..config([127, 68, 0, 0].into())
    };
    rackpoll_simulator::rack::run(config, &mut out, std::future::ready(())).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains(secret) && text.contains("PASSWORD"), "{text}");
}
