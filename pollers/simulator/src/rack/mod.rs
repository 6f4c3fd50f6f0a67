//! The rack on real sockets: each device has an address of its own in 127/8.
//!
//! One socket and one task a device. A descriptor each is cheap (10,000 devices take 10,000 descriptors, and the soft
//! limit is raised to what the rack needs), and every address behaves as a host does: what is not there is refused by
//! the kernel, and two racks can share a port.

mod config;
mod device;
mod listing;
mod outage;

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Instant,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{net::UdpSocket, task::JoinHandle};

pub use config::{DEFAULT_COMMUNITY, DEFAULT_PASSWORD, DEFAULT_USER, RackConfig, VIEWER};
pub use device::{AgentHandle, BmcHandle, Device, DeviceKind};
pub use outage::Outages;

use crate::{bmc::Counters, content::models, link::LinkCounters};
pub use listing::{listing, run};

/// Why a rack does not start.
#[derive(Debug, thiserror::Error)]
pub enum RackError {
    /// There is no such model.
    #[error("no model {name:?}; there are: {known}")]
    UnknownModel {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The base address leaves no room.
    #[error("{base} and {devices} devices after it do not fit into 127.0.0.0/8")]
    NotLoopback {
        /// The base address.
        base: Ipv4Addr,
        /// How many devices.
        devices: usize,
    },
    /// Too few descriptors.
    #[error("the rack needs {needed} file descriptors and the hard limit is {limit}; raise it (ulimit -n)")]
    Descriptors {
        /// How many.
        needed: u64,
        /// The hard limit.
        limit: u64,
    },
    /// A socket cannot be bound.
    #[error("cannot bind {address}: {source}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// A rack that runs. Dropping it stops it.
#[derive(Debug)]
pub struct Rack {
    devices: Vec<Device>,
    tasks: Vec<JoinHandle<()>>,
}

impl Rack {
    /// Starts every device; needs a tokio runtime around it.
    pub async fn start(config: RackConfig) -> Result<Self, RackError> {
        let total = config.bmcs.saturating_add(config.agents);
        raise_descriptor_limit(total as u64)?;
        let addresses = config.addresses()?;
        let make_ups = config.make_ups()?;
        let now = Instant::now();
        let mut rack = Self { devices: Vec::with_capacity(total), tasks: Vec::with_capacity(total) };
        for (place, address) in addresses.into_iter().enumerate() {
            let socket = bind(address)?;
            let address = socket.local_addr().map_err(|source| RackError::Bind { address, source })?;
            let (device, host) = config.device(place, address, &make_ups, now);
            rack.devices.push(device);
            rack.tasks.push(tokio::spawn(host.serve(socket)));
        }
        Ok(rack)
    }

    /// Every device, BMCs first.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// By its name.
    pub fn device(&self, name: &str) -> Option<&Device> {
        self.devices.iter().find(|device| device.name == name)
    }

    /// Every BMC.
    pub fn bmcs(&self) -> impl Iterator<Item = &BmcHandle> {
        self.devices.iter().filter_map(Device::bmc)
    }

    /// What all BMCs have seen together.
    pub fn bmc_counters(&self) -> Counters {
        self.bmcs().fold(Counters::default(), |mut sum, bmc| {
            sum.add(&bmc.counters());
            sum
        })
    }

    /// How many sessions are open on all BMCs.
    pub fn open_sessions(&self) -> usize {
        self.bmcs().map(BmcHandle::open_sessions).sum()
    }

    /// What the links have done, both directions of all devices.
    pub fn link_counters(&self) -> LinkCounters {
        self.devices.iter().fold(LinkCounters::default(), |mut sum, device| {
            sum.add(&device.link_counters());
            sum
        })
    }

    /// Stops every device and closes every socket. Counters stay readable through the handles.
    pub async fn stop(mut self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in std::mem::take(&mut self.tasks) {
            // It was aborted: that is what it says.
            let _ = task.await;
        }
    }
}

impl Drop for Rack {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn bind(address: SocketAddr) -> Result<UdpSocket, RackError> {
    let bind = || {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket)
    };
    bind().map_err(|source| RackError::Bind { address, source })
}

/// Descriptors that the rest of the process may want.
const SPARE: u64 = 512;

fn raise_descriptor_limit(devices: u64) -> Result<(), RackError> {
    let needed = devices.saturating_add(SPARE);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(needed), maximum };
    setrlimit(Resource::Nofile, raised)
        .map_err(|_| RackError::Descriptors { needed, limit: maximum.unwrap_or(u64::MAX) })
}
