//! How much work is under way in the whole system.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts the invocations, records and queued calls that are not finished yet.
///
/// One counter for all of them is what makes "idle" exact: whatever a piece of work leads to is counted before the
/// piece itself ends, so that the sum cannot touch zero in between.
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

    /// Counts `count` pieces of work that [`Activity::remove`] takes away.
    pub fn add(&self, count: usize) {
        self.0.under_way.fetch_add(count, Ordering::SeqCst);
    }

    /// Takes `count` pieces of finished work away.
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
            // Registered before the look at the counter, so that no wake-up falls between the two.
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
