//! Projections over one stream: the watermark stands in the row.

use super::{Arrived, ByStream, Job, MAX_COLLISIONS, Progress, Projector, report, row_of};
use crate::{
    Error,
    data_store::{Key, Row, Write, Written},
    history::{self, Resolved, Subject, fold_sized},
    retry,
};
use futures::{StreamExt, stream};
use rewind::{
    Change, Recorded, Refused, StreamName,
    watermark::{Step, step},
};
use std::borrow::Cow;

/// Rows under way at once.
const CONCURRENCY: usize = 16;

/// Pages of a stream that are folded before the row is written: a long stream
/// that is folded from its first event on keeps what is done when the
/// invocation ends early.
const PAGES_A_WRITE: usize = 40;

/// A row after some events.
struct Next {
    row: Row,
    /// How many events more than before it holds.
    applied: usize,
    /// Whether the table is known to hold more.
    has_more: bool,
}

impl Projector {
    /// Folds each stream into its row.
    pub(super) async fn fold_each<'a>(
        &self,
        job: &Job<'_>,
        streams: &ByStream<'a>,
    ) -> Vec<(&'a StreamName, Result<Progress, Error>)> {
        let keys = streams.keys();
        let keys: Vec<Key> = keys
            .map(|stream| Key::row(&job.target, stream.id()))
            .collect();
        let rows = self.store.rows(&keys).await;
        let rows = match rows {
            Ok(rows) => rows,
            Err(error) => {
                let reason = error.to_string();
                let failed = |stream: &&'a StreamName| {
                    let operation = "BatchGetItem";
                    let reason = reason.clone();
                    (*stream, Err(Error::Service { operation, reason }))
                };
                return streams.keys().map(failed).collect();
            }
        };
        let jobs = streams.iter().zip(&keys).map(|((stream, arrived), key)| {
            let row = row_of(&rows, key);
            async move { (*stream, self.fold_one(job, stream, key, arrived, row).await) }
        });
        let jobs = stream::iter(jobs).buffer_unordered(CONCURRENCY);
        jobs.collect().await
    }

    /// Folds a stream's new events into its row, which was read as `row`.
    async fn fold_one(
        &self,
        job: &Job<'_>,
        stream: &StreamName,
        key: &Key,
        arrived: &Arrived<'_>,
        mut row: Row,
    ) -> Result<Progress, Error> {
        let subject = Subject {
            projection: job.projection,
            stream,
            key: &key.sk,
            selection: job.selection,
        };
        let mut progress = Progress::default();
        let mut collisions = 0;
        while collisions < MAX_COLLISIONS {
            let next = match step(row.watermark, arrived.events.iter().copied()) {
                Step::Skip => return Ok(progress),
                Step::Apply(run) => {
                    let run = run.into_iter().map(Cow::Borrowed).collect();
                    self.fold_run(subject, &row, run).await?
                }
                Step::Read { through } => self.fold_read(subject, &row, through).await?,
            };
            let Next {
                row: next,
                applied,
                has_more,
            } = next;
            progress.stalled = next.stalled.is_some();
            if applied == 0 && progress.stalled && next.stalled == row.stalled {
                // Stalled before, for the same reason: there is nothing to say.
                return Ok(progress);
            }
            let seen = row.revision;
            let report = report(&job.target, stream, row.stalled.as_deref(), &next)?;
            let written = match report {
                None => self.store.put(key, &next, seen).await?,
                Some(report) => {
                    let (key, row) = (key.clone(), next.clone());
                    let writes = [Write::Put { key, row, seen }, report];
                    self.store.write_together(&writes).await?
                }
            };
            if written == Written::Done {
                progress.applied += applied;
                if !has_more || progress.stalled {
                    return Ok(progress);
                }
                row = next;
                row.revision = seen + 1;
                continue;
            }
            collisions += 1;
            retry::wait(collisions.min(3)).await;
            row = row_of(&self.store.rows(std::slice::from_ref(key)).await?, key);
        }
        Err(Error::Contended {
            what: format!("row {}/{}", key.pk, key.sk),
            attempts: MAX_COLLISIONS,
        })
    }

    /// Folds the events from the row's watermark up to `through`, read from the
    /// events table page by page.
    async fn fold_read(
        &self,
        subject: Subject<'_>,
        row: &Row,
        through: u64,
    ) -> Result<Next, Error> {
        let mut next = Next {
            row: row.clone(),
            applied: 0,
            has_more: false,
        };
        for nth in 1.. {
            let page = self
                .events
                .read_events(subject.stream, next.row.watermark, through);
            let (events, has_more) = page.await?;
            let events = events.into_iter().map(Cow::Owned).collect();
            let page = self.fold_run(subject, &next.row, events).await?;
            next = Next {
                row: page.row,
                applied: next.applied + page.applied,
                has_more: nth == PAGES_A_WRITE && has_more,
            };
            let refused_at = next.row.watermark + 1;
            if next.row.stalled.is_some() {
                // Perhaps it is taken back further on.
                let (events, stream) = (&self.events, subject.stream);
                if history::is_taken_back(events, stream, refused_at, through).await? {
                    return self.fold_again(subject, row, through).await;
                }
                return Ok(next);
            }
            if next.has_more {
                return Ok(next);
            }
            if !has_more {
                if next.row.watermark < through {
                    return Err(Error::Damaged {
                        what: format!("stream {}", subject.stream),
                        reason: format!("{through} was published and is not in the table"),
                    });
                }
                return Ok(next);
            }
        }
        Ok(next)
    }

    /// Folds a run of events that follows the row's watermark.
    async fn fold_run(
        &self,
        subject: Subject<'_>,
        row: &Row,
        run: Vec<Cow<'_, Recorded>>,
    ) -> Result<Next, Error> {
        let Some(through) = run.last().map(|event| event.version) else {
            return Ok(after(row, row.clone().state, 0, None));
        };
        let resolved = history::resolve(&self.events, run).await?;
        // What is restored belongs at its old place, and what is taken back
        // before it was ever folded in may be what cannot be folded.
        let is_old = |one: &Resolved<'_>| !one.is_restored() && one.root.version <= row.watermark;
        let mut reversals = resolved.iter().filter(|one| one.is_reversal());
        if !reversals.all(is_old) {
            return self.fold_again(subject, row, through).await;
        }
        let changes: Vec<Change<'_>> = resolved
            .iter()
            .map(|one| one.change(subject.selection))
            .collect();
        let folded = fold_sized(subject, row.state.as_ref(), &changes);
        if folded.fold_again {
            return self.fold_again(subject, row, through).await;
        }
        Ok(after(row, folded.row, folded.applied, folded.refused))
    }

    /// Folds the stream from its first event on, without what was taken back.
    async fn fold_again(
        &self,
        subject: Subject<'_>,
        row: &Row,
        through: u64,
    ) -> Result<Next, Error> {
        let folded = history::fold(&self.events, subject, through).await?;
        let Some(applied) = folded.watermark.checked_sub(row.watermark) else {
            // An event that the row holds is refused now: the row stays.
            let (at, reason) = (folded.watermark + 1, folded.refused.unwrap_or_default());
            let reason = format!(
                "to take an event back the stream was folded again, and version {at}, which the row holds, is refused: {reason}"
            );
            return Ok(after(row, row.state.clone(), 0, Some(Refused::new(reason))));
        };
        let applied = applied as usize;
        Ok(after(row, folded.state, applied, folded.refused))
    }
}

fn after(
    row: &Row,
    state: Option<serde_json::Value>,
    applied: usize,
    refused: Option<Refused>,
) -> Next {
    Next {
        row: Row {
            state,
            watermark: row.watermark + applied as u64,
            revision: row.revision,
            stalled: refused.map(|refused| refused.reason),
        },
        applied,
        has_more: false,
    }
}
