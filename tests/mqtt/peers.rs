//! The other ends: mosquitto as a broker, its clients, a line that swallows acknowledgements, and an outbox in memory.

// These are the peers that the tests start.
#![allow(clippy::disallowed_methods)]

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rackpoll::{
    broker::{
        Delivery, Intake, RpcRequest,
        mqtt::{self, Outlet, Pending, Settings},
    },
    publish::{Exchange, Message, MessageKind},
};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Long enough for a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A process that ends with the test.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        match command.spawn() {
            Ok(child) => Self(child),
            Err(error) => {
                panic!("{name} cannot be started ({error}): apt-get install mosquitto mosquitto-clients")
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    pub(crate) fn wait(&mut self) {
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A mosquitto of our own with its own configuration; sessions survive `kill -9`.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    process: Process,
    folder: tempfile::TempDir,
}

impl Mosquitto {
    pub(crate) fn start(port: u16) -> Self {
        Self::start_with(port, "", tempfile::tempdir().unwrap())
    }

    /// With these lines behind those of the listener.
    pub(crate) fn start_with(port: u16, listener: &str, folder: tempfile::TempDir) -> Self {
        let path = folder.path().display();
        let config = format!(
            "listener {port} 127.0.0.1\n{listener}\nallow_anonymous true\npersistence true\npersistence_location {path}/\n\
             autosave_interval 1\nautosave_on_changes true\nmax_queued_messages 0\nuser root\nlog_dest none\n"
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let process = Self::spawn(folder.path(), port);
        Self { port, process, folder }
    }

    fn spawn(folder: &Path, port: u16) -> Process {
        // Debian keeps it outside of an ordinary user's PATH.
        let path = format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default());
        let process = Process::start(
            Command::new("mosquitto")
                .env("PATH", path)
                .arg("-c")
                .arg(folder.join("mosquitto.conf"))
                // It warns of running as root, as it does in a container.
                .stderr(Stdio::null()),
        );
        let begin = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(begin.elapsed() < PATIENCE, "mosquitto does not listen on {port}");
            thread::sleep(Duration::from_millis(20));
        }
        process
    }

    /// Halts it, so that nothing that is sent from now on is taken in.
    pub(crate) fn freeze(&self) {
        self.process.signal("STOP");
    }

    pub(crate) fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait();
    }

    pub(crate) fn restart(&mut self) {
        self.process = Self::spawn(self.folder.path(), self.port);
    }
}

/// A `mosquitto_sub` whose lines are read as they come.
pub(crate) struct Subscriber {
    _process: Process,
    lines: mpsc::Receiver<String>,
}

impl Subscriber {
    /// Returns once the subscription stands.
    pub(crate) fn start(port: u16, topic: &str, arguments: &[&str]) -> Self {
        // Into a pipe it writes what `-d` tells only when its buffer is full; stdbuf becomes the program that it starts.
        let mut command = Command::new("stdbuf");
        command.args(["-oL", "mosquitto_sub"]);
        command
            .args(["-V", "mqttv5", "-q", "1", "-d", "-h", "127.0.0.1", "-p", &port.to_string(), "-t", topic])
            .args(arguments);
        let mut process = Process::start(command.stdout(Stdio::piped()).stderr(Stdio::inherit()));
        let output = BufReader::new(process.0.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.split(b'\n') {
                let line = String::from_utf8_lossy(&line.unwrap()).into_owned();
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        loop {
            let line = lines.recv_timeout(PATIENCE).expect("mosquitto_sub does not subscribe");
            // "Subscribed (mid: 1): 1"
            if line.starts_with("Subscribed") {
                return Self { _process: process, lines };
            }
        }
    }

    /// The next message; what `-d` tells of the protocol is passed over.
    pub(crate) fn next(&self) -> String {
        self.next_within(PATIENCE).expect("no message")
    }

    pub(crate) fn next_within(&self, patience: Duration) -> Option<String> {
        let end = Instant::now() + patience;
        loop {
            let line = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())).ok()?;
            if !line.starts_with("Client ") && !line.starts_with("Subscribed") && !line.trim().is_empty() {
                return Some(line);
            }
        }
    }
}

/// Certificates made by `openssl` in this folder: an authority (`ca.pem`) and a server for 127.0.0.1 (`server.pem`).
pub(crate) fn make_certificates(folder: &Path) {
    std::fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    for arguments in [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem",
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=server -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem",
    ] {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
        match output {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => panic!("openssl cannot be started ({error}): apt-get install openssl"),
        }
    }
}

/// Publishes with `mosquitto_pub -V mqttv5 -q 1`.
pub(crate) fn publish(port: u16, topic: &str, arguments: &[&str]) {
    let status = Command::new("mosquitto_pub")
        .args(["-V", "mqttv5", "-q", "1", "-p", &port.to_string(), "-t", topic])
        .args(arguments)
        .status();
    match status {
        Ok(status) => assert!(status.success(), "mosquitto_pub: {status}"),
        Err(error) => panic!("mosquitto_pub cannot be started ({error}): apt-get install mosquitto-clients"),
    }
}

/// A TCP line to a broker whose way back can be shut: what the broker answers is then lost.
pub(crate) struct Line {
    pub(crate) port: u16,
    shut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Line {
    pub(crate) fn to(broker: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (shut, open) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let line = Self { port, shut: Arc::clone(&shut), open: Arc::clone(&open) };
        thread::spawn(move || {
            for near in listener.incoming() {
                let (near, far) =
                    (near.unwrap(), TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], broker))));
                let Ok(far) = far else { continue };
                open.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                let never = Arc::new(AtomicBool::new(false));
                carry(near.try_clone().unwrap(), far.try_clone().unwrap(), never);
                carry(far, near, Arc::clone(&shut));
            }
        });
        line
    }

    /// From now on nothing comes back.
    pub(crate) fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
    }

    /// Breaks what is connected, and lets new connections through whole.
    pub(crate) fn tear(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        self.shut.store(false, Ordering::SeqCst);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, shut: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(size @ 1..) = from.read(&mut buffer) {
            if !shut.load(Ordering::SeqCst) && to.write_all(&buffer[..size]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}

/// An outbox that lives in memory.
#[derive(Default)]
pub(crate) struct Memory {
    messages: Mutex<VecDeque<Pending>>,
    last: Mutex<u64>,
    pub(crate) discarded: Mutex<Vec<u64>>,
    added: Notify,
}

impl Memory {
    pub(crate) fn push(&self, message: Message) {
        let mut last = self.last.lock().unwrap();
        *last += 1;
        self.messages.lock().unwrap().push_back(Pending { id: *last, message });
        self.added.notify_one();
    }

    /// Results with these numbers as bodies.
    pub(crate) fn push_numbers(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            self.push(result("ipmi.command.power.result.g", format!("n={number}")));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.lock().unwrap().len()
    }

    pub(crate) async fn emptied(&self) {
        let begin = Instant::now();
        while self.len() > 0 {
            assert!(begin.elapsed() < PATIENCE, "{} messages stay in the outbox", self.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Outlet for Memory {
    async fn batch(&self, after: Option<u64>, limit: usize) -> Vec<Pending> {
        let messages = self.messages.lock().unwrap();
        messages
            .iter()
            .filter(|pending| after.is_none_or(|after| pending.id > after))
            .take(limit)
            .cloned()
            .collect()
    }

    async fn confirm(&self, ids: Vec<u64>) {
        self.messages.lock().unwrap().retain(|pending| !ids.contains(&pending.id));
    }

    async fn discard(&self, id: u64) {
        self.messages.lock().unwrap().retain(|pending| pending.id != id);
        self.discarded.lock().unwrap().push(id);
    }

    async fn added(&self) {
        self.added.notified().await;
    }
}

pub(crate) fn result(routing_key: &str, body: impl Into<Vec<u8>>) -> Message {
    Message {
        exchange: Exchange::Task,
        routing_key: routing_key.into(),
        kind: MessageKind::Result,
        correlation: None,
        body: body.into(),
    }
}

/// The MQTT client under test, at work.
pub(crate) struct Agent {
    pub(crate) outbox: Arc<Memory>,
    pub(crate) commands: tokio::sync::mpsc::Receiver<Delivery>,
    pub(crate) requests: tokio::sync::mpsc::Receiver<RpcRequest>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Agent {
    pub(crate) fn start(settings: Settings) -> Self {
        Self::start_with(settings, Arc::default())
    }

    pub(crate) fn start_with(settings: Settings, outbox: Arc<Memory>) -> Self {
        let (commands_in, commands) = tokio::sync::mpsc::channel(64);
        let (requests_in, requests) = tokio::sync::mpsc::channel(64);
        let (events_in, _) = tokio::sync::mpsc::channel(64);
        let intake = Intake { commands: commands_in, requests: requests_in, events: events_in };
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let (stop, outbox) = (stop.clone(), Arc::clone(&outbox));
            async move { mqtt::run(&settings, &*outbox, &intake, &stop).await }
        });
        Self { outbox, commands, requests, stop, task }
    }

    pub(crate) async fn command(&mut self) -> Delivery {
        tokio::time::timeout(PATIENCE, self.commands.recv()).await.expect("no command").expect("client ended")
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.task).await.expect("stopped within 5 s").unwrap();
    }

    /// Ends as by `kill -9`: no goodbye.
    pub(crate) async fn die(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Publishes each line of a file as a message, over one connection.
pub(crate) fn publish_lines(port: u16, topic: &str, lines: std::fs::File) {
    let status = Command::new("mosquitto_pub")
        .args(["-V", "mqttv5", "-q", "1", "-p", &port.to_string(), "-t", topic, "-l"])
        .stdin(lines)
        .status()
        .expect("mosquitto_pub cannot be started: apt-get install mosquitto-clients");
    assert!(status.success(), "mosquitto_pub: {status}");
}
