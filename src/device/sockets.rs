use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use rackpoll_io::{IpmiDevice, IpmiSockets, Options, Profile, SnmpDevice, SnmpSockets};
use rackpoll_model::{Fault, FaultKind, PollRequest, Secret};
use tokio::{sync::Semaphore, time::Instant};

use super::{Line, Lines, PollFuture, snmp::Snmp};
use crate::job::{Access, Credential};

/// Silent SNMP agents that the network is asked about at a time, each with a socket of its own.
const DIAGNOSES: usize = 2;

/// Lines over the shared sockets.
pub struct SocketLines {
    ipmi: IpmiSockets,
    snmp: SnmpSockets,
    diagnoses: Arc<Semaphore>,
}

impl SocketLines {
    /// Opens the sockets.
    ///
    /// # Errors
    /// The operating system has no socket for us.
    pub fn bind() -> std::io::Result<Self> {
        Ok(Self {
            ipmi: IpmiSockets::bind()?,
            snmp: SnmpSockets::new(),
            diagnoses: Arc::new(Semaphore::new(DIAGNOSES)),
        })
    }
}

impl Lines for SocketLines {
    fn line(&self, peer: SocketAddr, credential: &Credential) -> Box<dyn Line> {
        match credential {
            Credential::Ipmi { user, password, access } => match options(user, password, access) {
                Ok(options) => {
                    Box::new(Ipmi(IpmiDevice::with_options(&self.ipmi, peer, options, Profile::default())))
                }
                Err(fault) => Box::new(Refused(fault)),
            },
            Credential::Snmp(credential) => {
                let device = SnmpDevice::new(&self.snmp, peer, credential.clone());
                Box::new(Snmp::new(device, Arc::clone(&self.diagnoses)))
            }
        }
    }
}

/// What the credential means for a session.
fn options(user: &str, password: &Secret, access: &Access) -> Result<Options, Fault> {
    let mut options = Options::new(user, password.clone())?
        .suites(&access.cipher_suites)
        .ipmi_15(&access.ipmi_15)?
        .workarounds(&access.workarounds);
    if let Some(k_g) = &access.k_g {
        options = options.k_g(k_g.clone())?;
    }
    Ok(options)
}

struct Ipmi(IpmiDevice);

impl Line for Ipmi {
    fn poll<'a>(&'a mut self, request: &'a PollRequest, deadline: Instant) -> PollFuture<'a> {
        Box::pin(async move {
            match request {
                PollRequest::Ipmi(command) => self.0.poll(*command, deadline).await,
                PollRequest::Snmp(_) => Err(wrong_line()),
            }
        })
    }

    fn attempts(&self) -> u32 {
        self.0.attempts()
    }

    fn close<'a>(&'a mut self, limit: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            // Dropping the device sends Close Session all the same.
            let _ = tokio::time::timeout(limit, self.0.close()).await;
        })
    }
}

/// A line that cannot be: its credential is one that the protocol cannot carry.
struct Refused(Fault);

impl Line for Refused {
    fn poll<'a>(&'a mut self, _: &'a PollRequest, _: Instant) -> PollFuture<'a> {
        let fault = self.0.clone();
        Box::pin(async move { Err(fault) })
    }

    fn attempts(&self) -> u32 {
        0
    }

    fn close<'a>(&'a mut self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async {})
    }
}

pub(super) fn wrong_line() -> Fault {
    Fault::new(FaultKind::Internal, "a request of one protocol came to a line of the other")
}
