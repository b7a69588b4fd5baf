//! Write's part in the feed of changes: a row is written with what it tells, and
//! that is published before the delivery is done.

use super::projector::{Job, Projector};
use crate::{
    Error,
    data_table::{
        key::Key,
        row::{Row, stored_form},
        transaction::Write,
    },
    feed::{
        hand_over::{Serving, Taking},
        next::next as next_told,
        teller::Teller,
    },
    generation::generations::Generations,
};
use futures::{StreamExt, TryStreamExt, stream};
use rewind::{Cause, RecordedEvent, Rejection, StreamName, Target};
use serde_json::Value;
use std::collections::HashMap;

/// Rows that get the feed at once.
const CONCURRENCY: usize = 16;

/// That a generation serves, if it does.
pub(super) fn serving(known: &Generations, target: &Target) -> Option<Serving> {
    (known.serving == target.generation).then(|| Serving {
        previous: known.previous,
        is_settled: known.is_settled(),
    })
}

/// A row after some events as it is written: with its secondary key, and with
/// what it tells then. `cause` is the last of them.
///
/// # Errors
///
/// A rejection where its change cannot be told, or where it has no secondary key
/// that an index holds.
pub(super) fn told(
    job: &Job<'_>,
    key: &str,
    row: &Row,
    next: Row,
    cause: Option<&Cause>,
) -> Result<Row, Rejection> {
    let next = Row {
        secondary: secondary(job, row, &next)?,
        ..next
    };
    if !row.telling.tells() {
        let telling = row.telling.clone();
        return Ok(Row { telling, ..next });
    }
    let state = next.state.map(stored_form);
    let telling = match cause {
        Some(cause) => next_told(job.projection, key, row, state.as_ref(), cause)?,
        // No event is new.
        None => row.telling.clone().published(),
    };
    Ok(Row {
        state,
        telling,
        ..next
    })
}

/// The secondary key of a row after some events. Where they have not changed the
/// row it stays, so that a report of a stall is never refused for it.
fn secondary(job: &Job<'_>, row: &Row, next: &Row) -> Result<Option<String>, Rejection> {
    if job.projection.secondary_key.is_some() && next.state == row.state {
        return Ok(row.secondary.clone());
    }
    job.projection.secondary(next.state.as_ref())
}

/// The keys of the rows that a checkpoint says were changed with it: their
/// changes may not be published.
fn untold(checkpoint: &Row) -> Vec<String> {
    let state = checkpoint.state.as_ref().map(|state| &state["untold"]);
    let keys = state.and_then(Value::as_array).into_iter().flatten();
    let keys = keys.filter_map(Value::as_str);
    keys.map(ToString::to_string).collect()
}

impl Projector {
    /// Who tells, of a projection whose changes are told.
    fn teller(&self, job: &Job<'_>) -> Result<Option<&Teller>, Error> {
        match (&job.projection.feed, &self.teller) {
            (None, _) => Ok(None),
            (Some(_), Some(teller)) => Ok(Some(teller)),
            (Some(_), None) => Err(Error::Environment("INCOMING_STREAM")),
        }
    }

    /// Publishes the changes that rows hold at these revisions.
    pub(super) async fn publish<'r>(
        &self,
        job: &Job<'_>,
        rows: impl IntoIterator<Item = (&'r Key, &'r Row, u64)>,
    ) -> Result<(), Error> {
        match self.teller(job)? {
            Some(teller) => teller.publish(job.projection, rows).await,
            None => Ok(()),
        }
    }

    /// Publishes the changes of rows that were just written, and takes note of
    /// the checkpoints that say so.
    pub(super) async fn publish_written(
        &self,
        job: &Job<'_>,
        written: &[Write],
    ) -> Result<(), Error> {
        let Some(teller) = self.teller(job)? else {
            return Ok(());
        };
        let rows = written.iter().filter_map(|write| match write {
            Write::Put { key, row, seen } => Some((key, row, seen + 1)),
            Write::Replace { .. } | Write::Delete { .. } | Write::Remove { .. } => None,
        });
        teller.publish(job.projection, rows.clone()).await?;
        for (key, _, revision) in rows {
            teller.know(key, revision);
        }
        Ok(())
    }

    /// Publishes what the last transactions of these checkpoints have changed:
    /// whoever wrote them may have died before that.
    pub(super) async fn publish_behind(
        &self,
        job: &Job<'_>,
        checkpoints: &HashMap<Key, Row>,
    ) -> Result<(), Error> {
        let Some(teller) = self.teller(job)? else {
            return Ok(());
        };
        let open = checkpoints.iter();
        let open = open.filter(|(key, row)| !teller.is_published(key, row.revision));
        let open: Vec<(&Key, &Row)> = open.collect();
        let keys = open.iter().flat_map(|(_, checkpoint)| untold(checkpoint));
        let keys: Vec<Key> = keys.map(|key| Key::row(&job.target, &key)).collect();
        if !keys.is_empty() {
            let rows = self.rows.rows(&keys).await?;
            let rows = rows.iter().map(|(key, row)| (key, row, row.revision));
            teller.publish(job.projection, rows).await?;
        }
        for (key, checkpoint) in open {
            teller.know(key, checkpoint.revision);
        }
        Ok(())
    }

    /// Lets a row tell, where its generation serves and it does not tell yet.
    pub(super) async fn take(
        &self,
        job: &Job<'_>,
        key: &Key,
        row: Row,
    ) -> Result<Option<Row>, Error> {
        let (Some(teller), Some(serving)) = (self.teller(job)?, &job.serving) else {
            return Ok(Some(row));
        };
        let taking = Taking {
            projection: job.projection,
            target: &job.target,
            serving,
            events: &self.events,
            store: &self.store,
        };
        teller.take(taking, key, row).await
    }

    /// Publishes what these rows hold, and lets all of them tell; `None` where
    /// others have written one.
    pub(super) async fn take_all(
        &self,
        job: &Job<'_>,
        keys: &[Key],
        mut rows: HashMap<Key, Row>,
    ) -> Result<Option<HashMap<Key, Row>>, Error> {
        if self.teller(job)?.is_none() {
            return Ok(Some(rows));
        }
        let held = rows.iter().map(|(key, row)| (key, row, row.revision));
        self.publish(job, held).await?;
        let quiet = keys.iter().filter_map(|key| {
            let row = rows.get(key).cloned().unwrap_or_default();
            (job.serving.is_some() && !row.telling.tells()).then_some((key, row))
        });
        let quiet: Vec<(&Key, Row)> = quiet.collect();
        let taken = quiet.into_iter().map(|(key, row)| async move {
            let got = self.take(job, key, row).await?;
            Ok::<_, Error>((key, got))
        });
        let taken = stream::iter(taken).buffer_unordered(CONCURRENCY);
        for (key, got) in taken.try_collect::<Vec<_>>().await? {
            match got {
                Some(row) => rows.insert(key.clone(), row),
                None => return Ok(None),
            };
        }
        Ok(Some(rows))
    }

    /// The cause of what a row of one stream tells at a watermark.
    pub(super) async fn cause(
        &self,
        stream: &StreamName,
        arrived: &[&RecordedEvent],
        watermark: u64,
    ) -> Result<Option<Cause>, Error> {
        let mut arrived = arrived.iter();
        if let Some(event) = arrived.find(|event| event.version == watermark) {
            return Ok(Some(Cause::of(event)));
        }
        let event = self.events.event(stream, watermark).await?;
        Ok(event.as_ref().map(Cause::of))
    }
}
