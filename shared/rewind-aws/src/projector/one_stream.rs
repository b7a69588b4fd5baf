//! Projections over one stream: the watermark stands in the row.

use super::{Arrived, ByStream, MAX_COLLISIONS, Progress, Projector, report, row_of, too_large};
use crate::{
    Error,
    data_store::{Key, MAX_ROW_BYTES, Row, Write, Written},
    retry,
};
use futures::{StreamExt, stream};
use rewind::{
    Recorded, Refused, StreamName, Target,
    projection::FoldRow,
    watermark::{Step, step},
};
use serde_json::Value;

/// Rows under way at once.
const CONCURRENCY: usize = 16;

impl Projector {
    /// Folds each stream into its row.
    pub(super) async fn fold_each<'a>(
        &self,
        target: &Target,
        fold: FoldRow,
        streams: &ByStream<'a>,
    ) -> Vec<(&'a StreamName, Result<Progress, Error>)> {
        let keys = streams.keys().map(|stream| Key::row(target, stream.id()));
        let keys: Vec<Key> = keys.collect();
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
            async move {
                let outcome = self.fold_one(target, fold, stream, key, arrived, row);
                (*stream, outcome.await)
            }
        });
        let jobs = stream::iter(jobs).buffer_unordered(CONCURRENCY);
        jobs.collect().await
    }

    /// Folds a stream's new events into its row, which was read as `row`.
    async fn fold_one(
        &self,
        target: &Target,
        fold: FoldRow,
        stream: &StreamName,
        key: &Key,
        arrived: &Arrived<'_>,
        mut row: Row,
    ) -> Result<Progress, Error> {
        for attempt in 1..=MAX_COLLISIONS {
            let folded = match step(row.watermark, arrived.events.iter().copied()) {
                Step::Skip => return Ok(Progress::default()),
                Step::Apply(run) => fold_run(fold, key, &row, &run),
                Step::Read { through } => self.fold_read(fold, stream, key, &row, through).await?,
            };
            let (next, applied, refused) = folded;
            let is_known = refused.is_some() && next.stalled == row.stalled;
            if applied == 0 && is_known {
                // Stalled before, for the same reason: there is nothing to say.
                return Ok(Progress {
                    applied,
                    stalled: true,
                });
            }
            let report = report(target, stream, row.stalled.as_deref(), &next)?;
            let stalled = refused.is_some();
            let seen = row.revision;
            let written = match report {
                None => self.store.put(key, &next, seen).await?,
                Some(report) => {
                    let (key, row) = (key.clone(), next);
                    let writes = [Write::Put { key, row, seen }, report];
                    self.store.write_together(&writes).await?
                }
            };
            if written == Written::Done {
                return Ok(Progress { applied, stalled });
            }
            retry::wait(attempt.min(3)).await;
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
        fold: FoldRow,
        stream: &StreamName,
        key: &Key,
        row: &Row,
        through: u64,
    ) -> Result<(Row, usize, Option<Refused>), Error> {
        let mut row = row.clone();
        let mut applied = 0;
        loop {
            let page = self.events.read_events(stream, row.watermark, through);
            let (events, has_more) = page.await?;
            let events: Vec<&Recorded> = events.iter().collect();
            let (next, count, refused) = fold_run(fold, key, &row, &events);
            row = next;
            applied += count;
            if refused.is_some() || !has_more {
                if refused.is_none() && row.watermark < through {
                    return Err(Error::Damaged {
                        what: format!("stream {stream}"),
                        reason: format!("{through} was published and is not in the table"),
                    });
                }
                return Ok((row, applied, refused));
            }
        }
    }
}

/// The row after a run of events that follows its watermark.
fn fold_run(
    fold: FoldRow,
    key: &Key,
    row: &Row,
    run: &[&Recorded],
) -> (Row, usize, Option<Refused>) {
    let folded = fold(&key.sk, row.state.as_ref(), run);
    let bytes = folded
        .row
        .as_ref()
        .map_or(0, |state| state.to_string().len());
    if bytes > MAX_ROW_BYTES {
        return match run.split_at(run.len() / 2) {
            ([], _) => after(row, row.state.clone(), 0, Some(too_large(bytes))),
            // Which of the events is too much shows in halves.
            (first, second) => {
                let (half, applied, refused) = fold_run(fold, key, row, first);
                if refused.is_some() {
                    return (half, applied, refused);
                }
                let (whole, more, refused) = fold_run(fold, key, &half, second);
                (whole, applied + more, refused)
            }
        };
    }
    after(row, folded.row, folded.applied, folded.refused)
}

fn after(
    row: &Row,
    state: Option<Value>,
    applied: usize,
    refused: Option<Refused>,
) -> (Row, usize, Option<Refused>) {
    let next = Row {
        state,
        watermark: row.watermark + applied as u64,
        revision: row.revision,
        stalled: refused.as_ref().map(|refused| refused.reason.clone()),
    };
    (next, applied, refused)
}
