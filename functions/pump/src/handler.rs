//! Takes a batch of `incoming`, records its events, publishes them.

use crate::report;
use futures::future::join;
use rewind::{Batch, CloudEvent, Delivery, RecordedEvent, commit};
use rewind_aws::aws::trigger::KinesisEvent;
use rewind_aws::{
    aws::{
        batch::{self, BatchAnswer, Failures, Record},
        clock::now,
        producer::Stream,
        publish::Run,
    },
    data_table::{data_store::DataStore, shard::Shards},
    metrics::{
        Line, Metrics,
        catalog::{BATCH_AGE, CONFLICTS, FAILED_RECORDS, RECORDED, REPEATED, UNREADABLE},
    },
    sequence::sequencer::{Outcome, Sequencer},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What JSON takes around the members of an event, and for a number, at most.
const FRAME: usize = 200;
const NUMBER: usize = 400;

/// pump's handler.
#[derive(Debug)]
pub struct Handler {
    sequencer: Sequencer,
    published: Stream,
    shards: Shards,
    metrics: Metrics,
}

/// What became of a batch.
#[derive(Default)]
struct Pumped {
    failed: Failures,
    new: usize,
    repeated: usize,
    conflicts: usize,
    unreadable: usize,
}

/// The events of a batch, each with the place of the record that brought it.
#[derive(Default)]
struct Arrived {
    events: Vec<CloudEvent>,
    places: Vec<usize>,
}

impl Handler {
    /// A handler that records through `sequencer`, publishes on `published`,
    /// and says in `store` how far it has come.
    pub fn new(sequencer: Sequencer, published: Stream, store: DataStore) -> Self {
        Self {
            sequencer,
            published,
            shards: Shards::new("pump", store),
            metrics: Metrics::none(),
        }
    }

    /// With metrics. A handler that nobody gives any writes none.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Records and publishes a batch. What failed is reported by its record:
    /// Lambda delivers from the lowest on again.
    pub async fn handle(&self, event: KinesisEvent) -> BatchAnswer {
        let KinesisEvent { shard, records } = event;
        let (pumped, known) = join(self.work(&records), self.shards.known(&shard)).await;
        let failed = &pumped.failed;
        self.shards.tell(&shard, &records, failed, known).await;
        self.shards.reach(&shard, &records, failed).await;
        self.metrics.write(&line(&records, &pumped));
        batch::answer(&records, failed)
    }

    async fn work(&self, records: &[Record]) -> Pumped {
        let mut failed = Failures::new();
        let (arrived, mut unreadable) = read(records);
        let mut outcomes = self.sequencer.record(&arrived.events).await;
        let mut places = arrived.places;
        let mut reports = Arrived::default();
        let mut conflicts = 0;
        for ((event, outcome), place) in arrived.events.iter().zip(&outcomes).zip(&places) {
            match outcome {
                Outcome::Conflict => {
                    conflicts += 1;
                    tracing::warn!(
                        stream = %event.stream,
                        id = event.id,
                        source = event.source,
                        correlationid = event.extension("correlationid"),
                        "an id is taken by other content"
                    );
                    reports.add(report::conflict(event), *place);
                }
                Outcome::Refused(reason) => unreadable.push((*place, reason.clone())),
                Outcome::Recorded { .. } | Outcome::Failed(_) => {}
            }
        }
        for (place, reason) in &unreadable {
            tracing::error!(
                sequence_number = records[*place].sequence_number,
                reason,
                "a record cannot be read; it is parked"
            );
            reports.add(report::unreadable(&records[*place], reason), *place);
        }
        outcomes.extend(self.sequencer.record(&reports.events).await);
        places.extend(reports.places);

        let mut recorded: Vec<(RecordedEvent, usize)> = Vec::new();
        let (mut new, mut repeated) = (0, 0);
        for (nth, (outcome, place)) in outcomes.into_iter().zip(places).enumerate() {
            match outcome {
                Outcome::Recorded {
                    recorded: event,
                    is_new,
                } => {
                    new += usize::from(is_new);
                    repeated += usize::from(!is_new);
                    recorded.push((*event, place));
                }
                Outcome::Conflict => {}
                // It is parked; where its report is refused as well, it waits.
                Outcome::Refused(_) if nth < arrived.events.len() => {}
                Outcome::Refused(reason) | Outcome::Failed(reason) => {
                    let mut tried = arrived.events.iter().chain(&reports.events);
                    let event = tried.nth(nth);
                    tracing::warn!(
                        stream = event.map(|event| event.stream.as_str()),
                        id = event.map(|event| &event.id),
                        correlationid = event.and_then(|event| event.extension("correlationid")),
                        reason,
                        "not recorded"
                    );
                    failed.insert(place, reason);
                }
            }
        }
        failed.extend(self.publish(recorded).await);
        tracing::info!(
            records = records.len(),
            new,
            repeated,
            conflicts,
            unreadable = unreadable.len(),
            failed = failed.len(),
            "pumped"
        );
        Pumped {
            failed,
            new,
            repeated,
            conflicts,
            unreadable: unreadable.len(),
        }
    }

    /// Publishes recorded events in order for each stream: repeats as well, as
    /// whoever recorded them may have died before it published them. Returns
    /// the places of those that did not get through.
    async fn publish(&self, recorded: Vec<(RecordedEvent, usize)>) -> Failures {
        let mut streams: BTreeMap<String, BTreeMap<u64, (RecordedEvent, usize)>> = BTreeMap::new();
        for (event, place) in recorded {
            let stream = streams.entry(event.stream().to_string()).or_default();
            // Of repeats, the lowest place: it is the one to be reported.
            let entry = stream.entry(event.version).or_insert((event, place));
            entry.1 = entry.1.min(place);
        }
        let mut runs = Vec::new();
        let mut places_of: Vec<(String, Vec<usize>)> = Vec::new();
        for (stream, events) in streams {
            let (events, places): (Vec<RecordedEvent>, Vec<usize>) = events.into_values().unzip();
            runs.push(Run::new(&*stream, Delivery::encode(&events, None)));
            places_of.push((stream, places));
        }
        let published = self.published.publish(runs).await;
        let mut failed = Failures::new();
        for ((stream, places), published) in places_of.into_iter().zip(published) {
            if let Some(reason) = published.refused {
                tracing::warn!(stream, reason, "not published");
                let reason = format!("not published: {reason}");
                let places = places.into_iter().skip(published.held);
                failed.extend(places.map(|place| (place, reason.clone())));
            }
        }
        failed
    }
}

impl Arrived {
    fn add(&mut self, events: impl IntoIterator<Item = CloudEvent>, place: usize) {
        for event in events {
            self.events.push(event);
            self.places.push(place);
        }
    }
}

fn line(records: &[Record], pumped: &Pumped) -> Line {
    let line = Line::new()
        .with(RECORDED, pumped.new)
        .with(REPEATED, pumped.repeated)
        .with(CONFLICTS, pumped.conflicts)
        .with(UNREADABLE, pumped.unreadable)
        .with(FAILED_RECORDS, batch::comes_again(records, &pumped.failed));
    match batch::age(records, now().as_millisecond()) {
        Some(age) => line.with(BATCH_AGE, age),
        None => line,
    }
}

/// Reads the records. One that holds no accepted events, or an event that no
/// commit can hold, is unreadable as a whole.
fn read(records: &[Record]) -> (Arrived, Vec<(usize, String)>) {
    let mut arrived = Arrived::default();
    let mut unreadable = Vec::new();
    for (place, record) in records.iter().enumerate() {
        match Batch::decode(&record.data) {
            Ok(batch) => {
                let large = batch.events.iter().filter(|event| may_exceed(event));
                let mut sizes = large.map(commit::size_of);
                match sizes.find(|size| *size > commit::MAX_COMMIT_BYTES) {
                    Some(size) => {
                        unreadable.push((place, format!("an event takes {size} bytes")));
                    }
                    None => arrived.add(batch.events, place),
                }
            }
            Err(error) => unreadable.push((place, error.to_string())),
        }
    }
    (arrived, unreadable)
}

/// Whether an event can be too large for a commit. Only such an event is
/// serialised to learn its size: the commit serialises it again.
fn may_exceed(event: &CloudEvent) -> bool {
    let attributes = [&event.id, &event.source, &event.event_type, &event.time];
    let mut bytes: usize = attributes.into_iter().map(String::len).sum();
    for (name, value) in &event.extensions {
        match value {
            Value::Array(_) | Value::Object(_) => return true,
            Value::String(text) => bytes += name.len() + text.len() + FRAME,
            _ => bytes += name.len() + NUMBER,
        }
    }
    // A control character takes six bytes of JSON.
    event.data.get().len() + 6 * bytes + FRAME > commit::MAX_COMMIT_BYTES
}
