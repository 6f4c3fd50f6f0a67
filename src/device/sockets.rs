use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use rackpoll_io::{
    CipherSuite, Credentials, IpmiDevice, IpmiSockets, Options, Profile, SnmpDevice, SnmpSockets,
};
use rackpoll_model::{Fault, FaultKind, PollRequest};
use tokio::{sync::Semaphore, time::Instant};

use super::{Line, Lines, PollFuture, snmp::Snmp};
use crate::job::Credential;

/// Silent SNMP agents that the network is asked about at a time, each with a socket of its own.
const DIAGNOSES: usize = 2;

/// Lines over the shared sockets.
pub struct SocketLines {
    ipmi: IpmiSockets,
    snmp: SnmpSockets,
    diagnoses: Arc<Semaphore>,
    suite: Option<CipherSuite>,
}

impl SocketLines {
    /// Opens the sockets. `suite`: only this cipher suite, else the strongest that the BMC offers.
    ///
    /// # Errors
    /// The operating system has no socket for us.
    pub fn bind(suite: Option<CipherSuite>) -> std::io::Result<Self> {
        Ok(Self {
            ipmi: IpmiSockets::bind()?,
            snmp: SnmpSockets::new(),
            diagnoses: Arc::new(Semaphore::new(DIAGNOSES)),
            suite,
        })
    }
}

impl Lines for SocketLines {
    fn line(&self, peer: SocketAddr, credential: &Credential) -> Box<dyn Line> {
        match credential {
            Credential::Ipmi { user, password } => match Options::new(user, password.clone()) {
                Ok(options) => {
                    let options = match self.suite {
                        Some(suite) => options.suites(&[suite]),
                        None => options,
                    };
                    Box::new(Ipmi(IpmiDevice::with_options(&self.ipmi, peer, options, Profile::default())))
                }
                Err(fault) => Box::new(Refused(fault)),
            },
            Credential::Community(community) => {
                let credentials = Credentials::Community(community.clone());
                let device = SnmpDevice::new(&self.snmp, peer, credentials);
                Box::new(Snmp::new(device, Arc::clone(&self.diagnoses)))
            }
        }
    }
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
