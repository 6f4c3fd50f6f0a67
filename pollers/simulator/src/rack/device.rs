use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use rackpoll_model::Secret;
use tokio::net::UdpSocket;

use super::Outages;
use crate::{
    bmc::{Behaviour, BmcServer, Counters, Quirks, Transmit},
    content::sel::SensorEvent,
    link::{Faults, Link, LinkCounters, Wire},
    snmp::{Agent, AgentCounters, AgentModel},
};

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// A BMC, over IPMI.
    Bmc,
    /// A switch or PDU, over SNMP.
    Agent,
}

/// One device of the rack.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its name, unique in the rack.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it is.
    pub kind: DeviceKind,
    /// Name of its make-up.
    pub model: &'static str,
    /// One line for a person.
    pub description: &'static str,
    /// It fails now and then.
    pub failing: bool,
    handle: Handle,
}

#[derive(Debug, Clone)]
enum Handle {
    Bmc(BmcHandle),
    Agent(AgentHandle),
}

impl Device {
    /// The BMC, where it is one.
    pub fn bmc(&self) -> Option<&BmcHandle> {
        match &self.handle {
            Handle::Bmc(bmc) => Some(bmc),
            Handle::Agent(_) => None,
        }
    }

    /// The agent, where it is one.
    pub fn agent(&self) -> Option<&AgentHandle> {
        match &self.handle {
            Handle::Agent(agent) => Some(agent),
            Handle::Bmc(_) => None,
        }
    }

    /// What the links to it have done, both directions.
    pub fn link_counters(&self) -> LinkCounters {
        match &self.handle {
            Handle::Bmc(BmcHandle(shared)) => lock(shared).link_counters(),
            Handle::Agent(AgentHandle(shared)) => lock(shared).link_counters(),
        }
    }
}

/// A running BMC.
#[derive(Clone)]
pub struct BmcHandle(Arc<Mutex<Simulated<BmcServer>>>);

impl BmcHandle {
    /// What it has seen.
    pub fn counters(&self) -> Counters {
        lock(&self.0).device.counters(Instant::now())
    }

    /// How many sessions are open.
    pub fn open_sessions(&self) -> usize {
        lock(&self.0).device.open_sessions(Instant::now())
    }

    /// Switches the system's power.
    pub fn set_power(&self, on: bool) {
        lock(&self.0).device.set_power(Instant::now(), on);
    }

    /// Whether the system is on.
    pub fn power(&self) -> bool {
        lock(&self.0).device.power()
    }

    /// Changes how the BMC behaves.
    pub fn set_behaviour(&self, behaviour: Behaviour) {
        lock(&self.0).device.set_behaviour(behaviour);
    }

    /// Changes the BMC's habits.
    pub fn set_quirks(&self, quirks: Quirks) {
        lock(&self.0).device.set_quirks(quirks);
    }

    /// Somebody sets all users' passwords; open sessions stay.
    pub fn set_password(&self, password: &Secret) {
        lock(&self.0).device.set_password(password);
    }

    /// Changes what the links to it do.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.0).set_faults(faults);
    }

    /// The BMC starts anew: away for some seconds, sessions forgotten.
    pub fn reboot(&self) {
        lock(&self.0).device.reboot(Instant::now());
    }

    /// Sessions are forgotten; the BMC stays.
    pub fn forget_sessions(&self) {
        lock(&self.0).device.forget_sessions();
    }

    /// Puts an event into the event log.
    pub fn log_event(&self, event: SensorEvent) {
        let mut simulated = lock(&self.0);
        let (machine, at) = simulated.device.machine(Instant::now());
        machine.log_event(at, event);
    }
}

impl fmt::Debug for BmcHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BmcHandle")
    }
}

/// A running agent.
#[derive(Clone)]
pub struct AgentHandle(Arc<Mutex<Simulated<Agent>>>);

impl AgentHandle {
    /// What it has seen.
    pub fn counters(&self) -> AgentCounters {
        lock(&self.0).device.counters()
    }

    /// Changes what the links to it do.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.0).set_faults(faults);
    }

    /// Its uptime and counters begin anew.
    pub fn reboot(&self) {
        lock(&self.0).device.reboot(Instant::now());
    }
}

impl fmt::Debug for AgentHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentHandle")
    }
}

/// What a device does with a datagram.
pub(super) trait Answers {
    fn answer(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Vec<Transmit>;

    /// An outage is over.
    fn back(&mut self, now: Instant);
}

impl Answers for BmcServer {
    fn answer(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Vec<Transmit> {
        self.handle_datagram(now, from, bytes)
    }

    fn back(&mut self, _now: Instant) {
        self.forget_sessions();
    }
}

impl Answers for Agent {
    fn answer(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Vec<Transmit> {
        let answer = self.handle_datagram(now, bytes);
        answer.map(|bytes| Transmit { at: now, to: from, bytes }).into_iter().collect()
    }

    fn back(&mut self, now: Instant) {
        self.reboot(now);
    }
}

/// A device behind its two links.
pub(super) struct Simulated<T> {
    device: T,
    inward: Link,
    outward: Link,
    outages: Option<Outages>,
    outage: Option<u128>,
    started: Instant,
}

/// What is on its way: to the device, or out to the network.
enum Passage {
    In { from: SocketAddr, bytes: Vec<u8> },
    Out { to: SocketAddr, bytes: Vec<u8> },
}

impl<T: Answers> Simulated<T> {
    fn new(device: T, faults: Faults, seed: u64, outages: Option<Outages>, now: Instant) -> Self {
        let (inward, outward) = (Link::new(faults, seed ^ 1), Link::new(faults, seed ^ 2));
        Self { device, inward, outward, outages, outage: None, started: now }
    }

    /// A datagram has come in from the network.
    fn arrived(&mut self, now: Instant, from: SocketAddr, bytes: &[u8], wire: &mut Wire<Passage>) {
        for (at, bytes) in self.inward.carry(now, bytes.to_vec()) {
            wire.send(at, Passage::In { from, bytes });
        }
    }

    /// A datagram has reached the device.
    fn reached(&mut self, now: Instant, from: SocketAddr, bytes: &[u8], wire: &mut Wire<Passage>) {
        if self.is_away(now) {
            return;
        }
        for Transmit { at, to, bytes } in self.device.answer(now, from, bytes) {
            for (at, bytes) in self.outward.carry(at, bytes) {
                wire.send(at, Passage::Out { to, bytes });
            }
        }
    }

    fn is_away(&mut self, now: Instant) -> bool {
        let Some(outages) = self.outages else { return false };
        let outage = outages.at(now.saturating_duration_since(self.started));
        if outage.is_none() && self.outage.is_some() {
            self.device.back(now);
        }
        self.outage = outage;
        outage.is_some()
    }

    fn link_counters(&self) -> LinkCounters {
        let mut counters = self.inward.counters();
        counters.add(&self.outward.counters());
        counters
    }

    fn set_faults(&mut self, faults: Faults) {
        self.inward.set_faults(faults);
        self.outward.set_faults(faults);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counters of a device that panicked are still worth reading.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A device, before it has its socket.
pub(super) enum Host {
    Bmc(Arc<Mutex<Simulated<BmcServer>>>),
    Agent(Arc<Mutex<Simulated<Agent>>>),
}

impl Host {
    pub(super) fn bmc(
        name: String,
        address: SocketAddr,
        bmc: BmcServer,
        faults: Faults,
        outages: Option<Outages>,
        now: Instant,
    ) -> (Device, Self) {
        let model = Arc::clone(&bmc.config().model);
        let seed = bmc.config().seed;
        let shared = Arc::new(Mutex::new(Simulated::new(bmc, faults, seed, outages, now)));
        let device = Device {
            name,
            address,
            kind: DeviceKind::Bmc,
            model: model.name,
            description: model.description,
            failing: outages.is_some(),
            handle: Handle::Bmc(BmcHandle(Arc::clone(&shared))),
        };
        (device, Self::Bmc(shared))
    }

    pub(super) fn agent(
        name: String,
        address: SocketAddr,
        model: &AgentModel,
        agent: Agent,
        faults: Faults,
        seed: u64,
        now: Instant,
    ) -> (Device, Self) {
        let shared = Arc::new(Mutex::new(Simulated::new(agent, faults, seed, None, now)));
        let device = Device {
            name,
            address,
            kind: DeviceKind::Agent,
            model: model.name,
            description: model.description,
            failing: false,
            handle: Handle::Agent(AgentHandle(Arc::clone(&shared))),
        };
        (device, Self::Agent(shared))
    }

    /// Serves the device until it is aborted.
    pub(super) async fn serve(self, socket: UdpSocket) {
        match self {
            Self::Bmc(shared) => serve(socket, &shared).await,
            Self::Agent(shared) => serve(socket, &shared).await,
        }
    }
}

async fn serve<T: Answers>(socket: UdpSocket, shared: &Mutex<Simulated<T>>) {
    let mut wire = Wire::new();
    loop {
        let due = wire.next_at();
        let readable = match due {
            None => socket.readable().await.is_ok(),
            Some(due) => tokio::select! {
                readable = socket.readable() => readable.is_ok(),
                () = tokio::time::sleep_until(due.into()) => false,
            },
        };
        let now = Instant::now();
        if readable {
            receive(&socket, now, shared, &mut wire);
        }
        pass(&socket, now, shared, &mut wire);
    }
}

/// Datagrams taken in one go, so that a flood on one socket does not hold up the others.
const BATCH: usize = 16;

fn receive<T: Answers>(
    socket: &UdpSocket,
    now: Instant,
    shared: &Mutex<Simulated<T>>,
    wire: &mut Wire<Passage>,
) {
    let mut buffer = [0; 2048];
    for _ in 0..BATCH {
        match socket.try_recv_from(&mut buffer) {
            Ok((length, from)) => {
                lock(shared).arrived(now, from, buffer.get(..length).unwrap_or_default(), wire);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
            // An ICMP error of an answer before: the client is gone.
            Err(_) => {}
        }
    }
}

/// Passes on what is due.
fn pass<T: Answers>(
    socket: &UdpSocket,
    now: Instant,
    shared: &Mutex<Simulated<T>>,
    wire: &mut Wire<Passage>,
) {
    while let Some(passage) = wire.receive(now) {
        match passage {
            Passage::In { from, bytes } => lock(shared).reached(now, from, &bytes, wire),
            Passage::Out { to, bytes } => {
                // A full socket buffer loses datagrams as a network does; so does a client that has gone.
                let _ = socket.try_send_to(&bytes, to);
            }
        }
    }
}
