//! Read models: the tables of a service's projections in PostgreSQL, kept beside
//! the data store's rows.

use super::{connection::Postgres, rows::PostgresRows, settings::Settings};
use crate::{
    Error,
    data_table::{behind, data_store::DataStore},
    event_table::event_store::EventStore,
    generation::{generations::Generations, lifecycle},
    project::projector::Projector,
};
use rewind::{Delivery, Receiver, Service, StreamName};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

/// How long the index may lag behind the events table (DynamoDB: "within a
/// fraction of a second, under normal conditions").
const INDEX_LAG: Duration = Duration::from_secs(2);

/// What the reader of PostgreSQL's tables is called in front of a generation.
pub const READER: &str = "postgres/";

/// What PostgreSQL is called in the list of streams that are behind.
pub(crate) const STORE: &str = "postgres";

/// Keeps the tables.
#[derive(Debug)]
pub struct ReadModels {
    pub(super) rows: Arc<PostgresRows>,
    pub(super) projector: Projector,
    /// The projections that have a table.
    pub(super) service: Service,
    pub(super) events: EventStore,
    pub(super) store: DataStore,
    pub(super) index_lag: Duration,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many events were folded, counted once for each generation that did.
    pub applied: usize,
    /// How many (projection, stream) cannot go on.
    pub stalled: usize,
    /// How many streams are left to a later time.
    pub behind: usize,
}

impl ReadModels {
    /// The tables of a service's projections.
    pub fn new(
        service: &Service,
        events: EventStore,
        store: DataStore,
        settings: Settings,
    ) -> Self {
        Self::over(service, events, store, Postgres::new(settings))
    }

    fn over(service: &Service, events: EventStore, store: DataStore, postgres: Postgres) -> Self {
        let service = service.kept_elsewhere();
        let rows = Arc::new(PostgresRows {
            service: service.clone(),
            postgres,
            store: store.clone(),
        });
        let projector = Projector::new(service.clone(), events.clone(), store.clone());
        Self {
            projector: projector.keeping(rows.clone()),
            rows,
            service,
            events,
            store,
            index_lag: INDEX_LAG,
        }
    }

    /// As [`new`](Self::new), for a test: with another time without attempts
    /// after a failed connection, and another lag of the index.
    pub fn impatient(
        service: &Service,
        events: EventStore,
        store: DataStore,
        settings: Settings,
    ) -> Self {
        let postgres = Postgres::new(settings).resting_for(Duration::from_millis(50));
        Self {
            index_lag: Duration::ZERO,
            ..Self::over(service, events, store, postgres)
        }
    }

    /// Folds a batch into the tables. What PostgreSQL does not take, because it
    /// is down or slow, goes to the list of streams that are behind, and the
    /// batch is done: a dead server holds up no row of the data store.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails: the batch has to come again.
    pub async fn fold(&self, deliveries: &[(usize, Delivery)]) -> Result<Kept, Error> {
        let known = lifecycle::known(&self.store, &self.service).await?;
        let mine = deliveries.iter();
        let mine = mine.filter_map(|(place, delivery)| {
            let delivery = self.mine(&known, delivery)?;
            Some((*place, delivery))
        });
        let mine: Vec<(usize, Delivery)> = mine.collect();
        if mine.is_empty() {
            return Ok(Kept::default());
        }
        let mut kept = Kept::default();
        let behind: BTreeSet<&StreamName> = match self.rows.postgres.open().await {
            Ok(_) => {
                let projected = self.projector.project(&mine).await?;
                kept.applied = projected.applied;
                kept.stalled = projected.stalled;
                let left = mine.iter();
                let left = left.filter(|(place, _)| projected.failed.contains_key(place));
                left.flat_map(|(_, delivery)| streams(delivery)).collect()
            }
            Err(_) => mine
                .iter()
                .flat_map(|(_, delivery)| streams(delivery))
                .collect(),
        };
        if !behind.is_empty() {
            kept.behind = behind.len();
            tracing::warn!(streams = kept.behind, "PostgreSQL is behind");
            behind::mark(&self.store, STORE, &behind).await?;
        }
        Ok(kept)
    }

    /// What of a delivery a table takes: events of a category that one folds,
    /// live or for a generation that is complete once it is built. A part of
    /// history stays in the data store alone.
    fn mine(&self, known: &HashMap<String, Generations>, delivery: &Delivery) -> Option<Delivery> {
        let category = delivery.events.first()?.stream().category();
        let mut readers = self.service.projections().iter();
        if !readers.any(|projection| projection.reads(category)) {
            return None;
        }
        let mut mine = delivery.clone();
        if let Some(replay) = &mut mine.replay {
            replay.to.retain(|receiver| match receiver {
                Receiver::Projection(target) => {
                    let of = known.get(&target.projection);
                    of.is_some_and(|known| known.live().any(|nth| nth == target.generation))
                }
                _ => false,
            });
            if replay.to.is_empty() || replay.selection.is_some() {
                return None;
            }
        }
        Some(mine)
    }
}

fn streams(delivery: &Delivery) -> impl Iterator<Item = &StreamName> {
    delivery.events.iter().map(|event| event.stream())
}
