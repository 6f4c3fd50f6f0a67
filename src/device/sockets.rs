use std::{future::Future, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use rackpoll_io::{IpmiDevice, IpmiSockets, Options, Pace, Profile, SnmpDevice, SnmpSockets};
use rackpoll_model::{Fault, FaultKind, PollRequest, Secret};
use rackpoll_snmp::names::Names;
use tokio::{sync::Semaphore, time::Instant};

use super::{Line, Lines, PollFuture, ipmi::Ipmi, snmp::Snmp};
use crate::{
    job::{Access, Credential},
    state::State,
};

/// Silent SNMP agents that the network is asked about at a time, each with a socket of its own.
const DIAGNOSES: usize = 2;

/// Lines over the shared sockets.
pub struct SocketLines {
    ipmi: IpmiSockets,
    snmp: SnmpSockets,
    diagnoses: Arc<Semaphore>,
    state: Option<State>,
}

impl SocketLines {
    /// Opens the sockets. `names`: what oids may be asked by. `state`: where what is learned about BMCs is kept. `pace`: how
    /// many commands a BMC has to bear, whoever wants them.
    ///
    /// # Errors
    /// The operating system has no socket for us.
    pub fn bind(names: Arc<Names>, state: Option<State>, pace: Option<Pace>) -> std::io::Result<Self> {
        Ok(Self {
            ipmi: IpmiSockets::bind()?.paced(pace),
            snmp: SnmpSockets::with_names(names),
            diagnoses: Arc::new(Semaphore::new(DIAGNOSES)),
            state,
        })
    }
}

impl Lines for SocketLines {
    fn line(&self, peer: SocketAddr, credential: &Credential) -> Box<dyn Line> {
        match credential {
            Credential::Ipmi { user, password, access } => match options(user, password, access) {
                Ok(options) => {
                    let device = IpmiDevice::with_options(&self.ipmi, peer, options, Profile::default());
                    Box::new(Ipmi::new(device, peer, self.state.clone()))
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
