//! Counts the work under way in the whole system.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The number of invocations, records and queued events that are not finished yet.
///
/// One counter for all of them makes "idle" exact. A piece of work ends after everything that follows from it has been
/// counted, so the sum cannot reach zero in between.
#[derive(Debug, Clone, Default)]
pub(crate) struct Activity(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    under_way: AtomicUsize,
    idle: Notify,
}

impl Activity {
    /// Counts one piece of work until the returned guard is dropped.
    pub fn begin(&self) -> Busy {
        self.add(1);
        Busy(self.clone())
    }

    /// Counts `count` pieces of work until [`Activity::remove`] removes them.
    pub fn add(&self, count: usize) {
        self.0.under_way.fetch_add(count, Ordering::SeqCst);
    }

    /// Removes `count` pieces of finished work.
    pub fn remove(&self, count: usize) {
        if count > 0 && self.0.under_way.fetch_sub(count, Ordering::SeqCst) == count {
            self.0.idle.notify_waiters();
        }
    }

    /// Resolves when nothing is under way.
    pub async fn idle(&self) {
        loop {
            let notified = self.0.idle.notified();
            tokio::pin!(notified);
            // Registered before the counter is read, so no wake-up is lost between the two.
            notified.as_mut().enable();
            if self.0.under_way.load(Ordering::SeqCst) == 0 {
                return;
            }
            notified.await;
        }
    }
}

/// One piece of work that is under way.
#[derive(Debug)]
pub(crate) struct Busy(Activity);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.remove(1);
    }
}
