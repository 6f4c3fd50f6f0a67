//! One simulated BMC as a state machine without I/O: datagrams and times go in, datagrams come out.

mod chassis;
mod counters;
mod dcmi;
mod machine;
mod scalars;
mod sensors;
mod server;
mod session;
mod storage;
mod window;

use std::{sync::Arc, time::Duration};

use rackpoll_ipmi::{command::Privilege, crypto::CipherSuite};
use rackpoll_model::Secret;

use crate::content::{incident::Rate, model::Model};

pub use counters::Counters;
pub use machine::Machine;
pub use server::{BmcServer, Transmit};

/// A user of a simulated BMC.
#[derive(Debug, Clone)]
pub struct User {
    /// Name, at most 16 bytes.
    pub name: String,
    /// Password, at most 20 bytes.
    pub password: Secret,
    /// Highest privilege.
    pub limit: Privilege,
    /// A disabled user is refused as if there were none.
    pub enabled: bool,
}

/// What a simulated BMC does with what it would answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// Sends it.
    #[default]
    Normal,
    /// Says nothing, on an open port.
    Silent,
    /// Sends garbage: random bytes, cut answers, right headers with wrong insides.
    Garbage,
    /// Sends each answer twice.
    Twice,
}

/// Habits of real BMCs that a client has to live with, each off by default.
#[derive(Debug, Clone, Default)]
pub struct Quirks {
    /// Get Sensor Reading of these sensors is never answered.
    pub mute_sensors: Vec<u8>,
    /// These commands, by network function and number, are never answered.
    pub mute_commands: Vec<(u8, u8)>,
    /// Set Session Privilege Level is an unknown command, and every session has its limit from the start (Cisco UCS).
    pub no_set_privilege: bool,
    /// Get Channel Cipher Suites is never answered.
    pub hides_suites: bool,
    /// Commands, by network function and number, that need this privilege where the specification asks for less.
    pub needs: Vec<((u8, u8), Privilege)>,
    /// So many of the next commands are answered with "node busy".
    pub busy: u32,
}

/// What one simulated BMC is like.
#[derive(Debug, Clone)]
pub struct BmcConfig {
    /// Its make-up.
    pub model: Arc<Model>,
    /// Everything random follows from this.
    pub seed: u64,
    /// Who may log in.
    pub users: Arc<[User]>,
    /// The BMC's own key (K_G), which the session's keys are made from in place of the user's password.
    pub k_g: Option<Secret>,
    /// Cipher suites that it offers.
    pub suites: Vec<CipherSuite>,
    /// Session slots; half-open sessions take one too.
    pub slots: usize,
    /// A session without traffic vanishes silently after this time (clause 6.12.15: 60 s, 3 s less at most).
    pub session_timeout: Duration,
    /// A login that stops half-way loses its slot after this time.
    pub login_timeout: Duration,
    /// Time between command and answer.
    pub response_time: Duration,
    /// Commands that it can work on at once; what comes on top is lost, as on real BMCs with their few buffers.
    pub buffers: usize,
    /// How often a sensor crosses a threshold or has a fault.
    pub incidents: Rate,
    /// Records that its event log holds, where not as its model.
    pub sel_capacity: Option<u16>,
    /// Its clock when it starts, Unix seconds.
    pub clock: u32,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// Its habits.
    pub quirks: Quirks,
}

impl BmcConfig {
    /// A well-behaved BMC of this model, with no user yet.
    pub fn new(model: Arc<Model>, seed: u64) -> Self {
        let slots = model.slots;
        Self {
            model,
            seed,
            users: Arc::new([]),
            k_g: None,
            suites: CipherSuite::ENCRYPTED.to_vec(),
            slots,
            session_timeout: Duration::from_secs(60),
            login_timeout: Duration::from_secs(5),
            response_time: Duration::ZERO,
            // Two requests wait while one is worked on: more than the specification asks for.
            buffers: 3,
            incidents: Rate::USUAL,
            sel_capacity: None,
            clock: 1_790_000_000,
            behaviour: Behaviour::Normal,
            quirks: Quirks::default(),
        }
    }
}
