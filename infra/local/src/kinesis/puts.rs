//! Puts: written to the journal before they are answered, and waking the pollers.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;

use ferrokinesis::actions::{self, Operation};
use ferrokinesis::error::KinesisErrorResponse;
use serde_json::{Value, json};

use super::{Kinesis, shards};
use crate::journal::Entry;

/// How much `ferrokinesis` takes in one PutRecords; Kinesis takes twice as much.
const BYTES_OF_A_PART: usize = 5 * 1024 * 1024;
/// How much Kinesis takes in one PutRecords, in bytes of data and keys.
const BYTES_OF_A_PUT: usize = 10 * 1024 * 1024;

impl Kinesis {
    pub(super) async fn put(
        &self,
        operation: Operation,
        request: Value,
    ) -> Result<Option<Value>, KinesisErrorResponse> {
        let stream = self.store.resolve_stream_name(&request)?;
        let mut ledgers = self.ledgers.lock().await;
        let (answer, records) = match operation {
            Operation::PutRecords => self.put_records(&stream, request).await?,
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
            .filter_map(|(record, result)| entry(record, result))
            .collect();
        if let Some(ledger) = ledgers.get_mut(&stream)
            && let Err(error) = ledger.put(&entries)
        {
            // Nobody has seen the records, and nobody will: whoever is told that they failed puts them again.
            let keys: Vec<String> = entries
                .iter()
                .map(|entry| shards::key(&entry.shard, &entry.sequence))
                .collect();
            self.store.delete_record_keys(&stream, &keys).await;
            drop(ledgers);
            self.disk.is_cause(&error);
            return not_put(operation, records.len(), &error);
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

    /// Puts the records in parts that the store takes. The lock is held over all of them.
    async fn put_records(
        &self,
        stream: &str,
        request: Value,
    ) -> Result<(Value, Vec<Value>), KinesisErrorResponse> {
        let Value::Object(mut request) = request else {
            return Err(KinesisErrorResponse::serialization_error(""));
        };
        let Some(Value::Array(records)) = request.remove("Records") else {
            return Err(KinesisErrorResponse::serialization_error(
                "Records must be a list",
            ));
        };
        if records.iter().map(bytes).sum::<usize>() > BYTES_OF_A_PUT {
            return Err(KinesisErrorResponse::client_error(
                "InvalidArgumentException",
                Some(&format!(
                    "Records' total data + partition key payload exceeds {BYTES_OF_A_PUT} bytes"
                )),
            ));
        }
        let mut failed = 0;
        let mut results = Vec::with_capacity(records.len());
        let mut rest = records.as_slice();
        while !rest.is_empty() {
            let mut room = BYTES_OF_A_PART;
            let fitting = rest.iter().take_while(|record| {
                room.checked_sub(bytes(record)).is_some_and(|left| {
                    room = left;
                    true
                })
            });
            let (part, next) = rest.split_at(fitting.count().max(1));
            rest = next;
            let part = json!({ "StreamName": stream, "Records": part });
            let answer = actions::dispatch(&self.store, Operation::PutRecords, part)
                .await?
                .unwrap_or_default();
            failed += answer["FailedRecordCount"].as_u64().unwrap_or_default();
            if let Value::Array(part) = answer["Records"].clone() {
                results.extend(part);
            }
        }
        Ok((
            json!({ "FailedRecordCount": failed, "Records": results }),
            records,
        ))
    }
}

/// What Kinesis answers when it could not keep any of the records.
fn not_put(
    operation: Operation,
    records: usize,
    error: &io::Error,
) -> Result<Option<Value>, KinesisErrorResponse> {
    let message = format!("The local system cannot write its journal: {error}");
    if operation != Operation::PutRecords {
        return Err(KinesisErrorResponse::server_error(None, Some(&message)));
    }
    let failed = json!({ "ErrorCode": "InternalFailure", "ErrorMessage": message });
    Ok(Some(json!({
        "FailedRecordCount": records,
        "Records": vec![failed; records],
    })))
}

/// The size of a record as Kinesis counts it.
fn bytes(record: &Value) -> usize {
    let length = |field: &str| record[field].as_str().map_or(0, str::len);
    length("Data") / 4 * 3 + length("PartitionKey")
}

fn entry<'a>(record: &'a Value, result: &'a Value) -> Option<Entry<'a>> {
    let text = |value: &'a Value| value.as_str().map(Cow::Borrowed);
    Some(Entry {
        shard: text(&result["ShardId"])?,
        sequence: text(&result["SequenceNumber"])?,
        key: text(&record["PartitionKey"])?,
        hash: text(&record["ExplicitHashKey"]),
        data: text(&record["Data"])?,
    })
}
