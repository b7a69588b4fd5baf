//! PutRecords in the sizes that Kinesis takes, and what the journal keeps of a put.

use std::borrow::Cow;
use std::io;

use ferrokinesis::actions::{self, Operation};
use ferrokinesis::error::KinesisErrorResponse;
use ferrokinesis::store::Store;
use serde_json::{Value, json};

use crate::journal::Entry;

/// How much `ferrokinesis` takes in one PutRecords: half of what Kinesis takes.
const BYTES_OF_A_PART: usize = 5 * 1024 * 1024;
/// How much Kinesis takes in one PutRecords, in bytes of data and keys.
const BYTES_OF_A_PUT: usize = 10 * 1024 * 1024;

/// Puts the records in parts that the store takes. The caller holds the lock over all of them.
pub(super) async fn put_records(
    store: &Store,
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
        let answer = actions::dispatch(store, Operation::PutRecords, part)
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

/// What Kinesis answers when it could not keep any of the records.
pub(super) fn not_put(
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

/// What the journal keeps of a record; [`None`] when it was not put.
pub(super) fn entry<'a>(record: &'a Value, result: &'a Value) -> Option<Entry<'a>> {
    let text = |value: &'a Value| value.as_str().map(Cow::Borrowed);
    Some(Entry {
        shard: text(&result["ShardId"])?,
        sequence: text(&result["SequenceNumber"])?,
        key: text(&record["PartitionKey"])?,
        hash: text(&record["ExplicitHashKey"]),
        data: text(&record["Data"])?,
    })
}
