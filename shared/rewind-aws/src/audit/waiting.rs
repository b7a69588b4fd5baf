//! What waits on `incoming` behind pump.

use crate::{
    Error, audit::lag::Lag, aws::producer::Stream, data_table::shard::Reached,
    event_table::event_store::EventStore,
};
use aws_sdk_kinesis::{
    error::SdkError,
    operation::get_shard_iterator::GetShardIteratorError,
    types::{Record, ShardIteratorType},
};
use futures::{StreamExt, TryStreamExt, stream};
use rewind::{Batch, CloudEvent, RecordedEvent, StreamName, event::identity, numbers::Numbered};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Shards that are looked at at once.
const CONCURRENCY: usize = 8;

/// The most records of a shard that are counted.
const COUNTED: i32 = 100;

/// How many empty pages are passed before a shard is taken for empty: Kinesis
/// may answer with none though there are records further on.
const EMPTY_PAGES: usize = 5;

/// How far pump, which has come so far, is behind `incoming` at `now`, in
/// milliseconds since 1970. The events table says what is done: an event that is
/// recorded by its number, or whose identity is claimed, does not wait, so that the
/// data store can be deleted.
///
/// # Errors
///
/// When Kinesis or DynamoDB fails.
pub async fn behind(
    incoming: &Stream,
    events: &EventStore,
    reached: &[Reached],
    now: u64,
) -> Result<Lag, Error> {
    let reached: HashMap<&str, &str> = reached
        .iter()
        .map(|reached| (reached.shard.as_str(), reached.sequence_number.as_str()))
        .collect();
    let shards = incoming.shards().await?;
    let waiting = shards.iter().map(|shard| {
        let name = format!("{}/{shard}", incoming.name());
        let after = reached.get(name.as_str()).copied();
        incoming.waiting(shard, after)
    });
    let waiting = stream::iter(waiting).buffer_unordered(CONCURRENCY);
    let waiting: Vec<Vec<Record>> = waiting.try_collect().await?;
    let waiting: Vec<(&Record, Vec<Waiting>)> = waiting
        .iter()
        .flatten()
        .map(|record| (record, in_record(record)))
        .collect();
    let all = waiting.iter().flat_map(|(_, waiting)| waiting);
    let found = by_number(events, all.clone()).await?;
    let wanted = all.map(|waiting| waiting.identity.as_str());
    let wanted: Vec<&str> = wanted.filter(|wanted| !found.contains(*wanted)).collect();
    let claimed = events.claims(&wanted).await?;
    let mut lag = Lag {
        reader: "pump".to_string(),
        events: 0,
        seconds: 0,
    };
    for (record, waiting) in &waiting {
        let waiting = waiting.iter().map(|waiting| &waiting.identity);
        let undone = waiting
            .filter(|identity| !claimed.contains_key(*identity) && !found.contains(*identity));
        let undone = undone.count() as u64;
        if undone > 0 {
            lag.events += undone;
            lag.seconds = lag.seconds.max(now.saturating_sub(arrival(record)) / 1_000);
        }
    }
    Ok(lag)
}

/// An event that may wait.
struct Waiting {
    identity: String,
    /// Where it stands, if it is recorded without a claim.
    numbered: Option<(StreamName, Numbered)>,
}

impl Waiting {
    fn of(event: &CloudEvent) -> Self {
        let numbered = event.numbered();
        Self {
            identity: event.identity(),
            numbered: numbered.map(|numbered| (event.stream.clone(), numbered)),
        }
    }
}

/// What is recorded once a record is done. One that cannot be read is parked.
fn in_record(record: &Record) -> Vec<Waiting> {
    match Batch::decode(record.data().as_ref()) {
        Ok(batch) => batch.events.iter().map(Waiting::of).collect(),
        Err(_) => vec![Waiting {
            identity: parked(&record.sequence_number),
            numbered: None,
        }],
    }
}

/// The identities of those that are recorded where their sources came to their
/// numbers.
async fn by_number(
    events: &EventStore,
    waiting: impl Iterator<Item = &Waiting>,
) -> Result<HashSet<String>, Error> {
    let mut wanted: BTreeMap<&StreamName, BTreeSet<Numbered>> = BTreeMap::new();
    for (stream, numbered) in waiting.filter_map(|waiting| waiting.numbered.as_ref()) {
        wanted.entry(stream).or_default().insert(*numbered);
    }
    let found = wanted
        .into_iter()
        .map(|(stream, wanted)| events.numbered(stream, u64::MAX, wanted));
    let found = stream::iter(found).buffer_unordered(CONCURRENCY);
    let found: Vec<Vec<RecordedEvent>> = found.try_collect().await?;
    let found = found.into_iter().flatten();
    Ok(found.map(|recorded| recorded.event.identity()).collect())
}

/// The identity under which pump parks a record that cannot be read.
fn parked(sequence_number: &str) -> String {
    let (source, id) = parked_as(sequence_number, 0);
    identity(source, &id)
}

/// Source and id of a part of a record that pump parks.
pub fn parked_as(sequence_number: &str, part: usize) -> (&'static str, String) {
    (
        "/rewind/pump",
        format!("unreadable/{sequence_number}/{part}"),
    )
}

fn arrival(record: &Record) -> u64 {
    let arrived = record.approximate_arrival_timestamp();
    let millis = arrived.and_then(|at| at.to_millis().ok());
    millis.unwrap_or_default().max(0).unsigned_abs()
}

impl Stream {
    /// The ids of its shards.
    async fn shards(&self) -> Result<Vec<String>, Error> {
        let mut shards = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let request = self.client().list_shards();
            let request = match next {
                Some(token) => request.next_token(token),
                None => request.stream_name(self.name()),
            };
            let page = request.send().await.map_err(Error::call("ListShards"))?;
            shards.extend(page.shards().iter().map(|shard| shard.shard_id.clone()));
            next = page.next_token;
            if next.is_none() {
                return Ok(shards);
            }
        }
    }

    /// The first records of a shard behind one, or from its oldest on.
    async fn waiting(&self, shard: &str, after: Option<&str>) -> Result<Vec<Record>, Error> {
        let mut iterator = self.iterator(shard, after).await?;
        for _ in 0..EMPTY_PAGES {
            let request = self.client().get_records().limit(COUNTED);
            let page = request.shard_iterator(iterator).send().await;
            let page = page.map_err(Error::call("GetRecords"))?;
            match page.next_shard_iterator {
                Some(next) if page.records.is_empty() && page.millis_behind_latest > Some(0) => {
                    iterator = next;
                }
                _ => return Ok(page.records),
            }
        }
        Ok(Vec::new())
    }

    async fn iterator(&self, shard: &str, after: Option<&str>) -> Result<String, Error> {
        let request = || {
            let request = self.client().get_shard_iterator();
            request.stream_name(self.name()).shard_id(shard)
        };
        let from_oldest = || request().shard_iterator_type(ShardIteratorType::TrimHorizon);
        let answer = match after {
            Some(sequence_number) => {
                let behind = request()
                    .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                    .starting_sequence_number(sequence_number);
                match behind.send().await {
                    // The stream has forgotten the record meanwhile.
                    Err(SdkError::ServiceError(error)) if is_invalid(error.err()) => {
                        from_oldest().send().await
                    }
                    answer => answer,
                }
            }
            None => from_oldest().send().await,
        };
        let answer = answer.map_err(Error::call("GetShardIterator"))?;
        let none = || Error::Service {
            operation: "GetShardIterator",
            reason: "it gave no iterator".into(),
        };
        answer.shard_iterator.ok_or_else(none)
    }
}

fn is_invalid(error: &GetShardIteratorError) -> bool {
    matches!(error, GetShardIteratorError::InvalidArgumentException(_))
}
