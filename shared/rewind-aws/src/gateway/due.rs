//! The schedule's look at the list of calls that wait.

use super::{
    live::Live,
    log::Failure,
    waiting::{self, Entry},
};
use crate::{Error, aws::clock::micros};
use futures::{StreamExt, stream};
use std::time::Instant;

/// Logs that are worked at at once.
const CONCURRENCY: usize = 16;

/// What a look at the calls that wait has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Called {
    /// Logs that had a call whose time had come.
    pub due: usize,
    /// Those in which one still waits.
    pub waiting: usize,
    /// When the next one is due, in microseconds since 1970.
    pub next: Option<u64>,
}

impl Live {
    /// Makes the calls whose time has come, until the time is up.
    ///
    /// # Errors
    ///
    /// When a service fails. What was made stands.
    pub async fn work_due(&self, until: Instant) -> Result<Called, Error> {
        let mut called = Called::default();
        if self.service.callers().is_empty() {
            return Ok(called);
        }
        for partition in waiting::partitions() {
            let mut after: Option<String> = None;
            loop {
                let store = &self.recorder.store;
                let page = waiting::list(store, partition, after.as_deref()).await?;
                let (entries, next) = page;
                let now = micros();
                let (due, later): (Vec<_>, Vec<_>) = entries
                    .into_iter()
                    .partition(|entry| entry.waiting.due <= now);
                later
                    .iter()
                    .for_each(|entry| called.waits(entry.waiting.due));
                let work = due.into_iter();
                let work = work.map(|entry| async move { self.work_entry(&entry, until).await });
                let mut work = stream::iter(work).buffer_unordered(CONCURRENCY);
                while let Some(waits) = work.next().await {
                    called.due += 1;
                    if let Some(due) = waits? {
                        called.waits(due);
                    }
                }
                after = next;
                if after.is_none() || Instant::now() >= until {
                    break;
                }
            }
        }
        Ok(called)
    }

    /// Makes the calls of one log. Says when the next one is due, where one
    /// waits.
    async fn work_entry(&self, entry: &Entry, until: Instant) -> Result<Option<u64>, Error> {
        let stream = &entry.stream;
        let Some(caller) = self.service.caller_of(stream.category()) else {
            // Its gateway is not registered any more. It may come back.
            return Ok(Some(u64::MAX));
        };
        let waits = match self.work(caller, stream, Some(entry), until).await {
            Ok(waits) => waits,
            Err(Failure::Aws(error)) => return Err(error),
            Err(Failure::Refused(why)) => {
                // Whoever reads the log stalls there, and says so.
                tracing::warn!(%stream, %why, "a log cannot be read");
                return Ok(Some(u64::MAX));
            }
        };
        // Where it is stale, somebody knows more.
        let change = waiting::change(stream, Some(entry), waits.as_ref());
        waiting::write(&self.recorder.store, change).await?;
        Ok(waits.map(|waits| waits.due))
    }
}

impl Called {
    fn waits(&mut self, due: u64) {
        self.waiting += 1;
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
    }
}
