//! What an activation has changed, told as changes of rows: exactly the rows
//! that differ between what served and what serves.

use super::feed::serving;
use crate::{
    Error,
    aws::{clock::now, producer::Stream},
    data_table::{
        data_store::DataStore,
        key::{self, Key},
        record::Records,
        row::row,
    },
    event_table::event_store::EventStore,
    feed::{hand_over::Taking, teller::Teller},
    generation::{
        generations::Generations,
        lifecycle::{self, ChangeError},
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use rewind::{Cause, Projection, Service, Target};
use serde::{Deserialize, Serialize};

/// Rows in one page. A page also ends at 1 MB.
const PAGE: i32 = 500;

/// Rows that are compared at once.
const CONCURRENCY: usize = 16;

/// How far each projection is, by its name.
static PLACES: Records<Place> = Records::new("rewind#telling");

/// Tells differences.
#[derive(Debug)]
pub struct Differences {
    service: Service,
    events: EventStore,
    store: DataStore,
    teller: Teller,
}

/// Up to where a projection is compared: all rows of what served, then all of
/// what serves, by partition and key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Place {
    /// The generation that serves.
    generation: u64,
    /// The partition, counted over both.
    partition: usize,
    after: Option<String>,
}

impl Differences {
    /// Tells on the stream `incoming`.
    pub fn new(service: Service, events: EventStore, store: DataStore, incoming: Stream) -> Self {
        Self {
            service,
            events,
            store,
            teller: Teller::new(incoming),
        }
    }

    /// Tells the differences of all activations that asked for it. `has_time` is
    /// asked before each page; `false` says that it ended early. Whoever calls it
    /// again goes on.
    ///
    /// # Errors
    ///
    /// When a service fails; repeating it goes on.
    pub async fn tell(&self, has_time: impl Fn() -> bool) -> Result<bool, Error> {
        let known = lifecycle::all(&self.store).await?;
        for (name, known) in known.into_iter().filter(|(_, known)| known.telling) {
            let target = Target {
                projection: name.clone(),
                generation: known.serving,
            };
            if let Some(projection) = self.service.projection(&name)
                && !self.tell_of(projection, &target, &known, &has_time).await?
            {
                return Ok(false);
            }
            match lifecycle::told(&self.store, &target).await {
                Ok(()) | Err(ChangeError::Refused(_)) => {}
                Err(ChangeError::Service(error)) => return Err(error),
            }
            self.store.delete(&PLACES.key(&name)).await?;
            tracing::info!(%target, "all differences are told");
        }
        Ok(true)
    }

    async fn tell_of(
        &self,
        projection: &Projection,
        target: &Target,
        known: &Generations,
        has_time: impl Fn() -> bool,
    ) -> Result<bool, Error> {
        let Some(serving) = serving(known, target) else {
            return Ok(true);
        };
        let Some(previous) = serving.previous else {
            return Ok(true);
        };
        let taking = Taking {
            projection,
            target,
            serving: &serving,
            events: &self.events,
            store: &self.store,
        };
        let previous = Target {
            projection: target.projection.clone(),
            generation: previous,
        };
        let both = key::row_partitions(&previous).chain(key::row_partitions(target));
        let partitions: Vec<String> = both.collect();
        let stored = PLACES.load(&self.store, &target.projection).await?;
        let stored = stored.map(|stored| stored.value);
        let mut place = stored
            .filter(|place| place.generation == target.generation)
            .unwrap_or(Place {
                generation: target.generation,
                ..Place::default()
            });
        let cause = Cause {
            time: now().to_string(),
            correlation: target.to_string(),
            causation: None,
            depth: 1,
        };
        while let Some(partition) = partitions.get(place.partition) {
            if !has_time() {
                return Ok(false);
            }
            let after = place.after.as_deref();
            let (items, next) = self.store.list(partition, "", after, PAGE).await?;
            let keys = items.into_iter().map(|item| {
                let (key, row) = row(item)?;
                Ok::<_, Error>((key.sk, row.state.is_some() || row.telling.tells()))
            });
            let keys: Vec<(String, bool)> = keys.collect::<Result<_, _>>()?;
            let keys = keys.into_iter().filter(|(_, is_row)| *is_row);
            let keys: Vec<Key> = keys.map(|(key, _)| Key::row(target, &key)).collect();
            self.compare(taking, &keys, &cause).await?;
            if next.is_none() {
                place.partition += 1;
            }
            place.after = next;
            self.keep(&target.projection, &place).await?;
        }
        Ok(true)
    }

    async fn compare(&self, taking: Taking<'_>, keys: &[Key], cause: &Cause) -> Result<(), Error> {
        let compared = keys.iter();
        let compared = compared.map(|key| self.teller.compare(taking, key, cause));
        let compared = stream::iter(compared).buffer_unordered(CONCURRENCY);
        compared.try_collect::<Vec<bool>>().await.map(drop)
    }

    /// Keeps the place. Two that tell at the same time keep either place: rows
    /// that are told are passed by.
    async fn keep(&self, projection: &str, place: &Place) -> Result<(), Error> {
        let key = PLACES.key(projection);
        self.store
            .replace(&key, &PLACES.row(projection, place)?)
            .await
    }
}
