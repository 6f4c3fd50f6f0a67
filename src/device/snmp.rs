use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use rackpoll_io::{Service, SnmpDevice, why_silent};
use rackpoll_model::{Fault, FaultKind, PollRequest, Reading, SnmpRequest};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

use super::{Line, PollFuture, sockets::wrong_line};

/// After so much silence it is worth asking the network why.
const WORTH_A_DIAGNOSIS: Duration = Duration::from_millis(1500);

/// An SNMP agent over the shared socket.
pub(super) struct Snmp {
    device: SnmpDevice,
    diagnoses: Arc<Semaphore>,
}

impl Snmp {
    pub(super) fn new(device: SnmpDevice, diagnoses: Arc<Semaphore>) -> Self {
        Self { device, diagnoses }
    }

    async fn ask(&mut self, request: &SnmpRequest, deadline: Instant) -> Result<Reading, Fault> {
        let peer = self.device.peer();
        let unknown = !self.device.has_heard();
        let diagnoses = Arc::clone(&self.diagnoses);
        let poll = self.device.poll(request, deadline);
        tokio::pin!(poll);
        // An agent that has answered before is there; why it is late now is not for the network to say.
        let diagnosis = async {
            sleep(WORTH_A_DIAGNOSIS).await;
            why_silent(peer, Service::Snmp, &diagnoses).await
        };
        tokio::select! {
            biased;
            reading = &mut poll => reading,
            Some(why) = diagnosis, if unknown => {
                Err(Fault::new(FaultKind::Unreachable, format!("{peer}: {why}")))
            }
        }
    }
}

impl Line for Snmp {
    fn poll<'a>(&'a mut self, request: &'a PollRequest, deadline: Instant) -> PollFuture<'a> {
        Box::pin(async move {
            match request {
                PollRequest::Snmp(request) => self.ask(request, deadline).await,
                PollRequest::Ipmi(_) => Err(wrong_line()),
            }
        })
    }

    fn attempts(&self) -> u32 {
        self.device.attempts()
    }

    /// Agents know no sessions: there is nothing to close.
    fn close<'a>(&'a mut self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async {})
    }
}
