//! SNMP agents: net-snmp's `snmpd`, which answers for this machine, and `snmpsim`, which answers from recordings.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    process::Command,
    time::Duration,
};

use super::{
    free_udp_address,
    process::{Folder, Process},
    program, python_program, run,
};

/// An agent with its first community.
pub struct SnmpAgent {
    process: Process,
    address: SocketAddr,
    community: String,
}

/// net-snmp's own agent, v2c, with the system and interface groups of this machine.
pub fn start_snmpd(community: &str) -> SnmpAgent {
    start_snmpd_with(community, "")
}

/// The same with a user of SNMPv3, SHA-256 and AES.
pub fn start_snmpd_with_user(community: &str, user: &str, auth: &str, privacy: &str) -> SnmpAgent {
    let lines = format!("createUser {user} SHA-256 \"{auth}\" AES \"{privacy}\"\nrouser {user} priv\n");
    start_snmpd_with(community, &lines)
}

fn start_snmpd_with(community: &str, lines: &str) -> SnmpAgent {
    let address = free_udp_address(16100);
    let folder = Folder::new("snmpd");
    let configuration = folder.write(
        "snmpd.conf",
        &format!("rocommunity {community} 127.0.0.0/8\nsysName snmpd-under-test\nsysContact nobody\nsysLocation \"Row A\"\n{lines}"),
    );
    let mut command = Command::new(program("snmpd"));
    command
        .args(["-f", "-Lo", "-C", "-c"])
        .arg(configuration)
        .arg(format!("udp:{address}"))
        // Nothing of this machine's own agent is read or written.
        .env("SNMP_PERSISTENT_DIR", folder.path())
        .env("SNMPCONFPATH", folder.path());
    let process = Process::start("snmpd", folder, &mut command);
    SnmpAgent { process, address, community: community.to_owned() }.once_it_answers()
}

/// snmpsim on a folder of recordings: `<name>.snmprec` answers to the community `<name>`, so a recording's name is its secret.
pub fn start_snmpsim(recordings: &[(&str, &Path)]) -> SnmpAgent {
    let address = free_udp_address(16100);
    let folder = Folder::new("snmpsim");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("our own folder");
    for (community, recording) in recordings {
        std::fs::copy(recording, data.join(format!("{community}.snmprec"))).expect("a recording");
    }
    let mut command = Command::new(python_program("snmpsim-command-responder"));
    if rustix::process::geteuid().is_root() {
        command.args(["--process-user", "root", "--process-group", "root"]);
    }
    command
        .arg("--cache-dir")
        .arg(folder.path().join("cache"))
        .args([
            "--log-level",
            "error",
            "--logging-method=stderr",
            "--v3-engine-id",
            "800000000102030405",
            "--data-dir",
        ])
        .arg(data)
        .arg(format!("--agent-udpv4-endpoint={address}"));
    let process = Process::start("snmpsim", folder, &mut command);
    let community = recordings.first().expect("a recording").0.to_owned();
    SnmpAgent { process, address, community }.once_it_answers()
}

impl SnmpAgent {
    fn once_it_answers(mut self) -> Self {
        let Self { process, address, community } = &mut self;
        process.wait_until("it answers an snmpget", Duration::from_secs(60), || {
            client(*address, "snmpget", community, &["1.3.6.1.2.1.1.1.0"]).is_ok()
        });
        self
    }

    /// `HOST:PORT` as a command or a configuration names it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Its address alone.
    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// What net-snmp's `snmpbulkwalk` prints below an oid, as the contract wants it: quotes around strings removed.
    pub fn walked(&self, community: &str, oid: &str) -> serde_json::Map<String, serde_json::Value> {
        let printed = self.client("snmpbulkwalk", community, &["-t", "10", oid]).expect("snmpbulkwalk");
        values(&printed)
    }

    pub fn community(&self) -> &str {
        &self.community
    }

    /// One of net-snmp's clients on this agent, values and oids as numbers (`-m '' -Oqn`).
    pub fn client(&self, tool: &str, community: &str, arguments: &[&str]) -> Result<String, String> {
        client(self.address, tool, community, arguments)
    }
}

/// net-snmp's `snmptrap` or `snmpinform`, sending from this address of loopback.
pub fn notify(tool: &str, from: IpAddr, arguments: &[&str]) -> Result<String, String> {
    // It counts its own starts there.
    let folder = Folder::new("snmptrap");
    run(Command::new(program(tool))
        .arg(format!("--clientaddr={from}"))
        .args(["-m", ""])
        .args(arguments)
        .env("SNMP_PERSISTENT_DIR", folder.path())
        .env("SNMPCONFPATH", folder.path()))
}

fn client(address: SocketAddr, tool: &str, community: &str, arguments: &[&str]) -> Result<String, String> {
    run(Command::new(program(tool))
        .args(["-v2c", "-c", community, "-t", "1", "-r", "1", "-m", "", "-Oqn"])
        .arg(address.to_string())
        .args(arguments))
}

/// Oids and values of what `-Oqn` prints; a value may have several lines.
fn values(printed: &str) -> serde_json::Map<String, serde_json::Value> {
    let mut values: Vec<(String, String)> = Vec::new();
    for line in printed.strip_suffix('\n').unwrap_or(printed).split('\n') {
        let is_oid = |word: &str| {
            word.strip_prefix('.').is_some_and(|numbers| {
                numbers.contains('.') && numbers.split('.').all(|number| number.parse::<u32>().is_ok())
            })
        };
        match (line.split_once(' '), values.last_mut()) {
            (Some((oid, value)), _) if is_oid(oid) => values.push((oid.to_owned(), value.to_owned())),
            (_, Some((_, value))) => {
                value.push('\n');
                value.push_str(line);
            }
            _ => panic!("{line:?} is no variable"),
        }
    }
    let unquoted = |value: String| {
        value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .map_or_else(|| value.clone(), str::to_owned)
    };
    values
        .into_iter()
        .filter(|(_, value)| !value.starts_with("No Such ") && !value.starts_with("No more variables "))
        .map(|(oid, value)| (oid, unquoted(value).into()))
        .collect()
}
