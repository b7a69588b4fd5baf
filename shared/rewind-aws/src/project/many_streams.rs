//! Projections over many streams: rows of the projection's own keys, and one
//! checkpoint a stream that holds its watermark. A transaction holds whole
//! events: all the rows that they change and the checkpoints of their streams.

use super::{
    projector::{ByStream, Job, MAX_COLLISIONS, Progress, Projector, row_of},
    shared_write::Round,
};
use crate::{
    Error,
    aws::retry,
    data_table::{key::Key, transaction::MAX_TRANSACTION_ITEMS},
};
use rewind::StreamName;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use super::apart::{Apart, passed};

impl Projector {
    /// Folds streams into the rows that their events touch.
    pub(super) async fn fold_together<'a>(
        &self,
        job: &Job<'_>,
        streams: &ByStream<'a>,
    ) -> Vec<(&'a StreamName, Result<Progress, Error>)> {
        let mut outcomes: BTreeMap<&'a StreamName, Result<Progress, Error>> = BTreeMap::new();
        let mut wanted: BTreeSet<&'a StreamName> = streams.keys().copied().collect();
        let mut collisions = 0;
        while !wanted.is_empty() {
            let round = match self.round(job, streams, &wanted).await {
                Ok(round) => round,
                Err(error) => {
                    fail_all(&mut outcomes, wanted, &error);
                    break;
                }
            };
            for (stream, progress) in round.progress {
                let total = outcomes.entry(stream).or_insert(Ok(Progress::default()));
                if let Ok(total) = total {
                    total.stalled = total.stalled.or(progress.stalled);
                }
            }
            // A stream leaves when it has nothing new, is stalled or failed.
            for stream in &round.finished {
                wanted.remove(stream);
            }
            for (stream, error) in round.failed {
                wanted.remove(stream);
                outcomes.insert(stream, Err(error));
            }
            if round.is_stale {
                collisions += 1;
                if collisions > MAX_COLLISIONS {
                    let what = format!("rows of {}", job.target);
                    let attempts = collisions;
                    fail_all(&mut outcomes, wanted, &Error::Contended { what, attempts });
                    break;
                }
                retry::wait(collisions.min(4)).await;
            }
        }
        outcomes.into_iter().collect()
    }

    /// Reads the checkpoints, plans one transaction that takes as many streams as
    /// fit, and writes it.
    async fn round<'a>(
        &self,
        job: &Job<'_>,
        streams: &ByStream<'a>,
        wanted: &BTreeSet<&'a StreamName>,
    ) -> Result<Round<'a>, Error> {
        let mut round = Round::default();
        // More checkpoints than these fit no transaction.
        let some: Vec<&'a StreamName> = wanted
            .iter()
            .copied()
            .take(MAX_TRANSACTION_ITEMS - 1)
            .collect();
        let reader = job.target.to_string();
        let checkpoint_keys: Vec<Key> = some
            .iter()
            .map(|s| Key::checkpoint(&reader, s.as_str()))
            .collect();
        let checkpoints = self.rows.rows(&checkpoint_keys).await?;
        self.publish_behind(job, &checkpoints).await?;
        let mut runs = Vec::new();
        let mut touched: BTreeSet<String> = BTreeSet::new();
        // Beside the rows: a checkpoint for each run, and the end of a stall's report.
        let mut beside = 0;
        for (stream, key) in some.into_iter().zip(&checkpoint_keys) {
            let room = MAX_TRANSACTION_ITEMS.saturating_sub(touched.len() + beside);
            if room < 3 {
                break;
            }
            let Some(arrived) = streams.get(stream) else {
                continue;
            };
            let checkpoint = row_of(&checkpoints, key);
            let taken = beside + 1 + usize::from(checkpoint.stalled.is_some());
            let run = self.run(job, stream, checkpoint, &arrived.events, (&touched, taken));
            let run = match run.await {
                Ok(run) => run,
                Err(error) => {
                    round.failed.push((stream, error));
                    continue;
                }
            };
            match run {
                Some(run) if run.entries.is_empty() && run.refused.is_none() => {
                    // Its first event does not fit beside the others.
                    break;
                }
                Some(run) => {
                    touched.extend(run.entries.iter().flat_map(|entry| entry.keys.clone()));
                    beside = taken;
                    runs.push(run);
                }
                None => round.finished.push(stream),
            }
        }
        if runs.is_empty() {
            return Ok(round);
        }
        self.write(job, runs, touched, round).await
    }
}

/// Leaves all these streams to the next delivery.
fn fail_all<'a>(
    outcomes: &mut BTreeMap<&'a StreamName, Result<Progress, Error>>,
    streams: BTreeSet<&'a StreamName>,
    error: &Error,
) {
    let reason = error.to_string();
    for stream in streams {
        let reason = reason.clone();
        let operation = "folding";
        outcomes.insert(stream, Err(Error::Service { operation, reason }));
    }
}
