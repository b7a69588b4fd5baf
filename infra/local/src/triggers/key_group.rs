//! Invokes the function with the batches of one group of partition keys.
//!
//! The partition keys of a shard are split into as many groups as the mapping's ParallelizationFactor says. The batches
//! of a group follow each other: a batch begins when each record of the one before it is finished or given up on.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::batch::{self, Batch};
use super::checkpointer::Checkpointer;
use super::event::{self, Prepared};
use super::trigger::Trigger;
use super::verdict::{self, Verdict};
use crate::clock;
use crate::lock::locked;
use crate::runtime::{By, MAXIMUM_PAYLOAD, Outcome};
use crate::shutdown::stopped;

/// A group of partition keys of one shard.
pub(super) struct KeyGroup {
    trigger: Arc<Trigger>,
    shard: String,
    checkpointer: Arc<Mutex<Checkpointer>>,
    incoming: mpsc::Receiver<Vec<Prepared>>,
    waiting: VecDeque<Prepared>,
}

impl KeyGroup {
    pub fn new(
        trigger: Arc<Trigger>,
        shard: String,
        checkpointer: Arc<Mutex<Checkpointer>>,
        incoming: mpsc::Receiver<Vec<Prepared>>,
    ) -> Self {
        Self {
            trigger,
            shard,
            checkpointer,
            incoming,
            waiting: VecDeque::new(),
        }
    }

    /// Works until the shard has ended or the system stops. Says whether all records are finished.
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

    /// The records of the next batch; [`None`] when the shard has ended. It can be cancelled without losing a record.
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

    /// Invokes with a batch until each record is finished or given up on. Returns false when the system stops first.
    async fn work_off(&self, batch: Batch) -> bool {
        let mut work = VecDeque::from([batch]);
        while let Some(batch) = work.pop_front() {
            let disk = &self.trigger.disk;
            let times_full = disk.times_full();
            let outcome = self
                .trigger
                .runtime
                .invoke(
                    By::Trigger,
                    &self.trigger.mapping.function,
                    event::event(&batch.records).into(),
                )
                .await;
            let mapping = &self.trigger.mapping;
            let verdict = verdict::of(&outcome, &batch.records, mapping.reports_item_failures);
            if verdict != Verdict::Finished && disk.was_full_since(times_full) {
                // The disk was full: the failure does not count, and the batch is tried again as soon as there is space.
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
            let decision = batch::decide(batch, &verdict, mapping, clock::now_ms() as f64 / 1000.0);
            self.finish(&decision.finished).await;
            if let Some(given_up) = decision.given_up {
                if !self
                    .trigger
                    .dead_letters
                    .put(
                        &self.trigger.function,
                        mapping,
                        &self.shard,
                        &given_up,
                        &outcome,
                    )
                    .await
                {
                    return false;
                }
                self.finish(&given_up.records).await;
            }
            let pause = decision
                .retries
                .first()
                .map(|retry| batch::pause(retry.failures));
            for retry in decision.retries.into_iter().rev() {
                work.push_front(retry);
            }
            // Only a retry waits. Behind a success, the next batch begins at once.
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
        let moved = locked(&self.checkpointer).finish(sequences);
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
