//! The command lines of the tools, and what running them costs.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use nix::sys::resource::UsageWho::RUSAGE_CHILDREN;

use crate::{
    client::USER,
    cost::{Cost, Error, processor_time},
    servers::PASSWORD,
};

/// A folder for what the tools keep, gone with this value.
pub struct Home(PathBuf);

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Home {
    pub fn make() -> Result<Self, Error> {
        let home = Self(std::env::temp_dir().join(format!("rackpoll-bench-home-{}", std::process::id())));
        // Where ipmitool looks for its table of vendors before it takes the packaged one, which is some megabytes of text.
        // It refuses a table without a vendor.
        let vendors = home.path().join(".local/usr/share/misc");
        std::fs::create_dir_all(&vendors)?;
        std::fs::write(vendors.join("enterprise-numbers.txt"), "0\n  Reserved\n")?;
        Ok(home)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// Our own program.
pub fn rackpoll(program: &Path, bmc: SocketAddr, command: &str) -> Command {
    let mut rackpoll = Command::new(program);
    rackpoll.args(["poll", "ipmi", command, "--cipher-suite", "3", "--output", "json"]);
    rackpoll.args(["--host", &bmc.to_string(), "--user", USER, "--password-env", "BENCH_PASSWORD"]);
    rackpoll.env("BENCH_PASSWORD", PASSWORD);
    rackpoll
}

/// ipmitool; without a home, with the vendor file as it is packaged.
pub fn ipmitool(bmc: SocketAddr, home: Option<&Home>) -> Command {
    let mut ipmitool = Command::new("ipmitool");
    let (host, port) = (bmc.ip().to_string(), bmc.port().to_string());
    ipmitool.args(["-I", "lanplus", "-C", "3", "-L", "USER", "-H", &host, "-p", &port, "-U", USER, "-E"]);
    ipmitool.env("IPMI_PASSWORD", PASSWORD);
    if let Some(home) = home {
        ipmitool.env("HOME", home.path());
    }
    ipmitool
}

/// A program of freeipmi's.
pub fn freeipmi(program: &str, bmcs: &[SocketAddr], home: &Home) -> Command {
    let mut freeipmi = Command::new(program);
    let hosts = bmcs.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    freeipmi.args(["-D", "LAN_2_0", "-I", "3", "-h", &hosts, "-u", USER, "-p", PASSWORD]);
    // ipmi_sim refuses a login for "the highest privilege".
    freeipmi.args(["-W", "opensesspriv"]);
    freeipmi.env("HOME", home.path());
    freeipmi
}

/// Runs a command to its end and answers its standard output.
pub fn output(command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.map_err(|error| format!("cannot start {}: {error}", command.get_program().display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}: {}", command.get_program().display(), output.status, said.trim()).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// What the commands cost, of which each makes `polls` polls. `good` says from its output how many of them were good.
pub fn cost(
    commands: impl Iterator<Item = Command>,
    polls: usize,
    good: impl Fn(&str) -> usize,
) -> Result<Cost, Error> {
    let (begun, before) = (Instant::now(), processor_time(RUSAGE_CHILDREN)?);
    let (mut all, mut failed) = (0, 0);
    for mut command in commands {
        all += polls as u64;
        failed += polls.saturating_sub(good(&output(&mut command)?)) as u64;
    }
    let processor = processor_time(RUSAGE_CHILDREN)? - before;
    Ok(Cost { processor, wall: begun.elapsed().as_secs_f64(), polls: all, failed })
}
