//! The agent under test: the program that is shipped, with a configuration file of its own.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use rustix::process::Signal;

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

/// How long the agent may take from its start until it consumes.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// What an agent is started with, more than once where a test says so.
pub struct Setup {
    folder: Arc<Folder>,
    configuration: PathBuf,
    secret_files: Vec<PathBuf>,
}

impl Setup {
    /// An agent on RabbitMQ, with further tables of its configuration file.
    pub fn amqp(vhost: &Vhost, tables: &str) -> Self {
        let folder = Folder::new("agent");
        let password = folder.write("bus-password", &vhost.password);
        let bus =
            format!("[bus]\nurl = \"{}\"\npassword = {{ file = \"{}\" }}\n", vhost.url(), password.display());
        Self::new(folder, vec![password], &bus, tables)
    }

    /// An agent on the broker inside it.
    pub fn embedded(port: u16, tables: &str) -> Self {
        Self::new(
            Folder::new("agent"),
            Vec::new(),
            &format!("[bus]\nurl = \"embedded\"\nembedded-port = {port}\n"),
            tables,
        )
    }

    /// An agent on Mosquitto.
    pub fn mqtt(port: u16, tables: &str) -> Self {
        Self::new(
            Folder::new("agent"),
            Vec::new(),
            &format!("[bus]\nurl = \"mqtt://127.0.0.1:{port}\"\n"),
            tables,
        )
    }

    fn new(folder: Arc<Folder>, secret_files: Vec<PathBuf>, bus: &str, tables: &str) -> Self {
        let state = folder.path().join("state");
        let text = format!(
            "[agent]\nname = \"agent-under-test\"\ngraph-id = \"{GRAPH}\"\nstate-dir = \"{}\"\n\n{bus}\n{tables}\n",
            state.display()
        );
        let configuration = folder.write("rackpoll.toml", &text);
        std::fs::create_dir(&state).expect("our own folder");
        Self { folder, configuration, secret_files }
    }

    /// A secret in a file, and how a configuration refers to it.
    pub fn secret_file(folder: &Folder, name: &str, secret: &str) -> String {
        format!("{{ file = \"{}\" }}", folder.write(name, secret).display())
    }

    pub fn folder(&self) -> &Arc<Folder> {
        &self.folder
    }

    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Starts `rackpoll run`.
    pub fn start(&self) -> Agent {
        let mut command = rackpoll();
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

    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Waits until it printed `text`.
    pub fn wait_for_output(&mut self, text: &str, within: Duration) {
        let log = self.process.folder().path().join("rackpoll.log");
        self.process.wait_until(&format!("it prints {text:?}"), within, || {
            std::fs::read_to_string(&log).is_ok_and(|said| said.contains(text))
        });
    }

    /// The plug is pulled.
    pub fn kill9(self) {
        drop(self.process.kill9());
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
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
