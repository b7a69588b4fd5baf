//! Projections over one stream: the watermark stands in the row.

use super::projector::{
    Arrived, ByStream, Job, MAX_COLLISIONS, Progress, Projector, report, row_of,
};
use crate::{
    Error,
    aws::retry,
    data_table::{
        key::Key,
        row::{Row, Written},
        stall,
        transaction::Write,
    },
    history::resolve::{self, Resolved, Subject, fold_sized},
};
use futures::{StreamExt, stream};
use rewind::{
    Change, RecordedEvent, Rejection, StreamName,
    watermark::{Arrival, arrival},
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

    /// Folds a stream's new events into its row, which was read as `row`. Where
    /// the store refuses a row for what it holds, fewer events are tried, down
    /// to the one that makes it so: the stream stalls there.
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
        let delivered = arrived.events.iter().map(|event| event.version);
        let delivered = delivered.max().unwrap_or_default();
        let mut progress = Progress::default();
        let mut collisions = 0;
        // How many events are tried at once.
        let mut most = usize::MAX;
        while collisions < MAX_COLLISIONS {
            let next = match arrival(row.watermark, arrived.events.iter().copied()) {
                Arrival::Skip => return Ok(progress),
                Arrival::Apply(mut run) => {
                    run.truncate(most);
                    let run = run.into_iter().map(Cow::Borrowed).collect();
                    self.fold_run(subject, &row, run, delivered).await?
                }
                Arrival::Read { through } => {
                    let through = through.min(row.watermark.saturating_add(most as u64));
                    self.fold_read(subject, &row, through, delivered).await?
                }
            };
            let written = match self.write_row(job, subject, key, &row, &next).await {
                Err(Error::Rejected { reason, .. }) => {
                    most = most.min(next.applied) / 2;
                    if most > 0 {
                        continue;
                    }
                    let refused = format!("the store does not take the row: {reason}");
                    let refused = Rejection::new(refused);
                    let left_out = self.leave_out(job, subject, key, &row, refused, delivered);
                    let left_out = left_out.await?;
                    return Ok(Progress {
                        applied: progress.applied + left_out.applied,
                        ..left_out
                    });
                }
                written => written?,
            };
            progress.stalled = next.row.stalled.is_some();
            match written {
                None => return Ok(progress),
                Some(Written::Done) => {
                    progress.applied += next.applied;
                    if progress.stalled || next.row.watermark >= delivered {
                        return Ok(progress);
                    }
                    let revision = row.revision + 1;
                    row = next.row;
                    row.revision = revision;
                }
                Some(Written::Stale) => {
                    collisions += 1;
                    retry::wait(collisions.min(3)).await;
                    row = row_of(&self.store.rows(std::slice::from_ref(key)).await?, key);
                }
            }
        }
        Err(Error::Contended {
            what: format!("row {}/{}", key.pk, key.sk),
            attempts: MAX_COLLISIONS,
        })
    }

    /// Writes the row after some events, with the report of a stall where that
    /// begins or ends. `None` where it is stalled as before: there is nothing
    /// to say.
    async fn write_row(
        &self,
        job: &Job<'_>,
        subject: Subject<'_>,
        key: &Key,
        row: &Row,
        next: &Next,
    ) -> Result<Option<Written>, Error> {
        let is_stalled = next.row.stalled.is_some();
        if next.applied == 0 && is_stalled && next.row.stalled == row.stalled {
            return Ok(None);
        }
        let seen = row.revision;
        let report = report(
            &job.target,
            subject.stream,
            row.stalled.as_deref(),
            &next.row,
        )?;
        let written = match report {
            None => self.store.put(key, &next.row, seen).await?,
            Some(report) => {
                let (key, row) = (key.clone(), next.row.clone());
                let writes = [Write::Put { key, row, seen }, report];
                self.store.write_together(&writes).await?
            }
        };
        Ok(Some(written))
    }

    /// The store does not take the row with the event behind `row`. Where that
    /// event is taken back by what was delivered, the row is folded without it;
    /// otherwise, or where that is refused as well, the stream stalls here.
    async fn leave_out(
        &self,
        job: &Job<'_>,
        subject: Subject<'_>,
        key: &Key,
        row: &Row,
        refused: Rejection,
        delivered: u64,
    ) -> Result<Progress, Error> {
        let at = row.watermark + 1;
        let mut next = after(row, row.state.clone(), 0, Some(refused));
        let mut written = None;
        if resolve::is_taken_back(&self.events, subject.stream, at, delivered).await? {
            let without = self.fold_again(subject, row, delivered).await?;
            match self.write_row(job, subject, key, row, &without).await {
                Err(Error::Rejected { .. }) => {}
                tried => {
                    written = tried?;
                    next = without;
                }
            }
        }
        if written.is_none() {
            written = self.write_row(job, subject, key, row, &next).await?;
        }
        match written {
            Some(Written::Stale) => Err(Error::Contended {
                what: format!("row {}/{}", key.pk, key.sk),
                attempts: 1,
            }),
            _ => Ok(Progress {
                applied: next.applied,
                stalled: next.row.stalled.is_some(),
            }),
        }
    }

    /// Folds the events from the row's watermark up to `through`, read from the
    /// events table page by page, as far as one write goes.
    async fn fold_read(
        &self,
        subject: Subject<'_>,
        row: &Row,
        through: u64,
        delivered: u64,
    ) -> Result<Next, Error> {
        let mut next = after(row, row.state.clone(), 0, None);
        for _ in 0..PAGES_A_WRITE {
            let page = self
                .events
                .read_events(subject.stream, next.row.watermark, through);
            let (events, has_more) = page.await?;
            let events = events.into_iter().map(Cow::Owned).collect();
            let page = self.fold_run(subject, &next.row, events, delivered).await?;
            next = Next {
                row: page.row,
                applied: next.applied + page.applied,
            };
            if next.row.stalled.is_some() {
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

    /// Folds a run of events that follows the row's watermark. One that is
    /// refused and taken back up to `delivered` holds nobody up.
    async fn fold_run(
        &self,
        subject: Subject<'_>,
        row: &Row,
        run: Vec<Cow<'_, RecordedEvent>>,
        delivered: u64,
    ) -> Result<Next, Error> {
        let Some(through) = run.last().map(|event| event.version) else {
            return Ok(after(row, row.clone().state, 0, None));
        };
        let resolved = resolve::resolve(&self.events, run).await?;
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
        if folded.rejection.is_some() && delivered > through {
            let refused_at = row.watermark + folded.applied as u64 + 1;
            let (events, stream) = (&self.events, subject.stream);
            if resolve::is_taken_back(events, stream, refused_at, delivered).await? {
                return self.fold_again(subject, row, delivered).await;
            }
        }
        Ok(after(row, folded.row, folded.applied, folded.rejection))
    }

    /// Folds the stream from its first event on, without what was taken back.
    async fn fold_again(
        &self,
        subject: Subject<'_>,
        row: &Row,
        through: u64,
    ) -> Result<Next, Error> {
        let folded = resolve::fold(&self.events, subject, through).await?;
        let Some(applied) = folded.watermark.checked_sub(row.watermark) else {
            // An event that the row holds is refused now: the row stays.
            let (at, reason) = (folded.watermark + 1, folded.refused.unwrap_or_default());
            let reason = format!(
                "to take an event back the stream was folded again, and version {at}, which the row holds, is refused: {reason}"
            );
            return Ok(after(
                row,
                row.state.clone(),
                0,
                Some(Rejection::new(reason)),
            ));
        };
        let applied = applied as usize;
        Ok(after(row, folded.state, applied, folded.refused))
    }
}

fn after(
    row: &Row,
    state: Option<serde_json::Value>,
    applied: usize,
    refused: Option<Rejection>,
) -> Next {
    Next {
        row: Row {
            state,
            watermark: row.watermark + applied as u64,
            revision: row.revision,
            stalled: refused.as_ref().map(stall::reason),
        },
        applied,
    }
}
