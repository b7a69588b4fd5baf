//! Both databases, and what is the same in them.

use crate::{server::Server, support::Aws};
use rewind::{
    CloudEvent, ColumnType, Delivery, Event, NewEvent, Projection, Receiver, RecordedEvent, Replay,
    Service, StreamName, Target,
    reversal::{Reversal, Reversals},
};
use rewind_aws::{
    data_table::{data_store::DataStore, key, row},
    elsewhere::{read_models::ReadModels, tend::Tended},
    generation::lifecycle,
    project::projector::Projector,
    sequence::sequencer::{Outcome, Sequencer},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};
use tokio_postgres::{
    Client,
    types::{ToSql, Type},
};

pub struct Scene {
    pub aws: Aws,
    pub server: Server,
    events: AtomicU64,
}

impl Scene {
    pub async fn start() -> Self {
        Self {
            aws: Aws::start().await,
            server: Server::start().await,
            events: AtomicU64::new(0),
        }
    }

    pub fn store(&self) -> DataStore {
        self.aws.data()
    }

    pub fn models(&self, service: &Service) -> ReadModels {
        let (events, data) = (self.aws.events(), self.aws.data());
        ReadModels::impatient(service, events, data, self.server.settings())
    }

    pub fn projector(&self, service: Service) -> Projector {
        let projector = Projector::new(service, self.aws.events(), self.aws.data());
        projector.telling(self.aws.stream("IncomingStream"))
    }

    /// Records events of a stream.
    pub async fn record<E: Event>(&self, id: &str, new: &[E]) -> Vec<RecordedEvent> {
        let events = new
            .iter()
            .map(|new| self.event(&NewEvent::new(id, new).unwrap()));
        self.record_all(&events.collect::<Vec<_>>()).await
    }

    pub async fn record_all(&self, events: &[CloudEvent]) -> Vec<RecordedEvent> {
        let outcomes = Sequencer::new(self.aws.events()).record(events).await;
        let recorded = outcomes.into_iter().map(|outcome| match outcome {
            Outcome::Recorded { recorded, .. } => *recorded,
            other => panic!("{other:?}"),
        });
        recorded.collect()
    }

    /// Takes an event back.
    pub async fn reverse(&self, stream: &str, version: u64) -> Vec<RecordedEvent> {
        let events = crate::support::recorded(&self.aws.events(), stream).await;
        let event = &events[version as usize - 1];
        let reversal = Reversal {
            version,
            source: event.event.source.clone(),
            id: event.event.id.clone(),
            reason: "a slip".into(),
            by: "a test".into(),
        };
        let nth = Reversals::among(&events).times(version);
        let event = reversal.event(event, nth, "2026-01-01T00:00:00Z".into());
        self.record_all(&[event]).await
    }

    pub fn event(&self, new: &NewEvent) -> CloudEvent {
        let nth = self.events.fetch_add(1, Ordering::SeqCst);
        CloudEvent {
            id: format!("e-{nth}"),
            source: "/test".into(),
            event_type: new.event_type.clone(),
            stream: new.stream.clone(),
            time: "2023-04-19T09:00:00Z".into(),
            extensions: BTreeMap::new(),
            data: rewind::event::raw(&new.data),
        }
    }

    /// What write does with a batch.
    pub async fn write(&self, service: &Service, models: &ReadModels, batch: &[(usize, Delivery)]) {
        models.fold(batch).await.unwrap();
        let projected = self
            .projector(service.clone())
            .project(batch)
            .await
            .unwrap();
        assert!(projected.failed.is_empty(), "{:?}", projected.failed);
    }

    /// Opens a generation, and plays these events into it.
    pub async fn rebuild(
        &self,
        (service, models): (&Service, &ReadModels),
        projection: &Projection,
        events: &[RecordedEvent],
    ) -> Target {
        let built = crate::support::open(&self.store(), projection, "p", true).await;
        let built = built.unwrap();
        let mut of: BTreeMap<&StreamName, Vec<RecordedEvent>> = BTreeMap::new();
        let mine = events.iter();
        for event in mine.filter(|event| projection.reads(event.stream().category())) {
            of.entry(event.stream()).or_default().push(event.clone());
        }
        for events in of.into_values() {
            let delivery = Delivery {
                replay: Some(Replay::new("p", [Receiver::Projection(built.clone())])),
                events,
            };
            self.write(service, models, &[(0, delivery)]).await;
        }
        built
    }

    pub async fn activate(&self, target: &Target) {
        lifecycle::activate(&self.store(), target).await.unwrap();
    }

    /// Tends until nothing is left to do.
    pub async fn tend(&self, models: &ReadModels) -> Tended {
        for _ in 0..100 {
            match models.tend(|| true).await {
                Ok(tended) if tended.behind == 0 && !tended.is_unfinished => return tended,
                Ok(_) => {}
                Err(error) => println!("tending: {error}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        }
        panic!("tending does not end");
    }

    /// All rows of a generation in the data store that readers see.
    pub async fn rows(&self, target: &Target) -> BTreeMap<String, Value> {
        let mut rows = BTreeMap::new();
        for partition in key::row_partitions(target) {
            let mut after = None;
            loop {
                let page = self
                    .store()
                    .list(&partition, "", after.as_deref(), 500)
                    .await;
                let (items, next) = page.unwrap();
                for item in items {
                    let (key, row) = row::row(item).unwrap();
                    rows.extend(row.state.map(|state| (key.sk, state)));
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        rows
    }

    /// The rows of a generation as PostgreSQL keeps them.
    pub async fn kept(
        &self,
        client: &Client,
        projection: &Projection,
        generation: u64,
    ) -> BTreeMap<String, Value> {
        let table = projection.table.as_ref().unwrap().name;
        let sql = format!(
            "SELECT id, state::text FROM rewind.{table}_g{generation}_folds WHERE kind = 'row' AND state IS NOT NULL"
        );
        let rows = client.query(&sql, &[]).await.unwrap().into_iter();
        let read = rows.map(|row| {
            let state: String = row.get(1);
            (row.get(0), serde_json::from_str(&state).unwrap())
        });
        read.collect()
    }

    /// Checks that PostgreSQL holds exactly the rows of the data store, as they
    /// are folded and in their columns.
    pub async fn assert_same(&self, service: &Service) {
        let client = self.server.client().await;
        for projection in service.projections() {
            if projection.table.is_none() {
                continue;
            }
            let known = lifecycle::of(&self.store(), projection.name).await.unwrap();
            for generation in known.live() {
                self.assert_same_rows(&client, projection, generation).await;
            }
        }
    }

    pub async fn assert_same_rows(
        &self,
        client: &Client,
        projection: &Projection,
        generation: u64,
    ) {
        let target = Target {
            projection: projection.name.into(),
            generation,
        };
        let rows = self.rows(&target).await;
        assert_eq!(
            self.kept(client, projection, generation).await,
            rows,
            "{target}"
        );
        let declared = projection.table.as_ref().unwrap();
        let table = format!("rewind.{}_g{generation}", declared.name);
        let count = format!("SELECT count(*) FROM {table}");
        let count = client.query_one(&count, &[]);
        assert_eq!(
            count.await.unwrap().get::<_, i64>(0),
            rows.len() as i64,
            "{target}"
        );
        let same = declared.columns.iter().enumerate().map(|(nth, column)| {
            let ColumnType::Text = column.column_type else {
                let sql = column.column_type.sql();
                return format!(
                    " AND \"{}\" IS NOT DISTINCT FROM ${}::{sql}",
                    column.name,
                    nth + 2
                );
            };
            format!(" AND \"{}\" IS NOT DISTINCT FROM ${}", column.name, nth + 2)
        });
        let same: String = same.collect();
        let sql = format!("SELECT count(*) FROM {table} WHERE key = $1{same}");
        for (key, row) in &rows {
            let cells = declared.cells(key, row).unwrap();
            let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![(key, Type::TEXT)];
            parameters.extend(
                cells
                    .iter()
                    .map(|cell| (cell as &(dyn ToSql + Sync), Type::TEXT)),
            );
            let found = client.query_typed(&sql, &parameters).await.unwrap();
            assert_eq!(found[0].get::<_, i64>(0), 1, "{target} {key}: {row}");
        }
    }
}

/// A live delivery for each of these, at its place.
pub fn deliveries(events: &[Vec<RecordedEvent>]) -> Vec<(usize, Delivery)> {
    let deliveries = events.iter().enumerate().map(|(place, events)| {
        let delivery = Delivery {
            replay: None,
            events: events.clone(),
        };
        (place, delivery)
    });
    deliveries.collect()
}
