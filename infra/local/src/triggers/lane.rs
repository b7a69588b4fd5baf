//! Gathers batches, invokes the function with one after the other, and tries again what failed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Trigger;
use super::batch::{self, Batch};
use super::event::{self, Prepared};
use super::progress::Progress;
use super::verdict::{self, Verdict};
use crate::clock;
use crate::runtime::{MAXIMUM_PAYLOAD, Outcome};
use crate::shutdown::stopped;

/// One lane of a shard: its batches follow each other.
pub(super) struct Lane {
    trigger: Arc<Trigger>,
    shard: String,
    progress: Arc<Mutex<Progress>>,
    incoming: mpsc::Receiver<Vec<Prepared>>,
    waiting: VecDeque<Prepared>,
}

impl Lane {
    pub fn new(
        trigger: Arc<Trigger>,
        shard: String,
        progress: Arc<Mutex<Progress>>,
        incoming: mpsc::Receiver<Vec<Prepared>>,
    ) -> Self {
        Self {
            trigger,
            shard,
            progress,
            incoming,
            waiting: VecDeque::new(),
        }
    }

    /// Works until there is nothing more to come. Says whether all of it was finished.
    pub async fn run(mut self) -> bool {
        loop {
            let batch = tokio::select! {
                biased;
                () = stopped(self.trigger.closing.clone()) => return false,
                batch = self.gather() => batch,
            };
            let Some(records) = batch else { return true };
            if !self
                .work_off(Batch {
                    records,
                    failures: 0,
                })
                .await
            {
                return false;
            }
        }
    }

    /// The next batch; [`None`] when the shard has ended. No record is lost when this is cancelled.
    async fn gather(&mut self) -> Option<Vec<Prepared>> {
        let size = self.trigger.mapping.batch_size as usize;
        if self.waiting.is_empty() {
            let records = self.incoming.recv().await?;
            self.waiting.extend(records);
        }
        let window = Duration::from_secs(self.trigger.mapping.window_seconds.into());
        let until = Instant::now() + window;
        while self.waiting.len() < size && fits(&self.waiting) == self.waiting.len() {
            let more = match window.is_zero() {
                true => self.incoming.try_recv().ok(),
                false => tokio::time::timeout_at(until, self.incoming.recv())
                    .await
                    .ok()
                    .flatten(),
            };
            match more {
                Some(records) => self.waiting.extend(records),
                None => break,
            }
        }
        let count = fits(&self.waiting).min(size);
        Some(self.waiting.drain(..count).collect())
    }

    /// Invokes with a batch until each record is finished or given up on. Says whether that came to an end.
    async fn work_off(&self, batch: Batch) -> bool {
        let mut work = VecDeque::from([batch]);
        while let Some(batch) = work.pop_front() {
            let disk = &self.trigger.disk;
            let times_full = disk.times_full();
            let outcome = self
                .trigger
                .runtime
                .invoke(
                    &self.trigger.mapping.function,
                    event::event(&batch.records).into(),
                )
                .await;
            let mapping = &self.trigger.mapping;
            let verdict = verdict::of(&outcome, &batch.records, mapping.reports_item_failures);
            if verdict != Verdict::Finished && disk.was_full_since(times_full) {
                // It is not the batch's failure, and counts as none: it is tried again as soon as there is space.
                work.push_front(batch);
                tokio::select! {
                    () = stopped(self.trigger.closing.clone()) => return false,
                    () = disk.room() => continue,
                }
            }
            if let Outcome::Failure(failure) = &outcome {
                tracing::warn!(
                    mapping = mapping.id,
                    shard = self.shard,
                    error = failure.text(),
                    "a batch failed"
                );
            }
            let next = batch::decide(batch, &verdict, mapping, clock::now_ms() as f64 / 1000.0);
            self.finish(&next.finished).await;
            if let Some(given_up) = next.given_up {
                if !self
                    .trigger
                    .dead_letters
                    .put(&self.trigger, &self.shard, &given_up, &outcome)
                    .await
                {
                    return false;
                }
                self.finish(&given_up.records).await;
            }
            let pause = next
                .retries
                .first()
                .map(|retry| batch::pause(retry.failures));
            for retry in next.retries.into_iter().rev() {
                work.push_front(retry);
            }
            // Nothing was retried when a batch ended well: what waits behind it goes on at once.
            if let Some(pause) = pause
                && tokio::time::timeout(pause, stopped(self.trigger.closing.clone()))
                    .await
                    .is_ok()
            {
                return false;
            }
            if *self.trigger.closing.borrow() && !work.is_empty() {
                return false;
            }
        }
        true
    }

    async fn finish(&self, records: &[Prepared]) {
        let sequences = records.iter().map(|record| record.sequence.as_str());
        let moved = self
            .progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .finish(sequences);
        if let Some(sequence) = moved {
            self.trigger
                .source
                .finish(&self.trigger.mapping, &self.shard, &sequence)
                .await;
        }
    }
}

/// How many of the records fit into one invocation; at least one.
fn fits(records: &VecDeque<Prepared>) -> usize {
    let mut room = MAXIMUM_PAYLOAD - event::event(&[]).len();
    let fitting =
        records
            .iter()
            .take_while(|record| match room.checked_sub(event::bytes(record)) {
                Some(left) => {
                    room = left;
                    true
                }
                None => false,
            });
    fitting.count().max(1)
}
