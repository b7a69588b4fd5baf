//! Kinesis in memory: `ferrokinesis` behind one lock.
//!
//! Without the lock, a tailing reader misses records: the crate gives a record its sequence number before it makes the
//! record visible, so that a later one can be read first. Under concurrent producers it also dead-locks.
//! `tests/kinesis_race.rs` shows both.

mod ledger;
mod puts;
mod server;
mod shards;
mod wakes;

use std::collections::HashMap;

use ferrokinesis::actions::{self, Operation};
use ferrokinesis::error::KinesisErrorResponse;
use ferrokinesis::sequence;
use ferrokinesis::store::{Store, StoreOptions};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

use crate::activity::Activity;
use crate::disk::Disk;
use crate::template::{ACCOUNT, REGION, Stream};

pub(crate) use ledger::Ledger;
pub(crate) use server::app;
pub(crate) use shards::Shard;
use wakes::Wakes;

/// The embedded Kinesis.
#[derive(Debug)]
pub(crate) struct Kinesis {
    store: Unprintable<Store>,
    // The one lock: it is held around each call to the store. What it guards directly are the ledgers of the streams
    // that have consumers.
    ledgers: Mutex<HashMap<String, Ledger>>,
    wakes: Wakes,
    disk: Disk,
}

/// A record of a shard.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Its place in the shard. All of one process have the same length, so that they compare as text.
    pub sequence: String,
    /// Its partition key.
    pub partition_key: String,
    /// Its data in base64.
    pub data: String,
    /// When it arrived, in seconds since 1970.
    pub arrival: f64,
}

/// What a read of a shard found.
#[derive(Debug)]
pub(crate) struct Read {
    /// The records, in order.
    pub records: Vec<Record>,
    /// Whether the shard was split or merged, and nothing more comes after these records.
    pub is_at_end: bool,
}

impl Kinesis {
    /// An empty one, whose journals are on a disk.
    pub fn new(disk: Disk) -> Self {
        let options = StoreOptions {
            create_stream_ms: 0,
            delete_stream_ms: 0,
            update_stream_ms: 0,
            shard_limit: 100_000,
            aws_account_id: ACCOUNT.to_owned(),
            aws_region: REGION.to_owned(),
            ..StoreOptions::default()
        };
        Self {
            store: Unprintable(Store::new(options)),
            ledgers: Mutex::default(),
            wakes: Wakes::default(),
            disk,
        }
    }

    /// Makes a stream. It is active when this returns.
    pub async fn create(&self, stream: &Stream) -> Result<(), KinesisErrorResponse> {
        self.call(
            Operation::CreateStream,
            json!({ "StreamName": stream.name, "ShardCount": stream.shards }),
        )
        .await?;
        if stream.retention_hours > 24 {
            let request = json!({ "StreamName": stream.name, "RetentionPeriodHours": stream.retention_hours });
            self.call(Operation::IncreaseStreamRetentionPeriod, request)
                .await?;
        }
        Ok(())
    }

    /// Keeps a ledger of a stream from now on.
    pub async fn keep_ledger(&self, stream: &str, ledger: Ledger) {
        self.ledgers.lock().await.insert(stream.to_owned(), ledger);
    }

    /// Does one call of the Kinesis API, whose request has been validated.
    pub async fn call(
        &self,
        operation: Operation,
        request: Value,
    ) -> Result<Option<Value>, KinesisErrorResponse> {
        if matches!(operation, Operation::PutRecord | Operation::PutRecords) {
            return self.put(operation, request).await;
        }
        let stream = self.store.resolve_stream_name(&request).ok();
        let _guard = self.ledgers.lock().await;
        let answer = actions::dispatch(&self.store, operation, request).await?;
        if let (true, Some(stream)) = (shards::changes(operation), stream) {
            // The change is made by a task of its own. Nobody else gets the lock before it has ended.
            shards::settle(&self.store, &stream).await;
            self.wakes.reshard(&stream);
        }
        Ok(answer)
    }

    /// Reads a shard after a sequence number, or from its beginning.
    ///
    /// A read of the local pollers: no iterator, no JSON, so that a record reaches its function sooner.
    pub async fn read(
        &self,
        stream: &str,
        shard: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Read, KinesisErrorResponse> {
        let (_, index) = sequence::resolve_shard_id(shard)
            .map_err(|_| KinesisErrorResponse::shard_not_found(shard, stream, ACCOUNT))?;
        let prefix = sequence::shard_ix_to_hex(index);
        // A character after the last digit makes the smallest key that is greater than the last one read.
        let start = after.map_or_else(
            || format!("{prefix}/"),
            |after| format!("{prefix}/{after}!"),
        );
        let end = sequence::shard_ix_to_hex(index + 1);
        let _guard = self.ledgers.lock().await;
        let found = self
            .store
            .get_records_range_limited(stream, &start, &end, limit)
            .await;
        let is_at_end =
            found.len() < limit && shards::is_closed(&self.store, stream, index).await?;
        let records = found
            .into_iter()
            .map(|(key, record)| Record {
                sequence: key[prefix.len() + 1..].to_owned(),
                partition_key: record.partition_key,
                data: record.data,
                arrival: record.approximate_arrival_timestamp,
            })
            .collect();
        Ok(Read { records, is_at_end })
    }

    /// The shards of a stream, closed ones included.
    pub async fn shards(&self, stream: &str) -> Result<Vec<Shard>, KinesisErrorResponse> {
        let _guard = self.ledgers.lock().await;
        shards::list(&self.store, stream).await
    }

    /// A consumer has finished all of a shard up to and including a sequence number.
    pub async fn finish(&self, stream: &str, shard: &str, consumer: &str, sequence: &str) {
        let mut ledgers = self.ledgers.lock().await;
        if let Some(ledger) = ledgers.get_mut(stream) {
            let forgotten = ledger.finish(shard, consumer, sequence);
            if !forgotten.is_empty() {
                self.store.delete_record_keys(stream, &forgotten).await;
            }
        }
    }

    /// Changes whenever records are put to a shard, and whenever its stream's shards change.
    pub fn puts(&self, stream: &str, shard: &str) -> watch::Receiver<u64> {
        self.wakes.puts(stream, shard)
    }

    /// Changes whenever the shards of a stream change.
    pub fn reshards(&self, stream: &str) -> watch::Receiver<u64> {
        self.wakes.reshards(stream)
    }

    /// Removes the records that are older than their stream's retention.
    pub async fn expire(&self, streams: &[Stream]) {
        for stream in streams {
            let _guard = self.ledgers.lock().await;
            self.store
                .delete_expired_records(&stream.name, stream.retention_hours)
                .await;
        }
    }

    /// Writes down how far all consumers are.
    pub async fn save(&self) {
        for ledger in self.ledgers.lock().await.values_mut() {
            ledger.save(true);
        }
    }
}

/// A ledger's counter of work, for a stream with consumers.
pub(crate) fn ledger(
    consumers: Vec<String>,
    journal: Option<crate::journal::Journal>,
    activity: &Activity,
) -> Ledger {
    Ledger::new(consumers, journal, activity.clone())
}

/// The store prints nothing of itself.
struct Unprintable<T>(T);

impl<T> std::fmt::Debug for Unprintable<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::any::type_name::<T>())
    }
}

impl<T> std::ops::Deref for Unprintable<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
