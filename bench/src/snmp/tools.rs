//! Net-snmp's command line tools, a process a table.

use std::{
    net::SocketAddr,
    process::{Command, Stdio},
    time::Instant,
};

use nix::sys::resource::UsageWho::RUSAGE_CHILDREN;

use super::{ROOTS, VALUES};
use crate::{
    cost::{Cost, Error, processor_time},
    servers::{COMMUNITY, PASSWORD, USER_V3},
};

pub fn missing(tool: &str) -> Option<&'static str> {
    let starts = Command::new(tool).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    (!starts).then_some("not installed (Debian package snmp)")
}

pub fn cost(tool: &str, agents: &[SocketAddr], walks: u64, v3: bool) -> Result<Cost, Error> {
    let (begun, before) = (Instant::now(), processor_time(RUSAGE_CHILDREN)?);
    for agent in agents.iter().cycle().take(walks as usize) {
        let mut values = 0;
        for root in ROOTS {
            let output = command(tool, v3).arg(agent.to_string()).arg(root).stdin(Stdio::null()).output()?;
            if !output.status.success() {
                return Err(format!("{tool}: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
            }
            values += output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
        }
        if values != VALUES {
            return Err(format!("{tool}: {values} values in place of {VALUES}").into());
        }
    }
    Ok(Cost {
        processor: processor_time(RUSAGE_CHILDREN)? - before,
        wall: begun.elapsed().as_secs_f64(),
        polls: walks,
        failed: 0,
    })
}

fn command(tool: &str, v3: bool) -> Command {
    let mut command = Command::new(tool);
    if v3 {
        command.args(["-v3", "-l", "authPriv", "-u", USER_V3, "-a", "SHA-256", "-A", PASSWORD]);
        command.args(["-x", "AES", "-X", PASSWORD, "-n", COMMUNITY]);
    } else {
        command.args(["-v2c", "-c", COMMUNITY]);
    }
    // Without the MIB files, which take longer to read than the walk itself.
    command.args(["-t", "10", "-m", "", "-Oqn"]);
    command
}
