//! Projections over one stream: the watermark stands in the row. Here rows are
//! read and written; `row_fold` makes the next row of one.

use super::{
    feed,
    projector::{Arrived, ByStream, Job, MAX_COLLISIONS, Progress, Projector, report, row_of},
    row_fold::{Next, RowFold, after},
    told::told,
};
use crate::{
    Error,
    aws::{retry, statements::MAX_STATEMENTS},
    data_table::{
        key::Key,
        row::{Row, Written},
        transaction::Write,
    },
    history::resolve::{self, Subject},
};
use futures::{StreamExt, stream};
use rewind::{
    Rejection, StreamName,
    watermark::{Arrival, arrival},
};
use std::borrow::Cow;

/// Rows under way at once: two requests' worth.
const CONCURRENCY: usize = 2 * MAX_STATEMENTS;

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
        let rows = self.rows.rows(&keys).await;
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
        let mut fold = RowFold {
            events: &self.events,
            store: &self.store,
            subject,
            target: &job.target,
            delivered,
            pages_a_write: self.pages_a_write,
        };
        let mut progress = Progress::default();
        let mut collisions = 0;
        // How many events are tried at once.
        let mut most = usize::MAX;
        while collisions < MAX_COLLISIONS {
            // Whatever becomes of the delivery: nobody else may publish it.
            self.publish(job, [(key, &row, row.revision)]).await?;
            let head = told(&self.events, stream, &row).await?;
            fold.delivered = delivered.max(head.unwrap_or_default());
            let new = arrival(row.watermark, head, arrived.events.iter().copied());
            if matches!(new, Arrival::Skip) {
                return Ok(progress);
            }
            row = match self.take(job, key, row).await? {
                Some(row) => row,
                None => {
                    collisions += 1;
                    row = self.reread(key, collisions).await?;
                    continue;
                }
            };
            let mut next = match new {
                Arrival::Skip => return Ok(progress),
                Arrival::Apply(mut run) => {
                    run.truncate(most);
                    let run = run.into_iter().map(Cow::Borrowed).collect();
                    fold.run(&row, run).await?
                }
                Arrival::Read { through } => {
                    let through = through.min(row.watermark.saturating_add(most as u64));
                    fold.read(&row, through).await?
                }
            };
            progress.stalled = stalled_at(&next.row);
            if progress.stalled.is_none() && next.row.watermark < fold.delivered {
                // It is on its way to the end, and has to go on if it dies here.
                next.row.stalled.clone_from(&row.stalled);
            }
            let written = match self.write_row(job, &fold, arrived, &row, &mut next).await {
                Err(Error::Rejected { reason, .. }) => {
                    most = most.min(next.applied) / 2;
                    if most > 0 {
                        continue;
                    }
                    let refused = format!("the store does not take the row: {reason}");
                    let refused = Rejection::new(refused);
                    return self.leave_out(job, &fold, arrived, &row, refused).await;
                }
                written => written?,
            };
            match written {
                None => return Ok(progress),
                Some(Written::Done) => {
                    if progress.stalled.is_some() || next.row.watermark >= fold.delivered {
                        return Ok(progress);
                    }
                    let revision = row.revision + 1;
                    row = next.row;
                    row.revision = revision;
                }
                Some(Written::Stale) => {
                    collisions += 1;
                    row = self.reread(key, collisions).await?;
                }
            }
        }
        Err(Error::Contended {
            what: format!("row {}/{}", key.pk, key.sk),
            attempts: MAX_COLLISIONS,
        })
    }

    /// A row that others have written, after a while.
    async fn reread(&self, key: &Key, collisions: u32) -> Result<Row, Error> {
        retry::wait(collisions.min(3)).await;
        let rows = self.rows.rows(std::slice::from_ref(key)).await?;
        Ok(row_of(&rows, key))
    }

    /// Writes the row after some events, with the report of a stall where that
    /// begins or ends, and the end of the fold that was kept for it. `None`
    /// where it is stalled as before: there is nothing to say. What has become
    /// of the row is published.
    async fn write_row(
        &self,
        job: &Job<'_>,
        fold: &RowFold<'_>,
        arrived: &Arrived<'_>,
        row: &Row,
        next: &mut Next,
    ) -> Result<Option<Written>, Error> {
        let subject = fold.subject;
        let key = &Key::row(&job.target, subject.key);
        let is_stalled = next.row.stalled.is_some();
        if next.applied == 0 && is_stalled && next.row.stalled == row.stalled {
            return Ok(None);
        }
        let seen = row.revision;
        let cause = match row.telling.tells() && next.applied > 0 {
            true => {
                let (events, at) = (&arrived.events, next.row.watermark);
                self.cause(subject.stream, events, at).await?
            }
            false => None,
        };
        let after = std::mem::take(&mut next.row);
        let telling = feed::told(job, subject.key, row, after, cause.as_ref());
        next.row = telling.map_err(|refused| Error::Rejected {
            operation: "telling a change",
            reason: refused.reason,
        })?;
        let report = report(
            &job.target,
            subject.stream,
            row.stalled.as_deref(),
            &next.row,
        )?;
        let kept = next.kept.clone().map(|key| Write::Delete { key });
        let beside: Vec<Write> = report.into_iter().chain(kept).collect();
        let written = if beside.is_empty() {
            self.rows.put(key, &next.row, row).await?
        } else {
            let (key, row) = (key.clone(), next.row.clone());
            let mut writes = vec![Write::Put { key, row, seen }];
            writes.extend(beside);
            self.rows.write_together(&writes).await?
        };
        if written == Written::Done {
            // A stall alone is noted beside the row.
            self.tally
                .wrote(usize::from(next.applied > 0), next.applied);
            self.publish(job, [(key, &next.row, seen + 1)]).await?;
        }
        Ok(Some(written))
    }

    /// The store does not take the row with the event behind `row`. Where that
    /// event is taken back by what was delivered, the row is folded without it;
    /// otherwise, or where that is refused as well, the stream stalls here.
    async fn leave_out(
        &self,
        job: &Job<'_>,
        fold: &RowFold<'_>,
        arrived: &Arrived<'_>,
        row: &Row,
        refused: Rejection,
    ) -> Result<Progress, Error> {
        let (subject, delivered) = (fold.subject, fold.delivered);
        let at = row.watermark + 1;
        let mut next = after(row, row.state.clone(), 0, Some(refused));
        let mut written = None;
        if resolve::is_taken_back(&self.events, subject.stream, at, delivered).await? {
            let mut without = fold.again(row, delivered).await?;
            match self.write_row(job, fold, arrived, row, &mut without).await {
                Err(Error::Rejected { .. }) => {}
                tried => {
                    written = tried?;
                    next = without;
                }
            }
        }
        if written.is_none() {
            written = self.write_row(job, fold, arrived, row, &mut next).await?;
        }
        match written {
            Some(Written::Stale) => Err(Error::Contended {
                what: format!("row {}/{}", job.target, subject.key),
                attempts: 1,
            }),
            _ => Ok(Progress {
                stalled: stalled_at(&next.row),
            }),
        }
    }
}

/// The version of the event that a row is stalled at.
fn stalled_at(row: &Row) -> Option<u64> {
    row.stalled.is_some().then_some(row.watermark + 1)
}
