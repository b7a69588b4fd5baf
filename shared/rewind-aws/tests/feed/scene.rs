//! Tables and streams, what stands for pump, and a consumer that believes the
//! feed.

use crate::support::{Aws, engines::config, impatient};
use aws_sdk_kinesis::types::ShardIteratorType;
use fault_layer::{Faults, Kind, Plan};
use rewind::{
    Batch, CloudEvent, Delivery, Event, NewEvent, Projection, Receiver, RecordedEvent, Replay,
    Service, StreamName, Target, kpl::user_records,
};
use rewind_aws::{
    audit::{self, report::Violation},
    aws::producer::Stream,
    data_table::{
        data_store::DataStore,
        key::{self, Key},
        row::{self, Row},
    },
    generation::lifecycle,
    project::{difference::Differences, projector::Projector},
    sequence::sequencer::{Outcome, Sequencer},
    wiring::Clients,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

pub struct Scene {
    pub aws: Aws,
    kinesis: aws_sdk_kinesis::Client,
    iterators: tokio::sync::Mutex<Vec<Option<String>>>,
    events: AtomicU64,
}

impl Scene {
    pub async fn start() -> Self {
        let aws = Aws::start().await;
        let kinesis = aws_sdk_kinesis::Client::new(&config(aws.system.kinesis_endpoint()));
        let incoming = aws.system.stream("IncomingStream").unwrap();
        let shards = kinesis.list_shards().stream_name(&incoming).send().await;
        let mut iterators = Vec::new();
        for shard in shards.unwrap().shards() {
            let iterator = kinesis.get_shard_iterator().stream_name(&incoming);
            let iterator = iterator.shard_id(shard.shard_id());
            let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon);
            iterators.push(iterator.send().await.unwrap().shard_iterator);
        }
        Self {
            aws,
            kinesis,
            iterators: tokio::sync::Mutex::new(iterators),
            events: AtomicU64::new(0),
        }
    }

    pub fn store(&self) -> DataStore {
        self.aws.data()
    }

    pub fn projector(&self, service: Service) -> Projector {
        let projector = Projector::new(service, self.aws.events(), self.aws.data());
        projector.telling(self.aws.stream("IncomingStream"))
    }

    /// A projector, and what keeps it from telling anything as long as it is on.
    pub async fn muted(&self, service: Service) -> (Projector, Faults) {
        let (incoming, faults) = self.muted_stream().await;
        let projector = Projector::new(service, self.aws.events(), self.aws.data());
        (projector.telling(incoming), faults)
    }

    /// The stream `incoming`, to which no request comes through.
    pub async fn muted_stream(&self) -> (Stream, Faults) {
        let faults = Faults::new(Plan {
            seed: 1,
            rate: 1.0,
            kinds: vec![Kind::RequestLost],
        });
        let system = &self.aws.system;
        let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
        let clients = clients.map_config(|config| faults.around(impatient(config, 1)));
        let incoming = system.stream("IncomingStream").unwrap();
        (clients.stream_named(incoming), faults)
    }

    pub fn differences(&self, service: Service) -> Differences {
        let (events, data) = (self.aws.events(), self.aws.data());
        Differences::new(service, events, data, self.aws.stream("IncomingStream"))
    }

    /// Records events of a stream.
    pub async fn record<E: Event>(&self, id: &str, new: &[E]) -> Vec<RecordedEvent> {
        let events: Vec<CloudEvent> = new.iter().map(|new| self.event(id, new)).collect();
        self.record_all(&events).await
    }

    pub async fn record_all(&self, events: &[CloudEvent]) -> Vec<RecordedEvent> {
        let outcomes = Sequencer::new(self.aws.events()).record(events).await;
        let recorded = outcomes.into_iter().map(|outcome| match outcome {
            Outcome::Recorded { recorded, .. } => *recorded,
            other => panic!("{other:?}"),
        });
        recorded.collect()
    }

    pub fn event<E: Event>(&self, id: &str, new: &E) -> CloudEvent {
        let new = NewEvent::new(id, new).unwrap();
        let nth = self.events.fetch_add(1, Ordering::SeqCst);
        CloudEvent {
            id: format!("e-{nth}"),
            source: "/test".into(),
            event_type: new.event_type,
            stream: new.stream,
            time: "2023-04-19T09:00:00Z".into(),
            extensions: BTreeMap::new(),
            data: rewind::event::raw(&new.data),
        }
    }

    /// What pump does with `incoming`: records what has come. Says how many
    /// events came, and how many of them were new.
    pub async fn pump(&self) -> (usize, usize) {
        let (mut came, mut new) = (0, 0);
        for iterator in &mut *self.iterators.lock().await {
            loop {
                let page = self.kinesis.get_records().limit(1000);
                let page = page.shard_iterator(iterator.take().unwrap());
                let page = page.send().await.unwrap();
                iterator.clone_from(&page.next_shard_iterator);
                let records = page.records.iter();
                let batches = records.flat_map(|record| user_records(record.data.as_ref()));
                let events = batches.flat_map(|batch| Batch::decode(&batch).unwrap().events);
                let events: Vec<CloudEvent> = events.collect();
                came += events.len();
                for outcome in Sequencer::new(self.aws.events()).record(&events).await {
                    match outcome {
                        Outcome::Recorded { is_new, .. } => new += usize::from(is_new),
                        other => panic!("pump: {other:?}"),
                    }
                }
                if page.records.is_empty() {
                    break;
                }
            }
        }
        (came, new)
    }

    /// Folds a batch, and nothing of it fails.
    pub async fn project(&self, projector: &Projector, events: &[RecordedEvent]) {
        let projected = projector.project(&[delivery(events)]).await.unwrap();
        assert!(projected.failed.is_empty(), "{:?}", projected.failed);
    }

    /// All events of a feed's stream, recorded by pump.
    pub async fn feed(&self, stream: &str) -> Vec<RecordedEvent> {
        self.pump().await;
        self.recorded(stream).await
    }

    /// All events of a stream.
    pub async fn recorded(&self, stream: &str) -> Vec<RecordedEvent> {
        let stream = StreamName::new(stream).unwrap();
        let (mut events, mut has_more) = (Vec::<RecordedEvent>::new(), true);
        while has_more {
            let after = events.len() as u64;
            let store = self.aws.events();
            let page = store.read_events(&stream, after, u64::MAX).await.unwrap();
            events.extend(page.0);
            has_more = page.1;
        }
        events
    }

    /// The types and the data of a feed's stream.
    pub async fn told(&self, stream: &str) -> Vec<(String, Value)> {
        let told = self.feed(stream).await.into_iter();
        let told = told.map(|event| (event.event_type().into(), event.data().unwrap()));
        told.collect()
    }

    /// All rows of a generation that readers see, and its other items.
    pub async fn rows(&self, target: &Target) -> BTreeMap<String, Row> {
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
                    rows.insert(key.sk, row);
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        rows
    }

    pub async fn row(&self, target: &Target, key: &str) -> Row {
        let row = self.store().get(&Key::row(target, key)).await.unwrap();
        row.unwrap_or_default()
    }

    /// Opens a generation, and plays these events into it.
    pub async fn rebuild(
        &self,
        projector: &Projector,
        projection: &Projection,
        events: &[RecordedEvent],
    ) -> Target {
        let built = crate::support::open(&self.store(), projection, "p", true).await;
        let built = built.unwrap();
        let mut of: BTreeMap<&StreamName, Vec<RecordedEvent>> = BTreeMap::new();
        for event in events {
            of.entry(event.stream()).or_default().push(event.clone());
        }
        for events in of.into_values() {
            let delivery = Delivery {
                replay: Some(Replay::new("p", [Receiver::Projection(built.clone())])),
                events,
            };
            let projected = projector.project(&[(0, delivery)]).await.unwrap();
            assert!(projected.failed.is_empty());
        }
        built
    }

    pub async fn activate(&self, target: &Target) {
        lifecycle::activate(&self.store(), target).await.unwrap();
    }

    /// What the auditor finds.
    pub async fn audit(&self, service: Service) -> Vec<Violation> {
        let mut found = Found::default();
        let audit = audit::run::Audit::new(service, self.aws.events(), self.aws.data());
        audit.run(&mut found).await.unwrap();
        found.0
    }

    /// What a consumer of the feed has, who checks each step.
    pub async fn believed(
        &self,
        projection: &Projection,
        keys: impl IntoIterator<Item = String>,
    ) -> BTreeMap<String, Value> {
        let mut table = BTreeMap::new();
        for key in keys {
            let stream = projection.changes_of(&key).unwrap().unwrap();
            let events = self.recorded(stream.as_str()).await;
            let identities: std::collections::BTreeSet<String> =
                events.iter().map(|event| event.event.identity()).collect();
            assert_eq!(identities.len(), events.len(), "{stream} tells twice");
            if let Some(row) = believe(&stream, &events) {
                table.insert(key, row);
            }
        }
        table
    }
}

/// Applies images in the order of a stream.
pub fn believe(stream: &StreamName, events: &[RecordedEvent]) -> Option<Value> {
    let mut row: Option<Value> = None;
    for event in events {
        let data: Value = event.data().unwrap();
        let version = event.version;
        assert_eq!(data.get("old"), row.as_ref(), "{stream}@{version}");
        row = data.get("new").cloned();
        assert_ne!(data.get("old"), row.as_ref(), "{stream}@{version}");
    }
    row
}

#[derive(Default)]
struct Found(Vec<Violation>);

impl audit::report::Watch for Found {
    fn violation(&mut self, violation: &Violation) {
        self.0.push(violation.clone());
    }
    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

pub fn delivery(events: &[RecordedEvent]) -> (usize, Delivery) {
    crate::support::delivery(events)
}

pub fn target(projection: &str, generation: u64) -> Target {
    Target {
        projection: projection.into(),
        generation,
    }
}
