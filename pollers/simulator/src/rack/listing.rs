use std::{
    fmt::Write as _,
    future::Future,
    io::{self, Write},
};

use super::{
    DEFAULT_COMMUNITY, DEFAULT_PASSWORD, DEFAULT_USER, Device, DeviceKind, Rack, RackConfig, RackError,
};

/// Longest list of devices; a rack of thousands is told by its ends.
const LISTED: usize = 24;

/// What runs, and how to poll one of it by hand. Passwords are told only where they are the defaults.
pub fn listing(rack: &Rack, config: &RackConfig) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_listing(&mut text, rack, config);
    text
}

/// Starts the rack, tells on `out` what runs, waits for `shutdown`, stops the rack and tells what it saw.
pub async fn run(
    config: RackConfig,
    out: &mut (dyn Write + Send),
    shutdown: impl Future<Output = ()>,
) -> Result<(), RackError> {
    let rack = Rack::start(config.clone()).await?;
    // Nobody listening on standard output is no reason to stop.
    let _ = tell(out, &listing(&rack, &config));
    shutdown.await;
    let summary = summary(&rack);
    rack.stop().await;
    let _ = tell(out, &summary);
    Ok(())
}

fn tell(out: &mut (dyn Write + Send), text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// What the rack saw, for a person.
fn summary(rack: &Rack) -> String {
    let open = rack.open_sessions();
    let counters = rack.bmc_counters();
    let links = rack.link_counters();
    let mut text = format!(
        "BMCs: {} datagrams in, {} out; {} sessions opened, {} closed, {} timed out, {open} still open; \
         at most {} commands in flight on one BMC; {} logins refused\n",
        counters.datagrams_in,
        counters.datagrams_out,
        counters.sessions_opened,
        counters.sessions_closed,
        counters.sessions_expired,
        counters.most_in_flight,
        counters.logins_refused,
    );
    for ((netfn, command), count) in &counters.commands {
        let _ = writeln!(text, "  command {netfn:#04x} {command:#04x}: {count}");
    }
    let agents = rack.devices().iter().filter_map(Device::agent).map(|agent| agent.counters());
    let (datagrams, varbinds) = agents.fold((0, 0), |(datagrams, varbinds), agent| {
        (datagrams + agent.datagrams_in, varbinds + agent.varbinds)
    });
    let _ = writeln!(text, "agents: {datagrams} datagrams in, {varbinds} varbinds out");
    if links.lost + links.duplicated + links.reordered + links.garbled > 0 {
        let _ = writeln!(
            text,
            "links: {} datagrams, {} lost, {} duplicated, {} reordered, {} garbled",
            links.taken, links.lost, links.duplicated, links.reordered, links.garbled
        );
    }
    text
}

fn write_listing(text: &mut String, rack: &Rack, config: &RackConfig) -> std::fmt::Result {
    let devices = rack.devices();
    writeln!(text, "A simulated rack is running: {} BMCs, {} SNMP agents.\n", config.bmcs, config.agents)?;
    for kind in [DeviceKind::Bmc, DeviceKind::Agent] {
        let of_kind: Vec<_> = devices.iter().filter(|device| device.kind == kind).collect();
        let hidden = of_kind.len().saturating_sub(LISTED);
        for device in of_kind.iter().take(LISTED.saturating_sub(1)) {
            write_device(text, device)?;
        }
        if hidden > 0 {
            writeln!(text, "  ... and {hidden} more up to:")?;
        }
        if let Some(last) = of_kind.get(LISTED.saturating_sub(1)..).and_then(|rest| rest.last()) {
            write_device(text, last)?;
        }
    }
    let default_password = config.password.expose_str() == Some(DEFAULT_PASSWORD);
    let default_community = config.community.expose_str() == Some(DEFAULT_COMMUNITY);
    if let Some(bmc) = devices.iter().find(|device| device.kind == DeviceKind::Bmc) {
        let password = if default_password { DEFAULT_PASSWORD } else { "PASSWORD" };
        let (ip, port) = (bmc.address.ip(), bmc.address.port());
        writeln!(text, "\nPoll a BMC by hand:")?;
        writeln!(
            text,
            "  IPMI_PASSWORD={password} ipmitool -I lanplus -C 17 -H {ip} -p {port} -U {DEFAULT_USER} -E sdr"
        )?;
        writeln!(
            text,
            "  RACKPOLL_PASSWORD={password} rackpoll poll ipmi sdr --host {ip}:{port} --user {DEFAULT_USER} --password-env RACKPOLL_PASSWORD"
        )?;
    }
    if let Some(agent) = devices.iter().find(|device| device.kind == DeviceKind::Agent) {
        let community = if default_community { DEFAULT_COMMUNITY } else { "COMMUNITY" };
        writeln!(text, "\nPoll an SNMP agent by hand:")?;
        writeln!(text, "  snmpbulkwalk -v 2c -c {community} {} 1.3.6.1.2.1.31", agent.address)?;
    }
    writeln!(text)
}

fn write_device(text: &mut String, device: &Device) -> std::fmt::Result {
    let failing = if device.failing { " (fails now and then)" } else { "" };
    writeln!(text, "  {:<10} {:<22} {}{failing}", device.name, device.address.to_string(), device.description)
}
