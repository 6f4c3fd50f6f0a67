//! RabbitMQ: private, on loopback only, without root's rights, with its own epmd. Nothing of this machine's own broker is touched.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::process::Signal;
use serde_json::json;

use super::{
    free_tcp_port,
    process::{Folder, Process},
    program,
};
use crate::secrets::random_secret;

/// Made when the broker starts, so that each test has one to itself at no cost.
const VHOSTS: usize = 48;

/// The user that the broker and its helpers run as where the test runs as root.
const UNPRIVILEGED: &str = "nobody";

/// A broker. Its port map daemon is a process of its own, and stays through the broker's restarts.
pub struct RabbitMq {
    node: Option<Process>,
    _epmd: Process,
    folder: Arc<Folder>,
    port: u16,
    epmd_port: u16,
    password: String,
    next_vhost: AtomicUsize,
}

/// One test's part of a broker.
#[derive(Clone)]
pub struct Vhost {
    pub port: u16,
    pub name: String,
    pub password: String,
}

impl Vhost {
    /// User of every vhost.
    pub const USER: &str = "rackpoll";

    /// `amqp://` URL without the password, as it stands in a configuration.
    pub fn url(&self) -> String {
        format!("amqp://{}@127.0.0.1:{}/{}", Self::USER, self.port, self.name)
    }

    /// `amqp://` URL with everything, for the test's own client.
    pub fn full_url(&self) -> String {
        format!("amqp://{}:{}@127.0.0.1:{}/{}", Self::USER, self.password, self.port, self.name)
    }
}

/// A vhost of the broker that all tests share; started by the first test that asks.
pub fn shared() -> Vhost {
    static SHARED: OnceLock<RabbitMq> = OnceLock::new();
    SHARED.get_or_init(RabbitMq::start).vhost()
}

impl RabbitMq {
    /// A broker of one's own, to be killed and started again.
    pub fn start() -> Self {
        let folder = Folder::new("rabbitmq");
        let (port, epmd_port) = (free_tcp_port(), free_tcp_port());
        let password = random_secret();
        prepare(&folder, port, &password);
        let mut epmd = as_unprivileged(program("epmd"));
        epmd.args(["-port", &epmd_port.to_string(), "-address", "127.0.0.1"]);
        let mut epmd = Process::start("epmd", Arc::clone(&folder), &mut epmd);
        epmd.wait_until("it listens", Duration::from_secs(20), || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, epmd_port)).is_ok()
        });
        let mut broker = Self {
            node: None,
            _epmd: epmd,
            folder,
            port,
            epmd_port,
            password,
            next_vhost: AtomicUsize::new(0),
        };
        broker.start_again();
        broker
    }

    /// The next unused vhost.
    pub fn vhost(&self) -> Vhost {
        let number = self.next_vhost.fetch_add(1, Ordering::Relaxed);
        assert!(number < VHOSTS, "all {VHOSTS} vhosts are in use: raise VHOSTS");
        Vhost { port: self.port, name: format!("test{number}"), password: self.password.clone() }
    }

    /// `kill -9` on the broker.
    pub fn kill9(&mut self) {
        drop(self.node.take());
    }

    /// Stops the broker's clock: its sockets stay open, and nothing is answered.
    pub fn pause(&self) {
        self.node.as_ref().expect("the broker runs").signal(Signal::STOP);
    }

    /// Starts the broker on what it had on disk, and waits until it speaks AMQP.
    pub fn start_again(&mut self) {
        let folder = self.folder.path();
        let mut command = as_unprivileged(server_program());
        command
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", folder.join("home"))
            .env("RABBITMQ_NODENAME", format!("rackpoll{}@localhost", self.port))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", free_tcp_port().to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("none.config"))
            .env("RABBITMQ_CONF_ENV_FILE", folder.join("rabbitmq-env.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false",
            )
            .env("RABBITMQ_SERVER_START_ARGS", "+S 1:1")
            .env("ERL_EPMD_PORT", self.epmd_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            // The start script then becomes the broker, in place of waiting for it: a signal reaches the broker itself.
            .env("RUNNING_UNDER_SYSTEMD", "true");
        if let Some(run) = std::env::var_os("RACKPOLL_TEST_RUN") {
            command.env("RACKPOLL_TEST_RUN", run);
        }
        let mut node = Process::start("rabbitmq", Arc::clone(&self.folder), &mut command);
        let port = self.port;
        node.wait_until("it speaks AMQP", Duration::from_secs(120), || speaks_amqp(port));
        self.node = Some(node);
    }
}

/// Debian's `/usr/sbin/rabbitmq-server` changes to the user `rabbitmq` and its folders; the script behind it does not.
fn server_program() -> PathBuf {
    let versions = Path::new("/usr/lib/rabbitmq/lib");
    std::fs::read_dir(versions)
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("sbin/rabbitmq-server"))
        .find(|script| script.is_file())
        .unwrap_or_else(|| panic!("RabbitMQ is not installed: run scripts/install-peers.sh"))
}

fn as_unprivileged(program: PathBuf) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new(super::program("setpriv"));
    command.args(["--reuid", UNPRIVILEGED, "--regid", "nogroup", "--clear-groups", "--"]).arg(program);
    command
}

fn prepare(folder: &Folder, port: u16, password: &str) {
    for name in ["mnesia", "log", "home"] {
        std::fs::create_dir(folder.path().join(name)).expect("our own folder");
    }
    let definitions = folder.write("definitions.json", &definitions(password).to_string());
    folder.write(
        "rabbitmq.conf",
        &format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\nlog.console = true\nlog.console.level = info\nlog.file = false\n\
             disk_free_limit.absolute = 100MB\nvm_memory_high_watermark.absolute = 1GB\nload_definitions = {}\n",
            definitions.display()
        ),
    );
    folder.write("enabled_plugins", "[].\n");
    folder.write("rabbitmq-env.conf", "");
    let cookie = folder.write("home/.erlang.cookie", &random_secret());
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&cookie, std::fs::Permissions::from_mode(0o400)).expect("our own file");
    if rustix::process::geteuid().is_root() {
        let owner = format!("{UNPRIVILEGED}:nogroup");
        super::run(Command::new(program("chown")).args(["-R", &owner]).arg(folder.path()))
            .expect("chown by root");
    }
}

/// Users and vhosts that the broker makes at its first start.
fn definitions(password: &str) -> serde_json::Value {
    let vhosts: Vec<String> = (0..VHOSTS).map(|number| format!("test{number}")).collect();
    json!({
        "users": [{ "name": Vhost::USER, "password": password, "tags": "" }],
        "vhosts": vhosts.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "permissions": vhosts
            .iter()
            .map(|vhost| json!({ "user": Vhost::USER, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*" }))
            .collect::<Vec<_>>(),
    })
}

/// A broker that is up answers the protocol header with connection.start (frame type 1, channel 0).
fn speaks_amqp(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    drop(stream.set_read_timeout(Some(Duration::from_secs(1))));
    let mut first = [0; 3];
    stream.write_all(b"AMQP\x00\x00\x09\x01").is_ok()
        && stream.read_exact(&mut first).is_ok()
        && first == [1, 0, 0]
}
