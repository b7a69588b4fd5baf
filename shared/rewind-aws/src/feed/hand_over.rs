//! Which row tells what becomes of a key.
//!
//! When another generation serves, the feed goes over to it key by key, with
//! the first write there: one transaction takes it from the row of the
//! generation that served before. So at each moment one row tells, whatever a
//! running batch believes to serve, no change is told twice, and none is left
//! out. What was told last goes over with it.

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
    pub previous: Option<Target>,
    /// Whether every batch that runs knows that it serves.
    pub is_settled: bool,
}

/// Where a row gets the feed from.
pub(crate) struct From<'a> {
    pub projection: &'a Projection,
    pub serving: &'a Serving,
}

/// The row of the generation before.
struct Before {
    key: Key,
    row: Option<Row>,
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
        (events, store): (&EventStore, &DataStore),
        from: &From<'_>,
        key: &Key,
        row: Row,
    ) -> Result<Option<Row>, Error> {
        if row.telling.tells() {
            return Ok(Some(row));
        }
        let Some(previous) = &from.serving.previous else {
            if row.telling == Telling::Elsewhere {
                // A batch that began before the generation was changed: the row
                // that tells gets the events as well.
                return Ok(Some(row));
            }
            let image = self.last_told(events, from, &key.sk).await?;
            let image = image.unwrap_or(Image {
                row: row.state.clone(),
            });
            return Ok(Some(telling(row, image)));
        };
        let before = Before::read(store, previous, &key.sk).await?;
        let image = self.image(events, from, &before, &key.sk).await?;
        let next = telling(row, image);
        if !before.has_to_know(from.serving) {
            return Ok(Some(next));
        }
        self.hand_over(store, from.projection, &before, key, next)
            .await
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
        (events, store): (&EventStore, &DataStore),
        from: &From<'_>,
        key: &Key,
        cause: &Cause,
    ) -> Result<bool, Error> {
        let Some(previous) = &from.serving.previous else {
            return Ok(false);
        };
        for attempt in 1..=retry::ATTEMPTS {
            let row = store.rows(std::slice::from_ref(key)).await?.remove(key);
            let row = row.unwrap_or_default();
            if row.telling.tells() {
                let held = [(key, &row, row.revision)];
                self.publish(from.projection, held).await?;
                return Ok(false);
            }
            let before = Before::read(store, previous, &key.sk).await?;
            let image = self.image(events, from, &before, &key.sk).await?;
            if image.row == row.state {
                return Ok(false);
            }
            let seen = telling(row, image);
            let state = seen.state.as_ref();
            let told = match next(from.projection, &key.sk, &seen, state, cause) {
                Ok(telling) => Row { telling, ..seen },
                Err(refused) => {
                    // The first event that changes the row stalls with it.
                    tracing::warn!(pk = key.pk, sk = key.sk, %refused, "not told");
                    return Ok(false);
                }
            };
            let got = match before.has_to_know(from.serving) {
                true => {
                    let known = from.projection;
                    self.hand_over(store, known, &before, key, told).await?
                }
                false => match store.put(key, &told, told.revision).await? {
                    Written::Done => Some(Row {
                        revision: told.revision + 1,
                        ..told
                    }),
                    Written::Stale => None,
                },
            };
            if let Some(row) = got {
                let held = [(key, &row, row.revision)];
                self.publish(from.projection, held).await?;
                return Ok(true);
            }
            retry::wait(attempt).await;
        }
        Err(Error::Contended {
            what: format!("row {}/{}", key.pk, key.sk),
            attempts: retry::ATTEMPTS,
        })
    }

    /// What was told last of a key that no row of its generation tells of.
    async fn image(
        &self,
        events: &EventStore,
        from: &From<'_>,
        before: &Before,
        key: &str,
    ) -> Result<Image, Error> {
        if let Some(image) = before.row.as_ref().and_then(told) {
            return Ok(image);
        }
        let image = self.last_told(events, from, key).await?;
        Ok(image.unwrap_or_else(|| Image {
            row: before.row.as_ref().and_then(|row| row.state.clone()),
        }))
    }

    /// The image in the last event of a key's feed; `None` where it has none.
    async fn last_told(
        &self,
        events: &EventStore,
        from: &From<'_>,
        key: &str,
    ) -> Result<Option<Image>, Error> {
        let stream = from.projection.changes_of(key);
        let stream = stream.map_err(|refused| Error::Rejected {
            operation: "telling a change",
            reason: refused.reason,
        })?;
        let Some(stream) = stream else {
            return Ok(None);
        };
        let Some(commit) = events.last_commit(&stream).await? else {
            return Ok(None);
        };
        let unread = |error: &dyn std::fmt::Display| Error::Damaged {
            what: format!("stream {stream}"),
            reason: error.to_string(),
        };
        let events = commit.events().map_err(|error| unread(&error))?;
        let Some(last) = events.last() else {
            return Ok(None);
        };
        let mut data: Value = last.data().map_err(|error| unread(&error))?;
        let row = data.as_object_mut().and_then(|data| data.remove("new"));
        Ok(Some(Image { row }))
    }

    /// One transaction that writes the row that is to tell, and says in the row
    /// before that it does; `None` where others have written.
    async fn hand_over(
        &self,
        store: &DataStore,
        projection: &Projection,
        before: &Before,
        key: &Key,
        next: Row,
    ) -> Result<Option<Row>, Error> {
        let known = before.row.clone().unwrap_or_default();
        // Afterwards, nobody finds there what it has changed.
        let (seen, seen_before) = (next.revision, known.revision);
        self.publish(projection, [(&before.key, &known, seen_before)])
            .await?;
        let writes = [
            Write::Put {
                key: key.clone(),
                row: next.clone(),
                seen,
            },
            Write::Put {
                key: before.key.clone(),
                row: Row {
                    telling: Telling::Elsewhere,
                    ..known
                },
                seen: seen_before,
            },
        ];
        Ok(match store.write_together(&writes).await? {
            Written::Done => Some(Row {
                revision: seen + 1,
                ..next
            }),
            Written::Stale => None,
        })
    }
}

impl Before {
    async fn read(store: &DataStore, target: &Target, key: &str) -> Result<Self, Error> {
        let key = Key::row(target, key);
        let mut rows = store.rows(std::slice::from_ref(&key)).await?;
        let row = rows.remove(&key);
        Ok(Self { key, row })
    }

    /// Whether the row before has to be told that it does not tell: it does, or
    /// a batch that runs may believe so.
    fn has_to_know(&self, serving: &Serving) -> bool {
        match self.row.as_ref().map(|row| &row.telling) {
            Some(Telling::Elsewhere) => false,
            Some(Telling::Nobody) | None => !serving.is_settled,
            Some(Telling::Told | Telling::Behind(_) | Telling::Change(_)) => true,
        }
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
