//! What playback's schedule looks at each minute: the whole system, for its
//! metrics and its incidents; and the dead letters, of which S3 tells.

use rewind::Service;
use rewind_aws::{
    Error,
    audit::{
        health::{self, Health, PATIENCE, Scope},
        incidents::{self, Changes},
    },
    aws::{clock::now, objects::objects, producer::Stream},
    data_table::{data_store::DataStore, dead_letter, incident},
    event_table::event_store::EventStore,
    metrics::{
        Line,
        catalog::{
            DEAD_LETTERS, FAILING_SHARDS, LAG_EVENTS, LAG_SECONDS, RUNNING_PLAYBACKS,
            SCHEDULE_RUNS, STALLED_STREAMS,
        },
    },
    playback::record,
};
use serde_json::Value;

/// The whole system, as playback sees it.
#[derive(Debug)]
pub struct Watch {
    service: Service,
    events: EventStore,
    store: DataStore,
    incoming: Stream,
}

impl Watch {
    /// A watch over the readers of `service`, both tables, and what waits on
    /// `incoming`.
    pub fn new(service: Service, events: EventStore, store: DataStore, incoming: Stream) -> Self {
        Self {
            service,
            events,
            store,
            incoming,
        }
    }

    /// Looks at the whole system, notes its incidents, and says its metrics: one
    /// line, and one for each reader.
    ///
    /// With this look, a run of `recover` takes 424 requests a minute for the
    /// domain of shop, poll and portal: 421 queries of DynamoDB, 384 of which ask
    /// the index for the newest commits of each partition, and three requests
    /// to Kinesis where `incoming` has one shard (two for each further shard).
    /// Each reader adds a `BatchGetItem` for a hundred streams that were
    /// recorded lately. An incident that begins or ends is one transaction, and
    /// one that goes on is none. `shared/rewind-aws/tests/metrics/system.rs` counts.
    ///
    /// Where the look fails, only the run is told. Where an incident cannot be
    /// noted, the log says so, and the next look notes it.
    pub(crate) async fn lines(&self) -> Vec<Line> {
        let run = Line::new().with(SCHEDULE_RUNS, 1_u8);
        match self.look().await {
            Ok((health, running)) => {
                if let Err(error) = self.note(&health).await {
                    tracing::warn!(%error, "incidents are not noted");
                }
                lines(run, &health, running)
            }
            Err(error) => {
                tracing::warn!(%error, "the system could not be looked at");
                vec![run]
            }
        }
    }

    async fn look(&self) -> Result<(Health, usize), Error> {
        let health = health::look(Scope {
            service: &self.service,
            events: &self.events,
            store: &self.store,
            incoming: &self.incoming,
            patience: PATIENCE,
        });
        let health = health.await?;
        Ok((health, record::running(&self.store).await?.len()))
    }

    /// Notes which incidents have begun and which are over. One that cannot be noted
    /// does not hold up the others.
    async fn note(&self, health: &Health) -> Result<(), Error> {
        let now = now();
        let open = incident::open(&self.store).await?;
        let Changes { begun, over } = incidents::changes(health, open, now, PATIENCE);
        let mut noted = Ok(());
        for incident in &over {
            noted = noted.and(incident::end(&self.store, incident, now).await);
        }
        for incident in &begun {
            noted = noted.and(incident::begin(&self.store, incident).await);
        }
        noted
    }

    /// Keeps the dead letters that S3 tells of. Returns how many there were.
    pub(crate) async fn keep(&self, told: Value) -> Result<usize, Error> {
        let objects = objects(told)?;
        let count = objects.len();
        for object in objects {
            dead_letter::keep(&self.store, object).await?;
        }
        Ok(count)
    }

    /// Takes a dead letter off the list; `false` where it is not on it.
    pub(crate) async fn handled(&self, key: &str) -> Result<bool, Error> {
        dead_letter::handled(&self.store, key).await
    }
}

fn lines(run: Line, health: &Health, running: usize) -> Vec<Line> {
    let (events, seconds) = health.most_behind();
    let whole = run
        .with(STALLED_STREAMS, health.stalled.len())
        .with(FAILING_SHARDS, health.failing.len())
        .with(RUNNING_PLAYBACKS, running)
        .with(DEAD_LETTERS, health.dead_letters.len())
        .with(LAG_EVENTS, events)
        .with(LAG_SECONDS, seconds);
    let readers = health.readers.iter().map(|lag| {
        let line = Line::of_reader(&lag.reader);
        line.with(LAG_EVENTS, lag.events)
            .with(LAG_SECONDS, lag.seconds)
    });
    std::iter::once(whole).chain(readers).collect()
}
