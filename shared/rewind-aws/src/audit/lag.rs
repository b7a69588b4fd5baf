//! How far each reader is behind: its watermarks beside the newest commits.
//!
//! The tables tell it, not Kinesis: a reader that lost a record, or whose batch
//! was given up, is behind as well. It is a look at the newest commits of each
//! partition of the index, and at the newest of those that should be done by
//! now; `rewind verify` looks at all.

use crate::{
    Error,
    audit::readers::{self, Reader},
    data_table::{data_store::DataStore, key::Key},
    event_table::event_store::{Entry, EventStore},
};
use futures::{StreamExt, TryStreamExt, stream};
use rewind::{
    Service, StreamName,
    stream::{PARTITIONS, partition_name},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How many commits of a partition are looked at.
const LOOK: i32 = 20;

/// Requests under way at once.
const CONCURRENCY: usize = 16;

/// How far a reader is behind what it reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lag {
    /// A projection's generation, a reaction, a function, or the timer.
    pub reader: String,
    /// How many events it has still to take, or deadlines to fire, at least.
    pub events: u64,
    /// For how many seconds the oldest of them has waited.
    pub seconds: u64,
}

/// The newest commits of a category, by stream.
type Heads = BTreeMap<StreamName, Vec<Entry>>;

/// How far each projection's live generations and each reaction are behind at
/// `now`, in microseconds since 1970. A stream that is stalled is not counted:
/// it waits for its operator. `patience` is how long a commit may wait.
///
/// # Errors
///
/// When DynamoDB fails or what it holds is damaged.
pub async fn of_readers(
    service: &Service,
    events: &EventStore,
    store: &DataStore,
    now: u64,
    patience: Duration,
) -> Result<Vec<Lag>, Error> {
    let readers = readers::all(service, store).await?;
    let readers: Vec<Reader> = readers.into_iter().filter(|known| known.is_live).collect();
    let heads = &heads(service, events, now, patience).await?;
    let lags = readers.into_iter().map(|reader| async move {
        let streams = heads
            .iter()
            .filter(|(name, _)| reader.reads(name.category()));
        let streams: Vec<(&StreamName, &Vec<Entry>)> = streams.collect();
        let keys = streams.iter().map(|(name, _)| reader.watermark_key(name));
        let keys: Vec<Key> = keys.collect();
        let reached = store.reached(&keys).await?;
        let mut lag = Lag {
            reader: reader.name.clone(),
            events: 0,
            seconds: 0,
        };
        for ((_, entries), key) in streams.into_iter().zip(&keys) {
            let (watermark, is_stalled) = reached.get(key).copied().unwrap_or_default();
            let waiting = entries
                .iter()
                .filter(|entry| entry.last_version() > watermark);
            let Some(oldest) = waiting.min_by_key(|entry| entry.position) else {
                continue;
            };
            if is_stalled {
                continue;
            }
            let head = entries.iter().map(Entry::last_version).max();
            lag.events += head.unwrap_or_default().saturating_sub(watermark);
            let waited = now.saturating_sub(oldest.position) / 1_000_000;
            lag.seconds = lag.seconds.max(waited);
        }
        Ok(lag)
    });
    stream::iter(lags).buffered(CONCURRENCY).try_collect().await
}

/// The newest commits, and the newest of those that have waited long enough.
async fn heads(
    service: &Service,
    events: &EventStore,
    now: u64,
    patience: Duration,
) -> Result<Heads, Error> {
    let due = now.saturating_sub(patience.as_micros() as u64);
    let partitions = service.categories().into_iter().flat_map(|category| {
        (0..PARTITIONS).flat_map(move |partition| {
            let partition = partition_name(category, partition);
            [(partition.clone(), u64::MAX >> 1), (partition, due)]
        })
    });
    let partitions: BTreeSet<(String, u64)> = partitions.collect();
    let looks = partitions.into_iter().map(|(partition, until)| async move {
        events.last_entries(&partition, 0..until, LOOK).await
    });
    let looks = stream::iter(looks).buffer_unordered(CONCURRENCY);
    let looks: Vec<Vec<Entry>> = looks.try_collect().await?;
    let mut heads = Heads::new();
    for entry in looks.into_iter().flatten() {
        heads.entry(entry.stream.clone()).or_default().push(entry);
    }
    Ok(heads)
}
