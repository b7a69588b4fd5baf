//! Which row tells what becomes of a key.
//!
//! When another generation serves, the feed goes over to it key by key, with
//! the first write there: one transaction takes it from the row that has it. So
//! at each moment one row tells, whatever a running batch believes to serve, no
//! change is told twice, and none is left out. What was told last goes over with
//! it.

use super::{
    next::{next, told},
    teller::Teller,
};
use crate::{
    Error,
    aws::retry,
    data_table::{
        data_store::DataStore,
        key::Key,
        row::{Row, Written},
        telling::{Image, Telling},
        transaction::Write,
    },
    event_table::event_store::EventStore,
};
use rewind::{Cause, Projection, Target};
use serde_json::Value;

/// That a generation serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// What served before.
    pub previous: Option<u64>,
    /// Whether every batch that runs knows that it serves.
    pub is_settled: bool,
}

/// The generation whose rows get the feed, and the tables.
#[derive(Clone, Copy)]
pub(crate) struct Taking<'a> {
    pub projection: &'a Projection,
    pub target: &'a Target,
    pub serving: &'a Serving,
    pub events: &'a EventStore,
    pub store: &'a DataStore,
}

/// Where a row gets the feed from.
struct Source {
    /// What was told last.
    image: Image,
    /// The row that has to know that it does not tell any more.
    from: Option<(Key, Row)>,
}

impl Teller {
    /// Lets a row of the generation that serves tell, where it does not yet. The
    /// row then comes to be written with its next state, or is written already;
    /// `None` where others have written.
    ///
    /// # Errors
    ///
    /// When a service fails.
    pub(crate) async fn take(
        &self,
        taking: Taking<'_>,
        key: &Key,
        row: Row,
    ) -> Result<Option<Row>, Error> {
        if row.telling.tells() {
            return Ok(Some(row));
        }
        let Source { image, from } = taking.source(key, &row).await?;
        let next = telling(row, image);
        match from {
            None => Ok(Some(next)),
            Some(from) => self.hand_over(taking, from, key, next).await,
        }
    }

    /// Lets a row of the generation that serves tell, and tells at once where it
    /// differs from what was told last. A row that tells already, because an
    /// event came to it meanwhile, says so with that. Says whether something is
    /// told.
    ///
    /// # Errors
    ///
    /// When a service fails: repeating it goes on.
    pub(crate) async fn compare(
        &self,
        taking: Taking<'_>,
        key: &Key,
        cause: &Cause,
    ) -> Result<bool, Error> {
        let Taking {
            projection, store, ..
        } = taking;
        for attempt in 1..=retry::ATTEMPTS {
            let row = store.rows(std::slice::from_ref(key)).await?.remove(key);
            let row = row.unwrap_or_default();
            if row.telling.tells() {
                let held = [(key, &row, row.revision)];
                self.publish(projection, held).await?;
                return Ok(false);
            }
            let Source { image, from } = taking.source(key, &row).await?;
            if image.row == row.state {
                return Ok(false);
            }
            let seen = telling(row, image);
            let state = seen.state.as_ref();
            let told = match next(projection, &key.sk, &seen, state, cause) {
                Ok(telling) => Row { telling, ..seen },
                Err(refused) => {
                    // The first event that changes the row stalls with it.
                    tracing::warn!(pk = key.pk, sk = key.sk, %refused, "not told");
                    return Ok(false);
                }
            };
            let written = match from {
                Some(from) => self.hand_over(taking, from, key, told).await?,
                None => match store.put(key, &told, told.revision).await? {
                    Written::Done => Some(Row {
                        revision: told.revision + 1,
                        ..told
                    }),
                    Written::Stale => None,
                },
            };
            if let Some(row) = written {
                let held = [(key, &row, row.revision)];
                self.publish(projection, held).await?;
                return Ok(true);
            }
            retry::wait(attempt).await;
        }
        Err(Error::Contended {
            what: format!("row {}/{}", key.pk, key.sk),
            attempts: retry::ATTEMPTS,
        })
    }

    /// One transaction that writes the row that is to tell, and says in the row
    /// that had the feed that it does; `None` where others have written.
    async fn hand_over(
        &self,
        taking: Taking<'_>,
        (before, known): (Key, Row),
        key: &Key,
        next: Row,
    ) -> Result<Option<Row>, Error> {
        let (seen, seen_before) = (next.revision, known.revision);
        // Afterwards, nobody finds there what it has changed.
        let held = [(&before, &known, seen_before)];
        self.publish(taking.projection, held).await?;
        let writes = [
            Write::Put {
                key: key.clone(),
                row: next.clone(),
                seen,
            },
            Write::Put {
                key: before,
                row: Row {
                    telling: Telling::Elsewhere(taking.target.generation),
                    ..known
                },
                seen: seen_before,
            },
        ];
        Ok(match taking.store.write_together(&writes).await? {
            Written::Done => Some(Row {
                revision: seen + 1,
                ..next
            }),
            Written::Stale => None,
        })
    }
}

impl Taking<'_> {
    /// Where a row gets the feed from: from the row that it was handed to, or
    /// that of the generation that served before, and from there on to the one
    /// that has it.
    async fn source(&self, key: &Key, row: &Row) -> Result<Source, Error> {
        let handed = match row.telling {
            Telling::Elsewhere(generation) => Some(generation),
            _ => None,
        };
        let mut seen = vec![self.target.generation];
        let mut at = handed.or(self.serving.previous);
        // What the generation before holds of a key that nobody tells of.
        let mut before = None;
        while let Some(generation) = at.filter(|at| !seen.contains(at)) {
            seen.push(generation);
            let (key, found) = self.row_in(generation, &key.sk).await?;
            let known = found.clone().unwrap_or_default();
            if let Some(image) = told(&known) {
                let from = Some((key, known));
                return Ok(Source { image, from });
            }
            at = match known.telling {
                Telling::Elsewhere(next) => Some(next),
                _ => None,
            };
            if handed.is_none() && at.is_none() && seen.len() == 2 {
                before = Some((key, found));
            }
        }
        let image = match (self.last_told(&key.sk).await?, &before) {
            (Some(image), _) => image,
            (None, Some((_, found))) => Image {
                row: found.as_ref().and_then(|found| found.state.clone()),
            },
            (None, None) => Image {
                row: row.state.clone(),
            },
        };
        // A batch that runs may believe that the generation before serves.
        let from = before.filter(|_| !self.serving.is_settled);
        let from = from.map(|(key, found)| (key, found.unwrap_or_default()));
        Ok(Source { image, from })
    }

    /// The row of a key in another generation.
    async fn row_in(&self, generation: u64, key: &str) -> Result<(Key, Option<Row>), Error> {
        let target = Target {
            projection: self.target.projection.clone(),
            generation,
        };
        let key = Key::row(&target, key);
        let mut rows = self.store.rows(std::slice::from_ref(&key)).await?;
        let row = rows.remove(&key);
        Ok((key, row))
    }

    /// The image in the last event of a key's feed; `None` where it has none.
    async fn last_told(&self, key: &str) -> Result<Option<Image>, Error> {
        let stream = self.projection.changes_of(key);
        let stream = stream.map_err(|refused| Error::Rejected {
            operation: "telling a change",
            reason: refused.reason,
        })?;
        let Some(stream) = stream else {
            return Ok(None);
        };
        let Some(commit) = self.events.last_commit(&stream).await? else {
            return Ok(None);
        };
        let what = || format!("stream {stream}");
        let events = commit.events();
        let events = events.map_err(|error| Error::damaged(what(), error))?;
        let Some(last) = events.last() else {
            return Ok(None);
        };
        let data: Result<Value, _> = last.data();
        let mut data = data.map_err(|error| Error::damaged(what(), error))?;
        let row = data.as_object_mut().and_then(|data| data.remove("new"));
        Ok(Some(Image { row }))
    }
}

/// A row that tells from now on, after this image.
fn telling(row: Row, image: Image) -> Row {
    let telling = match image.row == row.state {
        true => Telling::Told,
        false => Telling::Behind(image),
    };
    Row { telling, ..row }
}
