//! Publishes changes of rows on `incoming`, where pump takes them.

use crate::{
    Error,
    aws::{producer::Stream, publish::Run},
    data_table::{key::Key, row::Row, telling::Telling},
};
use lru::LruCache;
use rewind::{Batch, Changed, CloudEvent, Projection};
use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

/// How many rows a process remembers to have published. One that it forgets is
/// published once more, and pump drops the repeat: twenty batches of 500 events,
/// each of another row, at some hundred bytes each.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Tells what becomes of rows.
#[derive(Debug)]
pub struct Teller {
    incoming: Stream,
    /// The revisions up to which this process knows the changes of rows to be
    /// published.
    known: Mutex<LruCache<Key, u64>>,
}

impl Teller {
    /// A teller that publishes on the stream `incoming`.
    pub fn new(incoming: Stream) -> Self {
        let known = Mutex::new(LruCache::new(REMEMBERED));
        Self { incoming, known }
    }

    /// Publishes the changes that these rows hold at these revisions, unless they
    /// are known to be published: before anybody writes over them.
    ///
    /// # Errors
    ///
    /// When Kinesis does not take one of them: nobody may write over the rows
    /// then, nor pass by the delivery that changed them.
    pub(crate) async fn publish<'a>(
        &self,
        projection: &Projection,
        rows: impl IntoIterator<Item = (&'a Key, &'a Row, u64)>,
    ) -> Result<(), Error> {
        let mut runs = Vec::new();
        let mut told = Vec::new();
        for (key, row, revision) in rows {
            if self.is_published(key, revision) {
                continue;
            }
            let Some(event) = event(projection, key, row)? else {
                continue;
            };
            let packed = Batch::encode(std::slice::from_ref(&event));
            runs.push(Run::new(event.stream.as_str(), packed));
            told.push((key, revision));
        }
        if runs.is_empty() {
            return Ok(());
        }
        let published = self.incoming.publish(runs).await;
        let mut failed = None;
        for ((key, revision), published) in told.into_iter().zip(published) {
            match published.refused {
                None => self.know(key, revision),
                Some(reason) => failed = Some(reason),
            }
        }
        let operation = "PutRecords";
        failed.map_or(Ok(()), |reason| Err(Error::Service { operation, reason }))
    }

    /// Whether this process knows that all that an item told up to a revision
    /// is published.
    pub(crate) fn is_published(&self, key: &Key, revision: u64) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).is_some_and(|known| *known >= revision)
    }

    /// From now on, this process knows it.
    pub(crate) fn know(&self, key: &Key, revision: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_mut(key.clone(), || revision);
        *known = revision.max(*known);
    }
}

/// The event of the change that a row holds.
fn event(projection: &Projection, key: &Key, row: &Row) -> Result<Option<CloudEvent>, Error> {
    let Telling::Change(change) = &row.telling else {
        return Ok(None);
    };
    let event = projection.change(&Changed {
        id: &change.id,
        key: &key.sk,
        old: change.old.row.as_ref(),
        new: row.state.as_ref(),
        cause: &change.cause,
    });
    event.map_err(|refused| Error::Damaged {
        what: format!("row {}/{}", key.pk, key.sk),
        reason: refused.reason,
    })
}
