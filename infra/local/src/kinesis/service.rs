//! The calls of Kinesis, each under the one lock.

use std::collections::{BTreeSet, HashMap};

use ferrokinesis::actions::{self, Operation};
use ferrokinesis::error::KinesisErrorResponse;
use ferrokinesis::sequence;
use ferrokinesis::store::{Store, StoreOptions};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

use super::ledger::Ledger;
use super::puts;
use super::record::{Read, Record};
use super::shards::{self, Shard};
use super::wakes::Wakes;
use crate::journal::Entry;
use crate::state::disk::Disk;
use crate::template::{ACCOUNT, REGION, Stream};

/// The embedded Kinesis.
#[derive(Debug)]
pub(crate) struct Kinesis {
    store: Unprintable<Store>,
    // The one lock. It is held around each call to the store. Its value is the ledger of each stream with consumers.
    ledgers: Mutex<HashMap<String, Ledger>>,
    wakes: Wakes,
    disk: Disk,
}

impl Kinesis {
    /// An empty Kinesis, whose journals are on this disk.
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

    /// Creates a stream. It is active when this returns.
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

    /// Runs one call of the Kinesis API. The request has been validated.
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
            // The store changes shards in a task of its own. Nobody else gets the lock before that task has ended.
            shards::settle(&self.store, &stream).await;
            self.wakes.reshard(&stream);
        }
        Ok(answer)
    }

    /// Puts records. They are in the journal before the answer, and wake the pollers of their shards.
    async fn put(
        &self,
        operation: Operation,
        request: Value,
    ) -> Result<Option<Value>, KinesisErrorResponse> {
        let stream = self.store.resolve_stream_name(&request)?;
        let mut ledgers = self.ledgers.lock().await;
        let (answer, records) = match operation {
            Operation::PutRecords => puts::put_records(&self.store, &stream, request).await?,
            _ => {
                let answer = actions::dispatch(&self.store, operation, request.clone())
                    .await?
                    .unwrap_or_default();
                (answer, vec![request])
            }
        };
        let results = answer["Records"]
            .as_array()
            .map_or(std::slice::from_ref(&answer), Vec::as_slice);
        let entries: Vec<Entry<'_>> = records
            .iter()
            .zip(results)
            .filter_map(|(record, result)| puts::entry(record, result))
            .collect();
        if let Some(ledger) = ledgers.get_mut(&stream)
            && let Err(error) = ledger.put(&entries)
        {
            // No reader has seen the records. The producer is told that they failed, and puts them again.
            let keys: Vec<String> = entries
                .iter()
                .map(|entry| shards::key(&entry.shard, &entry.sequence))
                .collect();
            self.store.delete_record_keys(&stream, &keys).await;
            drop(ledgers);
            self.disk.is_cause(&error);
            return puts::not_put(operation, records.len(), &error);
        }
        drop(ledgers);
        for shard in entries
            .iter()
            .map(|entry| entry.shard.as_ref())
            .collect::<BTreeSet<_>>()
        {
            self.wakes.put(&stream, shard);
        }
        Ok(Some(answer))
    }

    /// Reads a shard after a sequence number, or from its beginning.
    ///
    /// The local pollers read with it. It needs no iterator and no JSON, so a record reaches its function sooner.
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
        // A character behind the last key read makes the smallest key that is greater.
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

    /// Changes with each put to a shard, and when the shards of its stream change.
    pub fn puts(&self, stream: &str, shard: &str) -> watch::Receiver<u64> {
        self.wakes.puts(stream, shard)
    }

    /// Changes when the shards of a stream change.
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

    /// Saves how far all consumers are.
    pub async fn save(&self) {
        for ledger in self.ledgers.lock().await.values_mut() {
            ledger.save(true);
        }
    }
}

/// A value that is not printed: the store has no `Debug`.
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
