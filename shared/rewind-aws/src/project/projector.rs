//! Write's work: folds deliveries, live or replayed, into rows.
//!
//! One code path for both. The watermark rule decides what of a delivery is
//! new to a row; what is missing is read from the events table. A row and its
//! watermark are one write, so a crash, a repeat or a rival leaves either both
//! or none.

use super::{feed::serving, tally::Tally};
use crate::{
    Error,
    aws::batch::Failures,
    aws::producer::Stream,
    data_table::{
        data_store::DataStore,
        key::Key,
        row::Row,
        row_store::RowStore,
        stall::{self, Stall},
        transaction::Write,
    },
    event_table::event_store::EventStore,
    feed::{hand_over::Serving, teller::Teller},
    generation::{generations::Generations, lifecycle},
};
use futures::{StreamExt, stream};
use rewind::{Delivery, Over, Projection, RecordedEvent, Selection, Service, StreamName, Target};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// Generations that are folded at once.
const CONCURRENCY: usize = 4;

/// Pages of a stream that are folded before the row is written, or a fold from
/// the first event on is kept: what is done then outlives the invocation.
const PAGES_A_WRITE: usize = 40;

/// How often a row that others write as well is tried.
pub(super) const MAX_COLLISIONS: u32 = 30;

/// Folds deliveries into the data store.
#[derive(Debug)]
pub struct Projector {
    pub(super) service: Service,
    pub(super) events: EventStore,
    pub(super) store: DataStore,
    /// Where it keeps rows: the data store, or another database.
    pub(super) rows: Arc<dyn RowStore>,
    pub(super) pages_a_write: usize,
    pub(super) tally: Tally,
    /// Who tells what becomes of rows.
    pub(super) teller: Option<Arc<Teller>>,
}

/// The result of a batch.
#[derive(Debug, Clone, Default)]
pub struct Projected {
    /// The deliveries, by their places in the batch, that have to come again.
    pub failed: Failures,
    /// How many events were folded, counted once for each generation that did.
    pub applied: usize,
    /// How many rows were written.
    pub rows: usize,
    /// How many (projection, stream) cannot go on.
    pub stalled: usize,
}

/// What of a batch is for one stream: its events, and which deliveries they
/// came in.
#[derive(Debug, Default)]
pub(super) struct Arrived<'a> {
    pub(super) events: Vec<&'a RecordedEvent>,
    pub(super) places: BTreeSet<usize>,
}

/// A generation of a projection that a batch is folded into.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) target: Target,
    pub(super) projection: &'a Projection,
    /// Which events it is built of, where not of all.
    pub(super) selection: Option<&'a Selection>,
    /// That it serves, if it does.
    pub(super) serving: Option<Serving>,
}

/// What of a batch is for one job, by stream.
pub(super) type ByStream<'a> = BTreeMap<&'a StreamName, Arrived<'a>>;

/// How far a stream came.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The version of the event that is refused.
    pub(super) stalled: Option<u64>,
}

impl Projector {
    /// A projector of a service's projections.
    pub fn new(service: Service, events: EventStore, store: DataStore) -> Self {
        Self {
            service,
            events,
            rows: Arc::new(store.clone()),
            store,
            pages_a_write: PAGES_A_WRITE,
            tally: Tally::default(),
            teller: None,
        }
    }

    /// With the stream `incoming`, on which it tells what becomes of the rows of
    /// projections that have a feed. Without it, they fold nothing.
    #[must_use]
    pub fn telling(self, incoming: Stream) -> Self {
        let teller = Some(Arc::new(Teller::new(incoming)));
        Self { teller, ..self }
    }

    /// With rows that are kept elsewhere than in the data store. The generations
    /// are those that the data store's rows have.
    #[must_use]
    pub(crate) fn keeping(self, rows: Arc<dyn RowStore>) -> Self {
        Self { rows, ..self }
    }

    /// With another number of pages of a stream between two writes.
    ///
    /// # Panics
    ///
    /// When it is 0.
    #[must_use]
    pub fn with_pages_a_write(self, pages_a_write: usize) -> Self {
        assert!(pages_a_write > 0, "a write needs a page");
        Self {
            pages_a_write,
            ..self
        }
    }

    /// Folds a batch: for each projection and stream one conditional write,
    /// whatever the number of events. The projections share what they read of
    /// a stream.
    ///
    /// # Errors
    ///
    /// When not even the generations can be read: the whole batch has to come
    /// again.
    pub async fn project(&self, deliveries: &[(usize, Delivery)]) -> Result<Projected, Error> {
        let known = lifecycle::known(&self.store, &self.service).await?;
        let mut projected = Projected::default();
        let batch = &Self {
            service: self.service.clone(),
            events: self.events.for_one_batch(),
            store: self.store.clone(),
            rows: self.rows.clone(),
            pages_a_write: self.pages_a_write,
            tally: Tally::default(),
            teller: self.teller.clone(),
        };
        let jobs = self.jobs(&known, deliveries);
        let folds = in_turn(&jobs).into_iter().map(|turn| async move {
            let mut folded = Vec::with_capacity(turn.len());
            for (job, streams) in turn {
                let outcomes = match job.projection.over {
                    Over::OneStream => batch.fold_each(job, streams).await,
                    Over::ManyStreams => batch.fold_together(job, streams).await,
                };
                folded.push((&job.target, streams, outcomes));
            }
            stream::iter(folded)
        });
        let folds = stream::iter(folds).buffer_unordered(CONCURRENCY);
        let mut folds = std::pin::pin!(folds.flatten());
        while let Some((target, streams, outcomes)) = folds.next().await {
            for (stream, outcome) in outcomes {
                match outcome {
                    Ok(progress) => {
                        let Some(version) = progress.stalled else {
                            continue;
                        };
                        projected.stalled += 1;
                        let events = streams.get(stream).map(|arrived| &arrived.events);
                        tell(target, version, events.into_iter().flatten());
                    }
                    Err(error) => {
                        tracing::warn!(%target, %stream, %error, "not folded");
                        let places = streams.get(stream).map(|arrived| &arrived.places);
                        let failed = places.into_iter().flatten();
                        let why = format!("{target} {stream}: {error}");
                        projected
                            .failed
                            .extend(failed.map(|place| (*place, why.clone())));
                    }
                }
            }
        }
        projected.applied = batch.tally.applied();
        projected.rows = batch.tally.rows();
        Ok(projected)
    }

    /// Which streams of the batch go into which generation of which projection.
    fn jobs<'a>(
        &'a self,
        known: &HashMap<String, Generations>,
        deliveries: &'a [(usize, Delivery)],
    ) -> Vec<(Job<'a>, ByStream<'a>)> {
        let mut jobs: BTreeMap<Target, (Job<'a>, ByStream<'a>)> = BTreeMap::new();
        for (place, delivery) in deliveries {
            let Some(first) = delivery.events.first() else {
                continue;
            };
            let category = first.stream().category();
            let readers = self.service.projections().iter();
            for projection in readers.filter(|projection| projection.reads(category)) {
                let generations = known.get(projection.name).cloned().unwrap_or_default();
                let targets: Vec<Target> = match &delivery.replay {
                    None => generations
                        .live()
                        .map(|generation| Target {
                            projection: projection.name.to_string(),
                            generation,
                        })
                        .collect(),
                    // A generation that was given up takes nothing any more.
                    Some(replay) => {
                        let mine = replay.targets();
                        mine.filter(|to| to.projection == projection.name)
                            .filter(|to| generations.takes(to.generation))
                            .cloned()
                            .collect()
                    }
                };
                for target in targets {
                    let (_, streams) = jobs.entry(target.clone()).or_insert_with(|| {
                        let replay = delivery.replay.as_ref();
                        let job = Job {
                            serving: serving(&generations, &target),
                            target,
                            projection,
                            selection: replay.and_then(|replay| replay.selection.as_ref()),
                        };
                        (job, ByStream::new())
                    });
                    for event in &delivery.events {
                        let arrived = streams.entry(event.stream()).or_default();
                        arrived.events.push(event);
                        arrived.places.insert(*place);
                    }
                }
            }
        }
        jobs.into_values().collect()
    }
}

/// The jobs that are done one after the other; all others at once. Of a
/// projection that tells changes, what serves comes first: once it has the feed,
/// no other generation tells.
fn in_turn<'j, 'a>(jobs: &'j [(Job<'a>, ByStream<'a>)]) -> Vec<Vec<&'j (Job<'a>, ByStream<'a>)>> {
    let mut turns: Vec<Vec<&(Job<'a>, ByStream<'a>)>> = Vec::new();
    for job in jobs {
        let is_same = |turn: &&mut Vec<&(Job<'a>, ByStream<'a>)>| {
            let mut turn = turn.iter();
            job.0.projection.feed.is_some()
                && turn.any(|(other, _)| other.projection.name == job.0.projection.name)
        };
        match turns.last_mut().filter(is_same) {
            Some(turn) => turn.push(job),
            None => turns.push(vec![job]),
        }
    }
    for turn in &mut turns {
        turn.sort_by_key(|(job, _)| job.serving.is_none());
    }
    turns
}

/// Says which event is refused, where this batch has brought it. The report of
/// the stall says why.
fn tell<'e>(target: &Target, version: u64, delivered: impl Iterator<Item = &'e &'e RecordedEvent>) {
    let mut delivered = delivered.filter(|event| event.version == version);
    if let Some(event) = delivered.next() {
        tracing::warn!(
            %target,
            stream = %event.stream(),
            version,
            id = event.event.id,
            correlationid = event.event.extension("correlationid"),
            "an event is refused"
        );
    }
}

/// What changes in the reports of stalls when the row or checkpoint that holds a
/// stream's watermark is written as `next`.
pub(super) fn report(
    target: &Target,
    stream: &StreamName,
    was: Option<&str>,
    next: &Row,
) -> Result<Option<Write>, Error> {
    let reader = target.to_string();
    let stall = next.stalled.as_ref();
    let stall = stall.map(|reason| Stall::new(&reader, stream, next.watermark, reason));
    stall::change(was, stall.as_ref(), &reader, stream)
}

/// The row of a key, or the row before the first event.
pub(super) fn row_of(rows: &HashMap<Key, Row>, key: &Key) -> Row {
    rows.get(key).cloned().unwrap_or_default()
}
