use rackpoll_model::{LldpNeighbor, Metric, MetricResult, Value, Word};

use super::agent::{Agent, oid, text};

fn octets(octets: &[u8]) -> Value {
    Value::OctetString(octets.into())
}

fn neighbors(agent: &mut Agent) -> Vec<LldpNeighbor> {
    match agent.poll(Metric::LldpNeighbors) {
        MetricResult::LldpNeighbors(neighbors) => neighbors,
        other => panic!("{other:?}"),
    }
}

#[test]
fn neighbors_have_ids_in_the_form_of_their_subtype() {
    let mut agent = Agent::new([
        ("lldpLocPortIdSubtype.5", Value::Integer(5)),
        ("lldpLocPortId.5", text("Ethernet5")),
        ("lldpRemChassisIdSubtype.100.5.1", Value::Integer(4)),
        ("lldpRemChassisId.100.5.1", octets(&[0, 0x1c, 0x73, 0xaa, 0xbb, 0xcc])),
        ("lldpRemPortIdSubtype.100.5.1", Value::Integer(5)),
        ("lldpRemPortId.100.5.1", text("Gi1/0/6")),
        ("lldpRemPortDesc.100.5.1", text("uplink")),
        ("lldpRemSysName.100.5.1", text("spine-1")),
        ("lldpRemSysDesc.100.5.1", text("a switch")),
        ("lldpRemSysCapSupported.100.5.1", octets(&[0x28, 0])),
        ("lldpRemSysCapEnabled.100.5.1", octets(&[0x20, 0])),
    ]);
    // The index of a management address: family, length, octets.
    agent.tree.insert(oid("lldpRemManAddrIfSubtype.100.5.1.1.4.192.0.2.9"), Value::Integer(2));
    agent.tree.insert(
        oid("lldpRemManAddrIfSubtype.100.5.1.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1"),
        Value::Integer(2),
    );
    let expected = LldpNeighbor {
        local_port: "Ethernet5".to_owned(),
        chassis_id: Some("00:1c:73:aa:bb:cc".to_owned()),
        chassis_id_type: Some(Word::Known("macAddress")),
        port_id: Some("Gi1/0/6".to_owned()),
        port_id_type: Some(Word::Known("interfaceName")),
        port_description: Some("uplink".to_owned()),
        system_name: Some("spine-1".to_owned()),
        system_description: Some("a switch".to_owned()),
        capabilities: vec!["bridge", "router"],
        enabled: vec!["bridge"],
        addresses: vec!["192.0.2.9".to_owned(), "2001:db8::1".to_owned()],
    };
    assert_eq!(neighbors(&mut agent), [expected]);
}

#[test]
fn a_neighbor_that_changed_during_the_walk_stands_there_once() {
    let mut agent = Agent::new([
        ("lldpRemSysName.100.5.1", text("before")),
        ("lldpRemSysName.200.5.1", text("after")),
        ("lldpRemSysName.100.5.2", text("another on the same port")),
        ("lldpLocPortDesc.5", text("port five")),
        ("lldpLocPortIdSubtype.5", Value::Integer(3)),
        ("lldpLocPortId.5", octets(&[0, 1, 2, 3, 4, 5])),
    ]);
    let found = neighbors(&mut agent);
    let names: Vec<_> = found.iter().map(|found| found.system_name.as_deref().unwrap()).collect();
    assert_eq!(names, ["after", "another on the same port"]);
    assert!(found.iter().all(|found| found.local_port == "port five"));
}

#[test]
fn ids_of_odd_forms_stay_readable() {
    let id = |subtype, id: Value| {
        let mut agent = Agent::new([("lldpRemChassisIdSubtype.0.1.1", Value::Integer(subtype))]);
        agent.tree.insert(oid("lldpRemChassisId.0.1.1"), id);
        neighbors(&mut agent).remove(0).chassis_id
    };
    let is = |text: &str| Some(text.to_owned());
    assert_eq!(id(5, octets(&[1, 10, 0, 0, 1])), is("10.0.0.1"));
    assert_eq!(id(5, octets(&[9, 10, 0])), is("09:0a:00"));
    assert_eq!(id(4, text("20-4C-9E-6E-08-FE")), is("20-4C-9E-6E-08-FE"));
    assert_eq!(id(7, octets(&[0, 0xff])), is("00:ff"));
    assert_eq!(id(7, text("")), None);
    assert_eq!(id(99, text("x")), is("x"));
}

#[test]
fn a_device_without_neighbors_is_asked_for_nothing_more() {
    let mut agent = Agent::new([("lldpLocPortId.5", text("Ethernet5"))]);
    assert_eq!(neighbors(&mut agent), []);
    assert!(!agent.has_been_asked("lldpLocPortId"));
}
