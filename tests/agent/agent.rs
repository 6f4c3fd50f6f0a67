//! The agent under test: the program that is shipped, with a configuration file of its own.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use crate::{
    bus::Bus,
    peers::{
        process::{Folder, Process},
        rabbitmq::Vhost,
    },
    secrets::{assert_absent, assert_absent_below},
};

/// The queue of an agent without a zone.
pub const COMMANDS: &str = "rackpoll.default.commands";

/// The graph of agents under test.
pub const GRAPH: &str = "5a4b2c86-55a5-4a6e-9d4c-3f2e1d0c9b8a";

/// How long an agent on this machine may take from its start until it consumes, other tests running.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// What an agent is started with, more than once where a test says so.
pub struct Setup {
    folder: Arc<Folder>,
    configuration: PathBuf,
    text: String,
    secret_files: Vec<PathBuf>,
}

impl Setup {
    /// An agent on RabbitMQ.
    pub fn amqp(vhost: &Vhost) -> Self {
        let mut setup = Self::new();
        let password = setup.secret("bus-password", &vhost.password);
        setup.with(&format!("[bus]\nurl = \"{}\"\npassword = {password}\n", vhost.url()))
    }

    /// An agent on the broker inside it.
    pub fn embedded(port: u16) -> Self {
        Self::new().with(&format!("[bus]\nurl = \"embedded\"\nembedded-port = {port}\n"))
    }

    /// An agent on an MQTT broker of somebody else's.
    pub fn mqtt(port: u16) -> Self {
        Self::new().with(&format!("[bus]\nurl = \"mqtt://127.0.0.1:{port}\"\n"))
    }

    fn new() -> Self {
        let folder = Folder::new("agent");
        let state = folder.path().join("state");
        std::fs::create_dir(&state).expect("our own folder");
        let text = format!(
            "[agent]\nname = \"agent-under-test\"\ngraph-id = \"{GRAPH}\"\ntimeout = \"10s\"\nstate-dir = \"{}\"\n",
            state.display()
        );
        let configuration = folder.write("rackpoll.toml", &text);
        Self { folder, configuration, text, secret_files: Vec::new() }
    }

    /// More tables of the configuration file.
    pub fn with(mut self, tables: &str) -> Self {
        self.text = format!("{}\n{tables}", self.text);
        self.folder.write("rackpoll.toml", &self.text);
        self
    }

    /// Puts a secret into a file; what the configuration says to refer to it.
    pub fn secret(&mut self, name: &str, secret: &str) -> String {
        let path = self.folder.write(name, secret);
        let reference = format!("{{ file = \"{}\" }}", path.display());
        self.secret_files.push(path);
        reference
    }

    /// A credential for IPMI, its password in a file.
    pub fn with_ipmi_credential(mut self, name: &str, user: &str, password: &str) -> Self {
        let password = self.secret(&format!("password-{name}"), password);
        self.with(&format!("[[credential]]\nname = \"{name}\"\nuser = \"{user}\"\npassword = {password}\n"))
    }

    /// A credential for SNMP v2c, its community in a file.
    pub fn with_community(mut self, name: &str, community: &str) -> Self {
        let community = self.secret(&format!("community-{name}"), community);
        self.with(&format!("[[credential]]\nname = \"{name}\"\ncommunity = {community}\n"))
    }

    /// A device.
    pub fn with_device(self, name: &str, host: &str, credential: &str) -> Self {
        self.with(&format!(
            "[[device]]\nname = \"{name}\"\nhost = \"{host}\"\ncredential = \"{credential}\"\nnode = \"node-{name}\"\n"
        ))
    }

    /// A poller of one device; `what` is its `ipmi = ..` or `snmp = ..`.
    pub fn with_poller(self, id: &str, device: &str, what: &str, every: &str) -> Self {
        self.with(&format!(
            "[[poller]]\nid = \"{id}\"\ndevices = [\"{device}\"]\n{what}\nevery = \"{every}\"\n"
        ))
    }

    pub fn configuration(&self) -> &Path {
        &self.configuration
    }

    /// Starts `rackpoll run`.
    pub fn start(&self) -> Agent {
        self.start_in(&[])
    }

    /// Starts `rackpoll run` with more in its environment.
    pub fn start_in(&self, environment: &[(&str, &str)]) -> Agent {
        let mut command = rackpoll();
        command.envs(environment.iter().copied());
        command.arg("run").arg("--config").arg(&self.configuration).env("RUST_BACKTRACE", "1");
        Agent { process: Process::start("rackpoll", Arc::clone(&self.folder), &mut command) }
    }

    /// Starts `rackpoll run` and waits until it consumes commands.
    pub async fn start_on(&self, bus: &Bus) -> Agent {
        let mut agent = self.start();
        let start = std::time::Instant::now();
        while bus.consumers(COMMANDS).await == 0 {
            assert!(agent.process.is_running(), "the agent ended:\n{}", agent.output());
            assert!(start.elapsed() < STARTS_WITHIN, "the agent does not consume:\n{}", agent.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        agent
    }

    /// Ends the test where a secret stands in the agent's output, logs, or state, or in what came over the bus.
    pub fn assert_no_secret(&self, secrets: &[&str], heard: &[Vec<u8>]) {
        let mut except: Vec<&Path> = vec![&self.configuration];
        except.extend(self.secret_files.iter().map(PathBuf::as_path));
        assert_absent_below(secrets, self.folder.path(), &except);
        for body in heard {
            assert_absent(secrets, "a message", body);
        }
    }
}

/// A running agent.
pub struct Agent {
    process: Process,
}

impl Agent {
    pub fn output(&self) -> String {
        self.process.output()
    }

    pub fn pid(&self) -> u32 {
        self.process.pid().as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits until something listens on this port of 127.0.0.1: then its embedded broker is up.
    pub fn wait_for_port(&mut self, port: u16) {
        self.process.wait_until(&format!("it listens on {port}"), STARTS_WITHIN, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
    }

    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// The plug is pulled.
    pub fn kill9(self) {
        drop(self.process.kill9());
    }

    /// SIGTERM; ends the test where it takes longer than `within`, or where the agent says that anything went wrong.
    pub fn terminate(mut self, within: Duration) -> String {
        let status = self.process.terminate(within);
        let said = self.output();
        assert!(status.success(), "{status}:\n{said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// UDP sockets that the agent has open, as the kernel counts them: sockets of /proc/PID/fd that /proc/PID/net/udp or udp6 lists.
    pub fn udp_sockets(&self) -> usize {
        let process = PathBuf::from(format!("/proc/{}", self.pid()));
        let tables = ["udp", "udp6"]
            .map(|table| std::fs::read_to_string(process.join("net").join(table)).unwrap_or_default());
        let inodes: std::collections::HashSet<&str> = tables
            .iter()
            .flat_map(|table| table.lines().skip(1))
            .filter_map(|line| line.split_whitespace().nth(9))
            .collect();
        std::fs::read_dir(process.join("fd"))
            .expect("the agent runs")
            .flatten()
            .filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
            .filter(|inode| inodes.contains(inode.as_str()))
            .count()
    }
}

/// The program, with an environment that holds nothing of this machine's configuration.
pub fn rackpoll() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rackpoll"));
    for name in ["RUST_LOG", "NOTIFY_SOCKET", "WATCHDOG_USEC", "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM"] {
        command.env_remove(name);
    }
    command
}
