use rackpoll_model::{
    INTERFACE_COUNTERS, InterfaceCounters, InterfaceState, Metric, MetricResult, Value, Word,
};

use super::agent::{Agent, oid, text};
use crate::metric::Memory;

fn states(agent: &mut Agent) -> Vec<InterfaceState> {
    match agent.poll(Metric::InterfaceState) {
        MetricResult::InterfaceState(states) => states,
        other => panic!("{other:?}"),
    }
}

fn counters(agent: &mut Agent) -> Vec<InterfaceCounters> {
    match agent.poll(Metric::TxRxCounters) {
        MetricResult::TxRxCounters(counters) => counters,
        other => panic!("{other:?}"),
    }
}

fn names(states: &[InterfaceState]) -> Vec<&str> {
    states.iter().map(|state| state.name.as_str()).collect()
}

#[test]
fn states_are_those_of_the_columns() {
    let mut agent = Agent::new([
        ("ifName.7", text("Ethernet1")),
        ("ifAdminStatus.7", Value::Integer(1)),
        ("ifOperStatus.7", Value::Integer(2)),
        ("ifSpeed.7", Value::Gauge32(u32::MAX)),
        ("ifHighSpeed.7", Value::Gauge32(100_000)),
        ("ifMtu.7", Value::Integer(9_214)),
    ]);
    let expected = InterfaceState {
        name: "Ethernet1".to_owned(),
        admin: Some(Word::Known("up")),
        oper: Some(Word::Known("down")),
        speed: Some(100_000_000_000),
        mtu: Some(9_214),
        link_error: true,
    };
    assert_eq!(states(&mut agent), [expected]);
    assert!(!agent.has_been_asked("ifDescr"));
}

#[test]
fn set_to_down_is_no_link_error() {
    let mut agent =
        Agent::new([("ifAdminStatus.1", Value::Integer(2)), ("ifOperStatus.1", Value::Integer(2))]);
    assert!(!states(&mut agent)[0].link_error);
    let mut agent =
        Agent::new([("ifAdminStatus.1", Value::Integer(1)), ("ifOperStatus.1", Value::Integer(7))]);
    assert!(!states(&mut agent)[0].link_error);
}

#[test]
fn rows_without_a_name_are_called_by_their_description_or_number() {
    let mut agent = Agent::new([
        ("ifName.1", text("")),
        ("ifName.2", text("eth1")),
        ("ifDescr.1", text("Management Ethernet 0/0")),
        ("ifDescr.2", text("eth1 of long name")),
        ("ifMtu.3", Value::Integer(1_500)),
    ]);
    assert_eq!(names(&states(&mut agent)), ["Management Ethernet 0/0", "eth1", "ifIndex 3"]);
}

#[test]
fn doubled_descriptions_are_told_apart_by_their_number() {
    let mut agent = Agent::new([
        ("ifDescr.1", text("HP NC382i DP Multifunction Gigabit Server Adapter")),
        ("ifDescr.3", text("HP NC382i DP Multifunction Gigabit Server Adapter")),
        ("ifDescr.4", text("lo")),
        ("ifMtu.1", Value::Integer(1)),
        ("ifMtu.3", Value::Integer(3)),
    ]);
    let states = states(&mut agent);
    assert_eq!(
        names(&states),
        [
            "HP NC382i DP Multifunction Gigabit Server Adapter#1",
            "HP NC382i DP Multifunction Gigabit Server Adapter#3",
            "lo"
        ]
    );
    assert_eq!(states.iter().map(|state| state.mtu).collect::<Vec<_>>(), [Some(1), Some(3), None]);
}

#[test]
fn a_bad_row_and_a_missing_column_cost_nothing_else() {
    let mut agent = Agent::new([
        ("ifName.1", text("eth0\0\0")),
        ("ifName.2.9", text("an index of two")),
        ("ifName.3", Value::Integer(3)),
        ("ifOperStatus.1", Value::Integer(99)),
        ("ifOperStatus.3", text("up")),
        ("ifMtu.1", text("garbage")),
        ("ifSpeed.1", Value::Integer(-1)),
        ("ifSpeed.3", Value::Gauge32(10_000_000)),
    ]);
    let states = states(&mut agent);
    assert_eq!(names(&states), ["eth0", "ifIndex 3"]);
    assert_eq!(states[0].oper, Some(Word::Number(99)));
    assert_eq!((states[0].mtu, states[0].speed, states[0].admin), (None, None, None));
    assert_eq!((states[1].oper, states[1].speed), (None, Some(10_000_000)));
}

#[test]
fn counters_are_all_22_of_every_interface() {
    let rows = (1..=48_u32).flat_map(|index| {
        let columns = INTERFACE_COUNTERS.iter().enumerate().map(move |(place, counter)| {
            let value = u64::from(index) * 100 + place as u64;
            let value = if counter.starts_with("HC") {
                Value::Counter64(value)
            } else {
                Value::Counter32(value as u32)
            };
            (oid(&format!("if{counter}.{index}")), value)
        });
        columns.chain([(oid(&format!("ifName.{index}")), text(&format!("swp{index}")))])
    });
    let mut agent = Agent::default();
    agent.tree.extend(rows);
    let counters = counters(&mut agent);
    assert_eq!(counters.len(), 48);
    for (row, index) in counters.iter().zip(1_u64..) {
        assert_eq!(row.name, format!("swp{index}"));
        let expected: Vec<Option<u64>> = (0..22).map(|place| Some(index * 100 + place)).collect();
        assert_eq!(row.values.as_slice(), expected);
    }
}

#[test]
fn a_counter_that_is_missing_is_none_and_one_above_2_63_is_whole() {
    let mut agent = Agent::new([
        ("ifName.1", text("lo")),
        ("ifHCInOctets.1", Value::Counter64(u64::MAX - 7)),
        ("ifInErrors.1", Value::Counter32(3)),
    ]);
    let counters = counters(&mut agent);
    let by_name = |name: &str| {
        let place = INTERFACE_COUNTERS.iter().position(|counter| *counter == name).unwrap();
        counters[0].values[place]
    };
    assert_eq!(by_name("HCInOctets"), Some(u64::MAX - 7));
    assert_eq!(by_name("InErrors"), Some(3));
    assert_eq!(by_name("OutOctets"), None);
}

#[test]
fn a_walk_that_breaks_off_is_told_and_costs_its_own_rows_only() {
    let mut agent = Agent::new([
        ("ifName.1", text("eth0")),
        ("ifName.2", text("eth1")),
        ("ifMtu.1", Value::Integer(1_500)),
        ("ifMtu.2", Value::Integer(1_500)),
    ])
    .breaking_at("ifMtu");
    let reading = agent
        .poll_at(&Metric::InterfaceState.into(), &mut Memory::default(), std::time::Instant::now())
        .unwrap();
    let MetricResult::InterfaceState(states) = reading.result else { panic!("{:?}", reading.result) };
    assert_eq!(states.iter().map(|state| state.mtu).collect::<Vec<_>>(), [Some(1_500), None]);
    assert_eq!(reading.errors.len(), 1);
    assert_eq!(reading.errors[0].0, oid("ifMtu"));
}

#[test]
fn without_its_name_an_interface_is_left_out_where_the_names_broke_off() {
    let mut agent = Agent::new([
        ("ifName.1", text("eth0")),
        ("ifName.2", text("eth1")),
        ("ifDescr.2", text("another name")),
        ("ifMtu.2", Value::Integer(1_500)),
    ])
    .breaking_at("ifName");
    let reading = agent
        .poll_at(&Metric::InterfaceState.into(), &mut Memory::default(), std::time::Instant::now())
        .unwrap();
    let MetricResult::InterfaceState(states) = reading.result else { panic!("{:?}", reading.result) };
    assert_eq!(names(&states), ["eth0"]);
    assert!(!agent.has_been_asked("ifDescr"));
}

#[test]
fn nothing_but_errors_is_a_failure_and_nothing_at_all_is_an_empty_result() {
    let mut agent = Agent::default().breaking_at("ifName");
    let poll =
        agent.poll_at(&Metric::InterfaceState.into(), &mut Memory::default(), std::time::Instant::now());
    assert!(poll.is_err());
    assert_eq!(states(&mut Agent::default()), []);
}
