//! What waits on a Kinesis stream behind a reader.

use crate::{Error, lag::Lag, put::Stream, shards::Reached};
use aws_sdk_kinesis::{
    error::SdkError,
    operation::get_shard_iterator::GetShardIteratorError,
    types::{Record, ShardIteratorType},
};
use futures::{StreamExt, TryStreamExt, stream};
use rewind::Batch;
use std::collections::HashMap;

/// The most records of a shard that are counted.
const COUNTED: i32 = 100;

/// How many empty pages are passed before a shard is taken for empty: Kinesis
/// may answer with none though there are records further on.
const EMPTY_PAGES: usize = 5;

/// How far `reader`, which has come so far, is behind `incoming` at `now`, in
/// milliseconds since 1970. A shard that it has not read of waits from its
/// oldest record on.
///
/// # Errors
///
/// When Kinesis fails.
pub async fn behind(
    incoming: &Stream,
    reader: &str,
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
    let waiting = stream::iter(waiting).buffer_unordered(8);
    let waiting: Vec<Vec<Record>> = waiting.try_collect().await?;
    let mut lag = Lag {
        reader: reader.to_string(),
        events: 0,
        seconds: 0,
    };
    for record in waiting.iter().flatten() {
        let arrived = record.approximate_arrival_timestamp();
        let arrived = arrived
            .and_then(|at| at.to_millis().ok())
            .unwrap_or_default();
        let waited = now.saturating_sub(arrived.max(0).unsigned_abs()) / 1_000;
        lag.seconds = lag.seconds.max(waited);
        // A record that cannot be read waits as well: it is to be parked.
        let events = Batch::decode(record.data().as_ref()).map(|batch| batch.events.len());
        lag.events += events.unwrap_or(1) as u64;
    }
    Ok(lag)
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
