//! What the clients of brokers want of the outbox.

use std::future::Future;

pub use crate::publish::outbox::Pending;

/// The outbox as the sole publisher sees it.
pub trait Outlet: Send + Sync + 'static {
    /// The oldest messages with ids above `after`, in order, at most `limit`; from the beginning where there is none.
    /// Fewer where they are large; none only where there are none.
    fn batch(&self, after: Option<u64>, limit: usize) -> impl Future<Output = Vec<Pending>> + Send;

    /// The broker has these: they may be forgotten. When this returns, no batch from the beginning has them, nor one after
    /// the last of them.
    fn confirm(&self, ids: Vec<u64>) -> impl Future<Output = ()> + Send;

    /// No broker will ever take this one: forgotten too, and counted as a drop.
    fn discard(&self, id: u64) -> impl Future<Output = ()> + Send;

    /// Returns at once where messages were added since the last batch was asked for, else when one is.
    fn added(&self) -> impl Future<Output = ()> + Send;
}
