use std::time::{Duration, Instant};

use rackpoll_model::{InterfaceUtilization, Metric, MetricResult, Value};

use super::agent::{Agent, text};
use crate::metric::Memory;

/// A device that is polled again and again.
struct Polls {
    memory: Memory,
    at: Instant,
}

impl Polls {
    fn new() -> Self {
        Self { memory: Memory::default(), at: Instant::now() }
    }

    /// Polls so many seconds after the last time: name, in and out of each interface.
    fn after(&mut self, seconds: u64, agent: &Agent) -> Vec<(String, Option<f64>, Option<f64>)> {
        self.at += Duration::from_secs(seconds);
        let mut agent = agent.clone();
        let request = Metric::InterfaceBandwidthUtilization.into();
        let reading = agent.poll_at(&request, &mut self.memory, self.at).unwrap();
        match reading.result {
            MetricResult::InterfaceBandwidthUtilization(rows) => rows
                .into_iter()
                .map(|InterfaceUtilization { name, input, output }| (name, input, output))
                .collect(),
            other => panic!("{other:?}"),
        }
    }
}

/// Gigabit ports of a device that is up for so many seconds: ifIndex, name, octets in, octets out.
fn device(up_seconds: u32, ports: &[(u32, &str, u64, u64)]) -> Agent {
    let mut agent = Agent::new([("sysUpTime.0", Value::TimeTicks(up_seconds * 100))]);
    for &(index, name, input, output) in ports {
        agent.tree.extend(
            [
                ("ifName", text(name)),
                ("ifHighSpeed", Value::Gauge32(1_000)),
                ("ifHCInOctets", Value::Counter64(input)),
                ("ifHCOutOctets", Value::Counter64(output)),
                ("ifCounterDiscontinuityTime", Value::TimeTicks(0)),
            ]
            .map(|(column, value)| (super::agent::oid(&format!("{column}.{index}")), value)),
        );
    }
    agent
}

fn row(name: &str, input: Option<f64>, output: Option<f64>) -> (String, Option<f64>, Option<f64>) {
    (name.to_owned(), input, output)
}

#[test]
fn the_first_poll_has_nothing_and_the_second_counts_with_the_time_that_really_passed() {
    let mut polls = Polls::new();
    let first = polls.after(0, &device(1_000, &[(1, "eth0", 1_000, 2_000)]));
    assert_eq!(first, [row("eth0", None, None)]);
    // 1 Gb/s carries 125 MB a second: 62.5 MB in 10 s are 5 %, 1,250 MB are all of it.
    let second = polls.after(10, &device(1_010, &[(1, "eth0", 62_501_000, 1_250_002_000)]));
    assert_eq!(second, [row("eth0", Some(5.0), Some(100.0))]);
    // The same octets in 20 s are half of it.
    let third = polls.after(20, &device(1_030, &[(1, "eth0", 125_001_000, 2_500_002_000)]));
    assert_eq!(third, [row("eth0", Some(2.5), Some(50.0))]);
}

#[test]
fn a_restart_gives_nothing_even_where_the_counters_are_higher() {
    let mut polls = Polls::new();
    polls.after(0, &device(1_000_000, &[(1, "eth0", 1_000, 1_000)]));
    let restarted = polls.after(60, &device(20, &[(1, "eth0", 500, 90_000_000)]));
    assert_eq!(restarted, [row("eth0", None, None)]);
    let next = polls.after(10, &device(30, &[(1, "eth0", 62_500_500, 90_000_000)]));
    assert_eq!(next, [row("eth0", Some(5.0), Some(0.0))]);
}

#[test]
fn sys_up_time_wraps_after_497_days_and_that_is_no_restart() {
    let mut polls = Polls::new();
    let mut before = device(0, &[(1, "eth0", 0, 0)]);
    before = before.with([("sysUpTime.0", Value::TimeTicks(u32::MAX - 399))]);
    polls.after(0, &before);
    let after = device(6, &[(1, "eth0", 62_500_000, 0)]);
    assert_eq!(polls.after(10, &after), [row("eth0", Some(5.0), Some(0.0))]);
}

#[test]
fn a_discontinuity_of_one_interface_is_its_own() {
    let ports = [(1, "eth0", 1_000, 1_000), (2, "eth1", 1_000, 1_000)];
    let mut polls = Polls::new();
    polls.after(0, &device(1_000, &ports));
    let cleared = device(1_010, &[(1, "eth0", 2_000_000, 2_000_000), (2, "eth1", 62_501_000, 1_000)])
        .with([("ifCounterDiscontinuityTime.1", Value::TimeTicks(100_500))]);
    assert_eq!(polls.after(10, &cleared), [row("eth0", None, None), row("eth1", Some(5.0), Some(0.0))]);
    let next = device(1_020, &[(1, "eth0", 64_500_000, 2_000_000), (2, "eth1", 62_501_000, 1_000)])
        .with([("ifCounterDiscontinuityTime.1", Value::TimeTicks(100_500))]);
    assert_eq!(polls.after(10, &next)[0], row("eth0", Some(5.0), Some(0.0)));
}

#[test]
fn a_wide_counter_that_goes_back_has_begun_anew() {
    let mut polls = Polls::new();
    polls.after(0, &device(1_000, &[(1, "eth0", u64::MAX - 5, 1_000)]));
    let next = polls.after(10, &device(1_010, &[(1, "eth0", 100, 1_250_001_000)]));
    assert_eq!(next, [row("eth0", None, Some(100.0))]);
}

#[test]
fn interfaces_are_kept_by_name_when_they_are_renumbered() {
    let mut polls = Polls::new();
    polls.after(0, &device(1_000, &[(1, "eth0", 0, 0), (2, "eth1", 1_000_000_000, 0)]));
    let renumbered = device(1_010, &[(7, "eth1", 1_062_500_000, 0), (8, "eth0", 125_000_000, 0)]);
    assert_eq!(
        polls.after(10, &renumbered),
        [row("eth1", Some(5.0), Some(0.0)), row("eth0", Some(10.0), Some(0.0))]
    );
}

#[test]
fn a_new_interface_has_nothing_to_compare_with() {
    let mut polls = Polls::new();
    polls.after(0, &device(1_000, &[(1, "eth0", 0, 0)]));
    let next = polls.after(10, &device(1_010, &[(1, "eth0", 0, 0), (2, "vlan9", 5, 5)]));
    assert_eq!(next, [row("eth0", Some(0.0), Some(0.0)), row("vlan9", None, None)]);
}

/// 100 Mb/s without ifXTable, as old switches and many PDUs are.
fn narrow(input: u32, output: u32) -> Agent {
    Agent::new([
        ("sysUpTime.0", Value::TimeTicks(500_000)),
        ("ifDescr.1", text("Fast Ethernet 0/1")),
        ("ifSpeed.1", Value::Gauge32(100_000_000)),
        ("ifInOctets.1", Value::Counter32(input)),
        ("ifOutOctets.1", Value::Counter32(output)),
    ])
}

#[test]
fn without_64_bit_counters_32_bits_wrap() {
    let mut polls = Polls::new();
    polls.after(0, &narrow(u32::MAX - 999_999, 0));
    // 7.5 MB in 60 s are 1 Mb/s, 1 %; through the wrap for what comes in.
    let next = polls.after(60, &narrow(6_500_000, 7_500_000));
    assert_eq!(next, [row("Fast Ethernet 0/1", Some(1.0), Some(1.0))]);
    // 100 Mb/s may wrap 32 bits in 344 s.
    assert_eq!(polls.after(400, &narrow(7_000_000, 8_000_000)), [row("Fast Ethernet 0/1", None, None)]);
}

#[test]
fn narrow_counters_are_not_asked_for_where_all_interfaces_have_wide_ones() {
    let mut agent = device(10, &[(1, "eth0", 0, 0)]);
    agent.poll(Metric::InterfaceBandwidthUtilization);
    assert!(!agent.has_been_asked("ifInOctets"));
    let mut agent = narrow(0, 0);
    agent.poll(Metric::InterfaceBandwidthUtilization);
    assert!(agent.has_been_asked("ifInOctets"));
}

#[test]
fn a_counter_that_changes_its_width_has_nothing_to_compare_with() {
    let mut polls = Polls::new();
    let both = narrow(1_000, 1_000).with([("ifName.1", text("Fast Ethernet 0/1"))]);
    let wide = both
        .clone()
        .with([("ifHCInOctets.1", Value::Counter64(5_000)), ("ifHCOutOctets.1", Value::Counter64(5_000))]);
    polls.after(0, &wide);
    assert_eq!(polls.after(10, &both), [row("Fast Ethernet 0/1", None, None)]);
}

#[test]
fn without_a_speed_there_is_no_percentage() {
    let mut polls = Polls::new();
    let no_speed = |octets| device(1_000, &[(1, "tun0", octets, octets)]).without(&["ifHighSpeed"]);
    polls.after(0, &no_speed(0));
    assert_eq!(polls.after(10, &no_speed(1_000)), [row("tun0", None, None)]);
}

#[test]
fn a_poll_that_did_not_reach_an_interface_does_not_forget_it() {
    let mut polls = Polls::new();
    let ports = |octets| [(1, "eth0", octets, 0), (2, "eth1", octets, 0)];
    polls.after(0, &device(1_000, &ports(0)));
    let broken = device(1_010, &ports(62_500_000)).breaking_at("ifName").breaking_at("ifHCInOctets");
    assert_eq!(polls.after(10, &broken), [row("eth0", Some(5.0), Some(0.0))]);
    // eth1 was last seen 20 s ago: 250 MB are 10 %.
    let next = polls.after(10, &device(1_020, &ports(250_000_000)));
    assert_eq!(next, [row("eth0", Some(15.0), Some(0.0)), row("eth1", Some(10.0), Some(0.0))]);
}

#[test]
fn a_poll_that_fails_leaves_the_memory_alone() {
    let mut polls = Polls::new();
    polls.after(0, &device(1_000, &[(1, "eth0", 0, 0)]));
    let mut dead = Agent::default().breaking_at("sysUpTime");
    let request = Metric::InterfaceBandwidthUtilization.into();
    assert!(dead.poll_at(&request, &mut polls.memory, polls.at).is_err());
    let next = polls.after(20, &device(1_020, &[(1, "eth0", 125_000_000, 0)]));
    assert_eq!(next, [row("eth0", Some(5.0), Some(0.0))]);
}
