use rackpoll_model::{
    CiscoMemory, CiscoProcessor, HostProcessor, MemoryUsage, Metric, MetricResult, Oid, ProcessorLoad,
    StorageArea, Value,
};

use super::agent::{Agent, text};

fn cisco() -> (&'static str, Value) {
    ("sysObjectID.0", Value::ObjectId(Oid::new(&[1, 3, 6, 1, 4, 1, 9, 12, 3, 1, 3, 1])))
}

fn load(agent: &mut Agent) -> ProcessorLoad {
    match agent.poll(Metric::ProcessorLoad) {
        MetricResult::ProcessorLoad(load) => load,
        other => panic!("{other:?}"),
    }
}

fn memory(agent: &mut Agent) -> MemoryUsage {
    match agent.poll(Metric::MemoryUsage) {
        MetricResult::MemoryUsage(usage) => usage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn processors_are_called_by_their_description_and_told_apart() {
    let mut agent = Agent::new([
        ("sysObjectID.0", Value::ObjectId(Oid::new(&[1, 3, 6, 1, 4, 1, 30_065]))),
        ("hrDeviceDescr.1", text("GenuineIntel")),
        ("hrDeviceDescr.2", text("GenuineIntel")),
        ("hrDeviceDescr.9", text("a disk")),
        ("hrProcessorLoad.1", Value::Integer(12)),
        ("hrProcessorLoad.2", Value::Integer(0)),
        ("hrProcessorLoad.4", Value::Integer(50)),
        ("hrProcessorLoad.5", text("bad")),
    ]);
    let processor = |name: &str, load| HostProcessor { name: name.to_owned(), load };
    assert_eq!(
        load(&mut agent),
        ProcessorLoad::Host(vec![
            processor("GenuineIntel#1", 12),
            processor("GenuineIntel#2", 0),
            processor("processor 4", 50)
        ])
    );
    assert!(!agent.has_been_asked("cpmCPUTotal5secRev"));
}

#[test]
fn cisco_tells_three_averages_by_physical_index() {
    let mut agent = Agent::new([
        cisco(),
        ("cpmCPUTotalPhysicalIndex.1", Value::Integer(22)),
        ("cpmCPUTotalPhysicalIndex.2", Value::Integer(0)),
        ("cpmCPUTotalPhysicalIndex.3", Value::Integer(0)),
        ("cpmCPUTotal5secRev.1", Value::Gauge32(7)),
        ("cpmCPUTotal1minRev.1", Value::Gauge32(6)),
        ("cpmCPUTotal5minRev.1", Value::Gauge32(5)),
        ("cpmCPUTotal5secRev.2", Value::Gauge32(1)),
        ("cpmCPUTotal5secRev.3", Value::Gauge32(2)),
    ]);
    let processor = |name: &str, loads: [Option<u64>; 3]| CiscoProcessor {
        name: name.to_owned(),
        five_seconds: loads[0],
        one_minute: loads[1],
        five_minutes: loads[2],
    };
    assert_eq!(
        load(&mut agent),
        ProcessorLoad::Cisco(vec![
            processor("22", [Some(7), Some(6), Some(5)]),
            processor("0#2", [Some(1), None, None]),
            processor("0#3", [Some(2), None, None]),
        ])
    );
    assert!(!agent.has_been_asked("hrProcessorLoad"));
}

#[test]
fn cisco_of_old_has_the_same_under_other_columns_and_others_have_the_common_table() {
    let mut old = Agent::new([
        cisco(),
        ("cpmCPUTotal5sec.1", Value::Gauge32(9)),
        ("cpmCPUTotal1min.1", Value::Gauge32(8)),
        ("cpmCPUTotal5min.1", Value::Gauge32(7)),
    ]);
    let expected = CiscoProcessor {
        name: "processor 1".to_owned(),
        five_seconds: Some(9),
        one_minute: Some(8),
        five_minutes: Some(7),
    };
    assert_eq!(load(&mut old), ProcessorLoad::Cisco(vec![expected]));
    let mut common = Agent::new([cisco(), ("hrProcessorLoad.1", Value::Integer(3))]);
    let expected = HostProcessor { name: "processor 1".to_owned(), load: 3 };
    assert_eq!(load(&mut common), ProcessorLoad::Host(vec![expected]));
}

#[test]
fn memory_is_what_begins_with_ram() {
    let mut agent = Agent::new([
        ("hrStorageDescr.1", text("RAM")),
        ("hrStorageDescr.2", text("RAM (Cache)")),
        ("hrStorageDescr.3", text("Core")),
        ("hrStorageAllocationUnits.1", Value::Integer(1_024)),
        ("hrStorageSize.1", Value::Integer(4_000)),
        ("hrStorageUsed.1", Value::Integer(1_000)),
        // 3,000,000,000 in 32 bits: more than Integer32 has room for.
        ("hrStorageUsed.2", Value::Integer(-1_294_967_296)),
        ("hrStorageUsed.3", Value::Integer(5)),
    ]);
    let expected = [
        StorageArea { name: "RAM".to_owned(), used: Some(1_000), size: Some(4_000), unit: Some(1_024) },
        StorageArea { name: "RAM (Cache)".to_owned(), used: Some(3_000_000_000), size: None, unit: None },
    ];
    assert_eq!(memory(&mut agent), MemoryUsage::Storage(expected.into()));
}

#[test]
fn cisco_tells_used_and_free_by_physical_index() {
    let mut agent = Agent::new([
        cisco(),
        ("cpmCPUTotalPhysicalIndex.1", Value::Integer(22)),
        ("cpmCPUMemoryUsed.1", Value::Gauge32(3_000)),
        ("cpmCPUMemoryFree.1", Value::Gauge32(1_000)),
    ]);
    let expected = CiscoMemory { name: "22".to_owned(), used: Some(3_000), free: Some(1_000) };
    assert_eq!(memory(&mut agent), MemoryUsage::Cisco(vec![expected]));
    let mut common = Agent::new([cisco(), ("hrStorageDescr.1", text("RAM"))]);
    assert!(matches!(memory(&mut common), MemoryUsage::Storage(areas) if areas.len() == 1));
}
