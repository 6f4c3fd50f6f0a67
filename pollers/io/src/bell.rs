use std::{
    future::poll_fn,
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
};

use futures_util::task::AtomicWaker;

/// Wakes one task, and remembers that it was rung while nobody listened. What `tokio::sync::Notify` does for one waiter,
/// without its lock: this is rung for every answer.
#[derive(Default)]
pub(crate) struct Bell {
    rung: AtomicBool,
    waker: AtomicWaker,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Until it has been rung since this was last awaited. Of two that wait only the later one is woken.
    pub(crate) async fn rung(&self) {
        poll_fn(|context| {
            if self.rung.swap(false, Ordering::Acquire) {
                return Poll::Ready(());
            }
            self.waker.register(context.waker());
            // It may have been rung just before the waker was there.
            if self.rung.swap(false, Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn it_is_heard_once_however_often_it_was_rung_and_whenever() {
        let bell = Arc::new(Bell::default());
        let silent = || timeout(Duration::from_millis(20), bell.rung());
        assert!(silent().await.is_err());
        bell.ring();
        bell.ring();
        bell.rung().await;
        assert!(silent().await.is_err());

        let listener = tokio::spawn({
            let bell = Arc::clone(&bell);
            async move { bell.rung().await }
        });
        tokio::task::yield_now().await;
        bell.ring();
        timeout(Duration::from_secs(5), listener).await.unwrap().unwrap();
        assert!(silent().await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_ring_from_another_thread_is_missed() {
        let (there, back) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
        let echo = tokio::spawn({
            let (there, back) = (Arc::clone(&there), Arc::clone(&back));
            async move {
                for _ in 0..10_000 {
                    there.rung().await;
                    back.ring();
                }
            }
        });
        for _ in 0..10_000 {
            there.ring();
            timeout(Duration::from_secs(10), back.rung()).await.expect("a ring was missed");
        }
        echo.await.unwrap();
    }
}
