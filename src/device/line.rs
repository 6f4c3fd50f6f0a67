use std::{future::Future, net::SocketAddr, pin::Pin, time::Duration};

use rackpoll_model::{Fault, PollRequest, Reading};
use tokio::time::Instant;

use crate::job::Credential;

/// A poll under way.
pub type PollFuture<'a> = Pin<Box<dyn Future<Output = Result<Reading, Fault>> + Send + 'a>>;

/// A conversation with one device under one credential: for IPMI a session that is kept open, for SNMP nothing
/// but the address.
pub trait Line: Send {
    /// Asks the device. Ends by `deadline` at the latest, login included.
    fn poll<'a>(&'a mut self, request: &'a PollRequest, deadline: Instant) -> PollFuture<'a>;

    /// How many times the last poll was begun: 1 where nothing went wrong.
    fn attempts(&self) -> u32;

    /// Closes what is open, within `limit`.
    fn close<'a>(&'a mut self, limit: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

/// Makes lines. It does no I/O itself: the first poll opens what has to be opened.
pub trait Lines: Send + Sync {
    /// A line to this address with this credential.
    fn line(&self, peer: SocketAddr, credential: &Credential) -> Box<dyn Line>;
}
