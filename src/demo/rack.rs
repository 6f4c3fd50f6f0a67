//! The demo's rack: what is in it, what happens to it, and the configuration that polls it.

use std::{fmt::Write, net::Ipv4Addr, path::Path, time::Duration};

use rackpoll_simulator::rack::{
    BmcHandle, DEFAULT_COMMUNITY, DEFAULT_PASSWORD, DEFAULT_USER, Device, DeviceKind, Outages, Rack,
    RackConfig, RackError,
};

/// BMCs of all models; the last one fails now and then.
const BMCS: usize = 10;
/// Two switches and a PDU.
const AGENTS: usize = 3;

/// Somebody who watches for a minute sees the failing BMC go and come back.
const OUTAGES: Outages = Outages { every: Duration::from_secs(60), lasting: Duration::from_secs(20) };

/// From one switched power button to the next.
const MISCHIEF: Duration = Duration::from_secs(6);

/// All sensors; of discrete ones, whose states are mostly good news, only trouble is told.
const SENSORS: &str = r#"ipmi = "sdr"
alerts = [
  { sdrType = "Discrete", action = "ignore" },
  { stateAsserted = "/fault|fail|lost|degraded|error/i", action = "warning" },
  { status = "/Critical|Recoverable/", action = "critical" },
]"#;

/// Starts the rack. Where another demo has its addresses, each device takes any free port.
pub(super) async fn start() -> Result<Rack, RackError> {
    let config = RackConfig {
        bmcs: BMCS,
        agents: AGENTS,
        base: Ipv4Addr::new(127, 1, 0, 0),
        failing: 1,
        outages: OUTAGES,
        ..RackConfig::default()
    };
    match Rack::start(config.clone()).await {
        Err(RackError::Bind { .. }) => Rack::start(RackConfig { bmc_port: 0, agent_port: 0, ..config }).await,
        started => started,
    }
}

/// Switches one BMC's system off, then on again, then the next one's, for as long as it is polled.
pub(super) async fn switch_power(rack: &Rack) {
    let bmcs: Vec<&BmcHandle> =
        rack.devices().iter().filter(|device| !device.failing).filter_map(Device::bmc).collect();
    for bmc in bmcs.into_iter().cycle() {
        for _ in 0..2 {
            tokio::time::sleep(MISCHIEF).await;
            bmc.set_power(!bmc.power());
        }
    }
}

/// The configuration of an agent that polls this rack and keeps its state in this folder.
pub(super) fn configuration(rack: &Rack, state: &Path, port: u16) -> String {
    let mut text = format!(
        r#"
[agent]
name = "demo"
state-dir = "{state}"
timeout = "5s"
[bus]
url = "embedded"
embedded-port = {port}
[calm]
repeat = false
[[credential]]
name = "rack"
user = "{DEFAULT_USER}"
password = "{DEFAULT_PASSWORD}"
community = "{DEFAULT_COMMUNITY}"
"#,
        state = state.display()
    );
    for Device { name, address, kind, .. } in rack.devices() {
        let tags = match kind {
            DeviceKind::Bmc => "\"bmc\"",
            DeviceKind::Agent if name.starts_with("switch") => "\"snmp\", \"switch\"",
            DeviceKind::Agent => "\"snmp\"",
        };
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "[[device]]\nname = \"{name}\"\nhost = \"{address}\"\ncredential = \"rack\"\nnode = \"{name}\"\ntags = [{tags}]\n"
        );
    }
    for (id, tag, what, every) in [
        ("power", "bmc", "ipmi = \"power\"", "5s"),
        ("sensors", "bmc", SENSORS, "20s"),
        ("log", "bmc", "ipmi = \"sel\"", "60s"),
        ("chassis", "bmc", "ipmi = \"chassis\"", "30s"),
        ("system", "snmp", "snmp = { oids = [\".1.3.6.1.2.1.1\"] }", "10s"),
        ("interfaces", "switch", "snmp = { oids = [\".1.3.6.1.2.1.31.1.1\"] }", "20s"),
        ("traffic", "switch", "snmp = { metric = \"snmp-interface-bandwidth-utilization\" }", "10s"),
    ] {
        let _ = write!(
            text,
            "[[poller]]\nid = \"{id}\"\ndevices = [\"tag:{tag}\"]\n{what}\nevery = \"{every}\"\n"
        );
    }
    text
}
