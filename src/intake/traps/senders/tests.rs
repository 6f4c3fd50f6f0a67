use std::net::SocketAddr;

use rackpoll_snmp::traps::Proof;

use super::*;
use crate::config::Surroundings;

const CONFIG: &str = r#"
[traps]
listen = "127.0.0.1:1162"
relays = ["10.9.0.0/24"]
[[credential]]
name = "switches"
community = "of the switches"
[[credential]]
name = "all"
community = "of the rack"
networks = ["10.0.0.0/24"]
[[credential]]
name = "routers"
v3-user = "router"
v3-auth-proto = "SHA-256"
v3-auth-password = "authenticated"
[[credential]]
name = "plain"
v3-user = "nobody"
[[credential]]
name = "bmc"
user = "u"
password = "p"
[[device]]
name = "sw"
host = "10.0.0.1:1161"
credential = "switches"
[[device]]
name = "bmc"
host = "10.0.0.1"
credential = "bmc"
[[device]]
name = "router"
host = "10.1.0.1"
credential = "routers"
[[device]]
name = "ups"
host = "10.2.0.1"
credential = "plain"
[[device]]
name = "named"
host = "localhost"
credential = "switches"
[[poller]]
id = "ports"
devices = "sw"
snmp = { metric = "snmp-interface-state" }
every = "1h"
[[poller]]
id = "names"
devices = "sw"
snmp = { get = ["ifXTable"] }
every = "1h"
[[poller]]
id = "system"
devices = ["sw", "router"]
snmp = { oids = ["system"] }
every = "1h"
[[poller]]
id = "asleep"
devices = "sw"
snmp = { oids = ["system"] }
every = "1h"
paused = true
[[poller]]
id = "waked"
devices = "sw"
snmp = { oids = ["system"] }
traps = ["1.3.6.1.4.1.318.0", "coldStart"]
every = "1h"
paused = true
[[poller]]
id = "never"
devices = "sw"
snmp = { oids = ["system"] }
traps = []
every = "1h"
[[poller]]
id = "log"
devices = "bmc"
ipmi = "selEntries"
traps = "1.3.6.1.4.1.3183.1.1"
every = "1h"
"#;

fn senders() -> Senders {
    let surroundings = Surroundings { variable: &|_| None, host_name: String::new() };
    let config = Config::parse(CONFIG, "t.toml".as_ref(), &surroundings).unwrap();
    Senders::new(config.traps.as_ref().unwrap(), &config)
}

fn judge(senders: &Senders, source: &str, agent: Option<&str>, proof: Proof<'_>) -> Result<String, Refusal> {
    let source = SocketAddr::new(source.parse().unwrap(), 40_000);
    let envelope = Envelope { source, agent: agent.map(|agent| agent.parse().unwrap()), proof };
    senders.judge(&envelope).map(|address| address.to_string())
}

#[test]
fn communities_and_users_are_those_of_the_device_and_of_networks() {
    let senders = senders();
    let community =
        |source, community: &str| judge(&senders, source, None, Proof::Community(community.as_bytes()));
    assert_eq!(community("10.0.0.1", "of the switches"), Ok("10.0.0.1".to_owned()));
    assert_eq!(
        community("::ffff:10.0.0.1", "of the switches"),
        Ok("10.0.0.1".to_owned()),
        "a socket for both families"
    );
    assert_eq!(community("10.0.0.1", "of the rack"), Ok("10.0.0.1".to_owned()));
    for wrong in ["", "of the", "of the switches ", "OF THE SWITCHES", "of the rackof the rack"] {
        assert_eq!(community("10.0.0.1", wrong), Err(Refusal::WrongCommunity), "{wrong}");
    }
    assert_eq!(community("10.1.0.1", "of the switches"), Err(Refusal::WrongCommunity), "another device's");
    assert_eq!(
        community("10.0.0.2", "of the rack"),
        Err(Refusal::UnknownSource),
        "a network makes no device"
    );
    let user = |source, name: &str, level| judge(&senders, source, None, Proof::User(name.as_bytes(), level));
    assert_eq!(user("10.1.0.1", "router", SecurityLevel::AuthNoPriv), Ok("10.1.0.1".to_owned()));
    assert_eq!(
        user("10.1.0.1", "router", SecurityLevel::NoAuthNoPriv),
        Err(Refusal::WrongUser),
        "without its key"
    );
    assert_eq!(user("10.2.0.1", "nobody", SecurityLevel::NoAuthNoPriv), Ok("10.2.0.1".to_owned()));
    assert_eq!(
        user("10.1.0.1", "nobody", SecurityLevel::NoAuthNoPriv),
        Err(Refusal::WrongUser),
        "another device's"
    );
    assert_eq!(community("10.1.0.1", "router"), Err(Refusal::WrongCommunity));
}

#[test]
fn relays_speak_for_others_and_nobody_else_does() {
    let senders = senders();
    let proof = Proof::Community(b"of the switches");
    assert_eq!(judge(&senders, "10.9.0.7", Some("10.0.0.1"), proof), Ok("10.0.0.1".to_owned()));
    assert_eq!(judge(&senders, "10.9.0.7", Some("10.7.7.7"), proof), Err(Refusal::UnknownSource));
    assert_eq!(judge(&senders, "10.9.0.7", None, proof), Err(Refusal::UnknownSource));
    assert_eq!(judge(&senders, "10.8.0.7", Some("10.0.0.1"), proof), Err(Refusal::UnknownSource));
    assert_eq!(
        judge(&senders, "10.0.0.1", Some("10.1.0.1"), proof),
        Ok("10.0.0.1".to_owned()),
        "it is a device itself"
    );
}

#[tokio::test]
async fn devices_are_found_by_their_names() {
    let senders = senders();
    let localhost: IpAddr = "127.0.0.1".parse().unwrap();
    assert!(senders.find(localhost, None).is_none());
    senders.resolve().await;
    let (_, devices) = senders.find(localhost, None).unwrap();
    assert_eq!(
        devices.iter().map(|index| senders.devices[*index].name.as_str()).collect::<Vec<_>>(),
        ["named"]
    );
    assert!(senders.find("10.0.0.1".parse().unwrap(), None).is_some());
}

#[test]
fn a_trap_raises_what_can_tell_whether_it_is_true() {
    let senders = senders();
    let raised = |device: &str, oid: &str| {
        let sender = senders.devices.iter().find(|sender| sender.name.as_str() == device).unwrap();
        let places = sender.raised_by(&oid.parse().unwrap());
        places.into_iter().map(|place| sender.polls[place].poll.poller.to_string()).collect::<Vec<_>>()
    };
    let (cold_start, link_down, link_up) =
        ("1.3.6.1.6.3.1.1.5.1", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4");
    assert_eq!(raised("sw", link_down), ["ports", "names"]);
    assert_eq!(raised("sw", link_up), ["ports", "names"]);
    assert_eq!(raised("sw", cold_start), ["ports", "names", "system", "waked"]);
    assert_eq!(raised("sw", "1.3.6.1.4.1.318.0.5"), ["ports", "names", "system", "waked"]);
    assert_eq!(raised("sw", "1.3.6.1.4.1.9.1"), ["ports", "names", "system"]);
    assert_eq!(raised("router", link_down), ["system"], "it has nothing better");
    assert_eq!(raised("ups", link_down), [""; 0]);
    assert_eq!(raised("bmc", "1.3.6.1.4.1.3183.1.1.0.356"), ["log"]);
    assert_eq!(raised("bmc", cold_start), [""; 0], "over IPMI only what is named");
}
