//! Batches of a Kinesis trigger that bring events.

use base64::{Engine, engine::general_purpose::STANDARD};
use rewind::{Batch, CloudEvent};
use serde_json::{Value, json};

/// The payload of a trigger's invocation: a record for each event.
pub fn payload(events: &[CloudEvent]) -> Vec<u8> {
    let records = (0..).zip(events).map(|(nth, event)| {
        let packed = Batch::encode(std::slice::from_ref(event)).remove(0);
        record(nth, event.stream.as_str(), packed.text.as_bytes())
    });
    let records: Vec<Value> = records.collect();
    json!({ "Records": records }).to_string().into_bytes()
}

/// A record as Lambda hands it over.
pub fn record(nth: u64, key: &str, data: &[u8]) -> Value {
    let number = format!("4964{:052}", nth + 1);
    json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": number,
            "data": STANDARD.encode(data),
            "approximateArrivalTimestamp": 1_764_493_200.123,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("shardId-000000000000:{number}"),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/rewind-pump",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/rewind-incoming",
    })
}
