//! Whatever comes to the port of traps: it is counted, what is none is dropped, and the next good one is taken.
#![allow(clippy::disallowed_methods, reason = "net-snmp's own tools make the seeds")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod peers;

use std::{
    net::{SocketAddr, UdpSocket},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use rackpoll_model::{AuthProtocol, Notification, PrivProtocol, SecurityLevel, SnmpSecurity, SnmpUser};
use rackpoll_snmp::traps::{Heard, ListenError, Listener, LocalEngine, Proof, READS_A_SECOND, new_engine_id};

/// How long one datagram may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const COLD_START: &str = "1.3.6.1.6.3.1.1.5.1";
const ENGINE: &str = "0x8000000001020304";

fn engine() -> LocalEngine {
    LocalEngine::new(&new_engine_id([7; 16]), 3).unwrap()
}

fn user() -> SnmpUser {
    let security = SnmpSecurity::AuthPriv(
        (AuthProtocol::Sha256, "authenticated".into()),
        (PrivProtocol::Aes128, "private and so".into()),
    );
    SnmpUser { name: "monitor".into(), security, context: String::new() }
}

const OF_THE_USER: [&str; 12] =
    ["-v", "3", "-u", "monitor", "-l", "authPriv", "-a", "SHA-256", "-A", "authenticated", "-x", "AES"];

/// A listener that takes all communities and the user, and what it does with them.
struct Ear {
    listener: Listener,
    taken: mpsc::Receiver<Notification>,
    judged: Arc<AtomicU64>,
    socket: UdpSocket,
}

impl Ear {
    async fn start() -> Self {
        let judged = Arc::new(AtomicU64::new(0));
        let (tell, taken) = mpsc::channel();
        let count = Arc::clone(&judged);
        let listener = Listener::start(
            "127.0.0.1:0".parse().unwrap(),
            &engine(),
            &[user()],
            Box::new(move |envelope| {
                count.fetch_add(1, Ordering::Relaxed);
                !matches!(envelope.proof, Proof::User(_, SecurityLevel::NoAuthNoPriv))
            }),
            Box::new(move |notification| tell.send(notification).unwrap()),
        )
        .await
        .unwrap();
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        socket.connect(listener.address()).unwrap();
        Self { listener, taken, judged, socket }
    }

    /// Everything that was counted.
    fn counted(&self) -> u64 {
        let Heard { undecodable, unknown_user, wrong_key, not_in_time, wrong_level, other_engine, .. } =
            self.listener.heard();
        let all =
            [undecodable, unknown_user, wrong_key, not_in_time, wrong_level, other_engine, &*self.judged];
        all.map(|counter| counter.load(Ordering::Relaxed)).iter().sum()
    }

    /// Sends a good trap and waits for it, whatever else is taken meanwhile.
    fn is_well(&self, good: &[u8], oid: &str) {
        self.socket.send(good).unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let taken = self.taken.recv_timeout(left).expect("the good one was never taken");
            if taken.oid.to_string() == oid {
                return;
            }
        }
    }
}

/// What a tool of net-snmp sends, first datagram.
fn captured(tool: &str, arguments: &[&str]) -> Vec<u8> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = socket.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(peers::program(tool))
        .args(["-m", ""])
        .args(arguments.iter().map(|word| if *word == "TO" { to.as_str() } else { word }))
        .env("SNMP_PERSISTENT_DIR", folder.path())
        .env("SNMPCONFPATH", folder.path())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut bytes = vec![0; 2_048];
    let length = socket.recv(&mut bytes).unwrap();
    child.wait().unwrap();
    bytes.truncate(length);
    bytes
}

fn v2c_trap(oid: &str) -> Vec<u8> {
    captured("snmptrap", &["-v", "2c", "-c", "sesame", "TO", "1", oid, "1.3.6.1.2.1.2.2.1.1.7", "i", "7"])
}

fn v3_trap() -> Vec<u8> {
    let more = ["-X", "private and so", "-e", ENGINE, "TO", "1", COLD_START];
    captured("snmptrap", &[&OF_THE_USER[..], &more].concat())
}

/// xorshift64*: the same bytes on every machine for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.roll().to_be_bytes()[0]
    }

    fn mutated(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = self.byte(),
                2 => bytes.insert(at, self.byte()),
                3 if bytes.len() > 1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    }
}

#[tokio::test]
async fn no_bytes_end_the_listener_and_garbage_is_counted_to_the_last_datagram() {
    let ear = Ear::start().await;
    let good = v2c_trap("1.3.6.1.4.1.32473.1");
    ear.is_well(&good, ".1.3.6.1.4.1.32473.1");
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    const RANDOM: u64 = 4_000;
    for round in 0..RANDOM / 50 {
        for _ in 0..50 {
            let length = dice.below(if round % 8 == 0 { 1_400 } else { 60 });
            let bytes: Vec<u8> = (0..length).map(|_| dice.byte()).collect();
            ear.socket.send(&bytes).unwrap();
        }
        ear.is_well(&good, ".1.3.6.1.4.1.32473.1");
    }
    let heard = ear.listener.heard();
    assert_eq!(heard.undecodable.load(Ordering::Relaxed), RANDOM, "{heard:?}");
    assert_eq!(ear.judged.load(Ordering::Relaxed), 1 + RANDOM / 50);

    let inform = ["-v", "2c", "-c", "sesame", "-t", "0.2", "-r", "0", "TO", "1", COLD_START];
    let seeds = [
        v2c_trap(COLD_START),
        captured(
            "snmptrap",
            &["-v", "1", "-c", "sesame", "TO", "1.3.6.1.4.1.32473.9", "10.0.0.1", "6", "17", "1"],
        ),
        captured("snmpinform", &inform),
        v3_trap(),
    ];
    let before = ear.counted();
    const MUTATED: u64 = 12_000;
    for _ in 0..MUTATED / 50 {
        for _ in 0..50 {
            let seed = &seeds[dice.below(seeds.len())];
            let bytes = dice.mutated(seed);
            ear.socket.send(&bytes).unwrap();
        }
        ear.is_well(&good, ".1.3.6.1.4.1.32473.1");
    }
    let counted = ear.counted() - before - MUTATED / 50;
    // Of what is left some ask for something, or for our engine: neither is a trap.
    assert!(
        (MUTATED * 9 / 10..=MUTATED).contains(&counted),
        "{counted} of {MUTATED}: {:?}",
        ear.listener.heard()
    );
    assert_eq!(ear.listener.dropped_by_system(), Some(0), "the figures above are of all");
}

#[tokio::test]
async fn what_is_not_proven_is_counted_by_its_reason() {
    let ear = Ear::start().await;
    let count = |counter: fn(&Heard) -> &AtomicU64, expected: u64| {
        let end = Instant::now() + PATIENCE;
        while counter(ear.listener.heard()).load(Ordering::Relaxed) != expected {
            assert!(Instant::now() < end, "not {expected}: {:?}", ear.listener.heard());
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let good = v3_trap();
    ear.is_well(&good, &format!(".{COLD_START}"));
    // The last bytes are of the encrypted part, and of what is authenticated.
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    ear.socket.send(&forged).unwrap();
    count(|heard| &heard.wrong_key, 1);
    let other = good.windows(7).position(|window| window == b"monitor").unwrap();
    let mut stranger = good;
    stranger[other..other + 7].copy_from_slice(b"nobody!");
    ear.socket.send(&stranger).unwrap();
    count(|heard| &heard.unknown_user, 1);
    ear.socket.send(b"\x30\x03\x02\x01").unwrap();
    count(|heard| &heard.undecodable, 1);
    // The same engine in an earlier life: a message from the past.
    let folder = tempfile::tempdir().unwrap();
    let engines = |boots: &str| {
        let kept = format!("engineBoots {boots}\noldEngineID {ENGINE}\n");
        std::fs::write(folder.path().join("snmptrap.conf"), kept).unwrap();
        let status = Command::new(peers::program("snmptrap"))
            .args(["-m", ""])
            .args(OF_THE_USER)
            .args(["-X", "private and so", "-e", ENGINE, "-Z"])
            .arg(format!("{boots},100"))
            .args([&ear.listener.address().to_string(), "1", COLD_START])
            .env("SNMP_PERSISTENT_DIR", folder.path())
            .env("SNMPCONFPATH", folder.path())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    };
    engines("90");
    assert!(ear.taken.recv_timeout(PATIENCE).is_ok());
    engines("40");
    count(|heard| &heard.not_in_time, 1);
    assert_eq!(ear.listener.heard().undecodable.load(Ordering::Relaxed), 1, "each is counted once");
}

/// What the listener's thread has used of a processor, in ticks of 10 ms.
fn ticks() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok());
    let of_listeners = stats.filter(|stat| stat.contains("(snmp-traps)"));
    let used = of_listeners.filter_map(|stat| {
        let fields: Vec<u64> =
            stat.rsplit(") ").next()?.split(' ').map(|field| field.parse().unwrap_or(0)).collect();
        Some(fields.get(11)? + fields.get(12)?)
    });
    used.sum()
}

#[tokio::test]
async fn more_than_may_be_read_is_left_to_the_system_and_nothing_is_uncounted() {
    let good = v2c_trap(COLD_START);
    let mut forged = v3_trap();
    *forged.last_mut().unwrap() ^= 1;
    for (what, datagram) in
        [("no SNMP", &b"no trap"[..]), ("traps of v2c", &good), ("forged traps of v3", &forged)]
    {
        let ear = Ear::start().await;
        let (begun, ticks_before) = (Instant::now(), ticks());
        let mut sent = 0;
        while begun.elapsed() < Duration::from_secs(2) {
            ear.socket.send(datagram).unwrap();
            sent += 1;
        }
        // Threads of other tests take theirs with them when they end: this test alone measures.
        let (read, took, used) = (ear.counted(), begun.elapsed(), ticks().saturating_sub(ticks_before));
        let most = u128::from(READS_A_SECOND) * (took.as_millis() + 200) / 1_000;
        assert!(u128::from(read) <= most, "{read} read of {sent} {what} in {took:?}");
        // What is in the buffer is still to be read; then each one is either here or there.
        let end = Instant::now() + PATIENCE;
        while ear.listener.dropped_by_system().map(|dropped| dropped + ear.counted()) != Some(sent) {
            assert!(Instant::now() < end, "{} of {sent} read: {:?}", ear.counted(), ear.listener);
            std::thread::sleep(Duration::from_millis(5));
        }
        ear.is_well(&v2c_trap("1.3.6.1.4.1.32473.1"), ".1.3.6.1.4.1.32473.1");
        println!("{what}: {sent} in {took:?}, {read} read in {} ms of a processor", used * 10);
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_and_one_that_is_left_is_free() {
    let taken = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let start = |address: SocketAddr| async move {
        Listener::start(address, &engine(), &[], Box::new(|_| true), Box::new(|_| {})).await
    };
    match start(address).await.unwrap_err() {
        ListenError::Bind { address: told, source } => {
            assert_eq!((told, source.kind()), (address, std::io::ErrorKind::AddrInUse));
        }
        other => panic!("{other}"),
    }
    drop(taken);
    let listener = start(address).await.unwrap();
    drop(listener);
    let end = Instant::now() + PATIENCE;
    while UdpSocket::bind(address).is_err() {
        assert!(Instant::now() < end, "the thread still has its socket");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn one_socket_hears_both_families_and_answers_in_theirs() {
    let (tell, taken) = mpsc::channel();
    let deliver = Box::new(move |notification: Notification| tell.send(notification).unwrap());
    let listener = Listener::start("[::]:0".parse().unwrap(), &engine(), &[], Box::new(|_| true), deliver)
        .await
        .unwrap();
    let inform = ["-v", "2c", "-c", "sesame", "-t", "0.1", "-r", "0", "TO", "1", COLD_START];
    let inform = captured("snmpinform", &inform);
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let socket = UdpSocket::bind(local).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let from = socket.local_addr().unwrap();
        socket.connect((from.ip(), listener.address().port())).unwrap();
        socket.send(&inform).unwrap();
        socket.recv(&mut [0; 2_048]).expect("an answer, from the address that was asked");
        assert_eq!(taken.recv_timeout(PATIENCE).unwrap().source, from);
    }
    assert_eq!(listener.dropped_by_system(), Some(0));
}
