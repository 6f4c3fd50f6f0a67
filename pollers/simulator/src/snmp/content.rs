//! The make-ups of SNMP agents: two switches and a PDU.

use std::sync::{Arc, LazyLock};

use super::{
    tables::{Builder, Ports},
    tree::Tree,
};

/// What all agents of one make-up share.
#[derive(Debug)]
pub struct AgentModel {
    /// Its name.
    pub name: &'static str,
    /// What its devices are called: this and a number.
    pub device: &'static str,
    /// One line for a person.
    pub description: &'static str,
    pub(super) tree: Tree,
}

impl AgentModel {
    /// How many objects it has.
    pub fn objects(&self) -> usize {
        self.tree.len()
    }
}

static MODELS: LazyLock<[Arc<AgentModel>; 3]> =
    LazyLock::new(|| [Arc::new(switch_48()), Arc::new(switch_24()), Arc::new(pdu())]);

/// Every make-up, in the order in which a rack takes them.
pub fn all_models() -> &'static [Arc<AgentModel>] {
    &*MODELS
}

/// Experimental arc (RFC 1155 section 3.1.3): nobody's product.
const PRODUCT: [u32; 6] = [1, 3, 6, 1, 3, 7777];

fn switch_48() -> AgentModel {
    let ports =
        Ports { copper: 44, fast: 4, stem: "Ethernet", copper_megabits: 10_000, fast_megabits: 100_000 };
    let tree = Builder::default()
        .system("Simulated top-of-rack switch, 44 x 10G and 4 x 100G, software 4.2.1", &product(48), 6)
        .interfaces(&ports)
        .host_resources(4, 8_388_608)
        .entity_sensors(&[
            ("Inlet temperature", CELSIUS, 27, 3),
            ("ASIC temperature", CELSIUS, 61, 6),
            ("Fan 1", RPM, 9_400, 500),
            ("Fan 2", RPM, 9_350, 500),
        ])
        .build();
    AgentModel { name: "switch-48", device: "switch", description: "switch with 48 ports", tree }
}

fn switch_24() -> AgentModel {
    let ports = Ports {
        copper: 22,
        fast: 2,
        stem: "GigabitEthernet1/0/",
        copper_megabits: 1_000,
        fast_megabits: 10_000,
    };
    let tree = Builder::default()
        .system("Simulated management switch, 22 x 1G and 2 x 10G, firmware 1.0.9", &product(24), 2)
        .interfaces(&ports)
        .host_resources(1, 524_288)
        .build();
    AgentModel { name: "switch-24", device: "switch", description: "switch with 24 ports", tree }
}

fn pdu() -> AgentModel {
    let tree = Builder::default()
        .system("Simulated power distribution unit, 24 outlets, firmware 2.3", &product(1), 72)
        .outlets(24)
        .entity_sensors(&[
            ("Input voltage", VOLTS, 230, 3),
            ("Input current", AMPERES, 11, 3),
            ("Active power", WATTS, 2_450, 400),
            ("Rear temperature", CELSIUS, 33, 3),
        ])
        .build();
    AgentModel { name: "pdu-24", device: "pdu", description: "power distribution unit with 24 outlets", tree }
}

/// Sensor types of RFC 3433: voltsAC, amperes, watts, celsius, rpm.
const VOLTS: i32 = 3;
const AMPERES: i32 = 5;
const WATTS: i32 = 6;
const CELSIUS: i32 = 8;
const RPM: i32 = 10;

fn product(number: u32) -> Vec<u32> {
    let mut oid = PRODUCT.to_vec();
    oid.push(number);
    oid
}
